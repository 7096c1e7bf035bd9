"""h2_tunnel: the opening of a WebSocket over HTTP/2 (RFC 8441) on both sides of the edge."""

import base64
import hashlib

FIELDS = ("sec-websocket-version", "13"), ("origin", "https://app.test"), ("sec-websocket-protocol", "chat")


def connect_fields(client, authority: str, *more: tuple, protocol: str = "websocket", path: str = "/ws?room=1") -> list:
    pseudo = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", client.scheme), (":path", path)]
    return [*pseudo, (":authority", authority), *more]


def ask_for_tunnel(client, sandbox, *more: tuple, **options):
    stream = client.open(connect_fields(client, sandbox.host, *FIELDS, *more, **options), end=False, method="CONNECT")
    stream.is_tunnel = True
    return stream


def accept_for(key: str) -> str:
    """RFC 6455 4.2.2."""
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def switch(key: str, *more: str) -> bytes:
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept_for(key)}", *more, "", ""]).encode()


def open_tunnel(client, sandbox, *more: tuple) -> tuple:
    stream = ask_for_tunnel(client, sandbox, *more)
    upstream = sandbox.accept()
    upstream.send(switch(upstream.read_request().value("sec-websocket-key")))
    assert client.read_head(stream).status == 200 and not stream.is_over
    return stream, upstream
