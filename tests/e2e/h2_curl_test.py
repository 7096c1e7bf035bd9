"""curl through the edge over HTTP/2: negotiated in TLS, and with prior knowledge on the plain listener."""

import hashlib
import json
import subprocess

import pytest

from support.patience import seconds
from support.ports import free_port

# A second domain, which the certificate does not cover.
EDGE_CONFIG = {"domains": ["sandbox.test", "other.test"]}

DATA = bytes(range(256)) * 20_000

# curl 7.88 fails by itself (16) when it uses a connection again that it opened with prior knowledge.
reuses_its_connection = pytest.mark.parametrize("door", ["tls"], indirect=True)


@pytest.fixture
def curl(door, web, certificates):
    """Runs curl with HTTP/2 against the sandbox's public name; returns its output."""

    def command(*arguments: str, path: str = "/", host: str = None) -> list:
        return [
            "curl",
            "-sS",
            "--max-time",
            str(seconds(20)),
            "--noproxy",
            "*",
            "--cacert",
            str(certificates.sandbox.chain),
            "--http2" if door.is_tls else "--http2-prior-knowledge",
            "--resolve",
            f"*:{door.port}:127.0.0.1",
            *arguments,
            f"{door.scheme}://{host or web.host}:{door.port}{path}",
        ]

    def curl(*arguments: str, data: bytes = None, **where) -> bytes:
        done = subprocess.run(command(*arguments, **where), input=data, capture_output=True, timeout=seconds(30))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    curl.command = command
    return curl


def fields_of(dumped: bytes) -> list:
    """Heads as `-D -` gives them: each a list of lines."""
    return [head.decode().split("\r\n") for head in dumped.split(b"\r\n\r\n") if head]


def test_a_get_is_served(curl, door, web):
    seen = json.loads(curl(path="/some/path?x=1"))
    assert (seen["method"], seen["target"]) == ("GET", "/some/path?x=1")
    assert seen["headers"]["host"] == f"{web.host}:{door.port}"
    assert seen["headers"]["x-forwarded-proto"] == door.scheme
    assert door.edge.log_line(path="/some/path", tls="TLSv1.3" if door.is_tls else None)["protocol"] == "HTTP/2"


def test_it_is_http_2_indeed(curl):
    assert curl("-o", "/dev/null", "-w", "%{http_version} %{http_code}") == b"2 200"


def test_head(curl):
    ((status, *fields),) = fields_of(curl("-I", path="/bytes/5120"))
    assert status.split() == ["HTTP/2", "200"]
    assert "content-length: 5120" in fields


def test_no_field_of_one_hop_is_passed_on(curl):
    names = {line.partition(":")[0] for line in fields_of(curl("-I"))[0][1:]}
    assert not names & {"connection", "keep-alive", "transfer-encoding", "upgrade"}


@pytest.mark.parametrize("arguments", [[], ["-H", "Content-Length:"], ["-H", "Expect: 100-continue"]])
def test_an_upload_arrives_unchanged(curl, arguments):
    answer = json.loads(curl("-X", "POST", "--data-binary", "@-", *arguments, data=DATA))
    assert answer == {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}


def test_a_file_is_uploaded(curl, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(DATA)
    assert json.loads(curl("-T", str(file)))["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_standard_input_is_uploaded_as_it_comes(curl):
    assert json.loads(curl("-T", "-", data=DATA))["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_a_download_arrives_unchanged(curl):
    assert curl(path=f"/bytes/{len(DATA)}") == DATA


def test_a_100_of_the_service_reaches_the_client(curl):
    output = curl("-D", "-", "-o", "/dev/null", "--data", "x", "-H", "Expect: 100-continue")
    assert [head[0].split()[1] for head in fields_of(output)] == ["100", "200"]


def test_trailers_come_after_the_body_and_not_in_the_head(curl, sandbox, tmp_path):
    dump, body = tmp_path / "dump", tmp_path / "body"
    process = subprocess.Popen(curl.command("-D", str(dump), "-o", str(body), host=sandbox.host))
    sandbox.accept().answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n5\r\nhello\r\n0\r\nx-sum: abc\r\n\r\n"
    )
    assert process.wait(seconds(20)) == 0
    assert body.read_bytes() == b"hello"
    head, _, rest = dump.read_bytes().partition(b"\r\n\r\n")
    assert b"x-sum: abc" not in head and rest.strip() == b"x-sum: abc"


@reuses_its_connection
def test_many_requests_after_one_another_on_one_connection(curl, door, web):
    url = f"{door.scheme}://{web.host}:{door.port}/again"
    output = curl("-o", "/dev/null", "-w", "%{num_connects}\n", *(["-o", "/dev/null", url] * 4))
    assert output.split() == [b"1", b"0", b"0", b"0", b"0"]


def test_many_transfers_at_once(curl, door, web, tmp_path):
    """Over TLS on one connection; on the plain listener each has its own."""
    count, step = 50, 25600
    output = curl(
        "--parallel",
        "--parallel-max",
        str(count),
        *([] if door.is_tls else ["--parallel-immediate"]),
        "-o",
        str(tmp_path / "#1"),
        "-w",
        "%{num_connects} %{http_version} %{http_code}\n",
        path=f"/bytes/[{step}-{step * count}:{step}]",
    )
    lines = [tuple(line.split()) for line in output.splitlines()]
    assert len(lines) == count and {line[1:] for line in lines} == {(b"2", b"200")}
    assert sum(int(connects) for connects, *_ in lines) == (1 if door.is_tls else count)
    for size in range(step, step * count + 1, step):
        assert (tmp_path / str(size)).read_bytes() == bytes(range(256)) * (size // 256)


# Refusals


def test_a_refusal_is_json_for_curl(curl):
    answer = json.loads(curl(host="80-nobody.sandbox.test"))
    assert answer == {"sandboxId": "nobody", "message": "The sandbox was not found", "code": 502}


def test_a_refusal_has_its_fields(curl, register):
    host = f"{free_port()}-{register()}.sandbox.test"
    ((status, *fields),) = fields_of(curl("-I", host=host))
    assert status.split() == ["HTTP/2", "502"]
    fields = dict(line.split(": ", 1) for line in fields)
    assert fields["x-sandgate-reason"] == "port_closed" and fields["cache-control"] == "no-store"
    assert fields["x-request-id"] and fields["x-content-type-options"] == "nosniff"


@reuses_its_connection
def test_small_refused_uploads_are_told_why_and_leave_the_connection_usable(curl, tmp_path):
    """The answer is there before the body is. A stream that is then reset under curl 7.88's upload loses its answer, also
    when the reset is without an error, so what little is still to come has to be waited for."""
    count = 20
    file = tmp_path / "file"
    file.write_bytes(b"small")
    report = ["-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n"]
    one = curl.command("-T", str(file), *report, host="80-nobody.sandbox.test")
    command = [*one, *(["--next", *one[1:]] * (count - 1))]
    done = subprocess.run(command, capture_output=True, timeout=seconds(30))
    assert (done.stdout.splitlines(), done.stderr) == ([b"502 1", *[b"502 0"] * (count - 1)], b"")


def test_a_name_the_certificate_does_not_cover_is_misdirected(curl, door, register, web):
    host = f"{web.port}-{register()}.other.test"
    output = curl("-H", f"Host: {host}", "-w", "\n%{http_code} %{http_version}")
    if door.is_tls:
        assert output == b"Misdirected request\n\n421 2"
    else:
        assert output.endswith(b"200 2")


def test_another_sandbox_of_the_certificate_is_served(curl, register, web):
    """A connection opened for one name carries requests for another (browsers coalesce them)."""
    host = f"{web.port}-{register()}.sandbox.test"
    assert json.loads(curl("-H", f"Host: {host}"))["headers"]["host"] == host


def test_a_bad_expectation_is_refused(curl):
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect: miracles") == b"417"
