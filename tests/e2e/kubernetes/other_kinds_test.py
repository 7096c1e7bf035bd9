"""Pods, sandboxes of OpenKruise and OpenSandbox, agents.x-k8s.io in its old version: by the shipped configurations."""

import pytest
import yaml

from support.fixtures import unique_id
from support.kube_fixtures import KINDS, replace_kind
from support.kube_stage import KRUISE, OLD_AGENT_SANDBOX, OPENSANDBOX, POD, KubeStage
from support.raw_sandbox import ServingSandbox


@pytest.fixture
def sandbox():
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        yield sandbox


@pytest.mark.parametrize("variant, kind", [("pods", POD), ("kruise", KRUISE), ("opensandbox", OPENSANDBOX)])
def test_a_sandbox_is_routed_while_it_runs(server, make_edge, tmp_path, sandbox, variant, kind):
    stage = KubeStage(server, make_edge, tmp_path / "account", variant, kind)
    labels = {"sandgate.dev/sandbox": sandbox.id} if variant == "pods" else {}
    stage.create(sandbox.id, id=None if labels else sandbox.id, labels=labels)
    assert stage.outcome(sandbox) == "sandbox_not_found"
    stage.run(sandbox.id, "127.0.0.1")
    stage.expect(sandbox, "ok")
    stage.delete(sandbox.id)
    stage.expect(sandbox, "sandbox_not_found")


def test_a_kruise_sandbox_that_is_paused_is_not_reached(server, make_edge, tmp_path, sandbox):
    stage = KubeStage(server, make_edge, tmp_path / "account", "kruise", KRUISE)
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
    stage.expect(sandbox, "ok")
    stage.client.merge(f"{stage.path(sandbox.id)}/status", {"status": {"phase": "Paused"}})
    stage.expect(sandbox, "sandbox_not_found")


def test_a_pod_without_the_label_is_none(server, make_edge, tmp_path, sandbox):
    stage = KubeStage(server, make_edge, tmp_path / "account", "pods", POD)
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
    stage.put(f"{sandbox.id}-b", "127.0.0.1", labels={"sandgate.dev/sandbox": f"{sandbox.id}b"})
    sandbox.id, plain = f"{sandbox.id}b", sandbox.id
    stage.expect(sandbox, "ok")
    sandbox.id = plain
    assert stage.outcome(sandbox) == "sandbox_not_found"


def test_a_cluster_that_knows_only_v1alpha1_is_read_too(server, make_edge, tmp_path, sandbox):
    [kind] = yaml.safe_load_all((KINDS / "agent-sandbox.yaml").read_text())
    old = {**kind, "spec": {**kind["spec"], "versions": [{**kind["spec"]["versions"][1], "storage": True}]}}
    replace_kind(server, old)
    stage = KubeStage(server, make_edge, tmp_path / "account", kind=OLD_AGENT_SANDBOX)
    stage.put(sandbox.id, "127.0.0.1", id=sandbox.id, spec={"replicas": 1})
    stage.expect(sandbox, "ok")
    stage.change(sandbox.id, {"replicas": 0})
    stage.expect(sandbox, "sandbox_not_found")
    replace_kind(server, kind)
