"""rules: what every file of the repository must keep to (docs/architecture.md, "The law of folders").

A rule is a function that takes a Source and yields problems as (line, text). Rules see one file at a time and no
compiler: they are about what a file may name, and a reader can check them by eye.
"""
import dataclasses
import fnmatch
import re

LAYERS = ("config", "auth", "routing", "proxy")
LINE_LIMIT = 400

TLS_FILES = ("proxy/net/tls*", "proxy/net/certificates.cpp", "proxy/net/ticket_keys.cpp", "proxy/net/transport.cpp")

# Headers only some files may include, and why. Headers not listed are free.
RESERVED_HEADERS = (
    ("yaml-cpp/*", ("config/*",), "only config/ sees YAML"),
    ("nghttp2/*", ("proxy/h2/codec*",), "only the codec in proxy/h2 sees nghttp2"),
    ("openssl/ssl.h", TLS_FILES, "only the TLS files of proxy/net see OpenSSL's I/O"),
    ("openssl/bio.h", TLS_FILES, "only the TLS files of proxy/net see OpenSSL's I/O"),
    ("sqlite3.h", ("proxy/registry/*",), "only a registry source sees SQLite"),
    ("hiredis/*", ("proxy/registry/redis/resp.cpp",), "only proxy/registry/redis/resp.cpp sees hiredis"),
    ("prometheus/*", ("proxy/*metrics*",), "only the metrics files see prometheus-cpp"),
    ("boost/asio*", (), "the data path has its own loop (proxy/base/loop): no Asio"),
    ("boost/beast*", (), "HTTP/1 has its own strict parser (proxy/http): no Beast"),
)

# Headers that include a whole library; name the part that is used.
UMBRELLAS = ("boost/asio.hpp", "boost/beast.hpp", "boost/json.hpp", "boost/unordered.hpp", "boost/algorithm/string.hpp",
             "boost/program_options.hpp", "bits/stdc++.h")

# Nothing outside proxy/ touches a socket, a thread or a clock.
IO_HEADERS = ("sys/socket.h", "sys/epoll.h", "sys/eventfd.h", "sys/timerfd.h", "sys/signalfd.h", "sys/inotify.h",
              "sys/select.h", "sys/un.h", "sys/uio.h", "poll.h", "netdb.h", "netinet/tcp.h", "net/if.h", "pthread.h",
              "thread", "future", "condition_variable", "stop_token", "semaphore", "latch", "barrier")
CLOCK_CALL = re.compile(r"\b(?:\w+_clock::now|clock_gettime|gettimeofday)\s*\(|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# A path of somebody's machine. URLs and relative paths have a word or a dot before the slash.
MACHINE_PATH = re.compile(r"(?<![\w.\-/}])/(?:work|root|home/\w+)/[\w.]")
REGISTRY_HOST = re.compile(
    r"\b(?:registry\.npmjs|registry\.yarnpkg|npmjs|pypi|files\.pythonhosted|crates|index\.crates|static\.crates|"
    r"rubygems|proxy\.golang|sum\.golang|repo\.maven\.apache|conan|center\.conan|deb\.debian|security\.debian|"
    r"snapshot\.debian|archive\.ubuntu)\.(?:org|io|com)\b"
)


@dataclasses.dataclass(frozen=True)
class Source:
    """A tracked text file: its path from the root of the repository, with forward slashes, and its lines."""

    path: str
    lines: tuple

    @property
    def folder(self):
        return self.path.split("/", 1)[0]

    @property
    def is_cpp(self):
        return self.path.endswith((".cpp", ".hpp"))

    @property
    def is_product(self):
        return self.is_cpp and self.folder in LAYERS

    def includes(self):
        for number, line in enumerate(self.lines, 1):
            if match := INCLUDE.match(line):
                yield number, match[1], match[2]


def fits(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def folders_point_left(source):
    """A folder includes only itself and folders to its left: config, auth, routing, proxy."""
    if not source.is_product:
        return
    own = LAYERS.index(source.folder)
    for number, _, header in source.includes():
        folder = header.split("/", 1)[0]
        if folder == "tests" or (folder in LAYERS and LAYERS.index(folder) > own):
            yield number, f"{source.folder}/ includes <{header}>, which is to its right"


def includes_have_full_paths(source):
    """Project headers are included as <folder/file.hpp>, so that a file can be found from its include."""
    if not source.is_cpp:
        return
    for number, bracket, header in source.includes():
        if bracket == '"':
            yield number, f'write the full path from the root: not "{header}"'


def only_proxy_does_io(source):
    """Nothing outside proxy/ touches a socket, a thread or a clock: time is an argument."""
    if not source.is_product or source.folder == "proxy":
        return
    for number, _, header in source.includes():
        if header in IO_HEADERS:
            yield number, f"<{header}> outside proxy/"
    for number, line in enumerate(source.lines, 1):
        if CLOCK_CALL.search(line.split("//", 1)[0]):
            yield number, "a clock is read outside proxy/; take `now` as an argument"


def libraries_stay_in_their_place(source):
    """A library that only one part needs is included by that part only."""
    if not source.is_product:
        return
    for number, _, header in source.includes():
        for pattern, allowed, reason in RESERVED_HEADERS:
            if fnmatch.fnmatchcase(header, pattern) and not fits(source.path, allowed):
                yield number, f"<{header}>: {reason}"


def no_umbrella_headers(source):
    """A header that brings a whole library costs seconds in every file."""
    if not source.is_cpp:
        return
    for number, _, header in source.includes():
        if header in UMBRELLAS:
            yield number, f"<{header}> is an umbrella; include the parts that are used"


def headers_introduce_themselves(source):
    """A header opens with what it is for, and has #pragma once."""
    if not source.path.endswith(".hpp"):
        return
    if not source.lines or not source.lines[0].startswith("// "):
        yield 1, "a header opens with a // comment: what it is for, what it promises, how it fails"
    if not any(line.strip() == "#pragma once" for line in source.lines):
        yield 1, "no #pragma once"


def no_using_namespace(source):
    """`using namespace` in a header changes what names mean elsewhere; suffixes of literals do not."""
    if not source.path.endswith(".hpp"):
        return
    for number, line in enumerate(source.lines, 1):
        if re.match(r"\s*using\s+namespace\b(?!.*_literals;)", line):
            yield number, "`using namespace` in a header"


def files_stay_small(source):
    """A file past the limit holds more than one idea."""
    is_code = source.is_cpp or source.path.endswith(".py")
    if is_code and "/corpus/" not in source.path and len(source.lines) > LINE_LIMIT:
        yield LINE_LIMIT + 1, f"{len(source.lines)} lines; the limit is {LINE_LIMIT}"


def nothing_of_a_machine(source):
    """No absolute path of a work machine and no package registry's host name is committed."""
    for number, line in enumerate(source.lines, 1):
        if match := MACHINE_PATH.search(line):
            yield number, f"a path of a machine: {match[0]}..."
        if match := REGISTRY_HOST.search(line):
            yield number, f"a package registry's host name: {match[0]}"


RULES = (folders_point_left, includes_have_full_paths, only_proxy_does_io, libraries_stay_in_their_place,
         no_umbrella_headers, headers_introduce_themselves, no_using_namespace, files_stay_small, nothing_of_a_machine)


def problems_of(source):
    """Every problem of one file as (line, rule's name, text)."""
    for rule in RULES:
        for line, text in rule(source):
            yield line, rule.__name__, text
