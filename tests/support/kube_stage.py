"""kube_stage: an edge that reads its sandboxes from a real API server as a pod would, and whoever writes the objects.

    stage = KubeStage(server, make_edge, folder, "base")
    stage.put("one", address="127.0.0.2", id="abc")
    assert stage.outcome(sandbox) == "ok"

The edge has the rights of its service account in deploy/ and no other.
"""

import dataclasses
import json
import os
from pathlib import Path

import yaml

from support.kube_client import KubeClient
from support.kube_fixtures import path_of
from support.kube_server import KubeServer
from support.manifests import one, rendered
from support.patience import eventually

NAMESPACE = "sandboxes"
LONG_AGO = "2026-01-01T00:00:00Z"


def condition(kind: str, is_true: bool) -> dict:
    status = "True" if is_true else "False"
    return {"type": kind, "status": status, "reason": "Test", "message": "", "lastTransitionTime": LONG_AGO}


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a platform writes its objects."""

    path: str  #: of the API, up to the version
    plural: str
    kind: str
    spec: dict
    running: object  #: address → (annotations, status)


def _agent_sandbox(address: str) -> tuple:
    return {}, {"podIPs": [address], "conditions": [condition("Ready", True)]}


def _pod(address: str) -> tuple:
    return {}, {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [condition("Ready", True)],
    }


def _kruise(address: str) -> tuple:
    return {}, {"phase": "Running", "podInfo": {"podIP": address}}


def _opensandbox(address: str) -> tuple:
    return {"sandbox.opensandbox.io/endpoints": json.dumps([address])}, {"replicas": 1, "ready": 1}


_CONTAINERS = {"containers": [{"name": "main", "image": "nothing"}]}
_TEMPLATE = {"podTemplate": {"spec": _CONTAINERS}}
AGENT_SANDBOX = Kind("/apis/agents.x-k8s.io/v1beta1", "sandboxes", "Sandbox", _TEMPLATE, _agent_sandbox)
OLD_AGENT_SANDBOX = dataclasses.replace(AGENT_SANDBOX, path="/apis/agents.x-k8s.io/v1alpha1")
POD = Kind("/api/v1", "pods", "Pod", _CONTAINERS, _pod)
KRUISE = Kind("/apis/agents.kruise.io/v1alpha1", "sandboxes", "Sandbox", {"template": {}}, _kruise)
OPENSANDBOX = Kind("/apis/sandbox.opensandbox.io/v1alpha1", "batchsandboxes", "BatchSandbox", {}, _opensandbox)


class KubeStage:
    def __init__(
        self,
        server: KubeServer,
        make_edge,
        folder: Path,
        variant: str = "base",
        kind: Kind = AGENT_SANDBOX,
        changes: dict = {},
        config: dict = {},
    ):
        """`changes` are to the values of deploy/source, `config` to the edge's configuration."""
        self.server, self.kind = server, kind
        self.client = server.client()
        self._account = Path(folder)
        values = {"registry.namespaces": [NAMESPACE], "registry.defaultAccess": "public", **changes}
        documents = rendered(variant, values)
        for document in documents:
            if document["kind"] in ("ServiceAccount", "Role", "RoleBinding"):
                self.client.apply(path_of(document), document)
        self.write_token()
        text = one(documents, "ConfigMap", "sandgate")["data"]["sandgate.yaml"]
        kubernetes = {**yaml.safe_load(text)["registry"]["kubernetes"], "service_account": str(self._account), **config}
        self.edge = make_edge(
            {"registry": {"source": "kubernetes", "kubernetes": kubernetes}},
            command_prefix=["env", "KUBERNETES_SERVICE_HOST=127.0.0.1", f"KUBERNETES_SERVICE_PORT={server.port}"],
        )

    # The service account, as the kubelet brings it

    def write_token(self, token: str = None) -> None:
        """A new token, put in place in one step."""
        self._account.mkdir(exist_ok=True)
        self._replace("ca.crt", self.server.certificate.read_text())
        self._replace("namespace", "sandgate")
        self._replace("token", token or self.server.service_account_token("sandgate", "sandgate"))

    def _replace(self, name: str, text: str) -> None:
        new = self._account / f".{name}.new"
        new.write_text(text)
        os.replace(new, self._account / name)

    def renew_account(self) -> None:
        """Another service account of that name: tokens of the one before are 401 from now on."""
        path = "/api/v1/namespaces/sandgate/serviceaccounts"
        self.client.delete(f"{path}/sandgate")
        self.client.create(path, {"metadata": {"name": "sandgate"}})

    # Objects

    def path(self, name: str = "") -> str:
        return f"{self.kind.path}/namespaces/{NAMESPACE}/{self.kind.plural}" + (f"/{name}" if name else "")

    def create(self, name: str, id: str = None, spec: dict = {}, labels: dict = {}, **annotations: str) -> None:
        """An object that has no status yet."""
        notes = {f"sandgate.dev/{key}": value for key, value in annotations.items()}
        if id:
            notes["sandgate.dev/id"] = id
        metadata = {"name": name, "labels": labels, "annotations": notes}
        self.client.create(self.path(), {**self._type(), "metadata": metadata, "spec": {**self.kind.spec, **spec}})

    def run(self, name: str, address: str, client: KubeClient = None) -> None:
        """As its controller says that it runs there."""
        annotations, status = self.kind.running(address)
        client = client or self.client
        if annotations:
            client.merge(self.path(name), {"metadata": {"annotations": annotations}})
        client.merge(f"{self.path(name)}/status", {"status": status})

    def put(self, name: str, address: str, **options) -> None:
        self.create(name, **options)
        self.run(name, address)

    def change(self, name: str, spec: dict) -> None:
        self.client.merge(self.path(name), {"spec": spec})

    def delete(self, *names: str) -> None:
        for name in names:
            self.client.call("DELETE", self.path(name), {"gracePeriodSeconds": 0})

    def _type(self) -> dict:
        version = self.kind.path.removeprefix("/apis/").removeprefix("/api/")
        return {"apiVersion": version, "kind": self.kind.kind}

    # What comes of it

    def ask(self, sandbox, *fields):
        with self.edge.connect() as client:
            return client.ask(sandbox.request("GET", "/", *fields))

    def outcome(self, sandbox, *fields) -> str:
        """The body of a 200, or the edge's reason."""
        response = self.ask(sandbox, *fields)
        return response.body.decode() if response.status == 200 else response.edge_reason

    def expect(self, sandbox, outcome: str, within: float = 5) -> None:
        eventually(lambda: self.outcome(sandbox) == outcome, f"{sandbox.id} to be {outcome}", within)

    def figure(self, name: str, **labels) -> float:
        return self.edge.metrics().total(f"sandgate_registry_{name}", **labels)

