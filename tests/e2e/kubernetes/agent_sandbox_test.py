"""Sandboxes of agents.x-k8s.io in a real API server: created, moved, suspended, deleted, duplicated."""

import base64
import hashlib

import pytest

from support.fixtures import unique_id
from support.kube_stage import KubeStage
from support.patience import eventually
from support.raw_sandbox import RawSandbox, ServingSandbox

HERE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"
THERE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere"
TOKEN = "a-token-nobody-guesses"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()


@pytest.fixture
def stage(server, make_edge, tmp_path):
    return KubeStage(server, make_edge, tmp_path / "account", changes={"registry.tokensFromSecrets": True})


@pytest.fixture
def sandbox():
    """A service at 127.0.0.1 that says `here`; its object is named for its id."""
    with ServingSandbox(HERE) as sandbox:
        sandbox.id = unique_id()
        yield sandbox


def test_a_sandbox_is_routed_once_it_is_ready(stage, sandbox):
    stage.create(sandbox.id, id=sandbox.id)
    stage.client.merge(f"{stage.path(sandbox.id)}/status", {"status": {"podIPs": ["127.0.0.1"]}})
    assert stage.outcome(sandbox) == "sandbox_not_found"
    stage.run(sandbox.id, "127.0.0.1")
    stage.expect(sandbox, "here")


def test_one_that_was_there_before_is_routed_when_the_edge_is_ready(stage, sandbox, server, make_edge, tmp_path):
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
    assert KubeStage(server, make_edge, tmp_path / "another").outcome(sandbox) == "here"


def test_a_sandbox_without_an_id_of_its_own_has_one_that_is_made_of_its_name(stage, sandbox):
    sandbox.id = hashlib.sha256(b"sandboxes/nameless").hexdigest()[:32]
    stage.put("nameless", "127.0.0.1")
    stage.expect(sandbox, "here")
    stage.delete("nameless")


def test_a_sandbox_that_moved_is_dialled_at_its_new_address(stage, sandbox):
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
    stage.expect(sandbox, "here")
    with ServingSandbox(THERE, address="127.0.0.2", port=sandbox.port):
        stage.run(sandbox.id, "127.0.0.2")
        stage.expect(sandbox, "there")


def test_a_suspended_sandbox_is_not_reached_and_a_resumed_one_is(stage, sandbox):
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
    stage.expect(sandbox, "here")
    stage.change(sandbox.id, {"operatingMode": "Suspended"})
    stage.expect(sandbox, "sandbox_not_found")
    stage.change(sandbox.id, {"operatingMode": "Running"})
    stage.expect(sandbox, "here")


def test_a_deleted_sandbox_ends_what_is_open_to_it(stage):
    with RawSandbox() as sandbox, stage.edge.connect() as client:
        sandbox.id = unique_id()
        stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
        eventually(lambda: stage.figure("routes", state="valid") > 0, "the route")
        client.send(sandbox.request())
        sandbox.accept().read_request()
        stage.delete(sandbox.id)
        assert client.read_response().edge_reason == "route_changed"


def test_an_object_of_the_same_id_after_it_is_another_generation(stage, sandbox):
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
    stage.expect(sandbox, "here")
    before = stage.edge.admin.get(f"/v1/sandboxes/{sandbox.id}").json()["execution_id"]
    stage.delete(sandbox.id)
    stage.expect(sandbox, "sandbox_not_found")
    stage.put(f"{sandbox.id}-again", "127.0.0.1", id=sandbox.id)
    stage.expect(sandbox, "here")
    assert stage.edge.admin.get(f"/v1/sandboxes/{sandbox.id}").json()["execution_id"] != before


def test_of_two_objects_with_one_id_neither_is_routed(stage, sandbox):
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
    stage.expect(sandbox, "here")
    stage.put(f"{sandbox.id}-thief", "127.0.0.2", id=sandbox.id)
    stage.expect(sandbox, "record_invalid")
    assert stage.figure("invalid_records") >= 1
    assert sandbox.id in stage.edge.stderr()
    stage.delete(f"{sandbox.id}-thief")
    stage.expect(sandbox, "here")


def test_an_object_of_a_namespace_that_is_not_listed_is_not_seen(stage, sandbox):
    other = stage.path().replace("/namespaces/sandboxes/", "/namespaces/others/")
    metadata = {"name": sandbox.id, "annotations": {"sandgate.dev/id": sandbox.id}}
    kind = {"apiVersion": "agents.x-k8s.io/v1beta1", "kind": "Sandbox"}
    stage.client.create(other, {**kind, "metadata": metadata, "spec": stage.kind.spec})
    stage.client.merge(f"{other}/{sandbox.id}/status", {"status": stage.kind.running("127.0.0.1")[1]})
    stage.put(f"{sandbox.id}-last", "127.0.0.1", id=unique_id())
    eventually(lambda: stage.figure("routes", state="valid") > 0, "what was written after it")
    assert stage.outcome(sandbox) == "sandbox_not_found"


def test_what_waits_in_a_warm_pool_is_not_routed(stage, sandbox):
    pool = {"agents.x-k8s.io/warm-pool-sandbox": "pool"}
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id, labels=pool)
    stage.put(f"{sandbox.id}-last", "127.0.0.1", id=unique_id())
    eventually(lambda: stage.figure("routes", state="valid") > 0, "what was written after it")
    assert stage.outcome(sandbox) == "sandbox_not_found"
    stage.client.merge(stage.path(sandbox.id), {"metadata": {"labels": {"agents.x-k8s.io/warm-pool-sandbox": None}}})
    stage.expect(sandbox, "here")


def test_annotations_say_who_may_come_in(stage, sandbox):
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id, allow_public_traffic="false", traffic_access_token_sha256=DIGEST)
    stage.expect(sandbox, "token_missing")
    assert stage.outcome(sandbox, f"e2b-traffic-access-token: {TOKEN}") == "here"
    assert stage.outcome(sandbox, "e2b-traffic-access-token: guessed") == "token_invalid"


def test_a_secret_holds_the_token(stage, sandbox):
    secrets = "/api/v1/namespaces/sandboxes/secrets"
    data = {"token": base64.b64encode(TOKEN.encode()).decode()}
    stage.client.create(secrets, {"metadata": {"name": f"{sandbox.id}-token"}, "data": data})
    secret = {"allow_public_traffic": "false", "traffic_access_token_secret": f"{sandbox.id}-token"}
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id, **secret)
    stage.expect(sandbox, "token_missing")
    assert stage.outcome(sandbox, f"e2b-traffic-access-token: {TOKEN}") == "here"


def test_a_mistyped_annotation_takes_out_its_own_sandbox_only(stage, sandbox):
    stage.put(f"{sandbox.id}-good", "127.0.0.1", id=f"{sandbox.id}good")
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id, allow_public_trafic="false")
    stage.expect(sandbox, "record_invalid")
    sandbox.id += "good"
    stage.expect(sandbox, "here")


def test_private_is_the_default_unless_the_configuration_says_public(server, make_edge, tmp_path, sandbox):
    stage = KubeStage(server, make_edge, tmp_path / "account", changes={"registry.defaultAccess": "private"})
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id, traffic_access_token_sha256=DIGEST)
    stage.expect(sandbox, "token_missing")
    assert stage.outcome(sandbox, f"e2b-traffic-access-token: {TOKEN}") == "here"
