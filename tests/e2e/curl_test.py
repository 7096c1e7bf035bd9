"""curl through the edge: uploads, downloads, reuse, odd versions."""

import hashlib
import json
import subprocess

import pytest

from support.patience import seconds


@pytest.fixture(params=["http", "https"])
def curl(request, edge, web, certificates):
    """Runs curl against the sandbox's public name; returns its output."""
    port = edge.tls_port if request.param == "https" else edge.plain_port

    def curl(*arguments: str, path: str = "/", data: bytes = None, host: str = None) -> bytes:
        host = host or web.host
        command = [
            "curl",
            "-sS",
            "--max-time",
            str(seconds(20)),
            "--noproxy",
            "*",
            "--cacert",
            str(certificates.sandbox.chain),
            "--http1.1",
            "--resolve",
            f"*:{port}:127.0.0.1",
            *arguments,
            f"{request.param}://{host}:{port}{path}",
        ]
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds(30))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    curl.scheme, curl.port = request.param, port
    return curl


def test_a_get_is_served(curl, web):
    seen = json.loads(curl(path="/some/path?x=1"))
    assert (seen["method"], seen["target"]) == ("GET", "/some/path?x=1")
    assert seen["headers"]["host"] == f"{web.host}:{curl.port}"
    assert seen["headers"]["x-forwarded-proto"] == curl.scheme


def test_the_certificate_is_for_the_name(curl):
    if curl.scheme == "https":
        assert b"200" in curl("-o", "/dev/null", "-w", "%{http_code}")


@pytest.mark.parametrize(
    "arguments", [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["-H", "Expect:"]]
)
def test_an_upload_arrives_unchanged(curl, arguments):
    data = bytes(range(256)) * 20_000
    answer = json.loads(curl("-X", "POST", "--data-binary", "@-", *arguments, data=data))
    assert answer == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_a_download_arrives_unchanged(curl):
    assert curl(path="/bytes/5120000") == bytes(range(256)) * 20_000


def test_head_and_http_1_0(curl):
    assert b"200 OK" in curl("-I")
    assert json.loads(curl("--http1.0"))["method"] == "GET"


def test_one_connection_for_many_requests(curl, web):
    url = f"{curl.scheme}://{web.host}:{curl.port}/again"
    output = curl("-o", "/dev/null", "-w", "%{num_connects}\n", *(["-o", "/dev/null", url] * 4))
    assert output.split() == [b"1", b"0", b"0", b"0", b"0"]


def test_a_refusal_is_json_for_curl(curl):
    answer = json.loads(curl(host="80-nobody.sandbox.test"))
    assert answer == {"sandboxId": "nobody", "message": "The sandbox was not found", "code": 502}


def test_without_a_matching_name_curl_does_not_trust_the_edge(edge, certificates):
    done = subprocess.run(
        [
            "curl",
            "-sS",
            "--noproxy",
            "*",
            "--cacert",
            str(certificates.sandbox.chain),
            "--resolve",
            f"*:{edge.tls_port}:127.0.0.1",
            f"https://1-a.elsewhere.test:{edge.tls_port}/",
        ],
        capture_output=True,
    )
    assert done.returncode == 60, "a certificate for another name"
