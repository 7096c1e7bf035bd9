"""Goodbye in HTTP/2: two GOAWAYs, what is under way is finished, nobody who asks again loses anything (H2-DRAIN, 1.10)."""

import select
import signal
import threading
import time

import pytest

from support.dialogue import ConnectionEnded
from support.h2_frames import DEFAULT_WINDOW, MAX_WINDOW, Code, Setting
from support.h2_tunnel import open_tunnel
from support.patience import SLOWNESS, eventually
from support.raw_sandbox import OK, RawSandbox, ServingSandbox

TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture
def start(make_edge):
    """An edge with these times and a sandbox it knows."""
    sandboxes = []

    def start(announce: str = "50ms", grace: str = "30s", **config):
        timeouts = {"drain_announce": announce, "drain_grace": grace, **config.pop("timeouts", {})}
        edge = make_edge({"timeouts": timeouts, **config})
        sandbox = RawSandbox()
        sandbox.id = "held"
        sandboxes.append(sandbox)
        edge.put("held", {"address": "127.0.0.1"})
        return edge, sandbox

    yield start
    for sandbox in sandboxes:
        sandbox.close()


def hold(client, sandbox, *known) -> tuple:
    """A request that waits for its answer."""
    stream = client.request(sandbox.host)
    upstream = sandbox.next_connection(*known)
    upstream.read_request()
    return stream, upstream


def assert_gone(client, code: int = Code.NO_ERROR):
    assert client.read_to_goaway() == code, client.goaways


@TLS
def test_while_it_is_announced_everything_is_served_as_ever(start, tls):
    edge, sandbox = start("30s", "1s")
    with edge.connect_h2(tls=tls) as before:
        edge.signal(signal.SIGTERM)
        eventually(lambda: edge.health.get("/readyz").status == 503, "readyz to say so")
        stream, upstream = hold(before, sandbox)
        upstream.send(OK)
        assert before.read_response(stream).ended_well
        with edge.connect_h2(tls=tls) as newcomer:
            stream, upstream = hold(newcomer, sandbox, upstream)
            upstream.send(OK)
            assert newcomer.read_response(stream).ended_well
            newcomer.round_trip()
            assert not newcomer.goaways
        before.round_trip()
        assert not before.goaways
    edge.signal(signal.SIGTERM)
    edge.wait()


@TLS
def test_goodbye_is_said_twice_and_what_comes_between_is_served(start, tls):
    edge, sandbox = start()
    with edge.connect_h2(tls=tls) as client:
        first, upstream = hold(client, sandbox)
        edge.signal(signal.SIGTERM)
        client.wait(lambda: client.goaways, "the first GOAWAY")
        warned = time.monotonic()
        assert client.goaways == [(MAX_WINDOW, Code.NO_ERROR)]
        between, another = hold(client, sandbox)
        client.wait(lambda: len(client.goaways) == 2, "the second GOAWAY")
        assert client.goaways[1] == (between.id, Code.NO_ERROR)
        assert 0.3 < time.monotonic() - warned < 3 * SLOWNESS, "about a second for what is on its way"
        for one in (upstream, another):
            one.send(OK)
        assert client.read_response(first).ended_well and client.read_response(between).ended_well
        assert_gone(client)
    assert edge.wait(within=5) == 0


@TLS
def test_a_stream_after_the_last_goodbye_reaches_no_sandbox(start, tls):
    edge, sandbox = start()
    with edge.connect_h2(tls=tls) as client:
        held, upstream = hold(client, sandbox)
        edge.signal(signal.SIGTERM)
        client.wait(lambda: len(client.goaways) == 2, "the second GOAWAY")
        late = client.request(sandbox.host)
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        assert client.read_head(held).status == 200
        assert late.reset_code in (None, Code.REFUSED_STREAM) and not late.status
        sandbox.assert_untouched()
        upstream.send(b"ok")
        assert client.read_response(held).ended_well
    assert edge.wait(within=5) == 0


@TLS
def test_an_idle_connection_is_told_and_closed(start, tls):
    edge, _ = start()
    with edge.connect_h2(tls=tls) as fresh, edge.connect_h2(tls=tls) as used:
        assert used.ask("80-nobody.sandbox.test").status == 502
        edge.signal(signal.SIGTERM)
        assert_gone(fresh)
        assert_gone(used)
        assert edge.wait(within=5) == 0


@TLS
@pytest.mark.parametrize("window", [DEFAULT_WINDOW, 1 << 25], ids=["windows that bound", "windows that do not"])
def test_downloads_under_way_arrive_whole_and_the_edge_ends_with_the_last(start, tls, window):
    edge, sandbox = start()
    content = bytes(range(250)) * 80_000  # 20 MB
    with edge.connect_h2(tls=tls, settings={Setting.INITIAL_WINDOW_SIZE: window}) as client:
        if window > DEFAULT_WINDOW:
            client.give_credit(None, 2 * window)
        streams, upstreams = zip(*[hold(client, sandbox) for _ in range(2)])
        for upstream in upstreams:
            upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content), content[:1000])
        for stream in streams:
            client.read_body(stream, 1000)
        edge.signal(signal.SIGTERM)
        client.wait(lambda: len(client.goaways) == 2, "the second GOAWAY")
        senders = [threading.Thread(target=upstream.send, args=(content[1000:],)) for upstream in upstreams]
        for sender in senders:
            sender.start()
        for stream in streams:
            assert client.read_response(stream, within=30).body == content and stream.ended_well
        done = time.monotonic()
        for sender in senders:
            sender.join()
        assert edge.wait() == 0
        assert time.monotonic() - done < 1 * SLOWNESS
        assert_gone(client)


@TLS
def test_an_upload_under_way_is_finished(start, tls):
    edge, sandbox = start()
    with edge.connect_h2(tls=tls) as client:
        stream = client.request(sandbox.host, "POST", "/", body=b"one", end=False)
        upstream = sandbox.accept()
        upstream.read_head()
        assert upstream.read_body_bytes(3) == b"one"
        edge.signal(signal.SIGTERM)
        client.wait(lambda: len(client.goaways) == 2, "the second GOAWAY")
        client.send_data(stream, b"two", end=True)
        assert upstream.read_body_bytes(3) == b"two"
        upstream.send(OK)
        assert client.read_response(stream).ended_well
    assert edge.wait(within=5) == 0


@TLS
def test_a_tunnel_lives_until_the_grace_is_over_and_is_then_cut(start, tls):
    edge, sandbox = start(grace="2s")
    with edge.connect_h2(tls=tls) as client:
        stream, upstream = open_tunnel(client, sandbox)
        edge.signal(signal.SIGTERM)
        client.wait(lambda: len(client.goaways) == 2, "the second GOAWAY")
        client.send_data(stream, b"still here")
        assert upstream.read_exactly(10) == b"still here"
        try:
            client.read_response(stream)
        except ConnectionEnded:
            pass
        assert stream.body == b"" and not stream.ended_well, "no byte is put into a tunnel, and no end"
        assert upstream.read_until_gone() == b""
    assert edge.wait(within=5) == 0


def test_what_is_open_when_the_grace_is_over_is_cut(start):
    edge, sandbox = start(grace="1500ms")
    with edge.connect_h2() as client:
        unanswered, _ = hold(client, sandbox)
        partial, upstream = hold(client, sandbox)
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        assert client.read_body(partial, 4) == b"part"
        edge.signal(signal.SIGTERM)
        try:
            client.wait(lambda: partial.is_over and unanswered.is_over, "the streams to end")
        except ConnectionEnded:
            pass
        assert not partial.has_ended, "a part never looks whole"
        assert unanswered.reset_code is not None or unanswered.status in (0, 503)
        if unanswered.status:
            assert unanswered.edge_reason == "draining"
        upstream.read_until_gone()
        assert edge.wait(within=5) == 0


def test_a_second_sigterm_ends_it_at_once(start):
    edge, sandbox = start("50ms", "60s")
    with edge.connect_h2() as client:
        hold(client, sandbox)
        edge.signal(signal.SIGTERM)
        client.wait(lambda: client.goaways, "the first GOAWAY")
        edge.signal(signal.SIGTERM)
        assert edge.wait(within=3) == 0


# Goodbyes of a single connection


@TLS
def test_an_idle_connection_is_closed_after_a_while(start, tls):
    edge, sandbox = start(timeouts={"client_idle": "700ms", "client_head": "10s"})
    with edge.connect_h2(tls=tls) as client:
        stream, upstream = hold(client, sandbox)
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 1.5, "more than client_idle to pass")
        client.round_trip()
        assert not client.goaways, "a connection with a stream is not idle"
        upstream.send(OK)
        assert client.read_response(stream).ended_well
        assert_gone(client)
        assert client.goaways[-1] == (stream.id, Code.NO_ERROR)


def test_pings_do_not_keep_an_idle_connection(start):
    edge, _ = start(timeouts={"client_idle": "700ms"})
    with edge.connect_h2() as client:
        assert client.ask("80-nobody.sandbox.test").status == 502
        began = time.monotonic()
        with pytest.raises(ConnectionEnded):
            while time.monotonic() - began < 8 * SLOWNESS:
                client.round_trip()
                select.select([client.stream.socket], [], [], 0.1)
        assert client.goaways[-1][1] == Code.NO_ERROR


@TLS
def test_a_connection_has_at_most_its_number_of_streams_and_loses_none(make_edge, tls):
    edge = make_edge({"limits": {"exchanges_per_connection": 5}})
    with ServingSandbox() as sandbox:
        sandbox.id = "busy"
        edge.put("busy", {"address": "127.0.0.1"})
        left, connections = [f"/{n}" for n in range(20)], 0
        while left:
            connections += 1
            assert connections <= 10
            with edge.connect_h2(tls=tls) as client:
                asked = {path: client.request(sandbox.host, "GET", path) for path in left}
                assert_gone(client)
                last = client.goaways[-1][0]
                for path, stream in asked.items():
                    if stream.id <= last:
                        assert stream.status == 200 and stream.ended_well, f"{path} was promised"
                        left.remove(path)
                    else:
                        assert not stream.status
        assert sorted(one.target for one in sandbox.requests) == sorted(f"/{n}" for n in range(20)), "each just once"
