"""h2_connection: the client's end of an HTTP/2 connection: what came, taken strictly, and what is owed for it.

A frame the edge may not send, at all or now (RFC 9113 4 to 8), is a MalformedMessage where it arrives.
"""

import hpack

from support import h2_frames as h2
from support.dialogue import ConnectionEnded, Dialogue
from support.h2_frames import Frame, Kind, Setting
from support.h2_stream import H2Stream
from support.messages import MalformedMessage

MAX_FRAME = 16384
_LENGTHS = {Kind.PRIORITY: 5, Kind.RST_STREAM: 4, Kind.PING: 8, Kind.WINDOW_UPDATE: 4}
_OF_THE_CONNECTION = (Kind.SETTINGS, Kind.PING, Kind.GOAWAY)
_OF_A_STREAM = (Kind.DATA, Kind.HEADERS, Kind.RST_STREAM, Kind.CONTINUATION)


class H2Connection(Dialogue):
    def __init__(self, stream, patience: float):
        super().__init__(stream, patience)
        self.streams = {}
        self.goaways = []  #: (last stream, code)
        self.edge_settings = {}
        self.ping_answers = []
        self.replenishes = True  #: credit is given for DATA as it comes
        self.answers = True  #: PING and SETTINGS are acknowledged
        self.unacknowledged = []  #: our SETTINGS the edge has not answered yet
        self.frames_seen = 0
        self.send_window = self.receive_window = h2.DEFAULT_WINDOW  #: of the connection
        self.credit = 0  #: the sum of the edge's WINDOW_UPDATEs for the connection
        self._initial_receive_window = h2.DEFAULT_WINDOW
        self._begun_block = None  # a HEADERS frame whose field block goes on, with what there is of it
        self._encoder, self._decoder = hpack.Encoder(), hpack.Decoder()

    def read_frame(self) -> Frame:
        head = self.read_exactly(9)
        payload = self.read_exactly(int.from_bytes(head[:3], "big"))
        frame = Frame(head[3], head[4], int.from_bytes(head[5:], "big"), payload)
        self._check(frame)
        self.frames_seen += 1
        taker = getattr(self, f"_take_{Kind(frame.kind).name.lower()}", None)
        if taker is None:
            raise MalformedMessage(f"a server sent {frame}")
        taker(frame)
        return frame

    def read_available(self) -> None:
        """What is there without waiting."""
        while True:
            while self._holds_frame():
                self.read_frame()
            try:
                more = self.stream.receive_now()
            except ConnectionResetError:
                raise ConnectionEnded(self._buffer, was_reset=True) from None
            if more is None:
                return
            if not more:
                raise ConnectionEnded(self._buffer, was_reset=False)
            self._buffer += more

    def give_credit(self, stream, amount: int) -> None:
        """`stream` is None for the connection."""
        if stream is None:
            self.receive_window += amount
        else:
            stream.receive_window += amount
        self._answer(h2.window_update(stream.id if stream else 0, amount))

    def _apply_settings(self) -> None:
        """The oldest of our SETTINGS is in force from here on."""
        initial = self.unacknowledged.pop(0).get(Setting.INITIAL_WINDOW_SIZE, self._initial_receive_window)
        for stream in self.streams.values():
            stream.receive_window += initial - self._initial_receive_window
        self._initial_receive_window = initial

    def _answer(self, frame: bytes) -> None:
        """To an edge that has closed already nothing is owed; what it said before is read first."""
        try:
            self.send(frame)
        except ConnectionError:
            pass

    # Taking frames

    def _holds_frame(self) -> bool:
        return len(self._buffer) >= 9 and len(self._buffer) >= 9 + int.from_bytes(self._buffer[:3], "big")

    def _check(self, frame: Frame) -> None:
        if not self.frames_seen and (frame.kind != Kind.SETTINGS or frame.flags & h2.ACK):
            raise MalformedMessage(f"the edge began with {frame}")
        if len(frame.payload) > MAX_FRAME or frame.kind not in list(Kind):
            raise MalformedMessage(f"a frame of kind {frame.kind} with {len(frame.payload)} bytes")
        if _LENGTHS.get(frame.kind, len(frame.payload)) != len(frame.payload):
            raise MalformedMessage(f"the length of {frame}")
        if (frame.kind in _OF_THE_CONNECTION and frame.stream) or (frame.kind in _OF_A_STREAM and not frame.stream):
            raise MalformedMessage(f"the stream of {frame}")
        if (self._begun_block is not None) != (frame.kind == Kind.CONTINUATION):
            raise MalformedMessage(f"{frame} within or without a field block")

    def _stream_of(self, frame: Frame) -> H2Stream:
        if frame.stream not in self.streams:
            raise MalformedMessage(f"a frame on stream {frame.stream}, which was never opened: {frame}")
        return self.streams[frame.stream]

    def _take_data(self, frame: Frame) -> None:
        stream, size = self._stream_of(frame), len(frame.payload)
        stream.receive_window -= size
        self.receive_window -= size
        if size and (self.receive_window < 0 or (stream.receive_window < 0 and not stream.was_cancelled)):
            raise MalformedMessage(f"{size} bytes, more than the windows allow")
        if not stream.was_cancelled:
            stream.take_data(_without_padding(frame), bool(frame.flags & h2.END_STREAM))
        if self.replenishes and size:
            self._replenish(stream, size)

    def _replenish(self, stream: H2Stream, size: int) -> None:
        self.give_credit(None, size)
        if not stream.is_over and not stream.was_cancelled:
            self.give_credit(stream, size)

    def _take_headers(self, frame: Frame) -> None:
        self._stream_of(frame)
        block = _without_padding(frame)[5 if frame.flags & h2.PRIORITISED else 0 :]
        self._take_block(frame, block, frame.flags)

    def _take_continuation(self, frame: Frame) -> None:
        first, block = self._begun_block
        if frame.stream != first.stream:
            raise MalformedMessage(f"{frame} goes on with {first}")
        self._begun_block = None
        self._take_block(first, block + frame.payload, frame.flags)

    def _take_block(self, first: Frame, block: bytes, flags: int) -> None:
        if not flags & h2.END_HEADERS:
            self._begun_block = first, block
            return
        stream = self._stream_of(first)
        try:
            decoded = self._decoder.decode(block, raw=True)
        except hpack.HPACKError as error:
            raise MalformedMessage(f"a field block: {error!r}") from error
        fields = [(name.decode("latin1"), value.decode("latin1")) for name, value in decoded]
        if not stream.was_cancelled:
            stream.take_head(fields, bool(first.flags & h2.END_STREAM))

    def _take_rst_stream(self, frame: Frame) -> None:
        self._stream_of(frame).take_reset(frame.number())

    def _take_settings(self, frame: Frame) -> None:
        if frame.flags & h2.ACK:
            if frame.payload or not self.unacknowledged:
                raise MalformedMessage(f"{frame} acknowledges nothing")
            self._apply_settings()
            return
        if len(frame.payload) % 6:
            raise MalformedMessage(f"the length of {frame}")
        for i in range(0, len(frame.payload), 6):
            self._take_setting(int.from_bytes(frame.payload[i : i + 2], "big"), frame.number(i + 2))
        if self.answers:
            self._answer(h2.SETTINGS_ACK)

    def _take_setting(self, key: int, value: int) -> None:
        if key == Setting.ENABLE_PUSH and value or key == Setting.MAX_FRAME_SIZE and not 16384 <= value < 1 << 24:
            raise MalformedMessage(f"a server's setting {key} of {value}")
        if key == Setting.INITIAL_WINDOW_SIZE:
            before = self.edge_settings.get(key, h2.DEFAULT_WINDOW)
            for stream in self.streams.values():
                stream.send_window += value - before
        if key == Setting.HEADER_TABLE_SIZE:
            self._encoder.header_table_size = min(value, 4096)
        self.edge_settings[key] = value

    def _take_ping(self, frame: Frame) -> None:
        if frame.flags & h2.ACK:
            self.ping_answers.append(frame.payload)
        elif self.answers:
            self._answer(h2.ping(frame.payload, ack=True))

    def _take_goaway(self, frame: Frame) -> None:
        last = frame.number()
        if self.goaways and last > self.goaways[-1][0]:
            raise MalformedMessage(f"GOAWAY {last} after {self.goaways[-1][0]}")
        self.goaways.append((last, frame.number(4)))

    def _take_window_update(self, frame: Frame) -> None:
        amount = frame.number()
        target = self._stream_of(frame) if frame.stream else self
        target.send_window += amount
        target.credit += amount
        if amount == 0 or target.send_window > h2.MAX_WINDOW:
            raise MalformedMessage(f"credit of {amount}, {target.send_window} in all")


def _without_padding(frame: Frame) -> bytes:
    if not frame.flags & h2.PADDED:
        return frame.payload
    if frame.payload[0] >= len(frame.payload):
        raise MalformedMessage(f"padding of {frame.payload[0]} in {len(frame.payload)} bytes")
    return frame.payload[1 : len(frame.payload) - frame.payload[0]]
