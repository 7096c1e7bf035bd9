"""testssl.sh against the TLS listener: nothing above "low" (hardening T-VER, T-CIPH, T-RENEG)."""

import json
import shutil
import subprocess

import pytest

from support.patience import seconds

HARMLESS = {"OK", "INFO", "LOW", "DEBUG"}
# What it says of any certificate that nobody signed, and of OpenSSL on this machine.
OF_A_TEST_CERTIFICATE = {
    "cert_chain_of_trust",
    "cert_revocation",
    "cert_expirationStatus",
    "cert_notAfter",
    "cert_validityPeriod",
    "cert_extlifeSpan",
    "engine_problem",
    "scanProblem",
}
# Its client leaves when the handshake is done, often before the ticket came, and calls that a connect problem; resumption
# has tests of its own (tls_resumption_test).
NOT_TESTED = {"sessionresumption_ticket", "sessionresumption_ID"}
TESTS = ["--protocols", "--std", "--fs", "--server-preference", "--server-defaults", "--vulnerable"]
MUST_BE = {
    "SSLv2": "not offered",
    "SSLv3": "not offered",
    "TLS1": "not offered",
    "TLS1_1": "not offered",
    "TLS1_2": "offered",
    "TLS1_3": "offered",
    "cipherlist_3DES_IDEA": "not offered",
    "cipherlist_AVERAGE": "not offered",
    "cipher_order": "server",
    "secure_client_renego": "not vulnerable",
    "CRIME_TLS": "not vulnerable",
    "LUCKY13": "not vulnerable",
}


def find_program() -> str:
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    if not program:
        pytest.skip("not installed: testssl.sh")
    return program


def test_nothing_above_low_is_found(edge, tmp_path):
    report = tmp_path / "report.json"
    options = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--jsonfile", str(report)]
    done = subprocess.run(
        [find_program(), *options, *TESTS, "--ip", "127.0.0.1", f"any.sandbox.test:{edge.tls_port}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds(180),
    )
    assert report.exists(), done.stdout[-2000:] + done.stderr
    findings = json.loads(report.read_text())
    excepted = OF_A_TEST_CERTIFICATE | NOT_TESTED
    bad = [one for one in findings if one["severity"] not in HARMLESS and one["id"] not in excepted]
    assert bad == [], bad
    told = {one["id"]: one["finding"] for one in findings}
    missing = {key: told.get(key) for key, start in MUST_BE.items() if start not in (told.get(key) or "")}
    assert missing == {}, missing
