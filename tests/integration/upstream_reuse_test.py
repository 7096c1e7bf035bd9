"""Connections to sandboxes: when one is used again, when it must not be, and the one retry (contract 5)."""

import pytest

from support.patience import eventually
from support.raw_sandbox import OK, RawSandbox

KEEP_ALIVE_1S = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok"
EDGE_CONFIG = {"workers": 1, "timeouts": {"sandbox_idle": "1500ms"}}


def exchange(door, sandbox, upstream=None, response: bytes = OK):
    """One request from a client of its own; returns the connection the sandbox saw it on."""
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = upstream or sandbox.accept()
        upstream.answer(response)
        assert client.read_response().body == b"ok"
    return upstream


def idle(edge) -> float:
    return edge.metrics().total("sandgate_upstream_connections", state="idle")


def test_the_second_request_goes_over_the_first_ones_connection(door, edge, sandbox):
    before = edge.metrics().total("sandgate_upstream_reuse_total", reused="true")
    upstream = exchange(door, sandbox)
    exchange(door, sandbox, upstream)
    sandbox.assert_untouched()
    assert edge.metrics().total("sandgate_upstream_reuse_total", reused="true") == before + 1


def test_the_log_says_whether_a_connection_was_reused(door, edge, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer()
        first = client.read_response().value("x-request-id")
        client.send(sandbox.request())
        upstream.answer()
        second = client.read_response().value("x-request-id")
    assert [edge.log_line(request_id=one)["reused"] for one in (first, second)] == [False, True]


def test_two_sandboxes_with_one_address_never_share_a_connection(door, edge, sandbox, register):
    exchange(door, sandbox)
    twin = register(address=sandbox.address)
    with door.connect() as client:
        client.send(sandbox.request(host=f"{sandbox.port}-{twin}.sandbox.test"))
        assert sandbox.accept().answer().value("x-forwarded-host").startswith(f"{sandbox.port}-{twin}")
        assert client.read_response().status == 200


def test_a_connection_that_says_something_while_idle_is_closed_and_its_bytes_go_nowhere(door, sandbox):
    upstream = exchange(door, sandbox)
    upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    exchange(door, sandbox)  # on a new connection, with its own answer
    upstream.assert_closed()


def test_a_connection_the_sandbox_closed_while_idle_is_not_used(door, sandbox):
    exchange(door, sandbox).close()
    exchange(door, sandbox)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["connection: close", "http/1.0"],
)
def test_a_connection_the_sandbox_gave_up_is_not_used_again(door, sandbox, response):
    upstream = exchange(door, sandbox, response=response)
    upstream.assert_closed()
    exchange(door, sandbox)


def test_an_idle_connection_is_closed_after_sandbox_idle(door, sandbox):
    exchange(door, sandbox).assert_closed()


def test_a_sandboxs_own_keep_alive_timeout_less_one_second_is_kept(door, sandbox):
    upstream = exchange(door, sandbox, response=KEEP_ALIVE_1S)
    upstream.assert_closed()  # 1 s less 1 s: not kept at all
    exchange(door, sandbox)


def test_a_connection_whose_response_was_not_read_to_its_end_is_not_used_again(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome")
        client.read_head()
        client.reset()
    upstream.assert_closed()
    exchange(door, sandbox)


# The retry: a reused connection may turn out to be gone just as the next request is sent on it.


def request_on_a_dying_connection(door, sandbox, request: bytes, die):
    """Sends `request`; it arrives on a reused connection, which `die` ends. Returns the open client."""
    upstream = exchange(door, sandbox)
    client = door.connect()
    client.send(request)
    upstream.read_head()
    die(upstream)
    return client


@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_idempotent_request_on_a_stale_connection_is_sent_once_more(door, edge, sandbox, end):
    request = sandbox.request("GET", "/again")
    with request_on_a_dying_connection(door, sandbox, request, lambda upstream: getattr(upstream, end)()) as client:
        assert sandbox.accept().answer().target == "/again"
        assert client.read_response().body == b"ok"


def test_it_is_sent_only_once_more(door, sandbox):
    with request_on_a_dying_connection(door, sandbox, sandbox.request(), lambda upstream: upstream.reset()) as client:
        fresh = sandbox.accept()
        fresh.read_request()
        fresh.reset()
        assert client.read_response().edge_reason == "sandbox_reset"
        sandbox.assert_untouched()


def test_a_request_on_a_fresh_connection_is_not_sent_again(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_request()
        upstream.reset()
        assert client.read_response().edge_reason == "sandbox_reset"
        sandbox.assert_untouched()


def test_a_post_is_not_sent_again(door, sandbox):
    with request_on_a_dying_connection(
        door, sandbox, sandbox.request("POST", "/", "Content-Length: 0"), lambda upstream: upstream.reset()
    ) as client:
        assert client.read_response().edge_reason == "sandbox_reset"
        sandbox.assert_untouched()


def test_a_put_whose_body_was_taken_is_not_sent_again(door, sandbox):
    def read_body_and_reset(upstream):
        assert upstream.read_exactly(5) == b"hello"
        upstream.reset()

    with request_on_a_dying_connection(
        door, sandbox, sandbox.request("PUT", "/", "Content-Length: 5", body=b"hello"), read_body_and_reset
    ) as client:
        assert client.read_response().edge_reason == "sandbox_reset"
        sandbox.assert_untouched()


def test_after_the_first_response_byte_nothing_is_sent_again(door, sandbox):
    def answer_a_little_and_reset(upstream):
        upstream.send(b"HTTP/1.1 2")
        upstream.half_close()

    with request_on_a_dying_connection(door, sandbox, sandbox.request(), answer_a_little_and_reset) as client:
        assert client.read_response().status == 502
        sandbox.assert_untouched()


def test_no_more_idle_connections_than_configured_are_kept_for_a_port(make_edge):
    edge = make_edge({"workers": 1, "upstream": {"idle_per_port": 2}})
    with RawSandbox() as sandbox:
        sandbox.id = "many"
        edge.put("many", {"address": "127.0.0.1"})
        clients = [edge.connect() for _ in range(5)]
        for client in clients:
            client.send(sandbox.request())
        upstreams = [sandbox.accept() for _ in clients]
        for upstream in upstreams:
            upstream.answer()
        for client in clients:
            assert client.read_response().body == b"ok"
        eventually(lambda: sum(upstream.has_input() for upstream in upstreams) == 3, "three of five to be closed")
        assert idle(edge) == 2
        for client in clients:
            client.close()
