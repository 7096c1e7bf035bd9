"""redis_fixtures: an edge whose registry is a Redis of the test's own."""

import dataclasses
import json

import pytest

from support.edge import Edge
from support.fixtures import unique_id
from support.raw_sandbox import ServingSandbox
from support.redis_server import BINARY, PREFIX, RedisClient, RedisServer

needs_redis = pytest.mark.skipif(not BINARY, reason="redis-server is not installed")


def redis_config(url: str, **keys) -> dict:
    return {"registry": {"source": "redis", "redis": {"url": url, **keys}}}


@dataclasses.dataclass
class Stage:
    """A Redis, an edge that reads it, and a writer that is neither."""

    server: RedisServer
    edge: Edge
    redis: RedisClient

    def put(self, sandbox, **record) -> None:
        self.put_text(sandbox.id, json.dumps({"address": sandbox.address, **record}))

    def put_text(self, sandbox_id: str, text, *options) -> None:
        assert self.redis("SET", PREFIX + sandbox_id, text, *options) == "OK"

    def delete(self, sandbox) -> None:
        assert self.redis("DEL", PREFIX + sandbox.id) == 1

    def ask(self, sandbox, *fields):
        """One request on a connection of its own."""
        with self.edge.connect() as client:
            return client.ask(sandbox.request("GET", "/", *fields))

    def outcome(self, sandbox) -> str:
        """"ok", or the edge's reason."""
        response = self.ask(sandbox)
        return "ok" if response.status == 200 else response.edge_reason

    def figure(self, name: str, **labels) -> float:
        return self.edge.metrics().total(f"sandgate_registry_{name}", **labels)


@pytest.fixture
def stage(tmp_path, make_edge):
    with RedisServer(tmp_path / "redis", appendonly="yes", appendfsync="always") as server:
        edge = make_edge(redis_config(server.url))
        with server.client() as redis:
            yield Stage(server, edge, redis)


@pytest.fixture
def resident(stage):
    """A sandbox that answers, known to Redis and, after one request, to the edge."""
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        stage.put(sandbox, execution_id="first")
        assert stage.outcome(sandbox) == "ok"
        yield sandbox
