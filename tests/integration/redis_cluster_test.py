"""Redis Cluster: three masters with a replica each; fail-over, a slot that moves, and what is served meanwhile."""

import collections
import contextlib
import json
import threading

import pytest

from support.fixtures import unique_id
from support.patience import eventually
from support.raw_sandbox import RawSandbox, ServingSandbox
from support.redis_cluster import RedisCluster
from support.redis_fixtures import needs_redis, redis_config
from support.redis_server import PREFIX, RedisServer
from support.traffic import Traffic, named

pytestmark = needs_redis


def put(cluster, sandbox, **record) -> None:
    text = json.dumps({"address": sandbox.address, "execution_id": "first", **record})
    assert cluster("SET", PREFIX + sandbox.id, text) == "OK"


def outcome(edge, sandbox) -> str:
    with edge.connect() as client:
        response = client.ask(sandbox.request())
    return "ok" if response.status == 200 else response.edge_reason


def is_exact(edge) -> bool:
    return edge.metrics().total("sandgate_registry_age_seconds") == 0


@pytest.fixture
def cluster(tmp_path):
    with RedisCluster(tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def edge(cluster, make_edge):
    return make_edge(redis_config(f"redis://127.0.0.1:{cluster.servers[0].port}", cluster=True))


@pytest.fixture
def residents(cluster, edge):
    """Of every master some, each read from a server that tells of changes: what was read before is asked for again."""
    eventually(lambda: is_exact(edge), "every master to tell of changes")
    sandboxes = [ServingSandbox() for _ in range(9)]
    for sandbox in sandboxes:
        sandbox.id = unique_id()
        named(sandbox)
        put(cluster, sandbox)
        assert outcome(edge, sandbox) == "ok"
    owners = {cluster.master_of(PREFIX + sandbox.id).port for sandbox in sandboxes}
    assert len(owners) == 3
    yield sandboxes
    for sandbox in sandboxes:
        sandbox.close()


def test_records_of_every_master_are_read_told_of_and_written(cluster, edge, residents):
    asked = edge.metrics().total("sandgate_registry_source_requests_total")
    for sandbox in residents:
        assert outcome(edge, sandbox) == "ok"
    assert edge.metrics().total("sandgate_registry_source_requests_total") == asked, "a warm lookup asked"
    for sandbox in residents:
        put(cluster, sandbox, state="paused")
        eventually(lambda: outcome(edge, sandbox) == "sandbox_not_found", "the change to be seen")
        edge.put(sandbox.id, {"address": "127.0.0.1", "execution_id": "second"})
        assert outcome(edge, sandbox) == "ok"
        assert json.loads(cluster("GET", PREFIX + sandbox.id))["execution_id"] == "second"
        assert edge.admin.delete(f"/v1/sandboxes/{sandbox.id}?execution_id=first").status == 409
        assert edge.admin.delete(f"/v1/sandboxes/{sandbox.id}?execution_id=second").status == 204
        assert outcome(edge, sandbox) == "sandbox_not_found"
    assert edge.admin.get("/v1/sandboxes").json()["sandboxes"] == []


def test_a_page_is_of_all_masters_together(cluster, edge, residents):
    page = edge.admin.get("/v1/sandboxes").json()["sandboxes"]
    assert [one["sandbox_id"] for one in page] == sorted(sandbox.id for sandbox in residents)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_fail_over(cluster, edge, residents, how):
    """The master goes; its replica takes over; nothing is answered wrongly before, between or after."""
    lost = cluster.master_of(PREFIX + residents[0].id)
    successor = cluster.replica_of(lost)
    with ServingSandbox() as unknown, Traffic(edge, residents) as traffic:
        # A record that the edge was never asked for, of the master that goes.
        while not unknown.id or cluster.master_of(PREFIX + unknown.id) is not lost:
            unknown.id = unique_id()
        named(unknown)
        put(cluster, unknown)
        assert cluster.client(lost)("WAIT", 1, 5000) == 1
        traffic.wait_for_more()
        if how == "killed":
            lost.kill()
        else:
            lost.pause()
        cluster.forget(lost)
        traffic.wait_for_more()
        # Its replica may be asked before it is the master.
        eventually(lambda: outcome(edge, unknown) == "ok", "the replica to stand in", within=15)
        eventually(lambda: cluster.master_of(PREFIX + unknown.id) is successor, "the fail-over", within=20)
        eventually(lambda: is_exact(edge), "the edge to be told by the new master", within=15)
        put(cluster, unknown, state="paused")
        eventually(lambda: outcome(edge, unknown) == "sandbox_not_found", "a change at the new master to be seen")
        traffic.wait_for_more()
        if how == "stopped":
            lost.resume()
        else:
            lost.start()
        eventually(lambda: b"role:slave" in cluster.client(lost)("INFO", "replication"), "the old one to follow", 20)
        eventually(lambda: is_exact(edge), "the edge to be told of changes", within=15)
        traffic.wait_for_more()
        outcomes = traffic.stop()
    assert set(outcomes) == {"ok"}, outcomes


@contextlib.contextmanager
def listing(edge):
    """Asks for the list without a pause; how often which status came."""
    statuses, is_over = collections.Counter(), threading.Event()

    def ask():
        while not is_over.is_set():
            statuses[edge.admin.get("/v1/sandboxes").status] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        is_over.set()
        thread.join()


def test_a_list_while_a_master_goes(cluster, edge, residents):
    """Whole, or said not to be had: and the list that is being made outlives the master it asks."""
    lost = cluster.master_of(PREFIX + residents[0].id)
    successor = cluster.replica_of(lost)
    with listing(edge) as listed:
        lost.kill()
        cluster.forget(lost)
        eventually(lambda: cluster.master_of(PREFIX + residents[0].id) is successor, "the fail-over", within=20)
        before = listed[200]
        eventually(lambda: listed[200] > before, "the list to be had again", within=15)
    assert set(listed) <= {200, 503}, listed
    page = edge.admin.get("/v1/sandboxes").json()["sandboxes"]
    assert [one["sandbox_id"] for one in page] == sorted(sandbox.id for sandbox in residents)


def test_an_id_that_only_a_lost_master_could_know_is_never_not_found(cluster, edge):
    """Neither it nor its replica can be asked."""
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        put(cluster, sandbox)
        lost = cluster.master_of(PREFIX + sandbox.id)
        for server in (cluster.replica_of(lost), lost):
            server.kill()
            cluster.forget(server)
        for _ in range(3):
            assert outcome(edge, sandbox) == "registry_unavailable"
        with ServingSandbox() as elsewhere:
            while not elsewhere.id or cluster.master_of(PREFIX + elsewhere.id) is lost:
                elsewhere.id = unique_id()
            put(cluster, elsewhere)
            assert outcome(edge, elsewhere) == "ok"


def test_a_slot_that_moves(cluster, edge, residents):
    """Key by key, as a resharding does it: before, in the middle, and after; with a change in each."""
    moved = residents[0]
    key = PREFIX + moved.id
    slot = cluster.slot_of(key)
    source = cluster.master_of(key)
    target = next(server for server in cluster.servers[:3] if server is not source)
    with Traffic(edge, residents) as traffic:
        cluster.begin_moving(slot, source, target)
        put(cluster, moved)
        traffic.wait_for_more()
        cluster.move_key(key, source, target)
        traffic.wait_for_more()
        put(cluster, moved, mask_request_host="in-the-middle")
        eventually(lambda: _host_seen_by(edge, moved) == "in-the-middle", "a change in the middle of it to be seen")
        cluster.end_moving(slot, target)
        traffic.wait_for_more()
        eventually(lambda: cluster.master_of(key) is target, "the slot to be the other's")
        put(cluster, moved, mask_request_host="after-it")
        eventually(lambda: _host_seen_by(edge, moved) == "after-it", "a change after it to be seen")
        eventually(lambda: is_exact(edge), "the edge to be told of changes")
        traffic.wait_for_more()
        outcomes = traffic.stop()
    assert set(outcomes) == {"ok"}, outcomes


def test_an_absent_id_in_a_slot_that_moves_is_told_of_when_it_is_made(cluster, edge):
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        key = PREFIX + sandbox.id
        slot, source = cluster.slot_of(key), cluster.master_of(key)
        target = next(server for server in cluster.servers[:3] if server is not source)
        assert outcome(edge, sandbox) == "sandbox_not_found"
        cluster.begin_moving(slot, source, target)
        put(cluster, sandbox)  # At the target, by ASK.
        assert cluster.client(source)("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
        eventually(lambda: outcome(edge, sandbox) == "ok", "the new record to be seen")
        cluster.end_moving(slot, target)
        eventually(lambda: is_exact(edge), "the edge to be told of changes")
        assert outcome(edge, sandbox) == "ok"


def _host_seen_by(edge, sandbox) -> str:
    before = len(sandbox.requests)
    assert outcome(edge, sandbox) == "ok"
    return sandbox.requests[before:][-1].value("host")


def test_what_is_open_ends_when_its_record_does_whatever_became_of_its_master(cluster, edge):
    with RawSandbox() as sandbox, edge.connect() as client:
        sandbox.id = unique_id()
        put(cluster, sandbox)
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        client.read_head()
        lost = cluster.master_of(PREFIX + sandbox.id)
        assert cluster.client(lost)("WAIT", 1, 5000) == 1
        lost.kill()
        cluster.forget(lost)
        successor = cluster.replica_of(lost)
        eventually(lambda: cluster.master_of(PREFIX + sandbox.id) is successor, "the fail-over", within=20)
        cluster("DEL", PREFIX + sandbox.id)
        assert client.read_until_gone() == b"some"
        assert upstream.read_until_gone() == b""


def test_a_server_that_is_no_cluster_is_said_to_be_none(tmp_path, make_edge):
    with RedisServer(tmp_path / "single") as server:
        edge = make_edge.unstarted(redis_config(server.url, cluster=True))
        edge.start(wait_ready=False)
        eventually(lambda: "cluster support disabled" in edge.stderr(), "the edge to say so", within=10)
