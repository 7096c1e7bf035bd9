"""h2_frames: the frames of HTTP/2 (RFC 9113 4 and 6) as bytes, well-formed or not, and field blocks made by hand.

Nothing here checks what it is given: a test that wants a wrong length, flag or stream gets it.
"""

import dataclasses
import enum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_WINDOW = 2**31 - 1
DEFAULT_WINDOW = 65535


class Kind(enum.IntEnum):
    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


# Flags: one bit means different things in different frames.
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20


class Code(enum.IntEnum):
    """Error codes (RFC 9113 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(enum.IntEnum):
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8  # RFC 8441


@dataclasses.dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    def number(self, begin: int = 0) -> int:
        """The 32 bits at `begin`, without the reserved one."""
        return int.from_bytes(self.payload[begin : begin + 4], "big") & MAX_WINDOW


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", *, length: int = None) -> bytes:
    """`length` is what the frame says of its payload, where that is to be a lie."""
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def data(stream: int, content: bytes = b"", *, end: bool = False) -> bytes:
    return frame(Kind.DATA, END_STREAM if end else 0, stream, content)


def headers(stream: int, block: bytes, *, end: bool = True, end_headers: bool = True) -> bytes:
    return frame(Kind.HEADERS, (END_STREAM if end else 0) | (END_HEADERS if end_headers else 0), stream, block)


def continuation(stream: int, block: bytes, *, end_headers: bool = False) -> bytes:
    return frame(Kind.CONTINUATION, END_HEADERS if end_headers else 0, stream, block)


def priority(stream: int, depends_on: int = 0, weight: int = 15) -> bytes:
    return frame(Kind.PRIORITY, 0, stream, depends_on.to_bytes(4, "big") + bytes([weight]))


def rst_stream(stream: int, code: int = Code.CANCEL) -> bytes:
    return frame(Kind.RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def settings(values: dict = {}) -> bytes:
    return frame(Kind.SETTINGS, 0, 0, b"".join(k.to_bytes(2, "big") + v.to_bytes(4, "big") for k, v in values.items()))


SETTINGS_ACK = frame(Kind.SETTINGS, ACK)


def ping(content: bytes = bytes(8), *, ack: bool = False) -> bytes:
    return frame(Kind.PING, ACK if ack else 0, 0, content)


def goaway(last_stream: int = 0, code: int = Code.NO_ERROR) -> bytes:
    return frame(Kind.GOAWAY, 0, 0, last_stream.to_bytes(4, "big") + code.to_bytes(4, "big"))


def window_update(stream: int, increment: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def hpack_integer(value: int, prefix_bits: int, first_byte: int = 0) -> bytes:
    """RFC 7541 5.1."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first_byte | value])
    encoded, value = bytearray([first_byte | most]), value - most
    while value >= 128:
        encoded.append(value % 128 + 128)
        value //= 128
    encoded.append(value)
    return bytes(encoded)


def literal(name: bytes, value: bytes, *, indexed: bool = False) -> bytes:
    """One field in plain bytes (RFC 7541 6.2); `indexed` puts it into the dynamic table too."""
    first = b"\x40" if indexed else b"\x00"
    return first + hpack_integer(len(name), 7) + name + hpack_integer(len(value), 7) + value


def literal_block(fields) -> bytes:
    """Fields that leave the other side's table alone, so that blocks can be repeated or lost."""
    return b"".join(literal(name.encode("latin1"), value.encode("latin1")) for name, value in fields)


def cut(stream: int, block: bytes, size: int = 16384, *, end: bool = True) -> bytes:
    """A field block as HEADERS and as many CONTINUATIONs as it takes."""
    pieces = [block[i : i + size] for i in range(0, len(block), size)] or [b""]
    first = headers(stream, pieces[0], end=end, end_headers=len(pieces) == 1)
    rest = [continuation(stream, one, end_headers=one is pieces[-1]) for one in pieces[1:]]
    return first + b"".join(rest)
