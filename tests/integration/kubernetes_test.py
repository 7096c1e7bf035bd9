"""The registry source kubernetes against a scripted API server: what objects mean, and how they come and go."""

import base64
import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from support.certificates import make_certificate
from support.edge import BINARY
from support.fake_api_server import FakeApiServer
from support.fixtures import unique_id
from support.kubernetes_fixtures import sandbox, server  # noqa: F401
from support.kubernetes_fixtures import Stage, kubernetes_config, running, write_kubeconfig
from support.patience import eventually, seconds
from support.raw_sandbox import ServingSandbox


@pytest.fixture
def stage(server, tmp_path, make_edge):
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server)
    yield Stage(server, make_edge(kubernetes_config(kubeconfig=str(kubeconfig))))


def comes_to(stage, sandbox, outcome: str, *fields, within: float = 5) -> None:
    eventually(lambda: stage.outcome(sandbox, *fields) == outcome, f"{outcome} for {sandbox.id}", within)


def test_a_sandbox_is_routed_as_long_as_its_object_says(stage, sandbox):
    assert stage.outcome(sandbox) == "sandbox_not_found"
    stage.put(sandbox)
    comes_to(stage, sandbox, "ok")
    stage.put(sandbox, status=running(sandbox.address, ready=False))
    comes_to(stage, sandbox, "sandbox_not_found")
    stage.put(sandbox)
    comes_to(stage, sandbox, "ok")
    stage.put(sandbox, spec={"operatingMode": "Suspended"})
    comes_to(stage, sandbox, "sandbox_not_found")
    stage.put(sandbox)
    comes_to(stage, sandbox, "ok")
    stage.server.delete("team-a", "box")
    comes_to(stage, sandbox, "sandbox_not_found")


def test_an_id_nobody_chose_is_made_of_namespace_and_name(stage, sandbox):
    sandbox.id = hashlib.sha256(b"team-a/my-box").hexdigest()[:32]
    stage.server.put("team-a", "my-box", status=running(sandbox.address))
    comes_to(stage, sandbox, "ok")
    shown = json.loads(stage.edge.admin.get(f"/v1/sandboxes/{sandbox.id}").text)
    assert shown["kubernetes"] == {"namespace": "team-a", "name": "my-box"}
    assert shown["execution_id"] == "uid-team-a-my-box"


def test_two_objects_with_one_id_are_not_routed_until_one_goes(stage, sandbox):
    stage.put(sandbox, "first")
    comes_to(stage, sandbox, "ok")
    stage.put(sandbox, "second", "team-b")
    comes_to(stage, sandbox, "record_invalid")
    assert stage.figure("invalid_records") == 1
    assert stage.edge.stderr().count("claimed by more than one object") == 1
    stage.put(sandbox, "first")
    stage.server.delete("team-a", "first")
    comes_to(stage, sandbox, "ok")
    assert stage.figure("invalid_records") == 0


def test_objects_of_a_warm_pool_and_of_other_namespaces_are_not_routed(stage, sandbox):
    stage.put(sandbox, "warm", labels={"agents.x-k8s.io/warm-pool-sandbox": "hash"})
    stage.put(sandbox, "foreign", "team-c")
    with ServingSandbox() as last:
        last.id = unique_id()
        stage.put(last, "last")
        comes_to(stage, last, "ok")
    assert stage.outcome(sandbox) == "sandbox_not_found"
    paths = {request.path for request in stage.server.asked("list")}
    assert paths == {f"/apis/agents.x-k8s.io/v1beta1/namespaces/{name}/sandboxes" for name in ("team-a", "team-b")}


def test_an_id_chosen_where_namespaces_are_not_listed_does_not_count(server, tmp_path, make_edge, sandbox):
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server)
    stage = Stage(server, make_edge(kubernetes_config(kubeconfig=str(kubeconfig), namespaces=[])))
    stage.put(sandbox)
    eventually(lambda: "team-a/box" in stage.edge.stderr(), "the refusal in the log")
    assert stage.outcome(sandbox) == "sandbox_not_found"
    assert stage.figure("invalid_records") == 1
    stage.server.delete("team-a", "box")
    eventually(lambda: stage.figure("invalid_records") == 0, "the refusal to be forgotten")


def test_policy_comes_from_annotations(stage, sandbox):
    digest = hashlib.sha256(b"open sesame").hexdigest()
    notes = {
        "sandgate.dev/allow_public_traffic": "false",
        "sandgate.dev/traffic_access_token_sha256": digest,
        "sandgate.dev/mask_request_host": "localhost:${PORT}",
        "sandgate.dev/max_connections": "7",
    }
    stage.put(sandbox, annotations=notes)
    comes_to(stage, sandbox, "token_missing")
    comes_to(stage, sandbox, "ok", "e2b-traffic-access-token: open sesame")
    shown = json.loads(stage.edge.admin.get(f"/v1/sandboxes/{sandbox.id}").text)
    assert shown["max_connections"] == 7 and shown["mask_request_host"] == "localhost:${PORT}"


@pytest.mark.parametrize(
    "name, value",
    [
        ("allow_public_traffic", "no"),
        ("allow-public-traffic", "false"),
        ("traffic_access_token", "plain"),
        ("address", "127.0.0.9"),
        ("max_connections", "many"),
        ("ports", "{"),
    ],
)
def test_an_annotation_that_is_wrong_takes_its_sandbox_out(stage, sandbox, name, value):
    stage.put(sandbox)
    comes_to(stage, sandbox, "ok")
    stage.put(sandbox, annotations={f"sandgate.dev/{name}": value})
    comes_to(stage, sandbox, "record_invalid")
    assert "plain" not in stage.edge.stderr()


def test_a_token_is_read_from_a_secret_and_followed(stage, sandbox):
    def hold(token: bytes):
        stage.server.secrets[("team-a", "mine")] = {"token": base64.b64encode(token).decode()}

    notes = {"sandgate.dev/traffic_access_token_secret": "mine", "sandgate.dev/allow_public_traffic": "false"}
    stage.put(sandbox, annotations=notes)
    comes_to(stage, sandbox, "record_invalid")
    hold(b"first")
    comes_to(stage, sandbox, "ok", "e2b-traffic-access-token: first")
    hold(b"second\n")
    comes_to(stage, sandbox, "ok", "e2b-traffic-access-token: second")
    assert stage.outcome(sandbox, "e2b-traffic-access-token: first") == "token_invalid"
    del stage.server.secrets[("team-a", "mine")]
    comes_to(stage, sandbox, "record_invalid")
    assert {request.path for request in stage.server.asked("secret")} == {"/api/v1/namespaces/team-a/secrets/mine"}


def test_pods_are_sandboxes_by_their_label(tmp_path, make_edge, sandbox):
    with FakeApiServer(group="", version="v1", resource="pods", kind="Pod") as server:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server)
        keys = {"kind": "pods", "namespaces": ["team-a"], "label_selector": "app=box", "kubeconfig": str(kubeconfig)}
        stage = Stage(server, make_edge(kubernetes_config(**keys)))
        status = {"phase": "Running", "podIP": sandbox.address, "conditions": [{"type": "Ready", "status": "True"}]}
        server.put("team-a", "pod-1", labels={"sandgate.dev/sandbox": sandbox.id}, status=status)
        comes_to(stage, sandbox, "ok")
        assert server.asked("list")[0].query["labelSelector"] == "sandgate.dev/sandbox,app=box"
        # Its replacement may have the id as soon as it is being deleted.
        gone = {"labels": {"sandgate.dev/sandbox": sandbox.id}, "deletionTimestamp": "2026-01-01T00:00:00Z"}
        server.put("team-a", "pod-1", status=status, **gone)
        comes_to(stage, sandbox, "sandbox_not_found")
        server.put("team-a", "pod-2", labels={"sandgate.dev/sandbox": sandbox.id}, status=status)
        comes_to(stage, sandbox, "ok")
        server.put("team-a", "pod-2", labels={"sandgate.dev/sandbox": sandbox.id}, status={**status, "phase": "Failed"})
        comes_to(stage, sandbox, "sandbox_not_found")


def _documented(group: str) -> dict:
    """The example of the documentation for objects of that group."""
    page = (Path(__file__).parents[2] / "docs/registry.md").read_text()
    examples = re.findall(r"^    kubernetes:\n((?:      .*\n)+)", page, re.MULTILINE)
    return next(one for one in map(yaml.safe_load, examples) if one["custom"]["group"] == group)


@pytest.mark.parametrize(
    "group, kind, name, parts",
    [
        ("agents.kruise.io", "Sandbox", "k1", lambda ip: {"status": {"phase": "Running", "podInfo": {"podIP": ip}}}),
        (
            "sandbox.opensandbox.io",
            "BatchSandbox",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            lambda ip: {
                "annotations": {"sandbox.opensandbox.io/endpoints": json.dumps([ip])},
                "status": {"replicas": 1, "ready": 1},
            },
        ),
    ],
)
def test_the_documented_examples_route_other_platforms_objects(
    tmp_path, make_edge, sandbox, group, kind, name, parts
):
    keys = _documented(group)
    custom = keys["custom"]
    with FakeApiServer(group=group, version=custom["version"], resource=custom["resource"], kind=kind) as server:
        keys["kubeconfig"] = str(write_kubeconfig(tmp_path / "kubeconfig", server))
        stage = Stage(server, make_edge(kubernetes_config(**keys)))
        namespace = keys["namespaces"][0]
        is_chosen = "id" in custom
        digest = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()[:32]
        sandbox.id = name.replace("-", "") if is_chosen else digest
        server.put(namespace, name, **parts(sandbox.address))
        comes_to(stage, sandbox, "ok")
        server.put(namespace, name, **{**parts(sandbox.address), "status": {}})
        comes_to(stage, sandbox, "sandbox_not_found")


def test_an_older_version_of_the_crd_is_used_where_there_is_no_newer(tmp_path, make_edge, sandbox):
    with FakeApiServer(version="v1alpha1") as server:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server)
        stage = Stage(server, make_edge(kubernetes_config(kubeconfig=str(kubeconfig))))
        stage.put(sandbox, spec={"replicas": 1})
        comes_to(stage, sandbox, "ok")
        stage.put(sandbox, spec={"replicas": 0})
        comes_to(stage, sandbox, "sandbox_not_found")
        # The cluster is upgraded, and the old version is served no longer.
        server.version, server.versions = "v1beta1", ["v1beta1"]
        server.once("watch", lambda peer: peer.answer({"kind": "Status"}, 404))
        server.cut_all()
        stage.put(sandbox)
        comes_to(stage, sandbox, "ok", within=15)


def test_in_a_cluster_files_and_variables_say_where_it_is(tmp_path, make_edge, sandbox, monkeypatch):
    certificate = make_certificate(tmp_path / "made", "api", "api.test", "IP:127.0.0.1")
    with FakeApiServer(certificate=certificate) as server:
        server.token = "one"
        account = tmp_path / "account"
        account.mkdir()
        (account / "token").write_text("one\n")
        (account / "ca.crt").write_text(certificate.chain.read_text())
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
        stage = Stage(server, make_edge(kubernetes_config(service_account=str(account))))
        stage.put(sandbox)
        comes_to(stage, sandbox, "ok")
        # Rotated: the next request carries what the file says, and 401 makes the edge look again.
        server.token = "two"
        server.once("list", lambda peer: peer.answer({"kind": "Status"}, 410))
        (account / "token").write_text("two\n")
        eventually(lambda: server.requests[-1].fields["authorization"] == "Bearer two", "the new token")
        stage.put(sandbox, annotations={"sandgate.dev/max_connections": "0"})
        comes_to(stage, sandbox, "too_many_connections")


def test_a_server_nobody_vouches_for_is_not_believed(tmp_path, make_edge):
    certificate = make_certificate(tmp_path / "made", "api", "api.test", "IP:127.0.0.1")
    other = make_certificate(tmp_path / "made", "other", "api.test", "IP:127.0.0.1")
    with FakeApiServer(certificate=certificate) as server:
        cluster = {"certificate-authority-data": base64.b64encode(other.chain.read_bytes()).decode()}
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server, cluster, {"token": "secret"})
        edge = make_edge.unstarted(kubernetes_config(kubeconfig=str(kubeconfig)))
        edge.start(wait_ready=False)
        eventually(lambda: "is not trusted" in edge.stderr(), "the reason in the log")
        assert edge.health.get("/readyz").status == 503
        assert not server.requests


def test_what_is_written_through_the_edge_is_refused(stage, sandbox):
    stage.put(sandbox)
    comes_to(stage, sandbox, "ok")
    answer = stage.edge.admin.put("/v1/sandboxes/other", {"address": "127.0.0.1"})
    assert answer.status == 405 and "read-only" in answer.text
    assert stage.edge.admin.delete(f"/v1/sandboxes/{sandbox.id}").status == 405
    admin = ["--admin", f"127.0.0.1:{stage.edge.admin_port}"]
    done = subprocess.run(
        [BINARY, "sandbox", "remove", *admin, sandbox.id], capture_output=True, text=True, timeout=seconds(20)
    )
    assert done.returncode == 1 and "read-only" in done.stderr
    listed = json.loads(stage.edge.admin.get("/v1/sandboxes").text)
    assert [one["sandbox_id"] for one in listed["sandboxes"]] == [sandbox.id]


def test_check_says_whether_the_cluster_can_be_used(stage):
    command = [BINARY, "check", "--config", str(stage.edge.config_path)]
    good = subprocess.run(command, capture_output=True, text=True, timeout=seconds(20))
    assert good.returncode == 0, good.stderr
    stage.server.stop()
    bad = subprocess.run(command, capture_output=True, text=True, timeout=seconds(20))
    stage.server.start()
    assert bad.returncode == 78 and "Connection refused" in bad.stderr
