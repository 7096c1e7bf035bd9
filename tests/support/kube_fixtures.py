"""kube_fixtures: what tests against a real API server begin with: kinds, namespaces, where objects of a kind are."""

from pathlib import Path

import yaml

from support.kube_client import KubeError
from support.kube_server import KubeServer
from support.patience import eventually

KINDS = Path(__file__).parents[1] / "e2e/kubernetes/crds"

#: Where the objects of a kind are; a cluster's own have no namespace.
_CORE = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "Service": ("/api/v1", "services"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "Certificate": ("/apis/cert-manager.io/v1", "certificates"),
    "ServiceMonitor": ("/apis/monitoring.coreos.com/v1", "servicemonitors"),
    "PrometheusRule": ("/apis/monitoring.coreos.com/v1", "prometheusrules"),
}


def path_of(document: dict) -> str:
    """The path of an object of the manifests."""
    base, plural = _CORE[document["kind"]]
    namespace = document["metadata"].get("namespace")
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}{within}/{plural}/{document['metadata']['name']}"


_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def add_kinds(server: KubeServer) -> None:
    """Every definition of crds/, served before this returns."""
    kinds = [kind for path in sorted(KINDS.glob("*.yaml")) for kind in yaml.safe_load_all(path.read_text())]
    client = server.client()
    for kind in kinds:
        client.create(_DEFINITIONS, kind)
    for kind in kinds:
        _wait_until_served(client, kind)
    client.close()


def replace_kind(server: KubeServer, kind: dict) -> None:
    """Another definition of that name in its place; its objects are gone."""
    client = server.client()
    path = f"{_DEFINITIONS}/{kind['metadata']['name']}"
    client.delete(path)
    eventually(lambda: not _is_served(client, path), "the definition to be gone", within=20)
    client.create(_DEFINITIONS, kind)
    _wait_until_served(client, kind)
    client.close()


def _wait_until_served(client, kind: dict) -> None:
    spec = kind["spec"]
    for version in spec["versions"]:
        path = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
        eventually(lambda: _is_served(client, path), f"{path} to be served", within=20)


def _is_served(client, path: str) -> bool:
    try:
        return bool(client.get(path))
    except KubeError:
        return False


def add_namespaces(server: KubeServer, *names: str) -> None:
    client = server.client()
    for name in names:
        client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    client.close()
