"""TLS resumption as openssl s_client does it, for both versions."""

import re
import subprocess

import pytest

from support.patience import seconds


def s_client(edge, certificates, *arguments: str) -> str:
    request = b"GET / HTTP/1.1\r\nHost: 1-x.sandbox.test\r\nConnection: close\r\n\r\n"
    done = subprocess.run(
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{edge.tls_port}",
            "-servername",
            "1-x.sandbox.test",
            "-CAfile",
            str(certificates.sandbox.chain),
            "-verify_return_error",
            "-ign_eof",
            *arguments,
        ],
        input=request,
        capture_output=True,
        timeout=seconds(20),
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(errors="replace")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_saved_is_resumed_by_the_next_connection(edge, certificates, tmp_path, version):
    session = str(tmp_path / "session.pem")
    first = s_client(edge, certificates, version, "-sess_out", session)
    second = s_client(edge, certificates, version, "-sess_in", session)
    assert re.search(r"^New, TLSv1\.[23]", first, re.M)
    assert re.search(r"^Reused, TLSv1\.[23]", second, re.M)
    assert "HTTP/1.1 502" in second


def test_reconnecting_five_times_resumes_five_times(edge, certificates):
    output = s_client(edge, certificates, "-tls1_2", "-reconnect")
    assert len(re.findall(r"^Reused, ", output, re.M)) == 5


def test_a_ticket_does_not_live_longer_than_a_day(edge, certificates):
    hints = re.findall(r"ticket lifetime hint: (\d+)", s_client(edge, certificates, "-tls1_3"))
    assert hints and all(0 < int(hint) <= 86400 for hint in hints)


def test_no_compression_and_no_renegotiation(edge, certificates):
    output = s_client(edge, certificates, "-tls1_2")
    assert "Compression: NONE" in output and "ALPN" in output
