"""SIGTERM: announce, stop accepting, finish what is open, end (hardening 1.10)."""

import signal
import threading
import time

import pytest

from support.patience import eventually
from support.raw_client import ConnectionEnded
from support.raw_sandbox import OK, RawSandbox

TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture
def start(make_edge):
    """An edge with these drain times, and a sandbox it knows."""
    sandboxes = []

    def start(announce: str, grace: str):
        edge = make_edge({"timeouts": {"drain_announce": announce, "drain_grace": grace}})
        sandbox = RawSandbox()
        sandbox.id = "held"
        sandboxes.append(sandbox)
        edge.put("held", {"address": "127.0.0.1"})
        return edge, sandbox

    yield start
    for sandbox in sandboxes:
        sandbox.close()


def hold(client, sandbox):
    """A request that waits for its answer."""
    client.send(sandbox.request())
    upstream = sandbox.accept()
    upstream.read_request()
    return upstream


def refuses_connections(edge) -> bool:
    try:
        edge.connect(patience=1).close()
        return False
    except OSError:
        return True


@TLS
def test_while_it_is_announced_everything_is_served_as_ever(start, tls):
    edge, sandbox = start("30s", "1s")
    with edge.connect(tls=tls) as before:
        edge.signal(signal.SIGTERM)
        eventually(lambda: edge.health.get("/readyz").status == 503, "readyz to say so")
        assert edge.health.get("/livez").status == 200
        assert edge.metrics().total("sandgate_draining") == 1
        upstream = hold(before, sandbox)
        upstream.send(OK)
        assert before.read_response().value("connection") in (None, "keep-alive")
        with edge.connect(tls=tls) as newcomer:
            newcomer.send(sandbox.request())
            sandbox.next_connection(upstream).answer()
            assert newcomer.read_response().status == 200
    edge.signal(signal.SIGTERM)
    edge.wait()


@TLS
def test_after_it_responses_end_their_connection_and_the_edge_ends_with_the_last(start, tls):
    edge, sandbox = start("50ms", "30s")
    client, idle = edge.connect(tls=tls), edge.connect(tls=tls)
    assert idle.ask(sandbox.request("GET", "/", host="1-nobody.sandbox.test")).status == 502
    upstream = hold(client, sandbox)
    edge.signal(signal.SIGTERM)
    idle.assert_closed()
    eventually(lambda: refuses_connections(edge), "new connections to be refused")
    assert edge.process.poll() is None, "an exchange is still open"
    upstream.send(OK)
    response = client.read_response()
    assert (response.body, response.value("connection")) == (b"ok", "close")
    client.assert_closed()
    client.close()
    idle.close()
    answered = time.monotonic()
    assert edge.wait() == 0
    assert time.monotonic() - answered < 2


@TLS
def test_a_connection_that_has_not_asked_yet_gets_its_first_answer(start, tls):
    edge, sandbox = start("50ms", "30s")
    with edge.connect(tls=tls) as client:
        edge.signal(signal.SIGTERM)
        eventually(lambda: refuses_connections(edge), "new connections to be refused")
        upstream = hold(client, sandbox)
        upstream.send(OK)
        response = client.read_response()
        assert (response.status, response.value("connection")) == (200, "close")
        client.assert_closed()
    assert edge.wait(within=5) == 0


def test_an_idle_edge_ends_at_once_after_the_announcement(start):
    edge, _ = start("50ms", "60s")
    edge.signal(signal.SIGTERM)
    assert edge.wait(within=3) == 0


@TLS
def test_a_download_under_way_is_finished(start, tls):
    edge, sandbox = start("50ms", "30s")
    content = b"x" * 2_000_000
    with edge.connect(tls=tls, receive_buffer=65536) as client:
        upstream = hold(client, sandbox)
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content), content[:1000])
        assert client.read_head().status == 200
        edge.signal(signal.SIGTERM)
        eventually(lambda: refuses_connections(edge), "new connections to be refused")
        sender = threading.Thread(target=upstream.send, args=(content[1000:],))
        sender.start()
        assert client.read_exactly(len(content)) == content
        sender.join()
    assert edge.wait() == 0


def test_tunnels_live_until_the_grace_is_over_and_are_then_closed(start):
    edge, sandbox = start("50ms", "1s")
    with edge.connect() as client:
        client.send(sandbox.request("GET", "/", "Connection: Upgrade", "Upgrade: echo"))
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        assert client.read_response().status == 101
        edge.signal(signal.SIGTERM)
        eventually(lambda: refuses_connections(edge), "new connections to be refused")
        client.send(b"still here")
        assert upstream.read_exactly(10) == b"still here"
        assert client.read_until_gone() == b"", "no byte is put into a tunnel"
        assert upstream.read_until_gone() == b""
    assert edge.wait(within=5) == 0


def test_an_exchange_without_an_answer_is_told_when_the_grace_is_over(start):
    edge, sandbox = start("50ms", "500ms")
    with edge.connect() as client:
        hold(client, sandbox)
        edge.signal(signal.SIGTERM)
        response = client.read_response()
        assert (response.status, response.value("retry-after"), response.value("connection")) == (503, "1", "close")
        assert response.edge_reason == "draining"
        assert response.json() == {"message": "The edge is restarting. Try again.", "code": 503}
    assert edge.wait(within=5) == 0


def test_a_response_under_way_is_cut_when_the_grace_is_over(start):
    edge, sandbox = start("50ms", "500ms")
    with edge.connect() as client:
        upstream = hold(client, sandbox)
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        head = client.read_head()
        edge.signal(signal.SIGTERM)
        with pytest.raises(ConnectionEnded):
            client.read_body_into(head)
    assert edge.wait(within=5) == 0


@pytest.mark.parametrize("announce", ["60s", "50ms"])
def test_a_second_sigterm_ends_it_at_once(start, announce):
    edge, sandbox = start(announce, "60s")
    with edge.connect() as client:
        hold(client, sandbox)
        edge.signal(signal.SIGTERM)
        eventually(lambda: edge.health.get("/readyz").status == 503, "the drain to begin")
        edge.signal(signal.SIGTERM)
        assert edge.wait(within=3) == 0
        client.read_until_gone()


def test_a_drain_can_be_asked_for_by_the_admin_api(start):
    edge, _ = start("50ms", "10s")
    assert edge.admin.post("/v1/drain").status in (200, 202, 204)
    assert edge.wait(within=5) == 0


def test_the_log_is_complete_when_the_edge_has_ended(start):
    edge, sandbox = start("50ms", "10s")
    with edge.connect() as client:
        upstream = hold(client, sandbox)
        edge.signal(signal.SIGTERM)
        eventually(lambda: refuses_connections(edge), "new connections to be refused")
        upstream.send(OK)
        request_id = client.read_response().value("x-request-id")
    assert edge.wait() == 0
    assert [line["status"] for line in edge.log if line["request_id"] == request_id] == [200]
