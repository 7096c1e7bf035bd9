"""The API server is killed, restarted, compacted, its tokens rotated: what was known is served all the while."""

import pytest

from support.fixtures import unique_id
from support.kube_stage import KubeStage
from support.patience import eventually
from support.ports import free_port
from support.raw_sandbox import ServingSandbox


@pytest.fixture
def stage(server, make_edge, tmp_path):
    return KubeStage(server, make_edge, tmp_path / "account", config={"watch_timeout": "2s"})


@pytest.fixture
def resident(stage):
    """A sandbox that is known to the edge."""
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
        stage.expect(sandbox, "ok")
        yield sandbox


def newcomer(stage, resident, client=None) -> ServingSandbox:
    """Another id for the same service, written now."""
    other = ServingSandbox(port=0)
    other.id = unique_id()
    name = other.id
    before = stage.client
    stage.client = client or before
    stage.put(name, "127.0.0.1", id=other.id)
    stage.client = before
    return other


def test_known_sandboxes_are_served_while_it_is_away_and_changes_seen_when_it_is_back(stage, server, resident):
    server.stop()
    try:
        eventually(lambda: stage.figure("age_seconds") > 0.5, "the table to grow old", within=10)
        assert stage.outcome(resident) == "ok"
        assert stage.edge.is_ready()
    finally:
        server.start()
    with newcomer(stage, resident) as sandbox:
        stage.expect(sandbox, "ok", within=40)
    eventually(lambda: stage.figure("age_seconds") == 0, "the table to be fresh", within=10)
    assert stage.outcome(resident) == "ok"


def test_what_a_watch_missed_is_listed_anew(stage, server, resident):
    """The server the edge knows is away while another one takes changes and forgets how they came about: 410."""
    gone = ServingSandbox()
    gone.id = unique_id()
    stage.put(gone.id, "127.0.0.1", id=gone.id)
    stage.expect(gone, "ok")
    elsewhere = free_port()
    server.start(elsewhere)
    server.stop()
    client = server.client(port=elsewhere)
    try:
        client.call("DELETE", stage.path(gone.id))
        sandbox = newcomer(stage, resident, client)
        for number in range(50):
            client.merge(stage.path(resident.id), {"metadata": {"labels": {"number": str(number)}}})
        server.compact()
    finally:
        server.start()
        server.stop(elsewhere)
        client.close()
    with sandbox, gone:
        stage.expect(sandbox, "ok", within=40)
        stage.expect(gone, "sandbox_not_found")
    assert stage.outcome(resident) == "ok"


def test_a_rotated_token_is_taken_from_its_file(stage, server, resident):
    stage.renew_account()
    stage.write_token()
    server.stop()  # so that nothing goes on under what the old one had been granted
    server.start()
    with newcomer(stage, resident) as sandbox:
        stage.expect(sandbox, "ok", within=40)


def test_a_token_that_is_refused_is_read_again(stage, server, resident):
    stage.renew_account()
    server.stop()
    server.start()
    eventually(lambda: stage.figure("age_seconds") > 0.5, "the old token to be refused", within=40)
    assert stage.outcome(resident) == "ok"
    stage.write_token()
    with newcomer(stage, resident) as sandbox:
        stage.expect(sandbox, "ok", within=40)


def test_an_edge_is_not_ready_before_it_has_the_whole_list(server, make_edge, tmp_path, stage):
    server.stop()
    edge = make_edge.unstarted({"registry": stage.edge.config["registry"]}, command_prefix=stage.edge._command_prefix)
    try:
        edge.start(wait_ready=False)
        eventually(lambda: _answers(edge), "the edge to answer at all")
        assert edge.health.get("/readyz").status == 503
        assert edge.health.get("/livez").status == 200
    finally:
        server.start()
    eventually(edge.is_ready, "the edge to be ready", within=40)


def _answers(edge) -> bool:
    try:
        return edge.health.get("/livez").status == 200
    except OSError:
        return False
