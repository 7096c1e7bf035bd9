"""exchange_peers: both ends of an exchange with one face, whatever HTTP they speak, so that a test is written once.

    client = H2ClientExchange(stream, "https", authority)     or H1ClientExchange(stream, authority)
    sandbox = H2SandboxExchange(stream)                       or H1SandboxExchange(stream)

    client.send_head("POST", "/", length=5)                   method, target, fields = sandbox.read_head()
    client.send_data(b"hello")                                body, trailers = sandbox.read_body()
    client.end()
    interims, status, fields = client.read_head()             sandbox.send_head(200); sandbox.end([("x-sum", "1")])

Field names are lower case. A message broken off where more was due is ConnectionEnded on HTTP/1 and StreamReset on
HTTP/2; BROKEN is both. This module has HTTP/1, h2_peers the other.
"""

from support.dialogue import ConnectionEnded, Dialogue
from support.messages import parse_request, parse_response


class StreamReset(AssertionError):
    def __init__(self, code: int):
        super().__init__(f"the stream was reset with {code}")
        self.code = code


BROKEN = (ConnectionEnded, StreamReset)


def lower(fields: list) -> list:
    return [(name.lower(), value) for name, value in fields]


class _H1Exchange(Dialogue):
    """One message each way on a connection of its own; what has no length is sent in chunks."""

    def __init__(self, stream):
        super().__init__(stream)
        self._sends_chunks = False
        self._incoming = None

    def send_data(self, data: bytes) -> None:
        self.send(b"%x\r\n" % len(data) + data + b"\r\n" if self._sends_chunks else data)

    def end(self, trailers: list = ()) -> None:
        if self._sends_chunks:
            self.send(b"0\r\n", _field_lines(trailers), b"\r\n")
        else:
            assert not trailers, "trailers need a body without a length"

    def read_some(self) -> bytes:
        """The next piece of a body of unknown length."""
        return self.read_chunk()

    def read_body(self) -> tuple:
        """The rest of the body, and the trailers."""
        if self._incoming.is_chunked or self._incoming.content_length is not None:
            self.read_body_into(self._incoming)
        return self._incoming.body, lower(self._incoming.trailers)

    def _send_head(self, start: str, fields: list, length, has_body: bool) -> None:
        self._sends_chunks = has_body and length is None
        framing = [("Transfer-Encoding", "chunked")] if self._sends_chunks else []
        framing += [("Content-Length", str(length))] if length is not None else []
        self.send(f"{start}\r\n".encode(), _field_lines([*fields, *framing]), b"\r\n")


def _field_lines(fields: list) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in fields)


class H1ClientExchange(_H1Exchange):
    def __init__(self, stream, authority: str):
        super().__init__(stream)
        self._authority = authority
        self._method = ""

    def send_head(self, method: str, target: str, fields: list = (), *, length: int = None, has_body=True) -> None:
        self._method = method
        self._send_head(f"{method} {target} HTTP/1.1", [("Host", self._authority), *fields], length, has_body)

    def read_interim(self) -> int:
        response = self._read_response()
        assert 100 <= response.status < 200, response
        return response.status

    def read_head(self) -> tuple:
        """Statuses of the interim responses, the final one's, its fields."""
        interims = []
        while (response := self._read_response()).status < 200:
            interims.append(response.status)
        self._incoming = response
        return interims, response.status, lower(response.fields)

    def read_body(self) -> tuple:
        return (b"", []) if self._method == "HEAD" else super().read_body()

    def assert_whole(self) -> None:
        """Nothing but what was read came."""
        assert not self.has_input()

    def _read_response(self):
        return parse_response(self.read_through(b"\r\n\r\n"))


class H1SandboxExchange(_H1Exchange):
    def read_head(self) -> tuple:
        """Method, target and fields."""
        request = self._incoming = parse_request(self.read_through(b"\r\n\r\n"))
        return request.method, request.target, lower(request.fields)

    def send_interim(self, status: int, fields: list = ()) -> None:
        self.send(f"HTTP/1.1 {status} Wait\r\n".encode(), _field_lines(fields), b"\r\n")

    def send_head(self, status: int, fields: list = (), *, length: int = None, has_body=True) -> None:
        self._send_head(f"HTTP/1.1 {status} Fine", list(fields), length, has_body)

    def assert_broken(self) -> None:
        """The edge gives the exchange up."""
        self.read_until_gone()
