"""Upgrades: a tunnel opens after a validated 101 and carries bytes, nothing else (contract 5, hardening 1.4)."""

import threading

import pytest

from support.raw_sandbox import OK

UPGRADE = ("Connection: Upgrade", "Upgrade: echo")
WEBSOCKET = (
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"


def open_tunnel(client, sandbox, *fields: str):
    client.send(sandbox.request("GET", "/", *UPGRADE, *fields))
    upstream = sandbox.accept()
    upstream.answer(SWITCH)
    response = client.read_response()
    assert response.status == 101
    return upstream, response


def test_an_upgrade_is_asked_for_and_answered_as_one_hop(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/ws", *WEBSOCKET))
        upstream = sandbox.accept()
        forwarded = upstream.read_request()
        assert forwarded.value("upgrade") == "websocket"
        assert "upgrade" in forwarded.value("connection").lower()
        assert forwarded.value("sec-websocket-key") == "dGhlIHNhbXBsZSBub25jZQ=="
        upstream.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: anything, it is the client's to check\r\n\r\n"
        )
        response = client.read_response()
        assert (response.status, response.value("upgrade").lower()) == (101, "websocket")
        assert "upgrade" in response.value("connection").lower()
        assert response.value("sec-websocket-accept") and response.value("x-request-id")


def test_bytes_go_both_ways_unchanged(door, sandbox):
    with door.connect() as client:
        upstream, _ = open_tunnel(client, sandbox)
        for size in (1, 125, 126, 65535, 65536, 1 << 20):
            data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            sender = threading.Thread(target=client.send, args=(data,))
            sender.start()
            assert upstream.read_exactly(size) == data
            sender.join()
            sender = threading.Thread(target=upstream.send, args=(data,))
            sender.start()
            assert client.read_exactly(size) == data
            sender.join()


def test_half_close_of_the_client_is_kept(door, sandbox):
    with door.connect() as client:
        upstream, _ = open_tunnel(client, sandbox)
        client.send(b"last words")
        client.half_close()
        assert upstream.read_to_end() == b"last words"
        upstream.send(b"and the answer")
        assert client.read_exactly(14) == b"and the answer"
        upstream.close()
        client.assert_closed()


def test_half_close_of_the_sandbox_is_kept(door, sandbox):
    with door.connect() as client:
        upstream, _ = open_tunnel(client, sandbox)
        upstream.send(b"last words")
        upstream.half_close()
        assert client.read_to_end() == b"last words"
        if not door.is_tls:
            client.send(b"and the answer")
            assert upstream.read_exactly(14) == b"and the answer"
        client.close()
        upstream.assert_closed()


def test_bytes_that_follow_the_101_at_once_are_the_tunnels(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", *UPGRADE))
        sandbox.accept().answer(SWITCH + b"hello from the sandbox")
        assert client.read_response().status == 101
        assert client.read_exactly(22) == b"hello from the sandbox"


def test_what_the_client_sends_early_waits_for_the_101(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", *UPGRADE), b"early bytes")
        upstream = sandbox.accept()
        upstream.read_request()
        upstream.assert_open()
        upstream.send(SWITCH)
        assert client.read_response().status == 101
        assert upstream.read_exactly(11) == b"early bytes"


def test_early_bytes_after_a_refused_upgrade_are_a_request_of_their_own_or_nothing(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/first", *UPGRADE), sandbox.request("GET", "/second"))
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        assert client.read_response().status == 403
        try:
            second = upstream.answer()
        except AssertionError:
            client.assert_closed()
            return
        assert second.target == "/second" and second.value("x-forwarded-for") == "127.0.0.1"
        assert client.read_response().status == 200


def test_a_sandbox_may_refuse_the_upgrade_and_the_connection_goes_on(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", *UPGRADE))
        upstream = sandbox.accept()
        upstream.answer(OK)
        assert client.read_response().body == b"ok"
        client.send(sandbox.request("GET", "/next"))
        assert upstream.answer().target == "/next"
        assert client.read_response().status == 200


@pytest.mark.parametrize(
    "fields, answer",
    [
        ((), SWITCH),
        (UPGRADE, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"),
        (UPGRADE, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n"),
        (UPGRADE, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n"),
    ],
    ids=["not asked for", "another protocol", "no connection field", "no upgrade field"],
)
def test_a_101_that_does_not_fit_is_a_fault_of_the_sandbox(door, sandbox, fields, answer):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", *fields))
        upstream = sandbox.accept()
        upstream.answer(answer)
        response = client.read_response()
        assert (response.status, response.edge_reason) == (502, "response_invalid")
        upstream.assert_closed()


@pytest.mark.parametrize(
    "request_change",
    [
        lambda r: r.replace(b"Upgrade: echo", b"Upgrade: h2c"),
        lambda r: r.replace(b"HTTP/1.1", b"HTTP/1.0"),
        lambda r: r.replace(b"Connection: Upgrade", b"Connection: keep-alive"),
    ],
    ids=["h2c", "http/1.0", "not named in connection"],
)
def test_an_upgrade_that_is_none_is_taken_out_and_the_request_forwarded(door, sandbox, request_change):
    with door.connect() as client:
        client.send(request_change(sandbox.request("GET", "/", *UPGRADE, "HTTP2-Settings: AAMAAABkAAQAAP__")))
        forwarded = sandbox.accept().answer()
        assert not {"upgrade", "http2-settings"} & set(forwarded.names())
        assert "upgrade" not in (forwarded.value("connection") or "").lower()
        assert client.read_response().status == 200


def test_a_tunnel_is_one_line_in_the_log_with_the_bytes_of_both_ways(door, edge, sandbox):
    with door.connect() as client:
        upstream, response = open_tunnel(client, sandbox)
        client.send(b"12345")
        assert upstream.read_exactly(5) == b"12345"
        upstream.send(b"123")
        assert client.read_exactly(3) == b"123"
        assert edge.metrics().total("sandgate_active_tunnels") >= 1
        upstream.close()
        client.assert_closed()
    line = edge.log_line(request_id=response.value("x-request-id"))
    assert (line["status"], line["bytes_up"], line["bytes_down"]) == (101, 5, 3)


def test_a_reset_on_one_side_of_a_tunnel_ends_the_other(door, sandbox):
    with door.connect() as client:
        upstream, _ = open_tunnel(client, sandbox)
        upstream.reset()
        assert client.read_until_gone() == b""
    client = door.connect()
    upstream, _ = open_tunnel(client, sandbox)
    client.reset()
    assert upstream.read_until_gone() == b""


def test_a_tunnel_whose_sandbox_does_not_read_stops_the_client(door, sandbox):
    with door.connect() as client:
        open_tunnel(client, sandbox)
        client.stream.socket.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                client.send(b"x" * 65536)
                sent += 65536
        client.reset()


def test_an_upgrade_needs_access_like_any_request(door, edge, sandbox):
    edge.put(sandbox.id, {"address": "127.0.0.1", "allow_public_traffic": False, "traffic_access_token": "secret"})
    with door.connect() as client:
        assert client.ask(sandbox.request("GET", "/", *WEBSOCKET)).status == 403
    sandbox.assert_untouched()
