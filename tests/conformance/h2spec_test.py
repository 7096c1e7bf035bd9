"""h2spec, the conformance suite for HTTP/2 servers, in strict mode against both listeners (hardening H2-CONF).

h2spec can send no field of its own, so its target must be a sandbox's name; libnss_wrapper makes that this machine. It is
built once by Go from the versions in h2spec/go.mod.
"""

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from support.patience import seconds
from support.test_tools import made_once, require

_SOURCES = Path(__file__).parent / "h2spec"

# Cases that ask for what RFC 9113 does not ask for any more, and what it says instead.
EXCEPTIONS = {
    ("http2/5.3.1", "Sends PRIORITY frame that depend on itself"): "5.3.2: priorities are no more; they are ignored",
}
EXCEPTIONS_ON_PLAIN = {
    ("http2/3.5", "Sends invalid connection preface"): "3.3: what is no preface is HTTP/1.1 there, answered with 400",
}

CASES = 146

NAMES = "libnss_wrapper.so"


def _build(folder: Path) -> None:
    for name in ("go.mod", "go.sum", "tools.go"):
        shutil.copy(_SOURCES / name, folder)
    subprocess.run(
        ["go", "build", "-o", "h2spec", "github.com/summerwind/h2spec/cmd/h2spec"],
        cwd=folder,
        env={**os.environ, "CGO_ENABLED": "1"},  # the resolver of libc, which libnss_wrapper can speak for
        check=True,
        capture_output=True,
        timeout=seconds(300),
    )


@pytest.fixture(scope="module")
def h2spec():
    require("go", "gcc")
    preloaded = subprocess.run(["true"], env={**os.environ, "LD_PRELOAD": NAMES}, capture_output=True)
    if preloaded.stderr:
        pytest.skip("not installed: libnss-wrapper")
    return made_once("h2spec", [_SOURCES / "go.mod", _SOURCES / "go.sum", _SOURCES / "tools.go"], _build) / "h2spec"


def verdicts(report: Path) -> dict:
    """(section, case) to its failure; None where it passed or was skipped."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        found[case.get("package"), case.get("classname")] = None if problem is None else problem.text
    return found


def test_every_case_of_h2spec_passes(h2spec, door, service, tmp_path):
    (tmp_path / "hosts").write_text(f"127.0.0.1 {service.host}\n")
    report = tmp_path / "report.xml"
    arguments = ["-S", "-h", service.host, "-p", str(door.port), "-j", str(report), "-o", str(int(seconds(3)))]
    done = subprocess.run(
        [str(h2spec), *arguments, *(["-t", "-k"] if door.is_tls else [])],
        env={
            **os.environ,
            "LD_PRELOAD": NAMES,
            "NSS_WRAPPER_HOSTS": str(tmp_path / "hosts"),
            "GODEBUG": "netdns=cgo",
        },
        capture_output=True,
        text=True,
        timeout=seconds(300),
    )
    assert report.exists(), done.stdout[-2000:] + done.stderr
    found = verdicts(report)
    assert len(found) == CASES
    failed = {case for case, problem in found.items() if problem}
    excepted = {*EXCEPTIONS, *(() if door.is_tls else EXCEPTIONS_ON_PLAIN)}
    assert not failed - excepted, done.stdout.partition("Failures:")[2]
    assert service.requests, "no case got as far as a sandbox"
    assert not excepted - failed, "these are no exceptions any more"
