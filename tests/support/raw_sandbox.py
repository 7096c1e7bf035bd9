"""raw_sandbox: the sandbox side of a dialogue: a scripted TCP server that reads strictly and says what it is told.

upstream = sandbox.accept()
request = upstream.read_request()
upstream.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")
"""

import select
import socket
import threading

from support.dialogue import ConnectionEnded, Dialogue
from support.messages import Request, parse_request
from support.patience import eventually, seconds
from support.streams import PlainStream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class SandboxConnection(Dialogue):
    """One connection the edge made."""

    def read_head(self) -> Request:
        return parse_request(self.read_through(b"\r\n\r\n"))

    def read_request(self) -> Request:
        request = self.read_head()
        self.read_body_into(request)
        return request

    def answer(self, response: bytes = OK) -> Request:
        """Reads one whole request and answers it."""
        request = self.read_request()
        self.send(response)
        return request

    def assert_closed(self) -> None:
        rest = self.read_until_gone()
        assert rest == b"", f"the edge sent more before it closed: {rest[:200]!r}"

    def assert_open(self) -> None:
        assert not self.has_input(), "the edge sent something or closed the connection"


class RawSandbox:
    """Listens on `address` at a port of the system's choosing, or at `port`."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, backlog: int = 128, receive_buffer: int = 0):
        self.address = address
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((address, port))
        self._listener.listen(backlog)
        self.port = self._listener.getsockname()[1]
        self.id = ""  #: set when it is registered with an edge
        self._connections = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def host(self) -> str:
        """The public authority of this port."""
        return f"{self.port}-{self.id}.sandbox.test"

    def accept(self, patience: float = 8) -> SandboxConnection:
        self._listener.settimeout(seconds(patience))
        try:
            connection, _ = self._listener.accept()
        except socket.timeout:
            raise AssertionError("the edge did not connect to the sandbox in time") from None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        dialogue = SandboxConnection(PlainStream(connection))
        self._connections.append(dialogue)
        return dialogue

    def next_connection(self, *known: SandboxConnection) -> SandboxConnection:
        """The connection the next request is on: one of `known` that has input, else a new one."""

        def found():
            ready = [connection for connection in known if connection.has_input()]
            return ready[0] if ready else self.has_connection() and self.accept()

        return eventually(found, "a request to reach the sandbox")

    def has_connection(self) -> bool:
        """Whether a connection waits to be accepted right now."""
        return bool(select.select([self._listener], [], [], 0)[0])

    def assert_untouched(self) -> None:
        assert not self.has_connection(), "the edge connected to the sandbox"

    def close_port(self) -> None:
        """Stops listening; what was accepted stays."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept
        except OSError:
            pass
        self._listener.close()

    def close(self) -> None:
        self.close_port()
        for connection in self._connections:
            connection.close()

    def request(
        self, method: str = "GET", target: str = "/", *fields: str, body: bytes = b"", host: str = None
    ) -> bytes:
        """A request for this sandbox as a client would send it."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or self.host}", *fields]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin1") + body


class ServingSandbox(RawSandbox):
    """Answers every request with `response` from threads of its own and remembers the requests."""

    def __init__(self, response: bytes = OK, **options):
        super().__init__(**options)
        self.response = response
        self.requests = []
        self.violations = []  #: what the edge sent that was no canonical request
        threading.Thread(target=self._accept_all, daemon=True).start()

    def _accept_all(self) -> None:
        while True:
            try:
                self._listener.settimeout(None)
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            dialogue = SandboxConnection(PlainStream(connection), patience=600)
            self._connections.append(dialogue)
            threading.Thread(target=self._serve, args=(dialogue,), daemon=True).start()

    def _serve(self, connection: SandboxConnection) -> None:
        try:
            while True:
                self.requests.append(connection.read_request())
                connection.send(self.response)
        except (ConnectionEnded, OSError, ValueError):
            connection.close()
        except AssertionError as violation:
            self.violations.append(str(violation))
            connection.close()
