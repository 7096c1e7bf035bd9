"""What a hostile sandbox may say over HTTP/2, in one table, to clients of both protocols (hardening 1.2, 1.3, 1.9).

One connection carries the exchanges of many clients, so each row is played while another exchange waits on the same one.
Whatever the sandbox does: no answer that is not one is taken for one, the other exchange gets its own answer or a
failure, the next one its own, and another sandbox is served.
"""

import pytest

from support import h2_frames as h2
from support.askers import WAYS_IN, Asker
from support.edge import is_sanitized
from support.h2_frames import Code, Kind, Setting
from support.hostile_h2_sandbox import HostileH2Sandbox, head
from support.patience import eventually

PLAIN = ("x-a", "b")


def heads(*fields: tuple, status: str = "200"):
    """A head, and a body nobody may get."""
    return lambda stream: head(stream, *fields, status=status) + h2.data(stream, b"poison", end=True)


def block(*fields: tuple):
    return lambda stream: h2.headers(stream, h2.literal_block(fields), end=False) + h2.data(stream, b"poison", end=True)


def raw(frames: bytes):
    return lambda stream: frames


def after_head(*frames):
    """A good head, and then this."""
    return lambda stream: head(stream, PLAIN) + b"".join(one(stream) for one in frames)


def rows(row: str, table: dict) -> dict:
    return {f"{row} {name}": play for name, play in table.items()}


BAD_FIELDS = {
    **{f"the field {name}": (name, "x") for name in ("connection", "keep-alive", "proxy-connection", "upgrade")},
    "a coding": ("transfer-encoding", "chunked"),
    "a name in capitals": ("X-Upper", "y"),
    "an empty name": ("", "y"),
    **{f"{byte!r} in a name": (f"x{byte}y", "z") for byte in (" ", ":", "\r", "\n", "\0", "\x7f", "\xe9", "(")},
    **{f"{byte!r} in a value": ("x", f"a{byte}b") for byte in ("\r", "\n", "\0", "\x01", "\x7f", "\r\nx-evil: 1\r\n")},
    "a space before a value": ("x", " y"),
    "a pseudo-field of requests": (":path", "/"),
    "an unknown pseudo-field": (":x", "y"),
    "a second status": (":status", "200"),
    **{
        f"a length of {value!r}": ("content-length", value)
        for value in ("+6", "-6", "6,6", "", "x", "9223372036854775808")
    },
}
#: Nothing of it is a response: the edge's own 502.
INVALID = {
    **rows("H2-DOWN", {name: heads(field) for name, field in BAD_FIELDS.items()}),
    **rows(
        "R-FRAME",
        {
            "two lengths": heads(("content-length", "6"), ("content-length", "7")),
            "no status": block(PLAIN),
            "no field at all": block(),
            "a status that is late": block(PLAIN, (":status", "200")),
            **{
                f"a status of {s!r}": heads(status=s)
                for s in ("20", "2000", "+20", "099", "600", "2x0", "", "000", " 200")
            },
            "no head but data": lambda stream: h2.data(stream, b"poison", end=True),
            "HTTP/1.1": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
            "junk": raw(b"\xff" * 100),
        },
    ),
    **rows(
        "R-1XX",
        {
            "seventeen": lambda stream: head(stream, status="103") * 17 + head(stream, end=True),
            "more than 16 KiB": lambda s: head(s, ("x", "y" * 6000), status="103") * 3 + head(s, end=True),
            "one with the end": lambda stream: head(stream, status="103", end=True),
            "a 101": heads(status="101"),
        },
    ),
    **rows(
        "R-BOMB",
        {
            "201 fields": heads(*[PLAIN] * 201),
            "a head of 70 KiB": heads(*[("x", "y" * 7000)] * 10),
            "a value of 70 KiB": heads(("x", "y" * 70_000)),
            "a small block that unpacks": lambda s: h2.cut(
                s, h2.literal(b":status", b"200") + h2.literal(b"x", b"y" * 4000, indexed=True) + b"\xbe" * 15_000
            ),
        },
    ),
    **rows(
        "H2-CONT",
        {
            "index 0": lambda stream: h2.headers(stream, b"\x80"),
            "an index nobody has": lambda stream: h2.headers(stream, b"\xff\xff\x01"),
            "a string that is cut": lambda stream: h2.headers(stream, b"\x00\x05ab"),
            "a Huffman code that is none": lambda stream: h2.headers(stream, b"\x00\x84\xff\xff\xff\xff\x01a"),
            "a table larger than allowed": lambda stream: h2.headers(stream, b"\x3f\xe1\xff\x03\x88"),
            "a continuation of nothing": lambda stream: h2.continuation(stream, b"\x88", end_headers=True),
            "data within a block": lambda s: h2.headers(s, b"\x88", end_headers=False)
            + h2.data(s, b"poison", end=True),
            "another stream within a block": lambda s: h2.headers(s, b"\x88", end_headers=False)
            + h2.continuation(s + 2, b"", end_headers=True),
        },
    ),
    **rows(
        "H2-SET",
        {
            "settings of five bytes": raw(h2.frame(Kind.SETTINGS, 0, 0, bytes(5))),
            "settings on a stream": lambda stream: h2.frame(Kind.SETTINGS, 0, stream),
            "a window too large": raw(h2.settings({Setting.INITIAL_WINDOW_SIZE: 1 << 31})),
            "frames too small": raw(h2.settings({Setting.MAX_FRAME_SIZE: 1})),
            "a push where none may be": lambda s: h2.frame(
                Kind.PUSH_PROMISE, h2.END_HEADERS, s, b"\0\0\0\2\x82\x84\x86"
            ),
            "a ping of seven bytes": raw(h2.frame(Kind.PING, 0, 0, bytes(7))),
            "credit of nothing": raw(h2.window_update(0, 0)),
            "credit beyond all windows": raw(h2.window_update(0, h2.MAX_WINDOW) * 2),
            "credit beyond the stream's window": lambda stream: h2.window_update(stream, h2.MAX_WINDOW) * 2,
            "a frame too large": lambda stream: h2.frame(Kind.DATA, 0, stream, bytes(16385)),
            "padding longer than its frame": lambda stream: h2.frame(Kind.DATA, h2.PADDED, stream, b"\xffab"),
            "a head on a stream nobody opened": lambda stream: head(stream + 2, end=True),
            "a head on a stream of its own": lambda stream: head(2, end=True),
        },
    ),
    **rows(
        "H2-RESET",
        {f"a reset with {code.name}": lambda stream, code=code: h2.rst_stream(stream, code) for code in Code},
    ),
    **rows(
        "H2-DRAIN",
        {
            "a goodbye that leaves the stream out": raw(h2.goaway(0)),
            "a goodbye with an error": raw(h2.goaway(0, Code.PROTOCOL_ERROR)),
            "a goodbye that takes more back": lambda s: h2.goaway(s) + h2.goaway(0),
        },
    ),
}
#: A head, then what makes the body none.
TRUNCATED = {
    **rows(
        "R-TRUNC",
        {
            "less than its length": lambda s: head(s, ("content-length", "9")) + h2.data(s, b"ok", end=True),
            "more than its length": lambda s: head(s, ("content-length", "1")) + h2.data(s, b"ok", end=True),
            "less than its length and trailers": lambda s: head(s, ("content-length", "9"))
            + h2.data(s, b"ok")
            + h2.headers(s, h2.literal_block([("x-sum", "1")])),
            "a reset": after_head(lambda s: h2.data(s, b"ok"), lambda s: h2.rst_stream(s, Code.INTERNAL_ERROR)),
            "a reset without an error": after_head(
                lambda s: h2.data(s, b"ok"), lambda s: h2.rst_stream(s, Code.NO_ERROR)
            ),
            "a goodbye that takes it back": after_head(lambda s: h2.data(s, b"ok"), raw(h2.goaway(0))),
            "trailers that end nothing": after_head(
                lambda s: h2.headers(s, h2.literal_block([("x-sum", "1")]), end=False)
            ),
            "a status in trailers": after_head(lambda s: head(s, end=True)),
            "a name in capitals in trailers": after_head(lambda s: h2.headers(s, h2.literal_block([("X-Sum", "1")]))),
            "a line break in trailers": after_head(lambda s: h2.headers(s, h2.literal_block([("x", "a\r\nb: c")]))),
            "an index nobody has in trailers": after_head(lambda s: h2.headers(s, b"\xff\xff\x01")),
            "a push": after_head(lambda s: h2.frame(Kind.PUSH_PROMISE, h2.END_HEADERS, s, b"\0\0\0\2\x82\x84\x86")),
            "a frame too large": after_head(lambda s: h2.frame(Kind.DATA, 0, s, bytes(16385))),
            "junk": after_head(raw(b"\xff" * 100)),
        },
    ),
    **rows("R-BOMB", {"201 trailers": after_head(lambda s: h2.headers(s, h2.literal_block([PLAIN] * 201)))}),
}


@pytest.fixture(scope="module")
def hostile(edge):
    with HostileH2Sandbox() as sandbox:
        sandbox.id = "hostile"
        edge.put("hostile", {"address": "127.0.0.1", "ports": sandbox.ports})
        yield sandbox
        assert not sandbox.problems, sandbox.problems


@pytest.fixture(params=WAYS_IN)
def asker(request, edge):
    return lambda: Asker(edge, request.param)


def assert_others_are_served(asker, hostile, service) -> None:
    for sandbox, path, body in ((hostile, "/next", b"/next"), (service, "/", b"ok")):
        with asker() as client:
            client.send(sandbox, "POST", path)
            assert client.outcome().body == body


def play(asker, hostile, attack):
    """The outcome of the attacked exchange; another waits on the same connection meanwhile."""
    hostile.attack = attack
    with asker() as other, asker() as client:
        other.send(hostile, "POST", "/wait")
        eventually(hostile.is_waited_on, "the other exchange")
        client.send(hostile, "POST", "/attack")
        outcome = client.outcome()
        hostile.release()
        waited = other.outcome()
        assert waited.body == b"/wait" if waited.is_whole and not waited.reason else b"poison" not in waited.body
    return outcome


@pytest.mark.parametrize("row", INVALID)
def test_it_is_no_response_and_the_edge_says_so(asker, hostile, service, row):
    outcome = play(asker, hostile, lambda connection, stream: connection.send(INVALID[row](stream)))
    assert (outcome.status, outcome.is_whole) == (502, True) and outcome.reason, outcome
    assert outcome.reason in ("response_invalid", "sandbox_reset"), outcome
    assert b"poison" not in outcome.body
    assert_others_are_served(asker, hostile, service)


@pytest.mark.parametrize("row", TRUNCATED)
def test_a_body_that_is_none_never_looks_whole(asker, hostile, service, row):
    outcome = play(asker, hostile, lambda connection, stream: connection.send(TRUNCATED[row](stream)))
    assert outcome.reason in ("response_invalid", "sandbox_reset") or not outcome.is_whole, outcome
    assert_others_are_served(asker, hostile, service)


def whole_answer(stream: int) -> list:
    """Frames of an answer with all there can be."""
    return [
        head(stream, status="103"),
        head(stream, PLAIN),
        h2.data(stream, b"hel"),
        h2.data(stream, b"lo"),
        h2.headers(stream, h2.literal_block([("x-sum", "1")])),
    ]


@pytest.mark.parametrize("end", ["close", "reset", "rst"])
def test_a_sandbox_that_leaves_at_any_byte(asker, hostile, service, end):
    """R-TRUNC: its connection at every byte, its stream at every frame."""
    size = len(b"".join(whole_answer(1)))
    frames = whole_answer(1)
    cuts = [len(b"".join(frames[:n])) for n in range(len(frames))] if end == "rst" else range(size)
    for cut in cuts:

        def attack(connection, stream):
            connection.send(b"".join(whole_answer(stream))[:cut])
            if end == "rst":
                return connection.send(h2.rst_stream(stream, Code.NO_ERROR))
            getattr(connection, end)()
            raise ValueError("the connection is over")

        hostile.attack = attack
        with asker() as client:
            client.send(hostile, "POST", "/attack")
            outcome = client.outcome()
        assert outcome.reason in ("response_invalid", "sandbox_reset") or not outcome.is_whole, (cut, outcome)
        assert outcome.reason or b"hello".startswith(outcome.body), (cut, outcome)
    assert_others_are_served(asker, hostile, service)


#: Each with what goes before it, and whether it ends the connection: on a stream the edge has reset, frames may have
#: been on their way (RFC 9113 5.4.2) and are passed over.
FLOODS = {
    "R-1XX interim responses": (lambda s: b"", lambda s: head(s, PLAIN, status="103") * 100, False),
    "H2-CONT continuations": (
        lambda s: h2.headers(s, b"\x88", end_headers=False),
        lambda s: h2.continuation(s, b""),
        True,
    ),
    "H2-CONT large continuations": (
        lambda s: h2.headers(s, b"\x88", end_headers=False),
        lambda s: h2.continuation(s, h2.literal(b"x", b"y" * 16_000)),
        True,
    ),
    "H2-FLOOD settings": (lambda s: b"", lambda s: h2.settings({Setting.INITIAL_WINDOW_SIZE: 65535}) * 100, True),
    "H2-FLOOD pings": (lambda s: b"", lambda s: h2.ping() * 100, True),
    "H2-FLOOD data without bytes": (lambda s: head(s, PLAIN), lambda s: h2.data(s) * 100, True),
    "H2-FLOOD resets": (lambda s: b"", lambda s: h2.rst_stream(s) * 100, True),
    "H2-FC data beyond the window": (lambda s: head(s, PLAIN), lambda s: h2.data(s, bytes(16_384)), False),
}


def pour(connection, first: bytes, piece: bytes) -> bool:
    """Whether the edge had enough before eight megabytes of it."""
    try:
        connection.send(first)
        for _ in range((8 << 20) // len(piece)):
            connection.send(piece)
        return False
    except OSError:
        return True


@pytest.mark.parametrize("row", FLOODS)
def test_a_flood_costs_little(asker, edge, hostile, service, row):
    first, piece, is_ended = FLOODS[row]
    assert_others_are_served(asker, hostile, service)
    memory = edge.resident_kibibytes()
    poured = []

    def attack(connection, stream):
        poured.append(pour(connection, first(stream), piece(stream)))
        if poured[0]:
            raise ValueError("the connection is over")

    hostile.attack = attack
    with asker() as client:
        client.send(hostile, "POST", "/attack")
        outcome = client.outcome()
    assert outcome.reason in ("response_invalid", "sandbox_reset") or not outcome.is_whole, outcome
    eventually(lambda: poured, "the end of the flood")
    assert poured[0] or not is_ended, "the edge took all of it"
    if not is_sanitized():
        assert edge.resident_kibibytes() - memory < 4096
    assert_others_are_served(asker, hostile, service)
