"""Hostile HTTP/1.1 from the corpus, and random mutations of it, judged strictly by corpus/h1_replay.py.

The replayer plays client and sandbox; what it prints as FAIL is shown when the test fails.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import seconds
from support.ports import free_port

REPLAYER = Path(__file__).parent / "corpus/h1_replay.py"


def replay(edge, is_tls: bool, *arguments: str) -> None:
    port = free_port(2_000, 10_000)  # four digits: lengths in the corpus were counted with `8080-`
    edge.put("sbx1", {"address": "127.0.0.1"})
    door = ["--proxy", f"127.0.0.1:{edge.tls_port if is_tls else edge.plain_port}", *(["--tls"] if is_tls else [])]
    command = [
        sys.executable,
        str(REPLAYER),
        *door,
        "--upstream-port",
        str(port),
        "--rewrite-host",
        f"{port}-sbx1.sandbox.test",
        "-q",
        "--timeout",
        str(seconds(3)),
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds(600))
    assert done.returncode == 0, done.stdout + done.stderr


both_doors = pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])


@both_doors
def test_every_hostile_request_gets_the_strict_verdict(edge, is_tls):
    replay(edge, is_tls)


@both_doors
def test_every_hostile_response_gets_the_strict_verdict(edge, is_tls):
    replay(edge, is_tls, "--responses")


@both_doors
@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_requests_never_break_an_invariant(edge, is_tls, seed):
    replay(edge, is_tls, "--mutate", "300", "--seed", str(seed))
