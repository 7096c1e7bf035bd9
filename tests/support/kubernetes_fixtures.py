"""kubernetes_fixtures: an edge whose registry is a scripted API server, and sandboxes that are objects of it."""

import dataclasses
import json
from pathlib import Path

from support.edge import Edge
from support.fake_api_server import FakeApiServer


def write_kubeconfig(path: Path, server: FakeApiServer, cluster: dict = None, user: dict = None) -> Path:
    """A kubeconfig for the server; JSON is YAML."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "it", "user": "edge"}}],
        "clusters": [{"name": "it", "cluster": {"server": server.url, **(cluster or {})}}],
        "users": [{"name": "edge", "user": user or {}}],
    }
    path.write_text(json.dumps(config))
    return path


def kubernetes_config(**keys) -> dict:
    keys = {"default_access": "public", "watch_timeout": "2s", "namespaces": ["team-a", "team-b"], **keys}
    return {"registry": {"source": "kubernetes", "kubernetes": keys}}


def running(address: str, ready: bool = True) -> dict:
    """The status of an agent-sandbox Sandbox."""
    return {"podIPs": [address], "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}


@dataclasses.dataclass
class Stage:
    server: FakeApiServer
    edge: Edge

    def put(self, sandbox, name: str = "box", namespace: str = "team-a", annotations: dict = None, **parts) -> None:
        notes = {"sandgate.dev/id": sandbox.id, **(annotations or {})}
        parts.setdefault("status", running(sandbox.address))
        self.server.put(namespace, name, annotations=notes, **parts)

    def outcome(self, sandbox, *fields) -> str:
        """"ok", or the edge's reason."""
        with self.edge.connect() as client:
            response = client.ask(sandbox.request("GET", "/", *fields))
        return "ok" if response.status == 200 else response.edge_reason

    def figure(self, name: str, **labels) -> float:
        return self.edge.metrics().total(f"sandgate_registry_{name}", **labels)
