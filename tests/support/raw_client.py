"""raw_client: an HTTP/1 client that sends exactly the bytes it is told to and reads strictly.

with RawClient(port, tls=trust(certificate), server_name=host) as client:
    client.send(b"GET / HTTP/1.1\\r\\nHost: ...\\r\\n\\r\\n")
    response = client.read_response()
"""

import socket
import ssl

from support.certificates import Certificate
from support.dialogue import ConnectionEnded, Dialogue
from support.messages import Response, parse_response
from support.patience import seconds
from support.streams import PlainStream, TlsStream


def trust(certificate: Certificate, alpn=("http/1.1",)) -> ssl.SSLContext:
    """A client context that trusts just this certificate; the name is checked by tests that care."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificate.chain)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def open_stream(
    port: int,
    *,
    tls: ssl.SSLContext = None,
    server_name: str = None,
    source: str = None,
    preface: bytes = b"",
    session=None,
    patience: float = 8,
    receive_buffer: int = 0,
) -> PlainStream:
    """`source` is the local address to come from; `preface` goes before the TLS handshake (PROXY protocol)."""
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(seconds(patience))
    if source:
        connection.bind((source, 0))
    try:
        connection.connect(("127.0.0.1", port))
        connection.sendall(preface)
        return TlsStream(connection, tls, server_name, session) if tls else PlainStream(connection)
    except BaseException:
        connection.close()
        raise


class RawClient(Dialogue):
    def __init__(self, port: int, *, patience: float = 8, **options):
        """`options` as for open_stream."""
        super().__init__(open_stream(port, patience=patience, **options), patience)

    def read_head(self) -> Response:
        return parse_response(self.read_through(b"\r\n\r\n"))

    def read_response(self, method: str = "GET") -> Response:
        """The next final response with its body; 1xx before it are in `interims`. Without framing the body ends with
        the connection."""
        interims = []
        while (response := self.read_head()).status < 200 and response.status != 101:
            interims.append(response)
        response.interims = interims
        if method == "HEAD" or response.status in (101, 204, 304):
            return response
        if response.is_chunked or response.content_length is not None:
            self.read_body_into(response)
        else:
            response.body = self.read_to_end()
        return response

    def ask(self, request: bytes) -> Response:
        self.send(request)
        return self.read_response(request.partition(b" ")[0].decode("latin1"))

    def assert_closed(self) -> None:
        """The edge ends the connection without another byte."""
        rest = self.read_until_gone()
        assert rest == b"", f"more came before the end: {rest[:200]!r}"

    def assert_still_open(self) -> None:
        assert not self.has_input(), "the edge sent something or ended the connection"


__all__ = ["ConnectionEnded", "RawClient", "open_stream", "trust"]
