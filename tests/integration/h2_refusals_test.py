"""What the edge answers itself over HTTP/2, whom it answers for, and what it writes down (contract 1, 6)."""

import pytest

from support.h2_frames import Code
from support.patience import eventually
from support.ports import free_port
from support.raw_sandbox import OK, RawSandbox, ServingSandbox

EDGE_CONFIG = {"domains": ["sandbox.test", "other.test"]}  # the certificate covers the first
COMMON = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def assert_refusal(response, status: int, reason: str, kind: str):
    assert (response.status, response.edge_reason) == (status, reason)
    assert response.value("content-type").partition(";")[0] == kind
    assert {name: response.value(name) for name in COMMON} == COMMON
    assert response.value("x-request-id") and response.content_length is not None
    assert response.ended_well


# Which sandbox


def test_host_and_authority_that_agree_are_one(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "GET", "/", ("host", sandbox.host))
        assert sandbox.accept().answer().values("host") == [sandbox.host]
        assert client.read_response(stream).status == 200


def test_host_and_authority_that_differ_are_refused(door, service):
    with door.connect_h2() as client:
        for host in ("1-x.sandbox.test", service.host + ":1", ""):
            stream = client.read_response(client.request(service.host, "GET", "/", ("host", host)))
            assert stream.status == 400 or stream.reset_code == Code.PROTOCOL_ERROR, (host, stream)
        assert client.ask(service.host, "GET", "/honest").status == 200
    assert [one.target for one in service.requests] == ["/honest"]


def test_host_alone_is_accepted(door, sandbox):
    with door.connect_h2() as client:
        fields = client.fields(sandbox.host, "GET", "/", ("host", sandbox.host))
        stream = client.open([field for field in fields if field[0] != ":authority"])
        forwarded = sandbox.accept().answer()
        assert forwarded.value("host") == forwarded.value("x-forwarded-host") == sandbox.host
        assert client.read_response(stream).status == 200


def test_without_any_authority_it_is_400(door, service):
    with door.connect_h2() as client:
        stream = client.open([field for field in client.fields("") if field[0] != ":authority"])
        client.read_response(stream)
        assert stream.status == 400 or stream.reset_code == Code.PROTOCOL_ERROR
        assert client.ask(service.host).status == 200


@pytest.mark.parametrize(
    "authority, text",
    [
        ("example.com", "Invalid host"),
        ("80-a.example.com", "Invalid host"),
        ("sandbox", "Invalid host"),
        ("080-a.sandbox.test", "Invalid sandbox port"),
        ("70000-a.sandbox.test", "Invalid sandbox port"),
        ("80-a_b.sandbox.test", "Invalid sandbox ID"),
    ],
)
def test_an_authority_that_names_no_sandbox(door, service, authority, text):
    with door.connect_h2() as client:
        response = client.ask(authority)
        assert_refusal(response, 400, "bad_authority", "text/plain")
        assert response.body.decode() == text + "\n"
        assert client.ask(service.host).status == 200, "the connection goes on"


def test_an_authority_the_certificate_does_not_cover_is_misdirected(edge, service):
    with edge.connect_h2(tls=True) as client:
        response = client.ask(f"{service.port}-{service.id}.other.test")
        assert_refusal(response, 421, "misdirected", "text/plain")
        assert response.body == b"Misdirected request\n"
        assert client.ask(service.host).status == 200, "the connection goes on"
    assert len(service.requests) == 1


def test_the_name_in_the_handshake_need_not_be_the_authority(edge, service):
    with edge.connect_h2(tls=True, server_name="1-another.sandbox.test") as client:
        assert client.ask(service.host).status == 200


def test_without_tls_any_configured_domain_will_do(edge, service):
    with edge.connect_h2() as client:
        assert client.ask(f"{service.port}-{service.id}.other.test").status == 200


# What it says


def test_the_sdks_get_json(door, edge, register):
    sandbox, port = register(), free_port()
    with door.connect_h2() as client:
        response = client.ask("80-nobody.sandbox.test")
        assert_refusal(response, 502, "sandbox_not_found", "application/json")
        assert response.body == b'{"sandboxId":"nobody","message":"The sandbox was not found","code":502}'
        response = client.ask(f"{port}-{sandbox}.sandbox.test")
        assert_refusal(response, 502, "port_closed", "application/json")
        assert response.json() == {
            "sandboxId": sandbox,
            "message": "The sandbox is running but port is not open",
            "port": port,
            "code": 502,
        }
        response = client.ask("49983-nobody.sandbox.test", "POST", "/init")
        assert_refusal(response, 404, "agent_route_reserved", "application/json")
        response = client.ask("80-nobody.sandbox.test", "GET", "/", *[("cdn-loop", "sandgate")] * 7)
        assert response.status in (502, 508)
        assert not client.goaways


def test_a_browser_gets_a_page(door):
    with door.connect_h2() as client:
        fields = ("user-agent", "Mozilla/5.0"), ("sec-fetch-mode", "navigate"), ("accept", "text/html")
        response = client.ask("80-nobody.sandbox.test", "GET", "/", *fields)
        assert_refusal(response, 502, "sandbox_not_found", "text/html")
        assert response.body.lower().startswith(b"<!doctype html>") and response.value("content-security-policy")


def test_grpc_gets_its_own_status(door):
    with door.connect_h2() as client:
        response = client.ask("80-nobody.sandbox.test", "POST", "/a.B/C", ("content-type", "application/grpc"))
        assert (response.status, response.edge_reason) == (200, "sandbox_not_found")
        said = dict(response.fields + response.trailers)
        assert said["grpc-status"] == "14" and said["grpc-message"]


def test_a_script_may_read_a_refusal_of_its_own_request(door):
    with door.connect_h2() as client:
        response = client.ask("80-nobody.sandbox.test", "GET", "/", ("origin", "https://app.test"))
        assert response.value("access-control-allow-origin") == "https://app.test"
        assert response.value("vary") == "Origin"
        exposed = response.value("access-control-expose-headers").lower()
        assert "x-sandgate-reason" in exposed and "x-request-id" in exposed and "retry-after" in exposed


def test_head_gets_no_body(door):
    with door.connect_h2() as client:
        response = client.ask("80-nobody.sandbox.test", "HEAD")
        assert (response.status, response.edge_reason, response.body) == (502, "sandbox_not_found", b"")


def test_a_refused_upload_is_called_off(door, service):
    with door.connect_h2() as client:
        stream = client.request("80-nobody.sandbox.test", "POST", "/", body=b"x" * 1000, end=False)
        assert client.read_response(stream).status == 502 and stream.ended_well
        assert client.read_reset(stream) == Code.NO_ERROR
        assert client.ask(service.host).status == 200


@pytest.mark.parametrize("expectation, status", [("100-continue", 200), ("200-ok", 417)])
def test_only_one_expectation_can_be_met(door, service, expectation, status):
    with door.connect_h2() as client:
        fields = ("content-length", "2"), ("expect", expectation)
        stream = client.read_response(client.request(service.host, "POST", "/", *fields, body=b"hi"))
        assert stream.status == status and stream.ended_well


@pytest.mark.parametrize("fields", [[(f"x-{n}", "1") for n in range(129)], [("x-big", "y" * 66000)]])
def test_a_head_that_is_too_large(door, service, fields):
    with door.connect_h2() as client:
        response = client.ask(service.host, "GET", "/", *fields)
        assert_refusal(response, 431, "head_too_large", "text/plain")
    with door.connect_h2() as client:
        assert client.ask(service.host, "GET", "/", ("x-big", "y" * 60000)).status == 200
    assert len(service.requests) == 1


def test_a_path_that_is_too_long(door, service):
    with door.connect_h2() as client:
        response = client.ask(service.host, "GET", "/" + "x" * 16384)
        assert_refusal(response, 414, "target_too_long", "text/plain")
        assert client.ask(service.host, "GET", "/" + "x" * 16000).status == 200


# Limits of a sandbox


def test_a_sandbox_has_its_number_of_streams_not_of_connections(door, register):
    with RawSandbox() as sandbox:
        register(sandbox, max_connections=2)
        with door.connect_h2() as client:
            held = [client.request(sandbox.host), client.request(sandbox.host)]
            upstreams = [sandbox.accept(), sandbox.accept()]
            for upstream in upstreams:
                upstream.read_request()
            response = client.ask(sandbox.host)
            assert_refusal(response, 429, "too_many_connections", "application/json")
            assert (response.json()["connectionLimit"], response.value("retry-after")) == (2, "1")
            upstreams[0].send(OK)
            assert client.read_response(held[0]).status == 200
            again = client.request(sandbox.host)
            upstreams[0].answer()
            assert client.read_response(again).status == 200
            client.cancel(held[1])
            upstreams[1].assert_closed()


# What is written down


def test_a_line_for_every_exchange(door, edge, sandbox):
    with door.connect_h2() as client:
        fields = ("user-agent", "tester/2"), ("content-length", "5")
        stream = client.request(sandbox.host, "POST", "/a/b?secret=1", *fields, body=b"hello")
        sandbox.accept().answer(b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyes")
        request_id = client.read_response(stream).value("x-request-id")
        line = edge.log_line(request_id=request_id)  # while the connection is open
    expected = {
        "client": "127.0.0.1",
        "protocol": "HTTP/2",
        "tls": "TLSv1.3" if door.is_tls else None,
        "method": "POST",
        "authority": sandbox.host,
        "path": "/a/b",
        "sandbox": sandbox.id,
        "port": sandbox.port,
        "status": 201,
        "reason": "ok",
        "blame": "none",
        "bytes_up": 5,
        "bytes_down": 3,
        "reused": False,
        "upstream": f"127.0.0.1:{sandbox.port}",
        "user_agent": "tester/2",
    }
    assert {key: line[key] for key in expected} == expected
    assert 0 <= line["connect_ms"] <= line["first_byte_ms"] <= line["duration_ms"]


def test_every_stream_has_one_line_and_is_counted_once(make_edge):
    edge = make_edge()
    with ServingSandbox() as service, edge.connect_h2(tls=True) as client:
        service.id = "service"
        edge.put("service", {"address": "127.0.0.1"})
        streams = [client.request(service.host) for _ in range(5)]
        streams += [client.request("80-nobody.sandbox.test") for _ in range(3)]
        streams += [client.request("nonsense")]
        for stream in streams:
            client.read_response(stream)
        bad = client.open(client.fields(service.host, "GET", "/", ("Bad-Name", "1")))
        client.read_response(bad)
        eventually(lambda: len(edge.log) >= len(streams), "the log lines")
        page = edge.metrics()
        assert page.total("sandgate_client_connections") == 1
        assert page.total("sandgate_active_exchanges") == 0
    assert len({line["request_id"] for line in edge.log}) == len(edge.log)
    assert {line["protocol"] for line in edge.log} == {"HTTP/2"}
    assert page.total("sandgate_exchanges_total", protocol="http2", outcome="ok") == 5
    assert page.total("sandgate_exchanges_total", protocol="http2", outcome="sandbox_not_found") == 3
    assert page.total("sandgate_exchanges_total", protocol="http2", outcome="bad_authority") == 1
    assert page.total("sandgate_exchanges_total", protocol="http1") == 0
    eventually(
        lambda: edge.metrics().total("sandgate_exchanges_total") == len(edge.log), "as many lines as exchanges counted"
    )
    eventually(lambda: edge.metrics().total("sandgate_client_connections") == 0, "the connection to be over")


def test_the_gauges_count_streams(make_edge):
    edge = make_edge()
    with RawSandbox() as sandbox, edge.connect_h2() as client:
        sandbox.id = "held"
        edge.put("held", {"address": "127.0.0.1"})
        streams = [client.request(sandbox.host) for _ in range(3)]
        upstreams = [sandbox.accept() for _ in streams]
        for upstream in upstreams:
            upstream.read_request()
        page = edge.metrics()
        assert page.total("sandgate_active_exchanges") == 3
        assert page.total("sandgate_client_connections", state="active") == 1
        for upstream in upstreams:
            upstream.send(OK)
        for stream in streams:
            assert client.read_response(stream).status == 200
        eventually(lambda: edge.metrics().total("sandgate_client_connections", state="idle") == 1, "an idle connection")
        assert edge.metrics().total("sandgate_active_exchanges") == 0
