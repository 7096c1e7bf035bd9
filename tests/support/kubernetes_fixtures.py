"""kubernetes_fixtures: an edge whose registry is a scripted API server, and sandboxes that are objects of it."""

import dataclasses
import json
from pathlib import Path

import pytest

from support.edge import Edge
from support.fake_api_server import FakeApiServer
from support.fixtures import unique_id
from support.raw_sandbox import ServingSandbox


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


@pytest.fixture
def server():
    with FakeApiServer() as server:
        yield server


@pytest.fixture
def start(server, tmp_path, make_edge):
    """Starts an edge on the server; the keys are the configuration's."""

    def start(wait_ready: bool = True, **keys) -> Stage:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server)
        keys = {"namespaces": ["team-a"], "kubeconfig": str(kubeconfig), **keys}
        edge = make_edge.unstarted(kubernetes_config(**keys))
        edge.start(wait_ready=wait_ready)
        return Stage(server, edge)

    return start


@pytest.fixture
def stage(start):
    return start()


@pytest.fixture
def sandbox():
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        yield sandbox
