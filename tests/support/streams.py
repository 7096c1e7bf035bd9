"""streams: the bytes of one connection, plain TCP or TLS, with every way of ending it under the test's control.

Both kinds have the same methods: `send`, `receive` (b"" at the end), `half_close`, `reset`, `close`. TLS is driven
through memory BIOs, because only so can a test send its close_notify and go on reading.
"""

import select
import socket
import ssl
import struct


class PlainStream:
    def __init__(self, connection: socket.socket):
        self.socket = connection

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, limit: int = 65536) -> bytes:
        return self.socket.recv(limit)

    def receive_now(self, limit: int = 65536):
        """What is there without waiting: bytes, b"" at the end, None for nothing."""
        return self.receive(limit) if self._is_readable() else None

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends with RST instead of FIN, as a crashed peer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def _is_readable(self) -> bool:
        return bool(select.select([self.socket], [], [], 0)[0])


class TlsStream(PlainStream):
    def __init__(self, connection: socket.socket, context: ssl.SSLContext, server_name, session=None):
        super().__init__(connection)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=session)
        self.was_closed_properly = False  #: the peer's close_notify was seen
        self._drive(self.tls.do_handshake)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._drive(lambda: self.tls.write(view[:65536])) :]

    def receive(self, limit: int = 65536) -> bytes:
        try:
            data = self._drive(lambda: self.tls.read(limit))
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLEOFError:
            return b""  # FIN without close_notify
        if not data:
            self.was_closed_properly = True
        return data

    def receive_now(self, limit: int = 65536):
        while True:
            try:
                return self.tls.read(limit)
            except ssl.SSLWantReadError:
                if not self._is_readable():
                    return None
                self._feed()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def half_close(self) -> None:
        """Sends close_notify and no FIN: over TLS a FIN says that nobody is there any more."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self._flush()

    def close(self) -> None:
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        try:
            self._flush()
        except OSError:
            pass
        super().close()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self.socket.sendall(data)

    def _drive(self, step):
        while True:
            try:
                result = step()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            except ssl.SSLError:
                self._flush()  # the alert
                raise

    def _feed(self) -> None:
        data = self.socket.recv(65536)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
