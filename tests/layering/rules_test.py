#!/usr/bin/env python3
"""Every rule of rules.py is shown a file it must refuse and one beside it that it must let pass."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import rules

HEADER = "// thing: what it is for.\n#pragma once\n"

# rule, path, text, whether the rule finds something
CASES = (
    ("folders_point_left", "auth/a.cpp", "#include <routing/route.hpp>", True),
    ("folders_point_left", "config/a.cpp", "#  include <proxy/serve.hpp>", True),
    ("folders_point_left", "proxy/a.cpp", "#include <tests/support/clock.hpp>", True),
    ("folders_point_left", "proxy/a.cpp", "#include <config/config.hpp>", False),
    ("folders_point_left", "routing/a.cpp", "#include <routing/route.hpp>", False),
    ("folders_point_left", "tests/unit/auth/a.cpp", "#include <proxy/serve.hpp>", False),
    ("includes_have_full_paths", "auth/a.cpp", '#include "authorize.hpp"', True),
    ("includes_have_full_paths", "auth/a.cpp", "#include <auth/authorize.hpp>", False),
    ("only_proxy_does_io", "routing/a.cpp", "#include <sys/socket.h>", True),
    ("only_proxy_does_io", "config/a.cpp", "#include <sys/epoll.h>", True),
    ("only_proxy_does_io", "auth/a.hpp", "#include <thread>", True),
    ("only_proxy_does_io", "routing/a.cpp", "auto now = std::chrono::system_clock::now();", True),
    ("only_proxy_does_io", "routing/a.cpp", "clock_gettime(CLOCK_REALTIME, &t);", True),
    ("only_proxy_does_io", "routing/a.cpp", "const auto now = time(nullptr);", True),
    ("only_proxy_does_io", "routing/a.cpp", "// not system_clock::now(): time is an argument", False),
    ("only_proxy_does_io", "routing/a.cpp", "bool is_expired(std::chrono::system_clock::time_point now);", False),
    ("only_proxy_does_io", "proxy/base/loop.cpp", "#include <sys/epoll.h>\nsteady_clock::now();", False),
    ("libraries_stay_in_their_place", "proxy/registry/file.cpp", "#include <yaml-cpp/yaml.h>", True),
    ("libraries_stay_in_their_place", "config/load.cpp", "#include <yaml-cpp/yaml.h>", False),
    ("libraries_stay_in_their_place", "proxy/h2/session.cpp", "#include <nghttp2/nghttp2.h>", True),
    ("libraries_stay_in_their_place", "proxy/h2/codec.cpp", "#include <nghttp2/nghttp2.h>", False),
    ("libraries_stay_in_their_place", "proxy/worker.cpp", "#include <openssl/ssl.h>", True),
    ("libraries_stay_in_their_place", "proxy/net/listener.cpp", "#include <openssl/bio.h>", True),
    ("libraries_stay_in_their_place", "proxy/net/tls.cpp", "#include <openssl/ssl.h>", False),
    ("libraries_stay_in_their_place", "auth/access_policy.cpp", "#include <openssl/sha.h>", False),
    ("libraries_stay_in_their_place", "proxy/admin.cpp", "#include <sqlite3.h>", True),
    ("libraries_stay_in_their_place", "proxy/registry/store.cpp", "#include <sqlite3.h>", False),
    ("libraries_stay_in_their_place", "proxy/relay.cpp", "#include <hiredis/read.h>", True),
    ("libraries_stay_in_their_place", "proxy/relay.cpp", "#include <prometheus/counter.h>", True),
    ("libraries_stay_in_their_place", "proxy/net/listener.cpp", "#include <boost/asio/ip/tcp.hpp>", True),
    ("libraries_stay_in_their_place", "proxy/http/h1_head.cpp", "#include <boost/beast/http/parser.hpp>", True),
    ("no_umbrella_headers", "routing/a.cpp", "#include <boost/json.hpp>", True),
    ("no_umbrella_headers", "tests/unit/a.cpp", "#include <boost/asio.hpp>", True),
    ("no_umbrella_headers", "routing/a.cpp", "#include <boost/json/parse.hpp>", False),
    ("headers_introduce_themselves", "auth/a.hpp", "#pragma once\n// late", True),
    ("headers_introduce_themselves", "auth/a.hpp", "// a: no guard\nint f();", True),
    ("headers_introduce_themselves", "auth/a.hpp", "", True),
    ("headers_introduce_themselves", "auth/a.hpp", HEADER, False),
    ("no_using_namespace", "auth/a.hpp", HEADER + "using namespace std;", True),
    ("no_using_namespace", "auth/a.hpp", HEADER + "using namespace std::chrono_literals;", False),
    ("no_using_namespace", "auth/a.cpp", "using namespace std::chrono_literals;", False),
    ("files_stay_small", "auth/a.cpp", "//\n" * (rules.LINE_LIMIT + 1), True),
    ("files_stay_small", "auth/a.cpp", "//\n" * rules.LINE_LIMIT, False),
    ("files_stay_small", "tests/fuzz/corpus/replay.py", "#\n" * (rules.LINE_LIMIT + 1), False),
    ("nothing_of_a_machine", "README.md", "built in /" + "work/main/build", True),
    ("nothing_of_a_machine", "scripts/a", "cat /" + "root/.bashrc", True),
    ("nothing_of_a_machine", "scripts/a", "cd /" + "home/dev/src", True),
    ("nothing_of_a_machine", "README.md", "see https://example.org/" + "work/main and tests/" + "root/a", False),
    ("nothing_of_a_machine", "deploy/Dockerfile", "FROM registry.npmjs" + ".org/x", True),
    ("nothing_of_a_machine", "deploy/Dockerfile", "deb http://deb.debian" + ".org/debian bookworm main", True),
    ("nothing_of_a_machine", "deploy/Dockerfile", "FROM debian:12", False),
)


def found_by(path, text):
    source = rules.Source(path, tuple(text.splitlines()))
    return {rule for _, rule, _ in rules.problems_of(source)}


class Rules(unittest.TestCase):
    def test_every_case(self):
        for rule, path, text, is_problem in CASES:
            with self.subTest(rule=rule, path=path, text=text[:60]):
                self.assertEqual(rule in found_by(path, text), is_problem)

    def test_every_rule_is_seen_to_fail_and_to_pass(self):
        for rule in rules.RULES:
            verdicts = {is_problem for name, _, _, is_problem in CASES if name == rule.__name__}
            self.assertEqual(verdicts, {True, False}, rule.__name__)

    def test_a_problem_is_reported_with_its_line(self):
        source = rules.Source("auth/a.cpp", ("#include <auth/a.hpp>", "", "#include <proxy/serve.hpp>"))
        self.assertEqual([line for line, _, _ in rules.problems_of(source)], [3])


class Check(unittest.TestCase):
    """The program around the rules, on a small tree of its own."""

    def check(self, root):
        script = pathlib.Path(__file__).with_name("check.py")
        return subprocess.run([sys.executable, str(script), str(root)], stdout=subprocess.PIPE, text=True)

    def test_a_clean_tree_passes_and_a_broken_one_is_named(self):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "auth").mkdir()
            (root / "auth/a.hpp").write_text(HEADER)
            (root / "corpus.bin").write_bytes(b"\xff\xfe/" + b"work/main")
            self.assertEqual(self.check(root).returncode, 0)

            (root / "auth/b.cpp").write_text("#include <proxy/serve.hpp>\n")
            result = self.check(root)
            self.assertEqual(result.returncode, 1)
            self.assertIn("auth/b.cpp:1: folders_point_left", result.stdout)

    def test_an_empty_tree_is_an_error(self):
        with tempfile.TemporaryDirectory() as name:
            self.assertNotEqual(self.check(name).returncode, 0)


if __name__ == "__main__":
    unittest.main()
