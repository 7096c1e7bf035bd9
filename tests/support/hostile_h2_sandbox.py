"""hostile_h2_sandbox: a sandbox that speaks HTTP/2 with prior knowledge, well but for what a test tells it to do.

with HostileH2Sandbox() as sandbox:
    sandbox.attack = lambda connection, stream: connection.send(h2.rst_stream(stream))

A request for /attack gets the attack, one for /wait is held until `sandbox.release()`, any other gets 200 and its path.
"""

import threading

import hpack

from support import h2_frames as h2
from support.dialogue import ConnectionEnded, Dialogue
from support.h2_frames import Frame, Kind
from support.raw_sandbox import RawSandbox
from support.streams import PlainStream


def head(stream: int, *fields: tuple, status: str = "200", end: bool = False) -> bytes:
    """A response head; its fields are whatever a test says."""
    return h2.cut(stream, h2.literal_block([(":status", status), *fields]), end=end)


class H2Upstream(Dialogue):
    """One connection the edge made."""

    def __init__(self, stream):
        super().__init__(stream, patience=60)
        self._decoder = hpack.Decoder()
        self.waiting = []  #: streams of /wait

    def read_frame(self) -> Frame:
        start = self.read_exactly(9)
        payload = self.read_exactly(int.from_bytes(start[:3], "big"))
        return Frame(start[3], start[4], int.from_bytes(start[5:], "big"), payload)

    def path_of(self, frame: Frame) -> str:
        block = frame.payload[5:] if frame.flags & h2.PRIORITISED else frame.payload
        return dict(self._decoder.decode(block))[":path"]

    def answer(self, stream: int, body: bytes) -> None:
        self.send(head(stream, ("content-length", str(len(body)))), h2.data(stream, body, end=True))


class HostileH2Sandbox(RawSandbox):
    def __init__(self):
        super().__init__()
        self.attack = None  #: what is done for /attack: takes the connection and the stream
        self.problems = []
        threading.Thread(target=self._accept_all, daemon=True).start()

    @property
    def ports(self) -> dict:
        """What the record says of this port."""
        return {str(self.port): {"protocol": "h2c"}}

    def release(self) -> None:
        """Every /wait is answered, where its connection is still there."""
        for connection in list(self._connections):
            for stream in connection.waiting:
                try:
                    connection.answer(stream, b"/wait")
                except OSError:
                    pass
            connection.waiting = []

    def is_waited_on(self) -> bool:
        return any(connection.waiting for connection in self._connections)

    def _accept_all(self) -> None:
        while True:
            try:
                self._listener.settimeout(None)
                connection = H2Upstream(PlainStream(self._listener.accept()[0]))
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: H2Upstream) -> None:
        try:
            assert connection.read_exactly(len(h2.PREFACE)) == h2.PREFACE
            connection.send(h2.settings())
            while True:
                self._take(connection, connection.read_frame())
        except (ConnectionEnded, OSError, ValueError):
            connection.close()
        except Exception as problem:  # shown by the test
            self.problems.append(problem)
            connection.close()

    def _take(self, connection: H2Upstream, frame: Frame) -> None:
        if frame.kind == Kind.SETTINGS and not frame.flags & h2.ACK:
            connection.send(h2.SETTINGS_ACK)
        elif frame.kind == Kind.PING and not frame.flags & h2.ACK:
            connection.send(h2.ping(frame.payload, ack=True))
        elif frame.kind == Kind.HEADERS:
            path = connection.path_of(frame)
            if path == "/attack":
                self.attack(connection, frame.stream)
            elif path == "/wait":
                connection.waiting.append(frame.stream)
            else:
                connection.answer(frame.stream, path.encode())
