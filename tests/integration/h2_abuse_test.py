"""Resets and frames without end in HTTP/2: the connection that brings them ends (hardening H2-RESET, H2-FLOOD).

What else must hold is in siege.contained: little memory and time, all work given up, everybody else served.
"""

import pytest

from support import h2_frames as h2
from support.h2_frames import Code, Kind, Setting
from support.patience import eventually
from support.siege import FRAMES, assert_calmed, batches_of, flood

EDGE_CONFIG = {"timeouts": {"client_idle": "30s"}}
ATTEMPTS = 1000


# Resets


def request_of(client, siege, *more: tuple) -> bytes:
    """A field block that can be sent on any stream, any number of times."""
    return h2.literal_block(client.fields(siege.victim.host, "POST", "/", *more))


def open_and(client, block: bytes, *after, end: bool = False):
    """HEADERS on one stream after the other, each followed by what `after` make for it."""
    for _ in range(ATTEMPTS):
        stream = client.new_stream("POST")
        yield h2.headers(stream.id, block, end=end) + b"".join(make(stream.id) for make in after)


def test_rapid_reset(door, siege):
    """CVE-2023-44487."""
    with siege.contained("h2_resets"), door.connect_h2() as client:
        flood(client, open_and(client, request_of(client, siege), h2.rst_stream, end=True))
        assert_calmed(client, streams=400)


def test_rapid_reset_with_a_pause_for_the_sandbox(door, siege):
    """Each request is at the sandbox before it is taken back."""
    with siege.contained("h2_resets"), door.connect_h2() as client:
        block = request_of(client, siege)

        def batches():
            for number in range(ATTEMPTS):
                stream = client.new_stream("POST")
                yield h2.headers(stream.id, block)
                eventually(lambda: siege.victim.total > number or client.has_input(), "the request to arrive")
                yield h2.rst_stream(stream.id)

        flood(client, batches())
        assert_calmed(client, streams=400)


def test_a_client_that_changes_its_mind_is_no_attacker(door, siege):
    """Ninety times at once are within the allowance."""
    with door.connect_h2() as client:
        for _ in range(90):
            client.cancel(client.request(siege.victim.host))
        assert client.ask(siege.canary.host).status == 200 and not client.goaways


def too_much_credit(stream: int) -> bytes:
    return h2.window_update(stream, h2.MAX_WINDOW)


def no_credit(stream: int) -> bytes:
    return h2.window_update(stream, 0)


def data_after_the_end(stream: int) -> bytes:
    return h2.data(stream, b"", end=True) + h2.data(stream, b"more")


def headers_after_the_end(stream: int) -> bytes:
    return h2.data(stream, b"", end=True) + h2.headers(stream, h2.literal(b"x", b"y"))


def priority_of_four(stream: int) -> bytes:
    return h2.frame(Kind.PRIORITY, 0, stream, b"\0" * 4)


def priority_on_itself(stream: int) -> bytes:
    return h2.priority(stream, depends_on=stream) + h2.rst_stream(stream)


def more_than_declared(stream: int) -> bytes:
    return h2.data(stream, b"x" * 10, end=True)


def less_than_declared(stream: int) -> bytes:
    return h2.data(stream, b"x", end=True)


def pseudo_trailer(stream: int) -> bytes:
    return h2.headers(stream, h2.literal(b":path", b"/"))


#: What makes the edge reset a stream, and what it may call the connection's fault instead (RFC 9113 4.2, 5.1).
MADE_RESETS = [
    (too_much_credit, [Code.FLOW_CONTROL_ERROR]),
    (no_credit, [Code.PROTOCOL_ERROR]),
    (data_after_the_end, [Code.STREAM_CLOSED]),
    (headers_after_the_end, [Code.STREAM_CLOSED]),
    (priority_of_four, [Code.FRAME_SIZE_ERROR]),
    (priority_on_itself, [Code.PROTOCOL_ERROR]),
    (more_than_declared, [Code.PROTOCOL_ERROR]),
    (less_than_declared, [Code.PROTOCOL_ERROR]),
    (pseudo_trailer, [Code.PROTOCOL_ERROR]),
]


@pytest.mark.parametrize("trigger, codes", MADE_RESETS, ids=[one.__name__ for one, _ in MADE_RESETS])
def test_resets_the_edge_is_made_to_send(door, siege, trigger, codes):
    """CVE-2025-8671, "MadeYouReset": the client has the edge reset its streams, so it has reset none itself."""
    with siege.contained(), door.connect_h2() as client:
        before = siege.rejections("h2_resets")
        declared = [("content-length", "5")] if "declared" in trigger.__name__ else []
        flood(client, open_and(client, request_of(client, siege, *declared), trigger))
        assert_calmed(client, *codes, streams=400)
        if client.goaways[-1][1] == Code.ENHANCE_YOUR_CALM:
            assert siege.rejections("h2_resets") > before


@pytest.mark.parametrize("fields", [[("", "")], [("Upper", "x")], [("connection", "x")]], ids=["empty", "upper", "hop"])
def test_requests_that_are_malformed_one_after_the_other(door, siege, fields):
    """With empty names and values it is CVE-2019-9516."""
    with siege.contained(), door.connect_h2() as client:
        flood(client, open_and(client, request_of(client, siege, *fields), end=True))
        assert_calmed(client, streams=400)
    assert siege.victim.total == 0


def test_more_streams_than_were_allowed_are_refused_and_the_others_live(door, siege):
    with siege.contained("h2_streams"), door.connect_h2() as client:
        streams = [client.request(siege.victim.host) for _ in range(150)]
        eventually(lambda: siege.victim.live == 100, "the sandbox to have what was allowed")
        client.wait(lambda: sum(stream.is_over for stream in streams) >= 50, "the rest to be refused")
        client.round_trip()
        refused = [stream for stream in streams if stream.is_over]
        assert [stream.reset_code for stream in refused] == [Code.REFUSED_STREAM] * 50
        assert refused == streams[100:] and not client.goaways
        for stream in streams[:10]:
            client.cancel(stream)
        client.round_trip()
        assert not client.request(siege.victim.host).is_over
        eventually(lambda: siege.victim.live == 91, "room to be there again")


def test_refused_streams_without_end(door, siege):
    with siege.contained(), door.connect_h2() as client:
        flood(client, open_and(client, request_of(client, siege), end=True))
        assert_calmed(client, streams=500)


# Frames without an end


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "unread"])
@pytest.mark.parametrize(
    "limit, frame",
    [
        ("h2_settings", h2.settings({})),
        ("h2_settings", h2.settings({Setting.INITIAL_WINDOW_SIZE: 70_000, Setting.HEADER_TABLE_SIZE: 0})),
        ("h2_pings", h2.ping()),
        ("h2_control_frames", h2.priority(3, 0)),
        ("h2_control_frames", h2.priority(2_000_001, 1)),
        ("h2_control_frames", h2.window_update(0, 1)),
        ("h2_control_frames", h2.frame(0xFA, 0, 0, b"grease")),
        ("h2_control_frames", h2.frame(0xFA, 0, 1, b"")),
    ],
    ids=["settings", "settings with values", "ping", "priority", "priority idle", "credit", "unknown", "unknown empty"],
)
def test_control_frames_without_end(door, siege, limit, frame, is_read):
    with siege.contained(limit), door.connect_h2() as client:
        client.unacknowledged += [{}] * FRAMES  # the edge may acknowledge each
        flood(client, batches_of(frame), is_read)
        assert_calmed(client)


@pytest.mark.parametrize("padding", [b"", b"\0", b"\xff" + bytes(255)], ids=["empty", "padded by none", "padded"])
def test_data_without_bytes_without_end(door, siege, padding):
    with siege.contained("h2_empty_frames"), door.connect_h2() as client:
        stream = client.request(siege.victim.host, "POST", "/", end=False)
        frame = h2.frame(Kind.DATA, h2.PADDED if padding else 0, stream.id, padding)
        flood(client, batches_of(frame, 5000, 10))
        assert_calmed(client)
    assert siege.victim.total <= 1
