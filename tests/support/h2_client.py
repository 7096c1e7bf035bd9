"""h2_client: an HTTP/2 client that sends exactly the frames it is told to and reads strictly.

with edge.connect_h2(tls=True) as client:
    response = client.ask(sandbox.host, "GET", "/path", ("x-one", "1"))

What the client owes the edge (acknowledgements, credit) it sends by itself unless told not to; what a test sends is not
looked at. What the edge sends is: its frames, its field blocks, its use of the windows.
"""

import time

from support import h2_frames as h2
from support.dialogue import ConnectionEnded
from support.h2_connection import MAX_FRAME, H2Connection
from support.h2_frames import Code, Setting
from support.h2_stream import H2Stream
from support.patience import seconds
from support.raw_client import open_stream


class H2Client(H2Connection):
    def __init__(self, port: int, *, settings: dict = {}, begin: bool = True, patience: float = 8, **options):
        """`settings` are ours; `begin=False` leaves preface and SETTINGS to the test."""
        super().__init__(open_stream(port, patience=patience, **options), patience)
        self.scheme = "https" if options.get("tls") else "http"
        self._next_stream = 1
        if begin:
            self.begin(settings)

    def begin(self, settings: dict = {}) -> None:
        """The connection preface, and the edge's."""
        self.send(h2.PREFACE)
        self.send_settings(settings)
        self._initial_receive_window = settings.get(Setting.INITIAL_WINDOW_SIZE, h2.DEFAULT_WINDOW)
        self.wait(lambda: self.frames_seen and not self.unacknowledged, "the edge's settings, and its word on ours")

    # Speaking

    def send_settings(self, values: dict) -> None:
        self.send(h2.settings(values))
        self.unacknowledged.append(values)

    def open(self, fields, *, end: bool = True, method: str = "GET", block: bytes = None) -> H2Stream:
        """A new stream with these fields, whatever they are; `block` instead of them is sent as it is."""
        stream = self.new_stream(method)
        self.send(h2.cut(stream.id, self.encode(fields) if block is None else block, MAX_FRAME, end=end))
        return stream

    def new_stream(self, method: str = "GET") -> H2Stream:
        """The next stream, of which nothing was sent yet."""
        initial = self.edge_settings.get(Setting.INITIAL_WINDOW_SIZE, h2.DEFAULT_WINDOW)
        stream = H2Stream([], b"", id=self._next_stream, method=method, send_window=initial)
        stream.receive_window = self._initial_receive_window
        self.streams[stream.id] = stream
        self._next_stream += 2
        return stream

    def encode(self, fields) -> bytes:
        return self._encoder.encode([(name.encode("latin1"), value.encode("latin1")) for name, value in fields])

    def fields(self, authority: str, method: str = "GET", path: str = "/", *more: tuple) -> list:
        """A request as it should be."""
        pseudo = [(":method", method), (":scheme", self.scheme), (":authority", authority), (":path", path)]
        return [*pseudo, *more]

    def request(
        self, authority: str, method: str = "GET", path: str = "/", *more: tuple, body: bytes = None, end: bool = True
    ) -> H2Stream:
        """A whole request, or with `end=False` its beginning. The body goes out at once, whatever the windows say."""
        stream = self.open(self.fields(authority, method, path, *more), end=end and body is None, method=method)
        if body is not None:
            self.send_data(stream, body, end=end)
        return stream

    def send_data(self, stream: H2Stream, content: bytes = b"", *, end: bool = False) -> None:
        pieces = [content[i : i + MAX_FRAME] for i in range(0, len(content), MAX_FRAME)] or [b""]
        self.send(*[h2.data(stream.id, one, end=end and i == len(pieces) - 1) for i, one in enumerate(pieces)])
        stream.send_window -= len(content)
        self.send_window -= len(content)

    def allowance(self, stream: H2Stream) -> int:
        """How many bytes the edge takes now."""
        return max(0, min(stream.send_window, self.send_window))

    def upload(self, stream: H2Stream, content: bytes, *, end: bool = True) -> None:
        """As the windows allow, reading meanwhile."""
        sent = 0
        while sent < len(content):
            self.wait(lambda: self.allowance(stream) or stream.is_over, "credit for the upload")
            assert not stream.is_over, f"stream {stream.id} ended after {sent} bytes: {stream}"
            piece = content[sent : sent + min(self.allowance(stream), MAX_FRAME)]
            self.send_data(stream, piece)
            sent += len(piece)
            self.read_available()
        if end:
            self.send_data(stream, end=True)

    def send_trailers(self, stream: H2Stream, *fields: tuple) -> None:
        self.send(h2.headers(stream.id, self.encode(fields)))

    def cancel(self, stream: H2Stream, code: int = Code.CANCEL) -> None:
        stream.was_cancelled = True
        self.send(h2.rst_stream(stream.id, code))

    # Listening

    def ask(self, *request, **options) -> H2Stream:
        """A request and its whole response."""
        response = self.read_response(self.request(*request, **options))
        assert response.ended_well, response
        return response

    def read_response(self, stream: H2Stream, within: float = 8) -> H2Stream:
        self.wait(lambda: stream.is_over, f"the end of stream {stream.id}", within)
        return stream

    def read_head(self, stream: H2Stream) -> H2Stream:
        self.wait(lambda: stream.status or stream.is_over, f"a response on stream {stream.id}")
        return stream

    def read_body(self, stream: H2Stream, count: int) -> bytes:
        """The body, once that many bytes of it are here."""
        self.wait(lambda: len(stream.body) >= count or stream.is_over, f"{count} bytes on stream {stream.id}")
        return bytes(stream.body)

    def read_reset(self, stream: H2Stream) -> int:
        return self.wait(lambda: stream.reset_code is not None, f"a reset of stream {stream.id}") and stream.reset_code

    def wait(self, condition, what: str, within: float = 8):
        """Reads until `condition()` is true; ConnectionEnded when there is nothing more to read."""
        deadline = time.monotonic() + seconds(within)
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not within {seconds(within):g} s: {what}"
            self.read_frame()
        return value

    def round_trip(self) -> None:
        """When it returns, the edge has read all that was sent before, and what it sent before is here."""
        mark = (len(self.ping_answers) + 1).to_bytes(8, "big")
        self.send(h2.ping(mark))
        self.wait(lambda: mark in self.ping_answers, "an answer to a PING")

    def read_to_goaway(self, within: float = 8) -> int:
        """Everything until the edge has closed the connection; the code it said goodbye with, None for none."""
        try:
            self.wait(lambda: False, "the end of the connection", within)
        except ConnectionEnded:
            return self.goaways[-1][1] if self.goaways else None
