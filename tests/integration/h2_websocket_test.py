"""WebSocket over HTTP/2 (RFC 8441): a stream on one side, an upgraded connection on the other (contract 5, hardening 1.4)."""

import base64
import threading

import pytest

from support.h2_frames import Code
from support.h2_tunnel import FIELDS, accept_for, ask_for_tunnel, connect_fields, open_tunnel, switch
from support.patience import eventually
from support.raw_client import ConnectionEnded
from support.raw_sandbox import OK, RawSandbox

# The handshake


def test_the_sandbox_sees_an_ordinary_upgrade(door, sandbox):
    with door.connect_h2() as client:
        ask_for_tunnel(client, sandbox, ("cookie", "a=b"))
        forwarded = sandbox.accept().read_request()
        assert (forwarded.method, forwarded.target) == ("GET", "/ws?room=1")
        assert forwarded.value("host") == sandbox.host
        assert forwarded.value("upgrade") == "websocket" and "upgrade" in forwarded.value("connection").lower()
        assert len(base64.b64decode(forwarded.value("sec-websocket-key"), validate=True)) == 16
        assert forwarded.value("sec-websocket-version") == "13"
        assert forwarded.value("origin") == "https://app.test" and forwarded.value("cookie") == "a=b"
        assert forwarded.value("sec-websocket-protocol") == "chat"
        assert forwarded.value("x-forwarded-for") == "127.0.0.1"
        assert forwarded.content_length is None and not forwarded.is_chunked
        assert not {"protocol", ":protocol"} & set(forwarded.names())


def test_every_key_is_a_new_one(door, sandbox):
    with door.connect_h2() as client:
        keys = set()
        for _ in range(5):
            ask_for_tunnel(client, sandbox)
            keys.add(sandbox.accept().read_request().value("sec-websocket-key"))
        assert len(keys) == 5


def test_a_key_the_client_made_up_is_not_the_one(door, sandbox):
    """RFC 8441 5: the key has no meaning there; the edge checks the answer to its own."""
    with door.connect_h2() as client:
        stream = ask_for_tunnel(client, sandbox, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="))
        upstream = sandbox.accept()
        key = upstream.read_request().value("sec-websocket-key")
        upstream.send(switch(key))
        assert client.read_head(stream).status == 200


def test_a_101_becomes_200_and_nothing_of_the_upgrade_is_left(door, sandbox):
    with door.connect_h2() as client:
        stream = ask_for_tunnel(client, sandbox)
        upstream = sandbox.accept()
        key = upstream.read_request().value("sec-websocket-key")
        upstream.send(switch(key, "Sec-WebSocket-Protocol: chat", "Set-Cookie: a=1", "X-Own: 2"))
        assert client.read_head(stream).status == 200 and not stream.is_over
        assert not {"sec-websocket-accept", "content-length"} & set(stream.names())
        assert (stream.value("sec-websocket-protocol"), stream.value("x-own")) == ("chat", "2")
        assert stream.value("set-cookie") == "a=1" and stream.value("x-request-id")


@pytest.mark.parametrize(
    "change",
    [
        lambda answer, key: answer.replace(accept_for(key).encode(), accept_for("another").encode()),
        lambda answer, key: answer.replace(b"Sec-WebSocket-Accept", b"X-Accept"),
        lambda answer, key: answer.replace(b"Upgrade: websocket", b"Upgrade: other"),
        lambda answer, key: answer.replace(b"Connection: Upgrade", b"Connection: keep-alive"),
        lambda answer, key: OK,
        lambda answer, key: b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=["wrong accept", "no accept", "another protocol", "not named in connection", "200", "204"],
)
def test_an_answer_that_opens_nothing_is_a_fault_of_the_sandbox(door, sandbox, service, change):
    with door.connect_h2() as client:
        stream = ask_for_tunnel(client, sandbox)
        upstream = sandbox.accept()
        key = upstream.read_request().value("sec-websocket-key")
        answer = change(switch(key), key)
        upstream.send(answer)
        client.read_response(stream)
        assert (stream.status, stream.edge_reason) == (502, "response_invalid")
        if b" 101 " in answer:
            upstream.assert_closed()
        assert client.ask(service.host).status == 200


@pytest.mark.parametrize("status, body", [(403, b"no entry"), (404, b""), (426, b"other version"), (302, b"")])
def test_a_sandbox_may_refuse(door, sandbox, service, status, body):
    with door.connect_h2() as client:
        stream = ask_for_tunnel(client, sandbox)
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 %d Nope\r\nX-Why: so\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        client.read_response(stream)
        assert (stream.status, stream.value("x-why"), stream.body) == (status, "so", body)
        assert stream.edge_reason is None
        assert client.ask(service.host).status == 200


@pytest.mark.parametrize("protocol", ["h2c", "foo", "connect-udp", "", "websocket, foo", "WebSocket\r\nX: y"])
def test_other_protocols_are_refused(door, sandbox, service, protocol):
    with door.connect_h2() as client:
        stream = ask_for_tunnel(client, sandbox, protocol=protocol)
        client.read_response(stream)
        refused = 400 <= stream.status < 500 or stream.status == 501
        assert refused or (not stream.status and stream.reset_code == Code.PROTOCOL_ERROR), stream
        assert client.ask(service.host).status == 200
    sandbox.assert_untouched()


@pytest.mark.parametrize("missing", [":scheme", ":path", ":authority"])
def test_an_extended_connect_needs_all_of_its_target(door, sandbox, missing):
    with door.connect_h2() as client:
        fields = connect_fields(client, sandbox.host, *FIELDS)
        stream = client.open([field for field in fields if field[0] != missing], end=False, method="CONNECT")
        client.read_response(stream)
        assert 400 <= stream.status < 500 or stream.reset_code == Code.PROTOCOL_ERROR, stream
    sandbox.assert_untouched()


def test_a_tunnel_needs_access_like_any_request(door, register, edge):
    with RawSandbox() as sandbox:
        register(sandbox, allow_public_traffic=False, traffic_access_token="right")
        with door.connect_h2() as client:
            refused = client.read_response(ask_for_tunnel(client, sandbox))
            assert (refused.status, refused.edge_reason) == (403, "token_missing")
            sandbox.assert_untouched()
            _, upstream = open_tunnel(client, sandbox, ("e2b-traffic-access-token", "right"))
            upstream.assert_open()


def test_nobody_there_is_said_as_ever(door):
    with door.connect_h2() as client:
        fields = connect_fields(client, "80-nobody.sandbox.test", *FIELDS)
        response = client.read_response(client.open(fields, end=False, method="CONNECT"))
        assert (response.status, response.edge_reason) == (502, "sandbox_not_found")


# The tunnel


def test_bytes_go_both_ways_unchanged(door, sandbox):
    with door.connect_h2() as client:
        stream, upstream = open_tunnel(client, sandbox)
        received = 0
        for size in (1, 125, 126, 65535, 65536, 1 << 20):
            data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            there = []
            reader = threading.Thread(target=lambda: there.append(upstream.read_exactly(size)))
            reader.start()
            client.upload(stream, data, end=False)
            reader.join()
            assert there == [data]
            writer = threading.Thread(target=upstream.send, args=(data,))
            writer.start()
            assert client.read_body(stream, received + size)[received:] == data
            writer.join()
            received += size


def test_bytes_that_follow_the_101_at_once_are_the_tunnels(door, sandbox):
    with door.connect_h2() as client:
        stream = ask_for_tunnel(client, sandbox)
        upstream = sandbox.accept()
        upstream.send(switch(upstream.read_request().value("sec-websocket-key")) + b"hello")
        assert client.read_body(stream, 5) == b"hello"


def test_what_the_client_sends_early_waits_for_the_101(door, sandbox):
    with door.connect_h2() as client:
        stream = ask_for_tunnel(client, sandbox)
        client.send_data(stream, b"early")
        upstream = sandbox.accept()
        key = upstream.read_request().value("sec-websocket-key")
        client.round_trip()
        upstream.assert_open()
        upstream.send(switch(key))
        assert client.read_head(stream).status == 200
        assert upstream.read_exactly(5) == b"early"


def test_the_clients_end_is_a_fin_and_the_other_way_goes_on(door, sandbox):
    with door.connect_h2() as client:
        stream, upstream = open_tunnel(client, sandbox)
        client.send_data(stream, b"last words", end=True)
        assert upstream.read_to_end() == b"last words"
        upstream.send(b"and the answer")
        assert client.read_body(stream, 14) == b"and the answer" and not stream.is_over
        upstream.close()
        assert client.read_response(stream).ended_well


def test_the_sandboxs_fin_is_an_end_and_the_other_way_goes_on(door, sandbox):
    with door.connect_h2() as client:
        stream, upstream = open_tunnel(client, sandbox)
        upstream.send(b"last words")
        upstream.half_close()
        client.wait(lambda: stream.is_over, "the end of the sandbox's half")
        assert stream.body == b"last words" and stream.has_ended and stream.reset_code is None
        client.send_data(stream, b"and the answer", end=True)
        assert upstream.read_to_end() == b"and the answer"


def test_a_stream_the_client_resets_is_a_reset_for_the_sandbox(door, sandbox, service):
    with door.connect_h2() as client:
        stream, upstream = open_tunnel(client, sandbox)
        client.cancel(stream)
        with pytest.raises(ConnectionEnded) as end:
            upstream.read_exactly(1)
        assert end.value.was_reset, "a FIN would look like a proper end"
        assert client.ask(service.host).status == 200


def test_a_connection_the_sandbox_resets_is_a_reset_of_the_stream(door, sandbox, service):
    with door.connect_h2() as client:
        stream, upstream = open_tunnel(client, sandbox)
        upstream.reset()
        assert client.read_reset(stream) == Code.CANCEL and not stream.has_ended
        assert client.ask(service.host).status == 200


def test_a_tunnel_whose_sandbox_does_not_read_stops_the_client_and_nobody_else(door, register, service):
    with RawSandbox(receive_buffer=65536) as sandbox, door.connect_h2() as client:
        stream, _ = open_tunnel(client, register(sandbox))
        sent = 0
        while sent < 64 << 20:
            size = client.allowance(stream)
            client.send_data(stream, b"x" * size)
            sent += size
            client.round_trip()
            if not client.allowance(stream) and not client.has_input():
                break
        assert sent < 4 << 20
        assert client.ask(service.host).status == 200


def test_tunnels_and_requests_share_a_connection(door, sandbox, service):
    with door.connect_h2() as client:
        stream, upstream = open_tunnel(client, sandbox)
        for number in range(3):
            assert client.ask(service.host).status == 200
            client.send_data(stream, b"%d" % number)
            assert upstream.read_exactly(1) == b"%d" % number


def test_a_tunnel_is_counted_as_one_and_is_one_line_in_the_log(make_edge):
    edge = make_edge()
    with RawSandbox() as sandbox, edge.connect_h2() as client:
        sandbox.id = "chat"
        edge.put("chat", {"address": "127.0.0.1", "max_connections": 1})
        stream, upstream = open_tunnel(client, sandbox)
        client.send_data(stream, b"12345")
        assert upstream.read_exactly(5) == b"12345"
        upstream.send(b"123")
        assert client.read_body(stream, 3) == b"123"
        assert edge.metrics().total("sandgate_active_tunnels") == 1
        assert client.read_response(client.request(sandbox.host)).status == 429, "it counts as long as it is open"
        upstream.close()
        client.send_data(stream, end=True)
        assert client.read_response(stream).ended_well
        eventually(lambda: edge.metrics().total("sandgate_active_tunnels") == 0, "the tunnel to be over")
    line = edge.log_line(request_id=stream.value("x-request-id"))
    assert (line["protocol"], line["bytes_up"], line["bytes_down"], line["reason"]) == ("HTTP/2", 5, 3, "ok")
