"""Limits and the clocks on clients (contract 6): what is hit says so, and nothing else suffers."""

import time

import pytest

from support.patience import eventually
from support.raw_client import RawClient
from support.raw_sandbox import OK, RawSandbox, ServingSandbox

EDGE_CONFIG = {
    "timeouts": {"client_head": "500ms", "client_idle": "700ms", "tls_handshake": "500ms", "client_body_idle": "500ms"}
}


def assert_text_refusal(client, status: int, reason: str):
    response = client.read_response()
    assert (response.status, response.edge_reason) == (status, reason)
    assert response.value("content-type").startswith("text/plain") and response.body.endswith(b"\n")
    assert response.value("connection") == "close"
    client.assert_closed()


# The head


@pytest.mark.parametrize(
    "fields", [["X-Big: " + "x" * 65536], [f"X-{n}: 1" for n in range(200)]], ids=["bytes", "fields"]
)
def test_a_head_that_is_too_large(door, sandbox, fields):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", *fields))
        assert_text_refusal(client, 431, "head_too_large")
    sandbox.assert_untouched()


def test_a_head_that_never_ends_is_refused_before_all_of_it_is_read(door, sandbox):
    with door.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nX: ")
        try:
            for _ in range(64):
                client.send(b"x" * 65536)
        except OSError:
            pass
        try:
            assert client.read_response().status == 431
        except AssertionError:
            assert client.read_until_gone() == b""  # the reset overtook the answer


def test_a_target_that_is_too_long(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/" + "x" * 16384))
        assert_text_refusal(client, 414, "target_too_long")
    sandbox.assert_untouched()


def test_a_head_just_below_the_limits_passes(door, service):
    fields = [f"X-{n}: {'y' * 300}" for n in range(120)]
    with door.connect() as client:
        assert client.ask(service.request("GET", "/" + "x" * 16000, *fields)).status == 200


@pytest.mark.parametrize("start", [b"G", b"GET / HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_comes_too_slowly(door, start):
    with door.connect() as client:
        client.send(start)
        assert_text_refusal(client, 408, "head_timeout")


def test_drip_feeding_does_not_stretch_the_time_for_a_head(door):
    with door.connect() as client:
        began = time.monotonic()
        client.stream.socket.settimeout(0.05)
        head = b""
        while b"\r\n\r\n" not in head and time.monotonic() - began < 5:
            try:
                client.send(b"x")
                head += client.stream.receive()
                if not head:
                    break
            except TimeoutError:
                pass
            except OSError:
                break
        assert time.monotonic() - began < 5
        assert head == b"" or b" 408 " in head


def test_the_second_request_on_a_connection_has_the_same_clock(door, service):
    with door.connect() as client:
        assert client.ask(service.request()).status == 200
        client.send(b"GET /")
        assert_text_refusal(client, 408, "head_timeout")


def test_an_idle_connection_is_closed_without_a_word(door, service):
    with door.connect() as client:
        assert client.ask(service.request()).status == 200
        client.assert_closed()


def test_a_connection_that_never_says_anything_is_closed(door):
    with door.connect() as client:
        rest = client.read_until_gone()
        assert rest == b"" or b" 408 " in rest.partition(b"\r\n")[0]


def test_the_clock_of_the_first_head_starts_once(make_edge):
    """Whatever the edge waits for to know what a plain connection speaks."""
    edge = make_edge({"timeouts": {"client_head": "2s"}})
    with edge.connect() as client:
        began = time.monotonic()
        client.read_until_gone()
        assert time.monotonic() - began < 3.5


def test_a_tls_handshake_that_never_ends_is_closed(edge):
    with RawClient(edge.tls_port) as client:
        client.send(b"\x16\x03\x01")
        client.assert_closed()


def test_a_body_that_stops_coming_is_given_up(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", "Content-Length: 100", body=b"x"))
        upstream = sandbox.accept()
        upstream.read_head()
        assert_text_refusal(client, 408, "client_body_timeout")
        assert upstream.read_until_gone() == b"x"


def test_after_the_response_head_only_the_streams_own_clock_counts(door, sandbox):
    """A quiet duplex stream lives longer than client_body_idle."""
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", "Transfer-Encoding: chunked"))
        upstream = sandbox.accept()
        upstream.read_head()
        upstream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.read_head().status == 200
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 1.2, "more than twice client_body_idle to pass")
        client.send(b"1\r\na\r\n0\r\n\r\n")
        assert upstream.read_chunk() == b"a"
        upstream.send(b"1\r\nb\r\n0\r\n\r\n")
        assert client.read_chunk() == b"b"


# Connections of a sandbox


def test_a_sandbox_has_at_most_its_own_number_of_exchanges(door, edge, register):
    with RawSandbox() as sandbox:
        register(sandbox, max_connections=2)
        with door.connect() as one, door.connect() as two, door.connect() as three:
            one.send(sandbox.request())
            two.send(sandbox.request())
            held = [sandbox.accept(), sandbox.accept()]
            for upstream in held:
                upstream.read_request()
            response = three.ask(sandbox.request())
            assert (response.status, response.edge_reason, response.value("retry-after")) == (
                429,
                "too_many_connections",
                "1",
            )
            assert (
                response.body
                == (
                    f'{{"sandboxId":"{sandbox.id}","message":"The sandbox has too many concurrent incoming '
                    'connections (limit: 2)","code":429,"connectionLimit":2}'
                ).encode()
            )
            for upstream, client in zip(held, (one, two)):
                upstream.send(OK)
            assert one.read_response().status == two.read_response().status == 200
            three.send(sandbox.request())
            sandbox.next_connection(*held).answer()
            assert three.read_response().status == 200


@pytest.mark.parametrize("limit, served", [(0, False), (-1, True)])
def test_zero_blocks_all_and_minus_one_is_unlimited(door, register, limit, served):
    with ServingSandbox() as sandbox:
        register(sandbox, max_connections=limit)
        with door.connect() as client:
            assert client.ask(sandbox.request()).status == (200 if served else 429)


def test_a_tunnel_counts_as_long_as_it_is_open(door, register):
    with RawSandbox() as sandbox:
        register(sandbox, max_connections=1)
        with door.connect() as client, door.connect() as other:
            client.send(sandbox.request("GET", "/", "Connection: Upgrade", "Upgrade: echo"))
            upstream = sandbox.accept()
            upstream.answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            assert client.read_response().status == 101
            assert other.ask(sandbox.request()).status == 429
            client.close()
            upstream.close()
            eventually(
                lambda: other.ask(sandbox.request("GET", "/", host=f"1-{sandbox.id}.sandbox.test")).status == 502,
                "the place to be free again",
                within=8,
            )


def test_the_configured_limit_counts_for_records_without_one(make_edge):
    edge = make_edge({"limits": {"connections_per_sandbox": 1}})
    with RawSandbox() as sandbox, edge.connect() as one, edge.connect() as two:
        sandbox.id = "plain"
        edge.put("plain", {"address": "127.0.0.1"})
        one.send(sandbox.request())
        sandbox.accept().read_request()
        response = two.ask(sandbox.request())
        assert (response.status, response.json()["connectionLimit"]) == (429, 1)


# Connections of a client, and of all


def test_a_client_has_at_most_its_number_of_connections(make_edge, certificates):
    edge = make_edge({"limits": {"connections_per_client": 2}})
    with ServingSandbox() as sandbox:
        sandbox.id = "busy"
        edge.put("busy", {"address": "127.0.0.1"})
        with edge.connect() as one, edge.connect(tls=True) as two:
            assert one.ask(sandbox.request()).status == two.ask(sandbox.request()).status == 200
            for tls in (False, True):
                with edge.connect(tls=tls) as three:
                    response = three.ask(sandbox.request())
                    assert (response.status, response.edge_reason, response.value("retry-after")) == (
                        429,
                        "client_limit",
                        "1",
                    )
                    assert response.body == (
                        b'{"message":"Too many connections from your address (limit: 2)","code":429,'
                        b'"connectionLimit":2}'
                    )
                    assert response.value("connection") == "close"
                    three.assert_closed()
            with edge.connect(source="127.0.0.2") as someone_else:
                assert someone_else.ask(sandbox.request()).status == 200
            assert one.ask(sandbox.request()).status == 200, "who is in stays in"

        def another_is_let_in():
            with edge.connect() as client:
                return client.ask(sandbox.request()).status == 200

        eventually(another_is_let_in, "a place to be free again")
        assert edge.metrics().total("sandgate_limit_rejections_total", limit="connections_per_client") >= 2


def test_above_the_limit_of_the_whole_edge_a_newcomer_is_told_and_the_others_are_served(make_edge):
    edge = make_edge({"limits": {"connections": 4}})
    with ServingSandbox() as sandbox:
        sandbox.id = "full"
        edge.put("full", {"address": "127.0.0.1"})
        inside = [edge.connect() for _ in range(4)]
        assert [client.ask(sandbox.request()).status for client in inside] == [200] * 4
        with edge.connect() as newcomer:
            newcomer.send(sandbox.request())
            response = newcomer.read_response()
            assert (response.status, response.edge_reason, response.value("retry-after")) == (503, "overloaded", "1")
            assert response.body == b'{"message":"The edge is at its limit. Try again in a moment.","code":503}'
            assert response.value("connection") == "close"
            newcomer.assert_closed()
        assert [client.ask(sandbox.request()).status for client in inside] == [200] * 4
        for client in inside:
            client.close()

        def another_is_let_in():
            with edge.connect() as client:
                return client.ask(sandbox.request()).status == 200

        eventually(another_is_let_in, "a place to be free again")
        assert edge.admin.get("/livez").status == 200


def test_a_connection_has_at_most_its_number_of_exchanges(make_edge):
    edge = make_edge({"limits": {"exchanges_per_connection": 3}})
    with ServingSandbox() as sandbox, edge.connect() as client:
        sandbox.id = "three"
        edge.put("three", {"address": "127.0.0.1"})
        responses = [client.ask(sandbox.request()) for _ in range(3)]
        assert [response.value("connection") == "close" for response in responses] == [False, False, True]
        client.assert_closed()
