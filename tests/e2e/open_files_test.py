"""Out of file descriptors (hardening O-FD): the edge neither spins nor dies, and is back as soon as some are free."""

import time

import pytest

from support.edge import is_sanitized
from support.patience import eventually
from support.raw_client import ConnectionEnded
from support.raw_sandbox import ServingSandbox


@pytest.fixture
def cramped(make_edge):
    edge = make_edge({"workers": 1, "limits": {"connections": 1000}}, file_limit=96)
    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        edge.put("one", {"address": "127.0.0.1"})
        yield edge, sandbox


def is_served(edge, sandbox) -> bool:
    try:
        with edge.connect(patience=1) as client:
            return client.ask(sandbox.request()).status == 200
    except (OSError, AssertionError):
        return False


def test_with_too_many_clients_it_waits_instead_of_spinning(cramped):
    edge, sandbox = cramped
    with edge.connect() as inside:
        assert inside.ask(sandbox.request()).status == 200
        crowd = []
        for _ in range(150):
            try:
                crowd.append(edge.connect(patience=1))
            except OSError:
                break
        used, began = edge.cpu_seconds(), time.monotonic()
        eventually(lambda: time.monotonic() - began > 1.5, "a while to pass")
        if not is_sanitized():
            assert edge.cpu_seconds() - used < 0.15 * (time.monotonic() - began), "it spins"
        assert edge.process.poll() is None
        inside.send(sandbox.request())
        assert inside.read_response().status in (200, 502, 503), "who is in is answered"
        for client in crowd:
            client.close()
    eventually(lambda: is_served(edge, sandbox), "service to be back", within=3)


def test_too_few_files_are_said_at_once(cramped):
    edge, _ = cramped
    assert "open files" in edge.stderr() or "descriptor" in edge.stderr() or "nofile" in edge.stderr().lower()


def test_the_automatic_limit_is_what_fits(make_edge):
    """Of too many clients as many as fit are served; the others are told, or in a rush closed."""
    edge = make_edge({"workers": 1}, file_limit=400)
    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        edge.put("one", {"address": "127.0.0.1"})
        crowd = [edge.connect() for _ in range(350)]
        answers = [answer(client, sandbox) for client in crowd]
        assert set(answers) <= {200, 503, "closed"}
        assert answers.count(200) >= 50 and 503 in answers
        for client in crowd:
            client.close()
        eventually(lambda: is_served(edge, sandbox), "service to be back", within=3)


def answer(client, sandbox):
    try:
        return client.ask(sandbox.request()).status
    except (ConnectionEnded, OSError):
        return "closed"
