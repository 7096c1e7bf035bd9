"""Flow control: a slow side stops the other and nobody else, and credit is given for what was passed on (H2-FC, 1.9).

The client counts the edge's use of its windows itself: a byte too many is a failure in any of these tests.
"""

import hashlib
import select
import socket
import threading

import pytest

from support import h2_frames as h2
from support.edge import is_sanitized
from support.h2_frames import Code, Kind, Setting
from support.patience import eventually, seconds
from support.raw_client import ConnectionEnded
from support.raw_sandbox import OK, RawSandbox, SandboxConnection

MEBIBYTE = 1 << 20
#: What a stalled stream may hold in the edge and in its kernel buffers (hardening 1.9), beside the test's own buffers.
STALLED_MOST = MEBIBYTE
PIECE = 65536


def length(size: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size


def take_everything(upstreams: list) -> dict:
    """Sends on each connection until none takes more; how much each took."""
    sent = dict.fromkeys(upstreams, 0)
    sockets = {upstream.stream.socket: upstream for upstream in upstreams}
    for one in sockets:
        one.setblocking(False)
    while writable := select.select([], list(sockets), [], seconds(0.5))[1]:
        for one in writable:
            try:
                sent[sockets[one]] += one.send(b"x" * PIECE)
            except BlockingIOError:
                pass
        assert max(sent.values()) < 64 * MEBIBYTE, "the edge goes on reading what nobody takes"
    return sent


def open_download(client, sandbox, size: int) -> tuple:
    """A response under way, from a sandbox whose own kernel buffer is small."""
    stream = client.request(sandbox.host)
    upstream = sandbox.accept()
    upstream.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)
    upstream.read_request()
    upstream.send(length(size))
    return stream, upstream


# Downloads


def test_a_client_that_opens_no_window_stops_the_sandbox(door, sandbox):
    with door.connect_h2(settings={Setting.INITIAL_WINDOW_SIZE: 0}) as client:
        stream, upstream = open_download(client, sandbox, 1 << 30)
        assert client.read_head(stream).status == 200, "the head needs no credit"
        sent = take_everything([upstream])[upstream]
        assert sent <= STALLED_MOST + 2 * PIECE
        client.round_trip()
        assert stream.body == b""


def test_many_stalled_downloads_cost_the_edge_little(door, edge, sandbox):
    with door.connect_h2() as warm_up:
        stream, upstream = open_download(warm_up, sandbox, 5)
        upstream.send(b"hello")
        assert warm_up.read_response(stream).body == b"hello"
        upstream.close()
    before = edge.resident_kibibytes()
    with door.connect_h2(settings={Setting.INITIAL_WINDOW_SIZE: 0}) as client:
        upstreams = [open_download(client, sandbox, 1 << 30)[1] for _ in range(50)]
        sent = take_everything(upstreams)
        assert max(sent.values()) <= STALLED_MOST + 2 * PIECE
        if not is_sanitized():
            assert edge.resident_kibibytes() - before < 50 * 128 + 1024


def test_no_more_comes_than_the_stream_may(door, sandbox):
    with door.connect_h2(settings={Setting.INITIAL_WINDOW_SIZE: 10}) as client:
        client.replenishes = False
        stream = client.request(sandbox.host)
        upstream = sandbox.accept()
        upstream.answer(length(20) + b"0123456789abcdefghij")
        assert client.read_body(stream, 10) == b"0123456789"
        client.round_trip()
        assert len(stream.body) == 10
        client.give_credit(stream, 1)
        assert client.read_body(stream, 11) == b"0123456789a"
        client.send_settings({Setting.INITIAL_WINDOW_SIZE: 14})
        assert client.read_body(stream, 15) == b"0123456789abcde"
        client.round_trip()
        assert len(stream.body) == 15
        client.give_credit(stream, 5)
        assert client.read_response(stream).ended_well


def test_a_window_that_shrinks_below_nothing_is_waited_for(door, sandbox):
    with door.connect_h2(settings={Setting.INITIAL_WINDOW_SIZE: 10}) as client:
        client.replenishes = False
        stream = client.request(sandbox.host)
        sandbox.accept().answer(length(20) + b"0123456789abcdefghij")
        client.read_body(stream, 10)
        client.send_settings({Setting.INITIAL_WINDOW_SIZE: 2})  # now it stands at -8
        client.give_credit(stream, 8)
        client.round_trip()
        assert len(stream.body) == 10
        client.give_credit(stream, 10)
        assert client.read_response(stream).ended_well


def test_no_more_comes_than_the_connection_may(door, sandbox):
    with door.connect_h2(settings={Setting.INITIAL_WINDOW_SIZE: MEBIBYTE}) as client:
        client.replenishes = False
        streams = [client.request(sandbox.host) for _ in range(2)]
        for upstream in [sandbox.accept(), sandbox.accept()]:
            upstream.answer(length(60_000) + b"x" * 60_000)
        client.wait(lambda: client.receive_window == 0, "the window to be used up")
        client.round_trip()
        assert sum(len(stream.body) for stream in streams) == 65535
        client.give_credit(None, 120_000 - 65535)
        assert [client.read_response(stream).ended_well for stream in streams] == [True, True]


def test_a_stalled_download_holds_up_nobody_else(door, sandbox, service):
    with door.connect_h2() as client:
        client.replenishes = False
        _, upstream = open_download(client, sandbox, 1 << 30)
        take_everything([upstream])
        client.give_credit(None, MEBIBYTE)
        assert client.ask(service.host).status == 200, "on the same connection"
        with door.connect_h2() as another:
            assert another.ask(service.host).status == 200


def test_a_slow_reader_gets_every_byte(door, sandbox):
    content = bytes(range(256)) * 1024
    with door.connect_h2(settings={Setting.INITIAL_WINDOW_SIZE: 1000}, receive_buffer=4096) as client:
        stream = client.request(sandbox.host)
        upstream = sandbox.accept()
        upstream.read_request()
        writer = threading.Thread(target=upstream.send, args=(length(len(content)), content))
        writer.start()
        assert client.read_response(stream).body == content and stream.ended_well
        writer.join()


# Uploads


@pytest.fixture
def deaf(register):
    """A sandbox that accepts and never reads, with a small kernel buffer."""
    with RawSandbox(receive_buffer=PIECE) as sandbox:
        yield register(sandbox)


def push(client, stream) -> int:
    """Uploads until no more credit comes; how much that was."""
    sent = 0
    while True:
        while size := min(client.allowance(stream), 16384):
            client.send_data(stream, b"x" * size)
            sent += size
            assert sent < 64 * MEBIBYTE, "the edge takes what nobody reads"
            client.read_available()
        client.round_trip()
        if not client.allowance(stream) and not select.select([client.stream.socket], [], [], seconds(0.5))[0]:
            return sent
        client.read_available()


def test_a_sandbox_that_never_reads_stops_the_upload_and_nothing_else(door, edge, deaf, service):
    with door.connect_h2() as client:
        assert client.ask(service.host).status == 200
        before = edge.resident_kibibytes()
        stream = client.request(deaf.host, "POST", "/", end=False)
        deaf.accept()
        sent = push(client, stream)
        assert sent <= STALLED_MOST + 2 * PIECE
        if not is_sanitized():
            assert edge.resident_kibibytes() - before < 1024
        assert not stream.is_over and client.send_window > 0, "the connection's window is not one stream's"
        post = client.request(service.host, "POST", "/", end=False)
        client.upload(post, b"y" * 100_000)
        assert client.read_response(post).status == 200, "on the same connection"
        with door.connect_h2() as another:
            assert another.ask(service.host).status == 200


def test_credit_comes_back_only_for_what_was_passed_on(door, deaf):
    with door.connect_h2() as client:
        stream = client.request(deaf.host, "POST", "/", end=False)
        upstream = deaf.accept()
        sent = push(client, stream)
        stalled_at = stream.credit
        client.round_trip()
        assert stream.credit == stalled_at < sent
        upstream.read_head()
        upstream.read_body_bytes(sent)  # all of it is there, in order and whole
        client.wait(lambda: stream.credit > stalled_at, "credit for what the sandbox took")
        client.send_data(stream, b"x", end=True)
        upstream.read_body_bytes(1)
        upstream.send(OK)
        assert client.read_response(stream).status == 200


class Sink(threading.Thread):
    """Reads a chunked upload as fast as it comes, and answers when it is over."""

    def __init__(self, upstream: SandboxConnection):
        super().__init__(daemon=True)
        self._upstream = upstream
        self.digest, self.size = hashlib.sha256(), 0

    def run(self):
        while chunk := self._upstream.read_chunk():
            self.digest.update(chunk)
            self.size += len(chunk)
        self._upstream.read_trailers()
        self._upstream.send(OK)


def test_the_window_grows_for_an_upload_that_is_taken_as_it_comes(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", end=False)
        initial = widest = stream.send_window
        upstream = sandbox.accept()
        upstream.read_head()
        sink = Sink(upstream)
        sink.start()
        for _ in range(64):
            client.upload(stream, b"x" * MEBIBYTE, end=False)
            client.round_trip()
            widest = max(widest, client.allowance(stream))
        client.send_data(stream, end=True)
        assert client.read_response(stream).status == 200
        sink.join()
        assert sink.size == 64 * MEBIBYTE
        assert widest > initial, "no more was ever in flight than in the beginning"


def test_padding_gives_its_credit_back(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", end=False)
        upstream = sandbox.accept()
        upstream.read_head()
        sink = Sink(upstream)
        sink.start()
        padded = h2.frame(Kind.DATA, h2.PADDED, stream.id, b"\xff" + b"x" + bytes(255))
        for _ in range(10_000):  # 2.5 MB, more than any window in the beginning
            client.wait(lambda: client.allowance(stream) > 257, "credit")
            client.send(padded)
            stream.send_window -= 257
            client.send_window -= 257
            client.read_available()
        client.send_data(stream, end=True)
        assert client.read_response(stream).status == 200
        sink.join()
        assert sink.size == 10_000


def test_an_upload_and_a_download_side_by_side_arrive_whole(door, sandbox):
    size = 64 * MEBIBYTE
    content = bytes(range(256)) * 256
    with door.connect_h2() as client:
        up = client.request(sandbox.host, "POST", "/up", end=False)
        taker = sandbox.accept()
        taker.read_head()
        down = client.request(sandbox.host, "GET", "/down")
        giver = sandbox.accept()
        giver.read_request()
        sink = Sink(taker)
        source = threading.Thread(
            target=lambda: [giver.send(length(size)), *(giver.send(content) for _ in range(size // len(content)))]
        )
        sink.start()
        source.start()
        for _ in range(size // len(content)):
            client.upload(up, content, end=False)
        client.send_data(up, end=True)
        assert client.read_response(down, within=60).ended_well
        assert client.read_response(up, within=60).status == 200
        sink.join()
        source.join()
        expected = hashlib.sha256(content * (size // len(content))).digest()
        assert hashlib.sha256(down.body).digest() == expected == sink.digest.digest()


# What does not go on ends


@pytest.fixture
def impatient(make_edge):
    edge = make_edge({"timeouts": {"client_write": "500ms", "client_body_idle": "500ms", "client_idle": "30s"}})
    with RawSandbox() as sandbox:
        sandbox.id = "stalled"
        edge.put("stalled", {"address": "127.0.0.1"})
        yield edge, sandbox


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_stream_whose_window_stays_shut_ends_and_the_others_go_on(impatient, tls):
    edge, sandbox = impatient
    with edge.connect_h2(tls=tls, settings={Setting.INITIAL_WINDOW_SIZE: 5}) as client:
        client.replenishes = False
        stream = client.request(sandbox.host)
        upstream = sandbox.accept()
        upstream.answer(length(100) + b"0123456789")
        assert client.read_reset(stream) != Code.NO_ERROR
        assert (stream.body, stream.has_ended) == (b"01234", False)
        upstream.assert_closed()
        head = client.request(sandbox.host, "HEAD")
        sandbox.accept().answer(length(5))
        assert client.read_response(head).status == 200
    line = edge.log_line(request_id=stream.value("x-request-id"))
    assert (line["reason"], line["blame"], line["status"]) == ("client_write_timeout", "client", 200)
    assert edge.metrics().total("sandgate_limit_rejections_total", limit="h2_stalled_streams") == 1


def test_a_connection_whose_window_stays_shut_ends_its_streams(impatient):
    edge, sandbox = impatient
    with edge.connect_h2(settings={Setting.INITIAL_WINDOW_SIZE: MEBIBYTE}) as client:
        client.replenishes = False
        stream = client.request(sandbox.host)
        sandbox.accept().answer(length(100_000) + b"x" * 100_000)
        try:
            assert client.read_reset(stream) != Code.NO_ERROR
        except ConnectionEnded:
            pass  # the whole connection is as good
        assert len(stream.body) == 65535
    assert edge.log_line(request_id=stream.value("x-request-id"))["reason"] == "client_write_timeout"


def test_an_upload_that_stops_coming_is_given_up_and_the_others_go_on(impatient):
    edge, sandbox = impatient
    with edge.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", ("content-length", "100"), body=b"x", end=False)
        upstream = sandbox.accept()
        upstream.read_head()
        assert client.read_response(stream).status == 408 and stream.edge_reason == "client_body_timeout"
        assert upstream.read_until_gone() == b"x"
        assert client.ask("80-nobody.sandbox.test").status == 502
    eventually(lambda: edge.metrics().total("sandgate_active_exchanges") == 0, "no exchange to be left")
