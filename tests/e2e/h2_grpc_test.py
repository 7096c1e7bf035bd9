"""gRPC as people use it: grpc-js on both ends and the edge between, over TLS and with prior knowledge (h2c)."""

import pytest

from support.fixtures import unique_id
from support.node import NodeServer, require_packages, result_of, run_script, start_script
from support.ports import free_port

UNAVAILABLE, PERMISSION_DENIED, DEADLINE_EXCEEDED, CANCELLED, ABORTED = 14, 7, 4, 1, 10
INVALID_ARGUMENT, RESOURCE_EXHAUSTED, INTERNAL = 3, 8, 13

MANY = 10_000
STOP = {"code": ABORTED, "details": "stopped by the service: 100 %"}
TRAILERS = {"x-trailing": "done", "x-trailing-bin": "0001feff"}


@pytest.fixture(scope="module")
def server(edge):
    require_packages()
    with NodeServer("grpc_server.js") as server:
        edge.put("grpc", {"address": "127.0.0.1"})
        server.host = f"{server.port}-grpc.sandbox.test"
        yield server


@pytest.fixture
def options(door, server, certificates):
    """What grpc_client.js is told for a call of `server` through this door."""

    def options(call: str, host: str = server.host, **more) -> dict:
        ca = {"ca": str(certificates.sandbox.chain)} if door.is_tls else {}
        authority = f"{host}:{door.port}"
        return {"call": call, "address": f"127.0.0.1:{door.port}", "authority": authority, **ca, **more}

    return options


@pytest.fixture
def call(options):
    return lambda *arguments, **more: run_script("grpc_client.js", options(*arguments, **more), within=60)


def test_a_unary_call_with_metadata_and_trailers(call, door, server):
    metadata = {"x-mine": "value", "x-mine-bin": "00ff80"}
    result = call("unary", request={"hello": "wörld"}, metadata=metadata)
    assert (result["code"], result["details"]) == (0, "OK")
    seen = result["response"]
    assert seen["request"] == {"hello": "wörld"} and seen["deadline_ms"] is None
    assert seen["metadata"].items() >= metadata.items()
    assert seen["host"] == f"{server.host}:{door.port}"
    assert result["initial"]["x-initial"] == "here"
    assert result["trailing"].items() >= TRAILERS.items()


def test_the_sandbox_sees_who_asked(call, door):
    seen = call("unary", request={})["response"]["metadata"]
    assert seen["x-forwarded-for"] == "127.0.0.1" and seen["x-forwarded-proto"] == door.scheme
    assert seen["cdn-loop"] == "sandgate" and seen["x-request-id"]


def test_the_access_log_has_the_call(call, door):
    name = unique_id("call")
    call("unary", request={}, metadata={"x-request-id": name})
    line = door.edge.log_line(request_id=name)
    assert (line["protocol"], line["status"], line["path"]) == ("HTTP/2", 200, "/sandgate.test.Echo/Unary")


def test_a_port_that_is_said_to_be_h2c_works_too(call, edge, server):
    edge.put("said", {"address": "127.0.0.1", "ports": {str(server.port): {"protocol": "h2c"}}})
    assert call("unary", f"{server.port}-said.sandbox.test", request={})["code"] == 0


def test_ten_thousand_messages_down(call):
    result = call("download", request={"count": MANY})
    assert (result["code"], result["received"], result["in_order"]) == (0, MANY, True)
    assert result["trailing"].items() >= TRAILERS.items()


def test_ten_thousand_messages_up(call):
    result = call("upload", count=MANY)
    assert (result["code"], result["response"]) == (0, {"count": MANY, "in_order": True})
    assert result["trailing"].items() >= TRAILERS.items()


def test_ten_thousand_messages_each_way(call):
    result = call("chat", count=MANY)
    assert (result["code"], result["received"], result["in_order"]) == (0, MANY, True)
    assert result["trailing"].items() >= TRAILERS.items()


def test_messages_of_four_mebibytes(call):
    result = call("download", request={"count": 3, "filling": 4 << 20})
    assert (result["code"], result["received"], result["in_order"]) == (0, 3, True)
    assert call("unary", request={}, filling=4 << 20)["response"] == {"size": 4 << 20}


def test_many_calls_at_once_share_a_connection(call):
    assert call("many", count=500) == {"right": 500, "wrong": []}


# Ends


def test_an_error_without_a_message_is_a_status(call):
    result = call("unary", request={"fail": STOP})
    assert (result["code"], result["details"]) == (ABORTED, STOP["details"])
    assert result["response"] is None and result["trailing"].items() >= TRAILERS.items()


@pytest.mark.parametrize(
    "arguments",
    [{"call": "download", "request": {"count": 3, "fail": STOP}}, {"call": "chat", "count": 3, "fail": STOP}],
)
def test_an_error_after_messages_comes_after_them(call, arguments):
    result = call(**arguments)
    assert (result["received"], result["code"], result["details"]) == (3, ABORTED, STOP["details"])
    assert result["trailing"].items() >= TRAILERS.items()


def test_an_error_in_an_upload_reaches_a_client_that_is_still_sending(call):
    result = call("upload", count=100, fail=STOP)
    assert (result["code"], result["details"]) == (ABORTED, STOP["details"])


def test_a_deadline_is_passed_on_and_kept(call, server):
    seen = call("unary", request={}, deadline_ms=60_000)["response"]
    assert 30_000 < seen["deadline_ms"] <= 60_000
    server.events.clear()
    result = call("unary", request={"hang": True}, deadline_ms=1000)
    assert result["code"] == DEADLINE_EXCEEDED
    assert server.wait_for(event="hanging")["deadline_ms"] <= 1000
    server.wait_for(event="cancelled", method="Unary")


def test_a_cancelled_download_is_cancelled_at_the_server(call, server):
    server.events.clear()
    result = call("download", request={"count": 3, "hang": True}, cancel_after=3)
    assert (result["received"], result["code"]) == (3, CANCELLED)
    server.wait_for(event="cancelled", method="Download")


def test_a_cancelled_call_is_cancelled_at_the_server(call, server):
    server.events.clear()
    assert call("unary", request={"hang": True}, cancel_after=500)["code"] == CANCELLED
    server.wait_for(event="cancelled", method="Unary")


def test_a_server_that_is_killed_ends_the_call_with_an_error(options, edge):
    with NodeServer("grpc_server.js") as server:
        edge.put("dying", {"address": "127.0.0.1"})
        request = {"count": 3, "hang": True}
        client = start_script(
            "grpc_client.js", options("download", f"{server.port}-dying.sandbox.test", request=request)
        )
        server.wait_for(event="hanging", method="Download")
    result = result_of(client)
    assert result["code"] in (UNAVAILABLE, INTERNAL), result


# Refusals


def test_an_unknown_sandbox_is_unavailable(call):
    result = call("unary", "50051-nobody.sandbox.test", request={})
    assert (result["code"], result["details"]) == (UNAVAILABLE, "The sandbox was not found")
    assert result["trailing"]["x-sandgate-reason"] == "sandbox_not_found" and result["trailing"]["x-request-id"]


def test_a_closed_port_is_unavailable(call, register):
    host = f"{free_port()}-{register()}.sandbox.test"
    result = call("unary", host, request={})
    assert (result["code"], result["details"]) == (UNAVAILABLE, "The sandbox is running but port is not open")


def test_a_private_sandbox_wants_its_token(call, register, server):
    name = register(allow_public_traffic=False, traffic_access_token="t0ken")
    host = f"{server.port}-{name}.sandbox.test"
    secured = "Sandbox is secured with traffic access token. "
    result = call("unary", host, request={})
    missing = secured + "Token header 'e2b-traffic-access-token' is missing"
    assert (result["code"], result["details"]) == (PERMISSION_DENIED, missing)
    result = call("download", host, request={"count": 1}, metadata={"e2b-traffic-access-token": "wrong"})
    invalid = secured + "Provided token in header 'e2b-traffic-access-token' is invalid"
    assert (result["code"], result["details"]) == (PERMISSION_DENIED, invalid)
    result = call("unary", host, request={}, metadata={"e2b-traffic-access-token": "t0ken"})
    assert result["code"] == 0
    assert "e2b-traffic-access-token" not in result["response"]["metadata"]


def test_a_full_sandbox_is_exhausted(call, register, server):
    name = register(max_connections=0)
    result = call("chat", f"{server.port}-{name}.sandbox.test", count=1)
    assert result["code"] == RESOURCE_EXHAUSTED and "(limit: 0)" in result["details"]


def test_a_bad_name_is_an_invalid_argument(call):
    result = call("unary", "0-abc.sandbox.test", request={})
    assert (result["code"], result["details"]) == (INVALID_ARGUMENT, "Invalid sandbox port")


def test_a_service_without_h2c_is_unavailable(call, web):
    result = call("unary", web.host, request={})
    assert (result["code"], result["trailing"].get("x-sandgate-reason")) == (UNAVAILABLE, "response_invalid")
