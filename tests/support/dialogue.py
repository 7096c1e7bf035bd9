"""dialogue: reading what a peer says, a message, a piece or an end at a time, always within a bound.

Fails with ConnectionEnded where more was due (its `partial` holds what came), AssertionError when nothing comes in time.
"""

import socket

from support.messages import MalformedMessage, parse_fields
from support.patience import seconds


class ConnectionEnded(AssertionError):
    def __init__(self, partial: bytes, was_reset: bool):
        super().__init__(f"connection {'reset' if was_reset else 'ended'} after {partial[-200:]!r}")
        self.partial = partial
        self.was_reset = was_reset


class Dialogue:
    """One side of a connection. `stream` is a PlainStream or a TlsStream."""

    def __init__(self, stream, patience: float = 8):
        self.stream = stream
        self.stream.socket.settimeout(seconds(patience))
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    # Speaking

    def send(self, *parts: bytes) -> None:
        self.stream.send(b"".join(parts))

    def half_close(self) -> None:
        self.stream.half_close()

    def reset(self) -> None:
        self.stream.reset()

    def close(self) -> None:
        self.stream.close()

    # Listening

    def read_exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        return self._take(count)

    def read_through(self, end: bytes) -> bytes:
        """Everything up to and with `end`."""
        while end not in self._buffer:
            self._receive()
        return self._take(self._buffer.index(end) + len(end))

    def read_to_end(self) -> bytes:
        """Everything until the peer's FIN; a reset is ConnectionEnded."""
        while True:
            try:
                self._receive()
            except ConnectionEnded as end:
                if end.was_reset:
                    raise
                return self._take(len(self._buffer))

    def read_until_gone(self) -> bytes:
        """Everything until the connection is over, by FIN or by reset."""
        try:
            return self.read_to_end()
        except ConnectionEnded as end:
            return end.partial

    def read_chunk(self) -> bytes:
        """One chunk's data of a chunked body, b"" for the last (its trailer section is left unread)."""
        line = self.read_through(b"\r\n")[:-2]
        if not line or line.strip(b"0123456789abcdefABCDEF"):
            raise MalformedMessage(f"chunk line {line!r}")
        size = int(line, 16)
        if size == 0:
            return b""
        data = self.read_exactly(size + 2)
        if not data.endswith(b"\r\n"):
            raise MalformedMessage(f"chunk of {size} bytes is not followed by CRLF")
        return data[:-2]

    def read_body_bytes(self, count: int) -> bytes:
        """`count` bytes of a chunked body's content, however it is cut into chunks."""
        content = b""
        while len(content) < count:
            chunk = self.read_chunk()
            if not chunk:
                raise ConnectionEnded(content, was_reset=False)
            content += chunk
        return content

    def read_trailers(self) -> list:
        lines = b""
        while not lines.endswith(b"\r\n\r\n") and lines != b"\r\n":
            lines += self.read_through(b"\r\n")
        return parse_fields(lines[:-2].removesuffix(b"\r\n").decode("latin1"))

    def read_body_into(self, message) -> None:
        """The rest of a message whose head says how long it is; without framing there is none."""
        if message.is_chunked:
            while chunk := self.read_chunk():
                message.body += chunk
            message.trailers = self.read_trailers()
        elif message.content_length:
            message.body = self.read_exactly(message.content_length)

    def has_input(self) -> bool:
        """Whether bytes or an end are waiting right now (over TLS: not counting session tickets and the like)."""
        if self._buffer:
            return True
        try:
            data = self.stream.receive_now()
        except ConnectionResetError:
            return True
        self._buffer += data or b""
        return data is not None

    def _receive(self) -> None:
        try:
            data = self.stream.receive()
        except (ConnectionResetError, BrokenPipeError):
            raise ConnectionEnded(self._buffer, was_reset=True) from None
        except socket.timeout:
            raise AssertionError(f"nothing more came in time after {self._buffer[-200:]!r}") from None
        if not data:
            raise ConnectionEnded(self._buffer, was_reset=False)
        self._buffer += data

    def _take(self, count: int) -> bytes:
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data
