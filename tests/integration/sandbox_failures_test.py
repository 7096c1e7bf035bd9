"""What the client is told when the sandbox's side fails (contract 6), and how long the edge tries (contract 5)."""

import socket
import threading

import pytest

from support.patience import eventually
from support.ports import free_port
from support.raw_sandbox import RawSandbox

EDGE_CONFIG = {"timeouts": {"connect": "1s", "connect_total": "3s", "response_head": "0s"}}


def assert_refusal(response, reason: str, body: dict, status: int = 502):
    assert (response.status, response.edge_reason) == (status, reason)
    assert response.json() == body and list(response.json()) == list(body), "keys in the contract's order"
    assert response.value("cache-control") == "no-store"
    assert response.value("x-content-type-options") == "nosniff"
    assert response.value("x-request-id")


def test_a_sandbox_nobody_knows(door, sandbox):
    with door.connect() as client:
        assert_refusal(
            client.ask(sandbox.request(host="8080-nobody.sandbox.test")),
            "sandbox_not_found",
            {"sandboxId": "nobody", "message": "The sandbox was not found", "code": 502},
        )


def test_a_port_where_nothing_listens(door, sandbox, edge):
    port = free_port()
    with door.connect() as client:
        response = client.ask(sandbox.request(host=f"{port}-{sandbox.id}.sandbox.test"))
        body = {
            "sandboxId": sandbox.id,
            "message": "The sandbox is running but port is not open",
            "port": port,
            "code": 502,
        }
        assert_refusal(response, "port_closed", body)
        assert (
            response.body
            == (
                f'{{"sandboxId":"{sandbox.id}","message":"The sandbox is running but port is not open",'
                f'"port":{port},"code":502}}'
            ).encode()
        )
        assert client.ask(sandbox.request(host="1-nobody.sandbox.test")).status == 502, "the connection goes on"
    line = edge.log_line(request_id=response.value("x-request-id"))
    assert line["duration_ms"] >= 990, "five tries, 100, 200, 300 and 400 ms apart"
    assert (line["reason"], line["blame"], line["port"]) == ("port_closed", "sandbox", port)


def test_a_port_that_opens_a_moment_later_is_served(door, register):
    port = free_port()
    sandbox = register()
    with door.connect() as client:
        client.send(f"GET /late HTTP/1.1\r\nHost: {port}-{sandbox}.sandbox.test\r\n\r\n".encode())
        opened = []
        timer = threading.Timer(0.3, lambda: opened.append(RawSandbox(port=port)))
        timer.start()
        eventually(lambda: opened, "the port to open")
        with opened[0] as late:
            late.accept().answer()
            assert client.read_response().body == b"ok"


def test_a_client_that_leaves_while_the_port_is_closed_ends_the_tries(edge, register):
    port = free_port()
    sandbox = register()
    with edge.connect() as client:
        client.send(f"GET / HTTP/1.1\r\nHost: {port}-{sandbox}.sandbox.test\r\nx-request-id: left\r\n\r\n".encode())
        client.reset()
    assert edge.log_line(request_id="left")["reason"] == "client_closed"


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "10.1.2.3",
        "224.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "::1",
        "fe80::1",
    ],
)
def test_an_address_that_is_not_allowed_is_not_dialled(door, register, address):
    name = register(address=address)
    with door.connect() as client:
        response = client.ask(f"GET / HTTP/1.1\r\nHost: 80-{name}.sandbox.test\r\n\r\n".encode())
        assert_refusal(
            response,
            "sandbox_unreachable",
            {"sandboxId": name, "message": "The sandbox is not reachable", "port": 80, "code": 502},
        )


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_the_edges_own_listeners_are_never_dialled(door, edge, register, address):
    name = register(address=address)
    for port in (edge.plain_port, edge.tls_port, edge.admin_port, edge.health_port):
        with door.connect() as client:
            response = client.ask(f"GET /metrics HTTP/1.1\r\nHost: {port}-{name}.sandbox.test\r\n\r\n".encode())
            assert (response.status, response.edge_reason) == (502, "sandbox_unreachable")


def test_a_mapped_address_is_the_address_it_stands_for(door, edge, sandbox):
    edge.put(sandbox.id, {"address": "::ffff:127.0.0.1"})
    with door.connect() as client:
        client.send(sandbox.request())
        sandbox.accept().answer()
        assert client.read_response().status == 200


def test_a_connect_nobody_answers_is_not_reachable(door, register):
    with RawSandbox(backlog=0) as sandbox, edge_fills_backlog(sandbox):
        register(sandbox)
        with door.connect() as client:
            response = client.ask(sandbox.request())
            assert_refusal(
                response,
                "sandbox_unreachable",
                {"sandboxId": sandbox.id, "message": "The sandbox is not reachable", "port": sandbox.port, "code": 502},
            )


class edge_fills_backlog:
    """Fills a listener's queue, so that the kernel drops every further SYN."""

    def __init__(self, sandbox):
        self._sockets = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((sandbox.address, sandbox.port))
            self._sockets.append(one)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self._sockets:
            one.close()


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-"], ids=["nothing", "half a head"])
def test_a_sandbox_that_hangs_up_before_it_answered(door, sandbox, end, answer):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_request()
        upstream.send(answer)
        if answer and end == "close":
            upstream.half_close()
        else:
            getattr(upstream, end)()
        response = client.read_response()
        assert response.edge_reason in ("sandbox_reset", "response_invalid" if answer else "sandbox_reset")
        if response.edge_reason == "sandbox_reset":
            assert_refusal(
                response,
                "sandbox_reset",
                {
                    "sandboxId": sandbox.id,
                    "message": "The sandbox closed the connection before it answered",
                    "port": sandbox.port,
                    "code": 502,
                },
            )


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x15\x03\x01\x00\x02\x02\x50" * 10,
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 70000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 201 + b"\r\n",
    ],
    ids=[
        "ssh",
        "tls",
        "two digits",
        "http2",
        "bare lf",
        "two lengths",
        "length and chunked",
        "gzip framing",
        "nul",
        "64k",
        "201 fields",
    ],
)
def test_a_service_that_speaks_no_valid_http(door, sandbox, garbage):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_request()
        try:
            upstream.send(garbage)
        except OSError:
            pass
        response = client.read_response()
        assert_refusal(
            response,
            "response_invalid",
            {
                "sandboxId": sandbox.id,
                "message": "The service in the sandbox sent an invalid response",
                "port": sandbox.port,
                "code": 502,
            },
        )
        upstream.read_until_gone()
        client.send(sandbox.request())
        sandbox.accept().answer()
        assert client.read_response().status == 200, "the client's connection goes on"


def test_a_sandbox_that_answers_nothing_in_time(make_edge):
    edge = make_edge({"timeouts": {"response_head": "300ms"}})
    with RawSandbox() as sandbox, edge.connect() as client:
        sandbox.id = "slow"
        edge.put("slow", {"address": "127.0.0.1"})
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_request()
        assert_refusal(
            client.read_response(),
            "response_timeout",
            {
                "sandboxId": "slow",
                "message": "The service in the sandbox did not answer in time",
                "port": sandbox.port,
                "code": 504,
            },
            status=504,
        )
        upstream.assert_closed()


def test_a_failed_sandbox_does_not_hurt_another(door, sandbox, service):
    with door.connect() as client:
        client.send(sandbox.request(), service.request())
        upstream = sandbox.accept()
        upstream.read_request()
        upstream.reset()
        assert client.read_response().status == 502
        assert client.read_response().status == 200


def test_a_record_that_does_not_parse_answers_for_its_own_id_only(door, edge, service, tmp_path):
    answer = edge.admin.put("/v1/sandboxes/broken", {"address": "not an address"})
    assert answer.status == 400 and answer.json()["field"] == "address" and answer.json()["error"]
    with door.connect() as client:
        assert client.ask(service.request(host="1-broken.sandbox.test")).edge_reason == "sandbox_not_found"
        assert client.ask(service.request()).status == 200
