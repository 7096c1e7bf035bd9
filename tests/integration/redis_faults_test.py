"""Redis goes away, stalls, or says half of something, while traffic runs: every answer is accounted for.

A sandbox that exists is never answered as not found, none gets another's requests, and all is well again by itself."""

import functools
import json

import pytest

from support.edge import is_sanitized
from support.fixtures import unique_id
from support.patience import eventually
from support.raw_client import ConnectionEnded
from support.raw_sandbox import RawSandbox, ServingSandbox
from support.redis_fixtures import Stage, needs_redis, redis_config, resident, stage  # noqa: F401
from support.redis_server import PREFIX, RedisServer
from support.slow_link import SlowLink
from support.traffic import Traffic, named

pytestmark = needs_redis


@pytest.fixture
def residents(stage):
    sandboxes = [ServingSandbox() for _ in range(4)]
    for sandbox in sandboxes:
        sandbox.id = unique_id()
        named(sandbox)
        stage.put(sandbox, execution_id="first")
        assert stage.outcome(sandbox) == "ok"
    yield sandboxes
    for sandbox in sandboxes:
        sandbox.close()
        assert not sandbox.violations


@pytest.fixture
def through_link(tmp_path, make_edge):
    """A stage whose edge reaches its Redis over a link that can be slow or cut."""
    with RedisServer(tmp_path / "redis") as server, SlowLink(server.port) as link:
        edge = make_edge(redis_config(f"redis://127.0.0.1:{link.port}"))
        with server.client() as redis:
            stage = Stage(server, edge, redis)
            stage.link = link
            yield stage


def is_exact(stage) -> bool:
    return stage.figure("age_seconds") == 0


def test_killed_and_started_again(stage, residents):
    with Traffic(stage.edge, residents) as traffic:
        traffic.wait_for_more()
        stage.server.kill()
        eventually(lambda: not is_exact(stage), "the loss to be noticed")
        traffic.wait_for_more()
        assert stage.figure("stale_lookups_total") > 0
        with ServingSandbox() as unknown:
            unknown.id = unique_id()
            assert stage.outcome(unknown) == "registry_unavailable"
        stage.server.start()
        eventually(lambda: is_exact(stage), "the edge to have found Redis again")
        stale = stage.figure("stale_lookups_total")
        traffic.wait_for_more()
        assert stage.figure("stale_lookups_total") == stale
        outcomes = traffic.stop()
    assert set(outcomes) == {"ok"}, outcomes
    assert "known routes are used for up to 5m" in stage.edge.stderr()


def test_what_changed_while_redis_was_away_is_in_force_when_it_is_back(stage, residents):
    """The record goes, and another changes, unseen: Redis is reachable for the writer alone."""
    gone, replaced = residents[:2]
    with RawSandbox() as open_one, stage.edge.connect() as client:
        open_one.id = unique_id()
        stage.put(open_one)
        client.send(open_one.request())
        upstream = open_one.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        client.read_head()
        stage.server.kill()
        eventually(lambda: not is_exact(stage), "the loss to be noticed")
        assert stage.outcome(gone) == "ok"
        port, stage.server.port = stage.server.port, 0  # Where the edge does not look.
        stage.server.options.update(port=0, unixsocket=stage.server.folder / "s.sock")
        stage.server.start()
        with stage.server.socket_client() as writer:
            writer("DEL", PREFIX + gone.id, PREFIX + open_one.id)
            writer("SET", PREFIX + replaced.id, json.dumps({"address": "127.0.0.1", "state": "paused"}))
        stage.server.kill()
        stage.server.port = port
        stage.server.options.update(port=port)
        stage.server.start()
        assert client.read_until_gone() == b"some"  # Without another request.
        eventually(lambda: is_exact(stage), "the edge to have found Redis again")
        assert stage.outcome(gone) == "sandbox_not_found"
        assert stage.outcome(replaced) == "sandbox_not_found"
        assert stage.outcome(residents[2]) == "ok"


def test_stopped_and_continued(stage, residents):
    with Traffic(stage.edge, residents) as traffic:
        traffic.wait_for_more()
        stage.server.pause()
        try:
            eventually(lambda: not is_exact(stage), "the silence to be noticed")
            eventually(lambda: stage.figure("stale_lookups_total") > 0, "what was known to be used")
            traffic.wait_for_more()
        finally:
            stage.server.resume()
        eventually(lambda: is_exact(stage), "the edge to have found Redis again")
        traffic.wait_for_more()
        outcomes = traffic.stop()
    assert set(outcomes) == {"ok"}, outcomes


def test_stale_routes_are_used_only_so_long(tmp_path, make_edge):
    with RedisServer(tmp_path / "redis") as server, ServingSandbox() as sandbox:
        edge = make_edge(redis_config(server.url, stale_for="1s"))
        sandbox.id = unique_id()
        with server.client() as redis:
            stage = Stage(server, edge, redis)
            stage.put(sandbox)
        assert stage.outcome(sandbox) == "ok"
        server.kill()
        outcomes = []
        eventually(lambda: outcomes.append(stage.outcome(sandbox)) or outcomes[-1] != "ok", "the route to be too old")
        assert outcomes[-1] == "registry_unavailable"
        assert outcomes.count("ok") > 0 and stage.figure("stale_lookups_total") > 0
        assert stage.figure("age_seconds") >= 1


def test_a_time_to_live_that_ends_while_redis_is_away_is_over(stage):
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        stage.put_text(sandbox.id, json.dumps({"address": sandbox.address}), "PX", 800)
        assert stage.outcome(sandbox) == "ok"
        stage.server.kill()
        eventually(lambda: stage.outcome(sandbox) == "registry_unavailable", "the key's time to be over")


def test_answers_that_take_longer_than_a_lookup_may(through_link):
    stage = through_link
    with ServingSandbox() as known, ServingSandbox() as slow:
        for sandbox in (known, slow):
            sandbox.id = unique_id()
            named(sandbox)
            stage.put(sandbox)
        assert stage.outcome(known) == "ok"
        stage.link.delay = 1.0
        with Traffic(stage.edge, [known]) as traffic:
            assert stage.outcome(slow) in ("registry_unavailable", "ok")
            eventually(lambda: stage.outcome(slow) == "ok", "the late answer to be of use", within=15)
            stage.link.delay = 0.0
            traffic.wait_for_more()
            outcomes = traffic.stop()
        assert set(outcomes) == {"ok"}, outcomes
        eventually(lambda: is_exact(stage), "the edge to be told of changes")


def test_cut_in_the_middle_of_a_reply(through_link):
    """In what the server says of a change, and in what it says first on a connection."""
    stage = through_link
    with ServingSandbox() as known, ServingSandbox() as other:
        for sandbox in (known, other):
            sandbox.id = unique_id()
            named(sandbox)
            stage.put(sandbox, execution_id="a-generation-of-some-length")
        assert stage.outcome(known) == "ok"
        with Traffic(stage.edge, [known, other]) as traffic:
            for cut in (0, 1, 3, 4, 8, 17, 33, 60, 90, 120):
                changed = functools.partial(stage.put, other, execution_id=f"generation-{cut}")
                for cause in (changed, stage.link.drop_all):
                    eventually(lambda: is_exact(stage), "the edge to be told of changes")
                    before = stage.link.cuts
                    stage.link.cut_after = cut
                    cause()
                    eventually(lambda: stage.link.cuts > before, "the connection to be cut")
                    traffic.wait_for_more(20)
            eventually(lambda: is_exact(stage), "the edge to be told of changes")
            outcomes = traffic.stop()
    wrong = [outcome for outcome in outcomes if outcome not in ("ok", "route_changed")]
    assert not wrong, outcomes
    assert outcomes["route_changed"] <= 3 * 11, outcomes  # Those that were open when the execution changed.


def test_every_connection_dropped_again_and_again(through_link):
    stage = through_link
    sandboxes = [ServingSandbox() for _ in range(3)]
    for sandbox in sandboxes:
        sandbox.id = unique_id()
        named(sandbox)
        stage.put(sandbox)
    descriptors = stage.edge.metrics().total("process_open_fds")
    with Traffic(stage.edge, sandboxes) as traffic:
        for _ in range(25):
            eventually(lambda: is_exact(stage), "the edge to be told of changes")
            stage.link.drop_all()
            traffic.wait_for_more(10)
        eventually(lambda: is_exact(stage), "the edge to be told of changes")
        outcomes = traffic.stop()
    assert set(outcomes) == {"ok"}, outcomes
    # With the traffic's own connections gone, those to sandboxes within timeouts.sandbox_idle.
    eventually(
        lambda: stage.edge.metrics().total("process_open_fds") <= descriptors + 2, "no descriptor left over", within=10
    )
    for sandbox in sandboxes:
        sandbox.close()


def test_only_the_connection_that_is_told_breaks(stage, residents):
    with Traffic(stage.edge, residents) as traffic:
        for _ in range(10):
            eventually(lambda: is_exact(stage), "the edge to be told of changes")
            killed = stage.redis("CLIENT", "KILL", "TYPE", "pubsub")
            assert killed == 1
            stage.put(residents[0], execution_id="first")
            traffic.wait_for_more(10)
        eventually(lambda: is_exact(stage), "the edge to be told of changes")
        outcomes = traffic.stop()
    assert set(outcomes) == {"ok"}, outcomes


def test_a_change_while_nothing_is_told_is_seen_by_the_next_request(stage, resident):
    """Tracking is refused: lookups go on, each asked of Redis."""
    stage.redis("ACL", "SETUSER", "default", "-client|tracking")
    stage.redis("CLIENT", "KILL", "TYPE", "pubsub")
    eventually(lambda: "does not tell of changes" in stage.edge.stderr(), "the edge to say so")
    for number in range(10):
        stage.put(resident, state="paused")
        assert stage.outcome(resident) == "sandbox_not_found"
        stage.put(resident)
        assert stage.outcome(resident) == "ok"
    assert stage.figure("age_seconds") > 0
    stage.redis("ACL", "SETUSER", "default", "+client|tracking")
    eventually(lambda: is_exact(stage), "the edge to be told of changes")
    assert stage.outcome(resident) == "ok"


def test_flushed_and_filled_again_under_traffic(stage, residents):
    """While it is empty a sandbox is rightly not found; nothing else is ever said."""
    texts = {sandbox.id: json.dumps({"address": "127.0.0.1", "execution_id": "first"}) for sandbox in residents}
    with Traffic(stage.edge, residents) as traffic:
        for _ in range(20):
            stage.redis("FLUSHALL")
            for name, text in texts.items():
                stage.put_text(name, text)
            traffic.wait_for_more(10)
        eventually(lambda: all(stage.outcome(one) == "ok" for one in residents), "all to be back")
        outcomes = traffic.stop()
    assert set(outcomes) <= {"ok", "sandbox_not_found", "route_changed"}, outcomes
    assert outcomes["ok"] > 200


def test_a_long_outage_costs_no_memory(stage, residents):
    """Names nobody knows, while nobody can be asked."""
    stage.server.kill()
    eventually(lambda: not is_exact(stage), "the loss to be noticed")
    before = stage.edge.resident_kibibytes()
    clients = [stage.edge.connect() for _ in range(100)]
    for turn in range(3):
        for number, client in enumerate(clients):
            client.send(b"GET / HTTP/1.1\r\nHost: 80-n%dx%d.sandbox.test\r\n\r\n" % (turn, number))
        for client in clients:
            assert client.read_response().edge_reason == "registry_unavailable"
    for client in clients:
        client.close()
    assert is_sanitized() or stage.edge.resident_kibibytes() - before < 8_000
    stage.server.start()
    eventually(lambda: is_exact(stage), "the edge to have found Redis again")
    assert stage.outcome(residents[0]) == "ok"


def test_the_edge_stops_while_redis_does_not_answer(tmp_path, make_edge):
    with RedisServer(tmp_path / "redis") as server:
        edge = make_edge(redis_config(server.url))
        server.pause()
        try:
            with edge.connect() as client:
                client.send(b"GET / HTTP/1.1\r\nHost: 80-waiting.sandbox.test\r\n\r\n")
                eventually(lambda: edge.metrics().total("sandgate_active_exchanges") == 1, "the lookup to wait")
                edge.stop()
                with pytest.raises(ConnectionEnded):
                    while True:
                        client.read_head()
        finally:
            server.resume()
