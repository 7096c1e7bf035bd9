"""Node mode through records as E2B's control plane writes them (contract 7): `orchestrator_ip` and no address."""

import json

import pytest

from support.patience import eventually
from support.raw_sandbox import RawSandbox
from support.redis_fixtures import needs_redis, stage  # noqa: F401
from support.redis_server import PREFIX

pytestmark = needs_redis

NODE_PORT = 5007
TOKEN = "e2b-traffic-access-token: secret"


def e2b_record(node: str, **changes) -> str:
    """As catalog.go marshals SandboxInfo."""
    record = {
        "orchestrator_id": "node-1",
        "orchestrator_ip": node,
        "execution_id": "0198c2c8-5b5a-7c60-93f1-6a5b1d1f0001",
        "sandbox_started_at": "2026-11-25T09:00:00.123456789Z",
        "sandbox_max_length_in_hours": 24,
    }
    return json.dumps({**record, **changes})


@pytest.fixture
def node():
    """Every node listens on the same port, so each test run has an address of its own."""
    for last in range(2, 250):
        try:
            with RawSandbox(address=f"127.0.7.{last}", port=NODE_PORT) as node:
                yield node
                return
        except OSError:
            continue
    pytest.fail("no free address for a node")


def request(authority: str, *fields: str, target: str = "/x?y=1") -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {authority}", *fields, "", ""]).encode()


def test_a_sandbox_of_a_node_is_forwarded_to_the_node_with_everything_kept(stage, node):
    stage.put_text("i1a2b3", e2b_record(node.address), "EX", 600)
    with stage.edge.connect() as client:
        client.send(request("3000-i1a2b3.sandbox.test", TOKEN, "E2b-Sandbox-Id: other", "X-Any: kept"))
        seen = node.accept().answer()
        assert client.read_response().status == 200
    assert seen.target == "/x?y=1"
    assert seen.value("host") == "3000-i1a2b3.sandbox.test"
    assert seen.value("e2b-traffic-access-token") == "secret"
    assert seen.value("e2b-sandbox-id") == "other"
    assert seen.value("x-any") == "kept"
    assert seen.value("x-forwarded-host") == "3000-i1a2b3.sandbox.test"
    assert seen.value("x-forwarded-proto") == "http"


def test_the_shared_host_becomes_the_sandboxs_own(stage, node):
    stage.put_text("i1a2b3", e2b_record(node.address))
    with stage.edge.connect() as client:
        client.send(request("sandbox.sandbox.test", "E2b-Sandbox-Id: i1a2b3", "E2b-Sandbox-Port: 49983"))
        seen = node.accept().answer()
        assert client.read_response().status == 200
    assert seen.value("host") == "49983-i1a2b3.sandbox.test"
    assert seen.value("e2b-sandbox-id") == "i1a2b3"
    assert seen.value("e2b-sandbox-port") == "49983"


def test_access_and_masks_are_the_nodes(stage, node):
    private = {"allow_public_traffic": False, "traffic_access_token": "secret", "mask_request_host": "localhost"}
    stage.put_text("i1a2b3", e2b_record(node.address, **private))
    with stage.edge.connect() as client:
        client.send(request("3000-i1a2b3.sandbox.test"))
        upstream = node.accept()
        assert upstream.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-Node: 1\r\n\r\nnode").value(
            "host"
        ) == "3000-i1a2b3.sandbox.test"
        answer = client.read_response()
        assert (answer.status, answer.body, answer.value("x-node")) == (403, b"node", "1")


def test_an_upgrade_goes_through_the_node(stage, node):
    stage.put_text("i1a2b3", e2b_record(node.address))
    with stage.edge.connect() as client:
        client.send(request("3000-i1a2b3.sandbox.test", "Connection: Upgrade", "Upgrade: echo"))
        upstream = node.accept()
        upstream.answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        assert client.read_response().status == 101
        client.send(b"up")
        assert upstream.read_exactly(2) == b"up"
        stage.redis("DEL", PREFIX + "i1a2b3")
        assert client.read_until_gone() == b"" and upstream.read_until_gone() == b""


def test_a_sandbox_that_moves_to_another_node_leaves_the_first_at_once(stage, node):
    stage.put_text("i1a2b3", e2b_record(node.address))
    with stage.edge.connect() as client:
        client.send(request("3000-i1a2b3.sandbox.test"))
        idle = node.accept()
        idle.answer()
        assert client.read_response().status == 200
        with RawSandbox(address="127.0.6." + node.address.rpartition(".")[2], port=NODE_PORT) as second:
            stage.put_text("i1a2b3", e2b_record(second.address, execution_id="another"))
            idle.assert_closed()
            client.send(request("3000-i1a2b3.sandbox.test", target="/after"))
            assert second.accept().answer().target == "/after"
            assert client.read_response().status == 200


def test_an_unknown_field_of_a_newer_control_plane_means_nothing(stage, node):
    stage.put_text("i1a2b3", e2b_record(node.address, new_thing={"a": [1, None]}, address=None, state=None))
    with stage.edge.connect() as client:
        client.send(request("3000-i1a2b3.sandbox.test"))
        node.accept().answer()
        assert client.read_response().status == 200
    eventually(lambda: stage.figure("lookups_total", result="found") >= 1, "the lookup to be counted")
