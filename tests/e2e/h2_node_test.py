"""Node's HTTP/2 client through the edge: many requests on one session, trailers, PING, and WebSockets on a stream."""

import pytest

from support.exchange_peers import lower
from support.node import result_of, run_script, start_script
from support.raw_sandbox import OK
from support.socket_service import SocketService
from support.test_tools import require


# hardening H2-SET
SETTINGS = {
    "enablePush": False,
    "enableConnectProtocol": True,
    "maxConcurrentStreams": 100,
    "maxFrameSize": 16384,
    "maxHeaderListSize": 65536,
    "headerTableSize": 4096,
}


@pytest.fixture(autouse=True)
def node():
    require("node")


@pytest.fixture
def ask(door, certificates):
    """Starts h2_client.js against `host` through this door."""

    def ask(start, scenario: str, host: str, **options) -> dict:
        ca = {"ca": str(certificates.sandbox.chain)} if door.is_tls else {}
        return start("h2_client.js", {"scenario": scenario, "host": host, "port": door.port, **ca, **options})

    return ask


def test_the_edge_says_what_it_can_do_and_answers_a_ping(ask, door, service):
    result = ask(run_script, "session", service.host)
    assert {name: result["settings"][name] for name in SETTINGS} == SETTINGS
    assert result["echoed"] and result["status"] == 200
    assert result["alpn"] == ("h2" if door.is_tls else "h2c")
    assert result["pushes"] == []


def test_requests_of_one_session_do_not_wait_for_each_other(ask, web):
    result = ask(run_script, "multiplex", web.host, count=99)
    assert result["right"] == 99
    assert (result["upload"]["status"], result["upload"]["body"]["size"]) == (200, len("begun, ended"))


def test_trailers_go_both_ways(ask, sandbox):
    client = ask(start_script, "trailers", sandbox.host)
    upstream = sandbox.accept()
    request = upstream.read_request()
    assert (request.method, request.body, lower(request.trailers)) == ("POST", b"hello", [("x-sum", "abc")])
    assert request.value("te") == "trailers"
    upstream.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n",
        b"5\r\nworld\r\n0\r\nx-sum: def\r\n\r\n",
    )
    result = result_of(client)
    assert (result["status"], result["body"], result["trailers"]) == (200, "world", {"x-sum": "def"})


def test_a_reset_ends_one_exchange_and_not_the_session(ask, sandbox):
    client = ask(start_script, "reset", sandbox.host)
    first = sandbox.accept()
    first.read_request()
    first.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
    first.read_until_gone()
    assert sandbox.accept().answer(OK).target == "/second"
    assert result_of(client)["status"] == 200


# WebSockets on a stream (RFC 8441)


@pytest.fixture
def echo(edge):
    """A WebSocket server in sandbox `sockets`."""
    with SocketService() as echo:
        edge.put("sockets", {"address": "127.0.0.1"})
        echo.host = f"{echo.port}-sockets.sandbox.test"
        yield echo


def test_a_websocket_on_a_stream_is_an_upgrade_for_the_sandbox(ask, door, echo):
    result = ask(run_script, "websocket", echo.host)
    assert result["enabled"] is True and result["status"] == 200
    assert not {"connection", "upgrade", "sec-websocket-accept"} & set(result["headers"])
    assert result["frames"] == ["text ✓", {"bytes": 60000, "same": True}, {"code": 4321, "reason": "as you wish"}]
    assert "reset" not in result, "the stream did not end well"
    ((path, fields),) = echo.seen
    assert path == "/chat?room=1"
    assert fields["host"] == f"{echo.host}:{door.port}" and fields["origin"] == "https://elsewhere.test"
    assert (fields["upgrade"].lower(), fields["connection"].lower()) == ("websocket", "upgrade")
    assert fields["sec-websocket-version"] == "13" and len(fields["sec-websocket-key"]) == 24
    assert door.edge.log_line(path="/chat", tls="TLSv1.3" if door.is_tls else None)["protocol"] == "HTTP/2"


def test_a_websocket_that_is_not_to_be_is_refused_with_a_status(ask):
    result = ask(run_script, "websocket", "80-nobody.sandbox.test")
    assert result["status"] == 502 and result["headers"]["x-sandgate-reason"] == "sandbox_not_found"


def test_a_service_that_does_not_upgrade_answers_for_itself(ask, service):
    service.response = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"
    assert ask(run_script, "websocket", service.host)["status"] == 404


def test_an_unknown_protocol_is_not_connected(ask, service):
    result = ask(run_script, "websocket", service.host, protocol="telnet")
    assert result["status"] in (400, 501)
    assert service.requests == []
