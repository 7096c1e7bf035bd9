"""nghttp and h2load, nghttp2's own clients, through the edge: CONTINUATION, trailers, uploads, and many streams at once."""

import hashlib
import json
import re
import subprocess

import pytest

from support.edge import is_sanitized
from support.exchange_peers import lower
from support.patience import seconds
from support.quick_service import QuickService
from support.test_tools import require

DATA = bytes(range(256)) * 20_000


@pytest.fixture(autouse=True)
def programs():
    require("nghttp", "h2load")


@pytest.fixture
def nghttp(door):
    """Runs nghttp for one of a sandbox's paths; it connects to the address and says `host` in :authority."""

    def command(host: str, *arguments: str, path: str = "/") -> list:
        authority = f":authority: {host}:{door.port}"
        return ["nghttp", "-y", "--no-dep", "-H", authority, *arguments, f"{door.scheme}://127.0.0.1:{door.port}{path}"]

    def nghttp(*arguments: str, **where) -> str:
        done = subprocess.run(command(*arguments, **where), capture_output=True, timeout=seconds(30))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    nghttp.command = command
    return nghttp


def statuses(verbose: str) -> list:
    return [int(status) for status in re.findall(r"recv \(stream_id=\d+\) :status: (\d+)", verbose)]


def streams_ended(verbose: str) -> list:
    """The ids of the streams the edge ended with END_STREAM."""
    frames = re.findall(r"recv (?:DATA|HEADERS) frame <length=\d+, flags=0x([0-9a-f]{2}), stream_id=(\d+)>", verbose)
    return [int(stream) for flags, stream in frames if int(flags, 16) & 1]


def test_a_get_is_served(nghttp, web, door):
    seen = json.loads(nghttp(web.host, path="/some/path?x=1"))
    assert (seen["target"], seen["headers"]["host"]) == ("/some/path?x=1", f"{web.host}:{door.port}")


def test_one_request_many_times_on_one_connection(nghttp, web):
    output = nghttp(web.host, "-nv", "-m", "90", path="/bytes/51200")
    assert statuses(output) == [200] * 90
    assert len(set(streams_ended(output))) == 90
    assert "RST_STREAM" not in output and "recv GOAWAY" not in output


def test_a_page_and_what_it_links_to(nghttp, sandbox):
    """nghttp asks for stylesheet, script and image while the page still comes."""
    client = subprocess.Popen(nghttp.command(sandbox.host, "-nva"), stdout=subprocess.PIPE, text=True)
    page = b'<html><head><link rel="stylesheet" href="/a.css"><script src="/b.js"></script></head><img src="/c.png">'
    first = sandbox.accept()
    first.read_request()
    first.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page), page)
    connections, asked = [first], []
    for _ in range(3):
        connection = sandbox.next_connection(*connections)
        asked.append(connection.answer().target)
        connections.append(connection)
    output, _ = client.communicate(timeout=seconds(20))
    assert sorted(asked) == ["/a.css", "/b.js", "/c.png"]
    assert statuses(output) == [200] * 4


def test_a_head_in_continuation_frames_is_read(nghttp, web):
    seen = json.loads(nghttp(web.host, "--continuation", "-H", "x-mine: still here"))["headers"]
    long = [name for name, text in seen.items() if name.startswith("continuation-test-") and text == "-" * 4096]
    assert len(long) * 4096 * 6 / 8 > 16384, "the head fits one frame even in Huffman's code"
    assert seen["x-mine"] == "still here"


@pytest.mark.parametrize("arguments", [[], ["--no-content-length"], ["--padding=255"], ["--expect-continue"]])
def test_an_upload_arrives_unchanged(nghttp, web, tmp_path, arguments):
    file = tmp_path / "file"
    file.write_bytes(DATA)
    answer = json.loads(nghttp(web.host, "-d", str(file), *arguments))
    assert answer == {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}


def test_trailers_go_both_ways(nghttp, sandbox, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"hello")
    without_length = "--no-content-length"  # HTTP/1.1 has no place for trailers after a body of known length
    command = nghttp.command(sandbox.host, "-v", "-d", str(file), without_length, "--trailer", "x-sum: up")
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    request = sandbox.accept().answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\nx-sum: down\r\n\r\n"
    )
    assert (request.body, lower(request.trailers)) == (b"hello", [("x-sum", "up")])
    output, _ = client.communicate(timeout=seconds(20))
    assert statuses(output) == [200]
    assert re.search(r"recv \(stream_id=\d+\) x-sum: down", output)


def test_an_upgrade_to_h2c_is_not_taken(edge, web):
    """HTTP/1.1's `Upgrade: h2c` is stripped; the request is served as it is (contract 5)."""
    command = ["nghttp", "-nvu", "-H", f"host: {web.host}", f"http://127.0.0.1:{edge.plain_port}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds(20))
    assert "HTTP Upgrade failed" in done.stdout + done.stderr
    assert "101 Switching" not in done.stdout


# Load

LOAD = 2000 if is_sanitized() else 20_000


@pytest.fixture(scope="module")
def quick(edge):
    with QuickService() as quick:
        edge.put("quick", {"address": "127.0.0.1"})
        quick.host = f"{quick.port}-quick.sandbox.test"
        yield quick


def test_64_connections_of_100_streams(door, quick):
    before = quick.requests
    done = subprocess.run(
        [
            "h2load",
            "-n",
            str(LOAD),
            "-c",
            "64",
            "-m",
            "100",
            f"--connect-to=127.0.0.1:{door.port}",
            f"{door.scheme}://{quick.host}:{door.port}/",
        ],
        capture_output=True,
        text=True,
        timeout=seconds(120),
    )
    assert f"{LOAD} total, {LOAD} started, {LOAD} done, {LOAD} succeeded, 0 failed, 0 errored" in done.stdout, (
        done.stdout
    )
    assert f"status codes: {LOAD} 2xx, 0 3xx, 0 4xx, 0 5xx" in done.stdout, done.stdout
    assert quick.requests - before == LOAD, "requests that were sent twice, or not by the edge"
