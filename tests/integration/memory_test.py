"""limits.memory (hardening O-MEM): exchanges are refused, idle connections give way, at last nothing is accepted."""

import contextlib

import pytest

from support.edge import is_sanitized
from support.h2_frames import Code, Setting
from support.holding_sandbox import HoldingSandbox
from support.patience import eventually
from support.raw_client import ConnectionEnded
from support.raw_sandbox import ServingSandbox


def cramped(make_edge, size: str):
    return make_edge({"workers": 1, "limits": {"memory": size}, "timeouts": {"client_head": "60s"}})


def refused(edge) -> float:
    return edge.metrics().total("sandgate_limit_rejections_total", limit="memory")


def connections(edge) -> float:
    return edge.metrics().total("sandgate_client_connections")


def is_served(edge, sandbox) -> bool:
    with edge.connect() as client:
        return client.ask(sandbox.request()).status == 200


@pytest.fixture
def sandbox():
    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        yield sandbox


def test_idle_connections_give_way_the_oldest_first(make_edge, sandbox):
    edge = cramped(make_edge, "8MiB")
    edge.put("one", {"address": "127.0.0.1"})
    with contextlib.ExitStack() as stack:
        crowd = []
        for _ in range(400):
            client = stack.enter_context(edge.connect())
            with contextlib.suppress(ConnectionEnded, OSError):
                if client.ask(sandbox.request()).status == 200:
                    crowd.append(client)
                    continue
            client.close()  # As it was told to.
        # A connection stands for 24 KiB: 80 % of the limit are 273.
        assert len(crowd) < 400
        eventually(lambda: all(client.has_input() for client in crowd[:5]), "the oldest to be closed")
        eventually(lambda: 100 < connections(edge) < 274, "as many as make room")
        assert not crowd[-1].has_input(), "the newest is not"
        eventually(lambda: is_served(edge, sandbox), "a newcomer to be served, once idle ones have made room for it")


def test_exchanges_beyond_the_budget_are_refused_and_those_under_way_go_on(make_edge, sandbox):
    edge = cramped(make_edge, "2MiB")
    edge.put("one", {"address": "127.0.0.1"})
    edge.put("held", {"address": "127.0.0.1"})
    with HoldingSandbox() as holding, contextlib.ExitStack() as stack:
        holding.id = "held"
        early = stack.enter_context(edge.connect_h2())
        under_way = early.request(holding.host)
        eventually(lambda: holding.live == 1, "the first to be under way")
        held = []
        while not refused(edge):
            held.append(stack.enter_context(edge.connect()))
            held[-1].send(holding.request())
            eventually(lambda: holding.live == len(held) + 1 or refused(edge), "it to be held, or refused")
        with edge.connect() as client:
            response = client.ask(sandbox.request())
            assert (response.status, response.edge_reason, response.value("retry-after")) == (503, "overloaded", "1")
            assert response.value("connection") == "close"
        streams = [under_way, *(early.request(holding.host) for _ in range(40))]
        early.wait(lambda: streams[-1].is_over, "the last stream to be refused")
        assert streams[-1].reset_code == Code.REFUSED_STREAM and not under_way.is_over
        assert holding.live >= len(held) > 5, "those under way go on"
        assert edge.admin.get("/readyz").status == 200 and edge.health.get("/metrics").status == 200
        for client in held:
            client.reset()
        for stream in streams:
            if not stream.is_over:
                early.cancel(stream)
        eventually(lambda: holding.live == 0, "the work to be given up")
    eventually(lambda: is_served(edge, sandbox), "everybody to be served again")
    assert edge.metrics().total("sandgate_limit_rejections_total", limit="connections") == 0


def test_when_nearly_all_is_used_nothing_is_accepted_and_what_waits_is_served_later(make_edge, sandbox):
    edge = cramped(make_edge, "2MiB")
    edge.put("one", {"address": "127.0.0.1"})
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(edge.connect()) for _ in range(100)]
        for client in crowd:
            client.send(b"GET / HTTP/1.1\r\nX-Slow: ")  # A block each, and 10 ms a byte.
        eventually(lambda: connections(edge) >= 45, "the budget to be used")
        waiting = stack.enter_context(edge.connect())
        waiting.send(sandbox.request())
        assert connections(edge) < 90, "accepting has stopped: 83 connections are 95 % by themselves"
        assert edge.admin.get("/livez").status == 200
        for client in crowd:
            client.close()
        assert waiting.read_response().status in (200, 503)
    eventually(lambda: connections(edge) == 0, "all of them to be gone")
    assert is_served(edge, sandbox)


def test_the_budget_is_a_bound_for_the_process(make_edge, sandbox):
    """Downloads that are not read: what the edge refuses to take on is what it does not hold."""
    edge = cramped(make_edge, "12MiB")
    edge.put("one", {"address": "127.0.0.1"})
    sandbox.response = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
    with contextlib.ExitStack() as stack:
        before = edge.resident_kibibytes()
        clients = [edge.connect_h2(settings={Setting.INITIAL_WINDOW_SIZE: 0}) for _ in range(8)]
        for client in clients:
            stack.enter_context(client)
        for _ in range(90):
            for client in clients:
                with contextlib.suppress(OSError):
                    client.request(sandbox.host)
        eventually(lambda: refused(edge) > 100, "streams to be refused", within=20)
        if not is_sanitized():
            assert edge.resident_kibibytes() - before < 16 * 1024


def test_without_a_limit_nothing_is_refused(make_edge, sandbox):
    edge = cramped(make_edge, "0")
    edge.put("one", {"address": "127.0.0.1"})
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            assert stack.enter_context(edge.connect()).ask(sandbox.request()).status == 200
    assert refused(edge) == 0
