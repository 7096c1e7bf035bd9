"""Field blocks that are too many, too large or never whole, and clients that do not read (hardening H2-CONT, H2-FLOOD)."""

import time

import pytest

from support import h2_frames as h2
from support.h2_frames import Code
from support.patience import SLOWNESS, seconds
from support.siege import assert_calmed, batches_of, flood

EDGE_CONFIG = {"timeouts": {"client_head": "500ms", "client_idle": "30s", "client_write": "2s"}}


def request_of(client, siege, *more: tuple) -> bytes:
    return h2.literal_block(client.fields(siege.victim.host, "POST", "/", *more))


@pytest.mark.parametrize("size", [0, 1, 10])
def test_continuations_without_end(door, siege, size):
    """CVE-2024-27316 and its family."""
    with siege.contained("h2_continuations"), door.connect_h2() as client:
        stream = client.new_stream()
        piece = h2.continuation(stream.id, b"\x82" * size)
        first = h2.headers(stream.id, request_of(client, siege), end_headers=False)
        flood(client, [first, *batches_of(piece, 5000, 10)])
        assert_calmed(client)
    assert siege.victim.total == 0


def test_a_field_block_in_many_small_pieces_is_refused_though_it_ends(door, siege):
    with siege.contained("h2_continuations"), door.connect_h2() as client:
        stream = client.new_stream()
        flood(client, [h2.cut(stream.id, request_of(client, siege, ("x", "y" * 100)), 4)])
        assert_calmed(client)
    assert siege.victim.total == 0


def test_a_field_block_as_large_as_is_allowed_may_go_on_eight_times(door, siege):
    with door.connect_h2() as client:
        block = h2.literal_block(client.fields(siege.canary.host, "GET", "/", ("x", "y" * 60_000)))
        stream = client.new_stream()
        client.send(h2.cut(stream.id, block, 7000))
        assert client.read_response(stream).status == 200


def test_a_field_block_of_megabytes_is_not_kept(door, siege):
    with siege.contained(kibibytes=1024), door.connect_h2() as client:
        stream = client.new_stream()
        first = h2.headers(stream.id, request_of(client, siege), end_headers=False)
        piece = h2.continuation(stream.id, h2.literal(b"x", b"y" * 16370))
        flood(client, [first, *[piece] * 1024])
        assert_calmed(client, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR, Code.INTERNAL_ERROR)
    assert siege.victim.total == 0


def test_a_small_block_that_unpacks_to_megabytes(door, siege):
    """The "HPACK bomb": one large field in the table, named again and again."""
    with siege.contained("head_bytes", kibibytes=1024), door.connect_h2() as client:
        bomb = request_of(client, siege) + h2.literal(b"x", b"y" * 4000, indexed=True) + b"\xbe" * 15_000
        stream = client.new_stream()
        flood(client, [h2.cut(stream.id, bomb)])
        assert_calmed(client)
    assert siege.victim.total == 0


def test_a_head_a_bit_over_the_limit_is_refused_and_the_connection_goes_on(door, siege):
    with siege.contained("head_bytes"), door.connect_h2() as client:
        for fields in [("x", "y" * 40_000)] * 2, [("x", "y" * 33_000)] * 4:
            response = client.ask(siege.victim.host, "GET", "/", *fields)
            assert (response.status, response.edge_reason) == (431, "head_too_large")
        assert client.ask(siege.canary.host).status == 200
    assert siege.victim.total == 0


@pytest.mark.parametrize("size", [70_000, 100_000])
def test_a_single_value_no_decoder_takes_ends_the_connection(door, siege, size):
    """More than 64 KiB in one string: what the rest of the block says can no longer be known (RFC 9113 4.3)."""
    with siege.contained(), door.connect_h2() as client:
        client.open([], block=h2.literal_block(client.fields(siege.victim.host, "GET", "/", ("x", "y" * size))))
        client.read_to_goaway()
        assert [code for _, code in client.goaways] == [Code.COMPRESSION_ERROR]
    assert siege.victim.total == 0


# Silence


@pytest.mark.parametrize(
    "begin",
    [
        lambda block: h2.headers(1, block, end_headers=False),
        lambda block: h2.headers(1, block)[:20],
        lambda block: h2.headers(1, block, end_headers=False) + h2.continuation(1, b"") * 3,
    ],
    ids=["headers", "half a frame", "continuations"],
)
def test_a_field_block_that_does_not_end(door, siege, begin):
    with siege.contained(), door.connect_h2() as client:
        began = time.monotonic()
        client.send(begin(request_of(client, siege)))
        client.read_to_goaway()
        assert time.monotonic() - began < 2 * SLOWNESS
    assert siege.victim.total == 0


@pytest.mark.parametrize("start", [b"PRI * HT", h2.PREFACE, h2.PREFACE + h2.settings({})[:5]])
def test_a_preface_that_does_not_end(door, siege, start):
    with siege.contained(), door.connect_h2(begin=False) as client:
        began = time.monotonic()
        client.send(start)
        client.read_until_gone()
        assert time.monotonic() - began < 2 * SLOWNESS


def push_until_blocked(client, batches, most: int) -> int:
    """How many bytes the edge and the kernels between took before they took no more for a while."""
    sent = 0
    with pytest.raises((ConnectionError, TimeoutError)):
        client.stream.socket.settimeout(seconds(0.5))
        for batch in batches:
            client.send(batch)
            sent += len(batch)
            assert sent < most, "the edge goes on reading while its answers are not read"
    return sent


def test_pings_by_a_client_that_reads_nothing(door, siege):
    with siege.contained(kibibytes=1024), door.connect_h2(receive_buffer=4096) as client:
        push_until_blocked(client, batches_of(h2.ping(), 4_000_000, 1000), 64 << 20)


def test_requests_by_a_client_that_reads_nothing(door, siege):
    with siege.contained(), door.connect_h2(receive_buffer=4096) as client:
        block = h2.literal_block(client.fields("80-nobody.sandbox.test"))
        before = siege.edge.metrics().total("sandgate_exchanges_total")
        batches = (h2.headers(client.new_stream().id, block) for _ in range(200_000))
        push_until_blocked(client, batches, 64 << 20)
        assert siege.edge.metrics().total("sandgate_exchanges_total") - before < 20_000
