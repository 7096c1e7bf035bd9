"""Certificates and ticket keys that change while clients come and go (hardening T-RELOAD, T-TICKET)."""

import os
import ssl
import threading
from pathlib import Path

import pytest

from support.certificates import make_certificate
from support.patience import eventually
from support.raw_client import RawClient, trust
from support.raw_sandbox import ServingSandbox


def replace(source: Path, target: Path) -> None:
    temporary = Path(f"{target}.new")
    temporary.write_bytes(source.read_bytes())
    os.replace(temporary, target)


def reloads(edge, result: str) -> float:
    return edge.metrics().total("sandgate_config_reloads_total", result=result)


@pytest.fixture
def own(tmp_path):
    """A certificate that may be replaced."""
    return make_certificate(tmp_path / "own", "in-use", "*.sandbox.test")


@pytest.fixture
def edge(make_edge, own):
    edge = make_edge.unstarted()
    edge.config["listeners"][1]["tls"]["certificates"] = [own.as_config()]
    edge.start()
    return edge


def test_not_one_handshake_fails_while_certificates_are_replaced(edge, own, tmp_path):
    """T-RELOAD: by file and by signal, the key before the chain, so that for a moment they do not match."""
    others = [make_certificate(tmp_path / "others", f"c{i}", "*.sandbox.test") for i in range(3)]
    shown, problems, is_over = set(), [], threading.Event()
    context = trust(own)
    context.verify_mode = ssl.CERT_NONE

    def keep_coming(sandbox):
        while not is_over.is_set():
            try:
                with RawClient(edge.tls_port, tls=context, server_name="a.sandbox.test") as client:
                    shown.add(client.stream.tls.getpeercert(binary_form=True))
                    assert client.ask(sandbox.request()).status == 200
            except (OSError, AssertionError) as problem:
                problems.append(repr(problem))

    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        edge.put("one", {"address": "127.0.0.1"})
        visitors = [threading.Thread(target=keep_coming, args=(sandbox,)) for _ in range(3)]
        for visitor in visitors:
            visitor.start()
        try:
            for turn in range(12):
                before = reloads(edge, "ok")
                replace(others[turn % 3].key, own.key)
                replace(others[turn % 3].chain, own.chain)
                if turn % 2:
                    edge.reload()
                eventually(lambda: reloads(edge, "ok") > before, "the new pair to be loaded")
                eventually(lambda: others[turn % 3].der() in shown or problems, "somebody to be shown it")
        finally:
            is_over.set()
            for visitor in visitors:
                visitor.join()
    assert problems == []
    assert shown >= {one.der() for one in others}


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda own, other, expired: own.chain.write_bytes(expired.chain.read_bytes()), "is not the key"),
        (lambda own, other, expired: (replace(expired.key, own.key), replace(expired.chain, own.chain)), "has expired"),
        (lambda own, other, expired: own.key.write_bytes(other.key.read_bytes()), "is not the key"),
        (lambda own, other, expired: own.chain.unlink(), "cannot be read"),
        (lambda own, other, expired: own.key.write_text("no key"), "holds no PEM private key"),
        (lambda own, other, expired: own.chain.write_text(""), "holds no PEM certificate"),
        (lambda own, other, expired: (replace(own.key, own.chain)), "holds no PEM certificate"),
    ],
    ids=["another's chain", "expired", "another's key", "no chain", "no key", "an empty chain", "swapped"],
)
def test_what_cannot_be_used_is_said_and_the_old_one_stays(edge, own, certificates, tmp_path, spoil, said):
    other = make_certificate(tmp_path / "others", "other", "*.sandbox.test")
    context = trust(own)
    spoil(own, other, certificates.expired)
    edge.reload()
    eventually(lambda: reloads(edge, "failed") >= 1, "the reload to fail")
    assert said in edge.stderr() and str(own.chain.parent) in edge.stderr()
    with RawClient(edge.tls_port, tls=context, server_name="a.sandbox.test"):
        pass  # Who trusts the old one alone is still shown it.


# Tickets


def session_of(edge, context, sandbox, session=None) -> tuple:
    """(the session for the next time, whether this one was resumed)"""
    with RawClient(edge.tls_port, tls=context, server_name="a.sandbox.test", session=session) as client:
        assert client.ask(sandbox.request()).status == 200
        return client.stream.tls.session, client.stream.tls.session_reused


def make_keys(path: Path, *keys: bytes) -> None:
    temporary = path.with_suffix(".new")
    temporary.touch(0o600)
    temporary.write_bytes(b"".join(keys))
    os.replace(temporary, path)


def test_a_ticket_of_one_edge_is_good_at_another_that_has_its_keys(make_edge, certificates, tmp_path):
    """T-TICKET: shared by a file, which is replaced while they run; a key that is gone opens nothing."""
    path = tmp_path / "tickets"
    first_key, second_key = os.urandom(80), os.urandom(80)
    make_keys(path, first_key)
    edges = []
    for _ in range(2):
        edge = make_edge.unstarted()
        edge.config["listeners"][1]["tls"]["ticket_keys"] = str(path)
        edge.start()
        edge.put("one", {"address": "127.0.0.1"})
        edges.append(edge)
    context = trust(certificates.sandbox)

    def change(*keys: bytes) -> None:
        before = [reloads(edge, "ok") for edge in edges]
        make_keys(path, *keys)
        eventually(lambda: all(reloads(edge, "ok") > n for edge, n in zip(edges, before)), "the keys to be loaded")

    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        session, _ = session_of(edges[0], context, sandbox)
        assert session_of(edges[1], context, sandbox, session)[1], "sealed by one, opened by the other"
        change(second_key, first_key)
        renewed, is_resumed = session_of(edges[1], context, sandbox, session)
        assert is_resumed, "the key before still opens"
        change(second_key)
        assert not session_of(edges[0], context, sandbox, session)[1], "and does not once it is gone"
        assert session_of(edges[0], context, sandbox, renewed)[1], "a ticket that was renewed goes on"


def test_ticket_keys_that_others_may_read_are_refused(make_edge, tmp_path):
    path = tmp_path / "tickets"
    make_keys(path, os.urandom(80))
    edge = make_edge.unstarted()
    edge.config["listeners"][1]["tls"]["ticket_keys"] = str(path)
    edge.start()
    path.chmod(0o644)
    edge.reload()
    eventually(lambda: reloads(edge, "failed") >= 1, "the reload to fail")
    assert "chmod 0600" in edge.stderr()
