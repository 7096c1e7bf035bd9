"""The manifests of deploy/: what they say holds together, whether kustomize or Helm makes them."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from support.edge import BINARY
from support.manifests import DEPLOY, VARIANTS, by_key, kustomized, one, rendered, templated
from support.patience import seconds

ROOT = DEPLOY.parent


@pytest.fixture(params=VARIANTS)
def variant(request):
    return request.param


@pytest.fixture
def documents(variant):
    return rendered(variant)


def test_they_are_what_their_source_says():
    done = subprocess.run([ROOT / "scripts/make-manifests", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_kustomize_and_helm_make_the_same(variant, documents):
    ours = by_key(documents)
    for theirs in (by_key(kustomized(variant)), by_key(templated(variant))):
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert ours[key] == theirs[key], key


def test_the_configuration_is_one_the_edge_takes(documents, certificates, tmp_path):
    """`check` asks the registry too, which is not there: only what it says of the file counts."""
    config = yaml.safe_load(one(documents, "ConfigMap", "sandgate")["data"]["sandgate.yaml"])
    config["listeners"][0]["tls"]["certificates"] = [certificates.sandbox.as_config()]
    registry = config["registry"]
    registry.get("redis", {})["url"] = "redis://127.0.0.1:1/0"
    path = tmp_path / "sandgate.yaml"
    assert complaints(path, config) == []
    registry["nonsense"] = 1
    assert len(complaints(path, config)) == 1


def complaints(path: Path, config: dict) -> list:
    path.write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [BINARY, "check", "--config", path],
        capture_output=True,
        text=True,
        timeout=seconds(20),
        env={"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"},
    )
    return [line for line in done.stderr.splitlines() if line.startswith(f"{path}:")]


def test_the_pod_is_given_longer_than_a_drain_takes(documents):
    config = yaml.safe_load(one(documents, "ConfigMap", "sandgate")["data"]["sandgate.yaml"])
    drain = sum(int(config["timeouts"][phase].rstrip("s")) for phase in ("drain_announce", "drain_grace"))
    pod = one(documents, "Deployment", "sandgate")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= drain + 10


def test_a_drain_is_announced_for_longer_than_a_probe_takes_to_see_it(documents):
    config = yaml.safe_load(one(documents, "ConfigMap", "sandgate")["data"]["sandgate.yaml"])
    [container] = one(documents, "Deployment", "sandgate")["spec"]["template"]["spec"]["containers"]
    probe = container["readinessProbe"]
    sees = probe["failureThreshold"] * (probe["periodSeconds"] + probe["timeoutSeconds"])
    assert sees < int(config["timeouts"]["drain_announce"].rstrip("s"))


def test_the_pod_may_do_nothing_it_need_not(documents):
    pod = one(documents, "Deployment", "sandgate")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not any("emptyDir" in volume or "hostPath" in volume for volume in pod["volumes"])


def test_ports_are_those_the_configuration_listens_on(documents):
    config = yaml.safe_load(one(documents, "ConfigMap", "sandgate")["data"]["sandgate.yaml"])
    [container] = one(documents, "Deployment", "sandgate")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    listened = [listener["address"] for listener in config["listeners"]] + [config["health"]["address"]]
    assert [f"0.0.0.0:{ports[name]}" for name in ("https", "http", "health")] == listened


def test_only_the_variant_for_it_asks_for_a_proxy_header(variant, documents):
    config = yaml.safe_load(one(documents, "ConfigMap", "sandgate")["data"]["sandgate.yaml"])
    assert [("proxy_protocol" in one) for one in config["listeners"]] == [variant == "proxy-protocol"] * 2


def test_the_roles_are_read_only_and_of_one_kind(variant, documents):
    roles = [one for one in documents if one["kind"] in ("Role", "ClusterRole")]
    assert len(roles) == (variant != "redis")
    for role in roles:
        [rule] = role["rules"]
        assert set(rule["verbs"]) <= {"get", "list", "watch"} and len(rule["resources"]) == 1
    if variant == "pods":
        assert roles[0]["kind"] == "Role"  # of a namespace that was named, or a tenant could claim another's id


def test_helm_refuses_nothing_that_values_may_hold():
    """Namespaces, several domains, a quote: what is put in stays data."""
    sets = {
        "domains": ["a.example.com", "b.example.com"],
        "registry.namespaces": ["one", "two"],
        "registry.tokensFromSecrets": True,
        "registry.labelSelector": 'tier in ("a","b")',
        "service.annotations": {"example.com/lb": "<&>{{ x }}"},
        "autoscaling.activeExchanges": 2000,
    }
    documents = templated("base", sets)
    roles = [one for one in documents if one["kind"] == "Role"]
    assert [role["metadata"]["namespace"] for role in roles] == ["one", "two"]
    assert roles[0]["rules"][1] == {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    assert one(documents, "Service", "sandgate")["metadata"]["annotations"] == sets["service.annotations"]
    assert one(documents, "Certificate", "sandgate")["spec"]["dnsNames"] == ["*.a.example.com", "*.b.example.com"]
    config = yaml.safe_load(one(documents, "ConfigMap", "sandgate")["data"]["sandgate.yaml"])
    assert config["registry"]["kubernetes"]["label_selector"] == sets["registry.labelSelector"]
    assert len(one(documents, "HorizontalPodAutoscaler", "sandgate")["spec"]["metrics"]) == 2


@pytest.mark.parametrize(
    "changes", [{"registry.kind": "podz"}, {"registry.kind": "pods"}, {"domains": []}, {"drain.graceSeconds": "5m"}]
)
def test_helm_refuses_values_that_make_no_sense(changes):
    with pytest.raises(AssertionError, match="values don't meet the specifications of the schema"):
        templated("base", changes)


def test_the_dashboard_is_the_one_in_the_source():
    text = one(rendered("base"), "ConfigMap", "sandgate-dashboard")["data"]["sandgate.json"]
    assert json.loads(text) == json.loads((DEPLOY / "source/files/dashboard.json").read_text())
    assert Path(DEPLOY / "helm/sandgate/files/dashboard.json").read_text() == text
