"""The command as an operator uses it (interface.md): exit codes, errors that say what to write instead, and the admin API's client."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from support.edge import BINARY
from support.patience import eventually, seconds
from support.raw_sandbox import ServingSandbox

OK, FAILED, USAGE, CONFIGURATION = 0, 1, 64, 78


def run(*arguments, stdin: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(
        [BINARY, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=seconds(20)
    )


def test_version_names_itself_the_compiler_and_its_libraries():
    done = run("version")
    assert done.returncode == OK
    for word in (
        r"^sandgate\s+\d+\.\d+\.\d+$",
        r"(g\+\+|gcc|clang)\D*\d+",
        r"openssl\D*3",
        r"sqlite\D*3",
        r"boost\D*1\.\d+",
    ):
        assert re.search(word, done.stdout, re.I | re.M), word


@pytest.mark.parametrize(
    "command", [[], ["serve"], ["check"], ["route"], ["sandbox"], ["sandbox", "put"], ["health"], ["version"]]
)
def test_help_is_there_for_each_command(command):
    done = run(*command, "--help")
    assert done.returncode == OK and "sandgate" in done.stdout and done.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["serve"],
        ["serve", "--config"],
        ["serve", "--nonsense"],
        ["check"],
        ["route"],
        ["sandbox"],
        ["sandbox", "nonsense"],
        ["sandbox", "put"],
        ["sandbox", "get"],
        ["health", "--address", "nonsense"],
        ["version", "extra"],
    ],
)
def test_a_usage_error_is_64_and_says_what_is_wrong(arguments):
    done = run(*arguments)
    assert done.returncode == USAGE and done.stderr.strip() and done.stdout == ""


# check

GOOD = """\
domains: [sandbox.test]
listeners:
  - address: 127.0.0.1:8443
    tls:
      certificates:
        - {{chain: {chain}, key: {key}}}
  - address: 127.0.0.1:8080
registry:
  source: file
  file: {{path: {sandboxes}}}
"""


@pytest.fixture
def good(tmp_path, certificates) -> Path:
    """A configuration `check` has nothing against."""
    sandboxes = tmp_path / "sandboxes.yaml"
    sandboxes.write_text("sandboxes:\n  demo: {address: 10.0.0.1, execution_id: 0123}\n")
    path = tmp_path / "edge.yaml"
    path.write_text(GOOD.format(chain=certificates.sandbox.chain, key=certificates.sandbox.key, sandboxes=sandboxes))
    return path


def test_a_good_configuration_is_0(good):
    done = run("check", "--config", good)
    assert (done.returncode, done.stderr) == (OK, "")


def change(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    "old, new, where, key",
    [
        ("domains:", "domians:", 1, "domians"),
        ("domains: [sandbox.test]", "domains: []", 1, "domains"),
        ("domains: [sandbox.test]", "domains: [sandbox.test]\ntimeouts: {connect: 3}", 2, "timeouts.connect"),
        ("domains: [sandbox.test]", "domains: [sandbox.test]\nlimits: {head_bytes: 64}", 2, "limits.head_bytes"),
        ("domains: [sandbox.test]", "domains: [sandbox.test]\nlimits: {head_bytes: -64KiB}", 2, "limits.head_bytes"),
        ("domains: [sandbox.test]", "domains: [sandbox.test]\nworkers: many", 2, "workers"),
        ("domains: [sandbox.test]", "domains: [sandbox.test]\nworkers: 0", 2, "workers"),
        ("domains: [sandbox.test]", "domains: [sandbox.test]\ndomains: [other.test]", 2, "domains"),
        ("domains: [sandbox.test]", "domains: [sandbox.test]\nupstream: {allow: [10.0.0.1/8]}", 2, "upstream.allow"),
        ("domains: [sandbox.test]", "domains: [sandbox.test]\nadmin: {address: 0.0.0.0:9090}", 2, "admin"),
        ("127.0.0.1:8080", "127.0.0.1:80800", 7, "listeners[1].address"),
        ("127.0.0.1:8080", "127.0.0.1:8443", 7, "listeners[1]"),
        ("source: file", "source: files", 9, "registry.source"),
    ],
)
def test_an_error_names_file_line_key_and_what_to_write(good, old, new, where, key):
    done = run("check", "--config", change(good, old, new))
    assert done.returncode == CONFIGURATION
    assert f"edge.yaml:{where}:" in done.stderr and key in done.stderr, done.stderr


def test_all_errors_are_reported_at_once(good):
    change(good, "domains:", "nonsense: 1\ndomains:")
    change(good, "source: file", "source: files")
    done = run("check", "--config", change(good, "127.0.0.1:8080", "here"))
    assert done.returncode == CONFIGURATION
    assert all(word in done.stderr for word in ("nonsense", "registry.source", "listeners[1].address"))


def test_a_file_that_is_not_there_is_named(good, tmp_path):
    done = run("check", "--config", tmp_path / "missing.yaml")
    assert done.returncode == CONFIGURATION and "missing.yaml" in done.stderr
    done = run("check", "--config", change(good, "chain: /", "chain: /nowhere/"))
    assert done.returncode == CONFIGURATION and "/nowhere/" in done.stderr


def test_a_key_of_another_certificate_is_noticed(good, certificates):
    done = run("check", "--config", change(good, str(certificates.sandbox.key), str(certificates.other.key)))
    assert done.returncode == CONFIGURATION and str(certificates.other.key) in done.stderr


def test_an_expired_certificate_is_78(good, certificates):
    for part in ("chain", "key"):
        change(good, str(getattr(certificates.sandbox, part)), str(getattr(certificates.expired, part)))
    done = run("check", "--config", good)
    assert done.returncode == CONFIGURATION and "expired" in done.stderr


def test_a_bad_record_is_78_and_named(good, tmp_path):
    sandboxes = tmp_path / "sandboxes.yaml"
    sandboxes.write_text("sandboxes:\n  demo: {address: 10.0.0.1}\n  bad: {address: 10.0.0.1, max_connections: lots}\n")
    done = run("check", "--config", good)
    assert done.returncode == CONFIGURATION
    assert "bad" in done.stderr and "max_connections" in done.stderr and "sandboxes.yaml:3" in done.stderr, done.stderr


def test_serve_refuses_what_check_refuses(good):
    done = run("serve", "--config", change(good, "domains:", "domians:"))
    assert done.returncode == CONFIGURATION and "domians" in done.stderr


def test_an_address_in_use_is_said_at_start(edge, good):
    change(good, "127.0.0.1:8443", f"127.0.0.1:{edge.admin_port}")
    done = run("serve", "--config", good)
    assert done.returncode not in (0, None) and str(edge.admin_port) in done.stderr


# route


def test_route_explains_each_step(good):
    done = run("route", "--config", good, "8080-demo.sandbox.test")
    assert done.returncode == OK and "10.0.0.1:8080" in done.stdout
    done = run("route", "--config", good, "8080-nobody.sandbox.test")
    assert "sandbox_not_found" in done.stdout + done.stderr
    done = run("route", "--config", good, "080-demo.sandbox.test")
    assert "Invalid sandbox port" in done.stdout + done.stderr


# sandbox


def test_put_get_list_and_remove_talk_to_a_running_edge(edge):
    admin = ["--admin", f"127.0.0.1:{edge.admin_port}"]
    record = {"address": "127.0.0.1", "execution_id": "e1", "traffic_access_token": "hush"}
    assert run("sandbox", "put", "demo", json.dumps(record), *admin).returncode == OK
    shown = run("sandbox", "get", "demo", *admin)
    assert shown.returncode == OK and json.loads(shown.stdout)["execution_id"] == "e1" and "hush" not in shown.stdout
    listed = run("sandbox", "list", *admin)
    assert listed.returncode == OK and "demo" in listed.stdout
    with ServingSandbox() as sandbox, edge.connect() as client:
        sandbox.id = "demo"
        assert client.ask(sandbox.request()).status == 200
    assert run("sandbox", "remove", "demo", *admin).returncode == OK
    for command in ("get", "remove"):
        done = run("sandbox", command, "demo", *admin)
        assert done.returncode == FAILED and done.stderr.strip()


def test_a_record_the_edge_refuses_is_explained(edge):
    done = run("sandbox", "put", "demo", '{"address": "nowhere"}', "--admin", f"127.0.0.1:{edge.admin_port}")
    assert done.returncode == FAILED and "address" in done.stderr


def test_an_edge_that_is_not_there_is_said(edge, tmp_path):
    done = run("sandbox", "list", "--admin", f"unix:{tmp_path}/nobody.sock")
    assert done.returncode == FAILED and "nobody.sock" in done.stderr


def test_health_is_0_while_the_edge_is_ready_and_1_else(make_edge):
    edge = make_edge({"timeouts": {"drain_announce": "30s"}})
    address = f"127.0.0.1:{edge.health_port}"
    done = run("health", "--address", address)
    assert (done.returncode, done.stderr) == (OK, "")
    assert edge.admin.post("/v1/drain").status in (200, 202, 204)
    eventually(lambda: not edge.is_ready(), "the drain to be announced")
    done = run("health", "--address", address)
    assert done.returncode == FAILED and "drain" in done.stderr
    edge.kill()
    done = run("health", "--address", address)
    assert done.returncode == FAILED and address in done.stderr
