"""Requests and responses over HTTP/2: many streams on one connection, each for the sandbox it names (contract 1, 4, 5).

Every test runs over TLS, where ALPN chose h2, and on the plain listener with prior knowledge (hardening H2-SET, H2-COOKIE,
H2-UPG).
"""

import re

import pytest

from support.h2_frames import Setting
from support.raw_client import RawClient, trust
from support.raw_sandbox import OK, RawSandbox, ServingSandbox

EDGE_FIELDS = {
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "cdn-loop",
    "x-request-id",
}


def exchange(door, sandbox, *fields: tuple, method: str = "GET", path: str = "/", response: bytes = OK):
    """One exchange: what the sandbox got, and what the client got."""
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, method, path, *fields)
        forwarded = sandbox.accept().answer(response)
        return forwarded, client.read_response(stream)


def own_fields(forwarded) -> list:
    return [(name, value) for name, value in forwarded.fields if name.lower() not in EDGE_FIELDS]


# The connection


def test_the_edge_announces_its_limits(door):
    with door.connect_h2() as client:
        settings = client.edge_settings
        assert settings[Setting.MAX_CONCURRENT_STREAMS] == 100
        assert 65535 <= settings[Setting.INITIAL_WINDOW_SIZE] <= 1 << 20
        assert settings[Setting.MAX_HEADER_LIST_SIZE] == 65536
        assert settings[Setting.ENABLE_CONNECT_PROTOCOL] == 1
        assert settings.get(Setting.MAX_FRAME_SIZE, 16384) == 16384
        assert settings.get(Setting.HEADER_TABLE_SIZE, 4096) == 4096


@pytest.mark.parametrize("offered", [("h2",), ("h2", "http/1.1"), ("http/1.1", "h2")])
def test_h2_is_chosen_where_it_is_offered(edge, certificates, offered):
    with RawClient(edge.tls_port, tls=trust(certificates.sandbox, offered), server_name="a.sandbox.test") as client:
        assert client.stream.tls.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize("offered", [(), ("http/1.1",)], ids=["none", "http/1.1"])
def test_over_tls_a_preface_without_h2_in_alpn_is_refused(edge, certificates, offered):
    with RawClient(edge.tls_port, tls=trust(certificates.sandbox, offered), server_name="a.sandbox.test") as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        response = client.read_response()
        assert response.status in (400, 405, 505)
        client.assert_closed()


def test_http_1_1_goes_on_beside_it(door, service):
    with door.connect() as old, door.connect_h2() as new:
        assert old.ask(service.request()).status == new.ask(service.host).status == 200


# What the sandbox sees


def test_a_get_becomes_http_1_1_with_just_the_edges_fields_added(door, sandbox):
    forwarded, response = exchange(
        door, sandbox, ("x-one", "1"), ("accept", "*/*"), ("x-two", "2"), ("x-one", "one more"), path="/a/b?c=d&c=e"
    )
    assert forwarded.raw_head.startswith(b"GET /a/b?c=d&c=e HTTP/1.1\r\n")
    assert forwarded.value("host") == forwarded.value("x-forwarded-host") == sandbox.host
    assert forwarded.value("x-forwarded-for") == forwarded.value("x-real-ip") == "127.0.0.1"
    assert (forwarded.value("x-forwarded-proto"), forwarded.value("x-forwarded-port")) == (door.scheme, str(door.port))
    assert forwarded.value("cdn-loop") == "sandgate"
    assert own_fields(forwarded) == [("x-one", "1"), ("accept", "*/*"), ("x-two", "2"), ("x-one", "one more")]
    assert (response.status, response.body) == (200, b"ok")


@pytest.mark.parametrize("path", ["/", "//", "/a/../b", "/a%2Fb%00%0d%0a", "/%zz", "/?a=/../", "/a|b{}\\^`", "/x?y?z"])
def test_the_path_is_forwarded_byte_for_byte(door, sandbox, path):
    assert exchange(door, sandbox, path=path)[0].target == path


def test_options_asterisk_is_forwarded(door, sandbox):
    forwarded, _ = exchange(door, sandbox, method="OPTIONS", path="*")
    assert (forwarded.method, forwarded.target) == ("OPTIONS", "*")


def test_an_unknown_method_is_forwarded(door, sandbox):
    assert exchange(door, sandbox, method="PURGE-x")[0].method == "PURGE-x"


def test_the_authority_is_forwarded_as_sent(door, sandbox):
    sent = f"{sandbox.port}-{sandbox.id.upper()}-old.Sandbox.Test.:1234"
    with door.connect_h2() as client:
        stream = client.request(sent)
        forwarded = sandbox.accept().answer()
        assert forwarded.value("host") == forwarded.value("x-forwarded-host") == sent
        assert client.read_response(stream).status == 200


def test_cookie_crumbs_are_one_field_again(door, sandbox):
    forwarded, _ = exchange(door, sandbox, ("cookie", "a=b"), ("x", "y"), ("cookie", "c=d; e=f"), ("cookie", "g=h"))
    assert forwarded.values("cookie") == ["a=b; c=d; e=f; g=h"]


def test_te_trailers_is_kept(door, sandbox):
    assert exchange(door, sandbox, ("te", "trailers"))[0].value("te") == "trailers"


@pytest.mark.parametrize("name", ["proxy-authorization", "proxy-authenticate", "http2-settings", "forwarded"])
def test_what_ends_at_the_edge_is_dropped(door, sandbox, name):
    forwarded, _ = exchange(door, sandbox, (name, "AAMAAABkAAQAAP__"), ("x-stays", "1"))
    assert name not in forwarded.names() and forwarded.value("x-stays") == "1"


@pytest.mark.parametrize("name", ["x_forwarded_for", "content_length", "e2b_sandbox_id", "transfer_encoding"])
def test_underscore_twins_of_the_edges_own_fields_are_dropped(door, sandbox, name):
    assert name not in exchange(door, sandbox, (name, "6"))[0].names()


def test_a_request_id_is_made_and_is_the_same_everywhere(door, edge, sandbox):
    forwarded, response = exchange(door, sandbox)
    made = forwarded.value("x-request-id")
    assert re.fullmatch(r"[!-~]{16,128}", made) and response.value("x-request-id") == made
    assert edge.log_line(request_id=made)["sandbox"] == sandbox.id


def test_a_request_id_of_the_client_is_kept_and_the_sandboxs_replaced(door, sandbox):
    forged = b"HTTP/1.1 200 OK\r\nX-Request-Id: forged\r\nContent-Length: 0\r\n\r\n"
    forwarded, response = exchange(door, sandbox, ("x-request-id", "my-own"), response=forged)
    assert forwarded.value("x-request-id") == response.value("x-request-id") == "my-own"


def test_a_mask_and_the_origins_that_go_with_it(door, register):
    with RawSandbox() as sandbox:
        register(sandbox, mask_request_host="localhost:${PORT}")
        public = f"{door.scheme}://{sandbox.host}"
        forwarded, response = exchange(
            door,
            sandbox,
            ("origin", public),
            ("referer", f"{public}/a?b=c"),
            response=b"HTTP/1.1 302 Found\r\nLocation: http://localhost:%d/x\r\nContent-Length: 0\r\n\r\n"
            % sandbox.port,
        )
        masked = f"localhost:{sandbox.port}"
        assert (forwarded.value("host"), forwarded.value("x-forwarded-host")) == (masked, sandbox.host)
        assert (forwarded.value("origin"), forwarded.value("referer")) == (f"http://{masked}", f"http://{masked}/a?b=c")
        assert response.value("location") == f"{public}/x"


# What the client sees


def test_nothing_of_the_hop_or_of_the_edge_comes_back_and_names_are_lower_case(door, sandbox):
    _, response = exchange(
        door,
        sandbox,
        response=b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        b'Proxy-Connection: close\r\nUpgrade: h2c\r\nAlt-Svc: h3=":443"\r\nX-Sandgate-Reason: forged\r\n'
        b"X-Stays: 1\r\nX-Stays: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    )
    # The client itself refuses connection, transfer-encoding and the like, and names in upper case.
    assert not {"x-hop", "alt-svc", "x-sandgate-reason"} & set(response.names())
    assert (response.values("x-stays"), response.body) == (["1", "2"], b"ok")


def test_a_response_without_a_length_ends_with_its_stream(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host)
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        upstream.close()
        assert client.read_response(stream).body == b"until the end" and stream.ended_well


def test_head_has_the_fields_of_a_body_and_none(door, sandbox):
    _, response = exchange(door, sandbox, method="HEAD", response=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    assert (response.content_length, response.body) == (1000, b"") and response.ended_well


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_that_cannot_have_a_body_has_none(door, sandbox, status):
    _, response = exchange(door, sandbox, response=b'HTTP/1.1 %d X\r\nETag: "x"\r\n\r\n' % status)
    assert (response.status, response.value("etag"), response.body) == (status, '"x"', b"") and response.ended_well


def test_a_cookie_for_all_sandboxes_becomes_one_for_this_host(door, sandbox):
    _, response = exchange(
        door, sandbox, response=b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Domain=sandbox.test\r\nContent-Length: 0\r\n\r\n"
    )
    assert [cookie.partition(";")[0] for cookie in response.values("set-cookie")] == ["a=1"]
    assert "domain" not in response.value("set-cookie").lower()


# Many streams


def test_every_stream_goes_where_its_own_authority_says(door, register):
    sandboxes = [ServingSandbox(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % n) for n in range(5)]
    try:
        with door.connect_h2() as client:
            for sandbox in sandboxes:
                register(sandbox)
            streams = [(n % 5, client.request(sandboxes[n % 5].host, "GET", f"/{n}")) for n in range(40)]
            for number, stream in streams:
                assert client.read_response(stream).body == b"%d" % number
        for number, sandbox in enumerate(sandboxes):
            assert sorted(int(one.target[1:]) for one in sandbox.requests) == list(range(number, 40, 5))
            assert {one.value("host") for one in sandbox.requests} == {sandbox.host}
    finally:
        for sandbox in sandboxes:
            sandbox.close()


@pytest.mark.parametrize("authority", ["sandbox.sandbox.test", "localhost", "127.0.0.1:1"])
def test_routing_by_header_goes_stream_by_stream(door, service, sandbox, authority):
    def route(target):
        return ("e2b-sandbox-id", target.id), ("e2b-sandbox-port", str(target.port))

    with door.connect_h2() as client:
        held = client.request(authority, "GET", "/", *route(sandbox))
        upstream = sandbox.accept()
        assert upstream.read_request().value("host") == authority
        assert client.ask(authority, "GET", "/", *route(service)).status == 200
        assert client.ask(service.host, "GET", "/", *route(sandbox)).status == 200, "a sandbox's own host decides"
        assert client.ask(authority, "GET", "/").status == 400
        assert client.ask(authority, "GET", "/", route(service)[0]).status == 400
        upstream.send(OK)
        assert client.read_response(held).status == 200
    assert len(service.requests) == 2


def test_every_stream_has_the_token_it_brought(door, register):
    with ServingSandbox() as sandbox:
        register(sandbox, allow_public_traffic=False, traffic_access_token="right")
        with door.connect_h2() as client:
            token = "e2b-traffic-access-token"
            answers = [
                client.ask(sandbox.host),
                client.ask(sandbox.host, "GET", "/", (token, "right")),
                client.ask(sandbox.host, "GET", "/", (token, "wrong")),
                client.ask(sandbox.host, "GET", "/", (token, "right"), (token, "wrong")),
                client.ask(sandbox.host),
            ]
        assert [one.status for one in answers] == [403, 200, 403, 403, 403]
        reasons = ["token_missing", None, "token_invalid", "token_invalid", "token_missing"]
        assert [one.edge_reason for one in answers] == reasons
        assert len(sandbox.requests) == 1 and token not in sandbox.requests[0].names()


def test_answers_come_in_the_order_the_sandboxes_give_them(door, sandbox):
    with door.connect_h2() as client:
        streams = [client.request(sandbox.host, "GET", f"/{n}") for n in range(3)]
        upstreams = {upstream.read_request().target: upstream for upstream in (sandbox.accept() for _ in range(3))}
        for number in (2, 0, 1):
            upstreams[f"/{number}"].send(OK)
            assert client.read_response(streams[number]).body == b"ok"


def test_a_hundred_streams_at_once_are_served(door, sandbox):
    with door.connect_h2() as client:
        streams = [client.request(sandbox.host) for _ in range(100)]
        upstreams = [sandbox.accept() for _ in streams]
        for upstream in upstreams:
            upstream.answer()
        assert [client.read_response(stream).status for stream in streams] == [200] * 100


def test_one_connection_to_the_sandbox_serves_streams_that_follow_one_another(door, sandbox):
    with door.connect_h2() as client:
        upstream = None
        for _ in range(5):
            stream = client.request(sandbox.host)
            upstream = upstream or sandbox.accept()
            upstream.answer()
            assert client.read_response(stream).status == 200
        sandbox.assert_untouched()
