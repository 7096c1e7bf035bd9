"""What the sandbox sees of a request (contract 4): every byte of the head, and nothing the client may not say.

Hardening H1-UTF, H1-UNDERSCORE, H1-FORM, and 1.6: fields of one hop, forwarded fields, loops.
"""

import re

import pytest

from support.raw_sandbox import OK, RawSandbox

EDGE_FIELDS = {
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "cdn-loop",
    "x-request-id",
}


def forward(door, sandbox, request: bytes, response: bytes = OK):
    """Sends `request` and returns what the sandbox got, and the client's response."""
    with door.connect() as client:
        client.send(request)
        forwarded = sandbox.accept().answer(response)
        return forwarded, client.read_response()


def own_fields(forwarded) -> list:
    """What is left of the client's fields, in order."""
    return [(name, value) for name, value in forwarded.fields if name.lower() not in EDGE_FIELDS]


def test_a_get_reaches_the_sandbox_as_sent_with_just_the_edges_fields_added(door, sandbox):
    forwarded, response = forward(
        door,
        sandbox,
        sandbox.request(
            "GET", "/a/b?c=d&c=e", "X-One: 1", "Accept: */*", "x-two: 2", "X-One: one more", "x-request-id: my-own-id"
        ),
    )
    assert (forwarded.method, forwarded.target) == ("GET", "/a/b?c=d&c=e")
    assert sorted((name.lower(), value) for name, value in forwarded.fields) == sorted(
        [
            ("host", sandbox.host),
            ("x-one", "1"),
            ("accept", "*/*"),
            ("x-two", "2"),
            ("x-one", "one more"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("x-forwarded-host", sandbox.host),
            ("x-forwarded-proto", door.scheme),
            ("x-forwarded-port", str(door.port)),
            ("cdn-loop", "sandgate"),
            ("x-request-id", "my-own-id"),
        ]
    )
    assert [field for field in own_fields(forwarded) if field[0] != "Host"] == [
        ("X-One", "1"),
        ("Accept", "*/*"),
        ("x-two", "2"),
        ("X-One", "one more"),
    ]
    assert (response.status, response.body) == (200, b"ok")


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "//",
        "/a/../b",
        "/a%2Fb%00%0d%0a",
        "/%zz",
        "/?",
        "/?a=/../",
        "/a;b=c",
        "/a|b{}\\^`",
        "/x?y?z",
        "/%2569nit",
    ],
)
def test_the_target_is_forwarded_byte_for_byte(door, sandbox, target):
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", target))
    assert forwarded.target == target


def test_options_asterisk_is_forwarded(door, sandbox):
    forwarded, _ = forward(door, sandbox, sandbox.request("OPTIONS", "*"))
    assert (forwarded.method, forwarded.target) == ("OPTIONS", "*")


def test_an_unknown_method_is_forwarded(door, sandbox):
    forwarded, _ = forward(door, sandbox, sandbox.request("PURGE-x", "/"))
    assert forwarded.method == "PURGE-x"


def test_absolute_form_becomes_origin_form_and_its_authority_wins(door, sandbox):
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", f"{door.scheme}://{sandbox.host}/p?q"))
    assert (forwarded.target, forwarded.value("host")) == ("/p?q", sandbox.host)


def test_absolute_form_that_disagrees_with_host_is_refused(door, sandbox):
    with door.connect() as client:
        response = client.ask(sandbox.request("GET", f"{door.scheme}://{sandbox.host}/", host="1-x.sandbox.test"))
        assert response.status == 400
    sandbox.assert_untouched()


def test_host_is_the_authority_as_the_client_sent_it(door, sandbox):
    sent = f"{sandbox.port}-{sandbox.id.upper()}-old.Sandbox.Test.:1234"
    forwarded, _ = forward(door, sandbox, sandbox.request(host=sent))
    assert forwarded.value("host") == forwarded.value("x-forwarded-host") == sent


def test_an_empty_line_before_the_request_is_skipped(door, sandbox):
    forwarded, _ = forward(door, sandbox, b"\r\n" + sandbox.request("GET", "/x"))
    assert forwarded.raw_head.startswith(b"GET /x HTTP/1.1\r\n")


def test_http_1_5_is_read_as_1_1(door, sandbox):
    forwarded, response = forward(door, sandbox, sandbox.request().replace(b"HTTP/1.1", b"HTTP/1.5"))
    assert forwarded.raw_head.startswith(b"GET / HTTP/1.1\r\n") and response.status == 200


@pytest.mark.parametrize(
    "field",
    [
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: gopher",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Prefix: /evil",
        "X-Real-IP: 6.6.6.6",
        "Forwarded: for=6.6.6.6",
        "X-Client-IP: 6.6.6.6",
        "True-Client-IP: 6.6.6.6",
        "CF-Connecting-IP: 6.6.6.6",
        "X-Original-URL: /admin",
        "X-Rewrite-URL: /admin",
        "X-Envoy-Original-Path: /admin",
    ],
)
def test_what_a_client_claims_about_itself_is_dropped(door, sandbox, field):
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", "/", field))
    name, _, value = field.partition(": ")
    assert value not in forwarded.values(name)
    assert len(forwarded.values(name)) == (1 if name.lower() in EDGE_FIELDS else 0)


@pytest.mark.parametrize(
    "field",
    [
        "X_Forwarded_For: 6.6.6.6",
        "x_forwarded_host: evil.test",
        "X-Forwarded_Proto: http",
        "Content_Length: 5",
        "Transfer_Encoding: chunked",
        "E2b_Traffic_Access_Token: x",
        "e2b_sandbox_id: other",
        "E2b-Sandbox_Port: 1",
    ],
)
def test_underscore_twins_of_the_edges_own_fields_are_dropped(door, sandbox, field):
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", "/", field))
    assert field.partition(":")[0].lower() not in forwarded.names()


def test_other_names_with_underscores_pass(door, sandbox):
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", "/", "my_field: 1"))
    assert forwarded.value("my_field") == "1"


def test_hop_by_hop_fields_end_at_the_edge(door, sandbox):
    forwarded, _ = forward(
        door,
        sandbox,
        sandbox.request(
            "GET",
            "/",
            "Connection: keep-alive, X-Hop",
            "X-Hop: 1",
            "Keep-Alive: timeout=5",
            "Proxy-Connection: close",
            "Proxy-Authorization: Basic eA==",
            "Proxy-Authenticate: Basic",
            "TE: gzip",
            "X-Stays: 1",
        ),
    )
    gone = {"x-hop", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te"}
    assert not gone & set(forwarded.names())
    assert "X-Hop" not in (forwarded.value("connection") or "")
    assert forwarded.value("x-stays") == "1"


def test_te_trailers_is_kept(door, sandbox):
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", "/", "TE: trailers, deflate;q=0.5", "Connection: TE"))
    assert forwarded.value("te") == "trailers"


@pytest.mark.parametrize(
    "name", ["Host", "Content-Length", "Transfer-Encoding", "X-Forwarded-For", "x-request-id", "CDN-Loop"]
)
def test_the_connection_field_cannot_remove_the_edges_own(door, sandbox, name):
    forwarded, response = forward(
        door, sandbox, sandbox.request("POST", "/", f"Connection: {name}", "Content-Length: 5", body=b"hello")
    )
    assert forwarded.body == b"hello" and forwarded.value("host") == sandbox.host
    assert forwarded.value("x-forwarded-for") == "127.0.0.1" and forwarded.value("cdn-loop")
    assert forwarded.value("x-request-id") == response.value("x-request-id")


def test_cdn_loop_is_appended(door, sandbox):
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", "/", "CDN-Loop: other; v=1, sandgate"))
    members = [part.strip() for value in forwarded.values("cdn-loop") for part in value.split(",")]
    assert members == ["other; v=1", "sandgate", "sandgate"]


def test_the_eighth_time_around_is_a_loop(door, sandbox):
    forwarded, response = forward(
        door, sandbox, sandbox.request("GET", "/", "CDN-Loop: " + ", ".join(["sandgate"] * 6))
    )
    assert response.status == 200
    with door.connect() as client:
        response = client.ask(sandbox.request("GET", "/", *["CDN-Loop: sandgate"] * 7))
        assert (response.status, response.edge_reason) == (508, "loop_detected")
        assert response.json() == {"message": "The request went around in a loop", "code": 508}
    sandbox.assert_untouched()


def test_a_request_id_is_made_and_is_the_same_everywhere(door, edge, sandbox):
    forwarded, response = forward(door, sandbox, sandbox.request())
    request_id = forwarded.value("x-request-id")
    assert re.fullmatch(r"[!-~]{16,128}", request_id)
    assert response.value("x-request-id") == request_id
    assert edge.log_line(request_id=request_id)["sandbox"] == sandbox.id


@pytest.mark.parametrize(
    "fields",
    [
        ["x-request-id: has space"],
        ["x-request-id: " + "x" * 129],
        ["x-request-id:"],
        ["x-request-id: \xe9"],
        ["x-request-id: one", "x-request-id: two"],
    ],
)
def test_a_request_id_that_is_not_sane_is_replaced(door, sandbox, fields):
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", "/", *fields))
    assert forwarded.value("x-request-id") not in [field.partition(":")[2].strip() for field in fields]
    assert re.fullmatch(r"[!-~]{1,128}", forwarded.value("x-request-id"))


def test_the_sandboxs_own_request_id_is_replaced(door, sandbox):
    _, response = forward(
        door,
        sandbox,
        sandbox.request("GET", "/", "x-request-id: mine"),
        b"HTTP/1.1 200 OK\r\nX-Request-Id: forged\r\nContent-Length: 0\r\n\r\n",
    )
    assert response.value("x-request-id") == "mine"


def test_traceparent_cookies_and_authorization_pass_through(door, sandbox):
    fields = [
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "Cookie: a=b; c=d",
        "Authorization: Bearer theirs",
    ]
    forwarded, _ = forward(door, sandbox, sandbox.request("GET", "/", *fields))
    assert [f"{name}: {value}" for name, value in own_fields(forwarded) if name != "Host"] == fields


def test_routing_headers_on_a_sandboxs_own_host_do_not_route(door, sandbox):
    forwarded, response = forward(
        door, sandbox, sandbox.request("GET", "/", "E2b-Sandbox-Id: other", "E2b-Sandbox-Port: 1")
    )
    assert response.status == 200 and forwarded.value("host") == sandbox.host


# Masked hosts


@pytest.fixture
def masked(register):
    with RawSandbox() as sandbox:
        yield register(sandbox, mask_request_host="localhost:${PORT}")


def test_a_mask_replaces_host_and_keeps_the_public_name_in_x_forwarded_host(door, masked):
    forwarded, _ = forward(door, masked, masked.request())
    assert forwarded.value("host") == f"localhost:{masked.port}"
    assert forwarded.value("x-forwarded-host") == masked.host


def test_origin_and_referer_of_the_public_origin_are_masked(door, masked):
    public = f"{door.scheme}://{masked.host}"
    forwarded, _ = forward(door, masked, masked.request("GET", "/", f"Origin: {public}", f"Referer: {public}/a?b=c"))
    assert forwarded.value("origin") == f"http://localhost:{masked.port}"
    assert forwarded.value("referer") == f"http://localhost:{masked.port}/a?b=c"


def test_foreign_origins_are_untouched(door, masked):
    forwarded, _ = forward(
        door,
        masked,
        masked.request(
            "GET", "/", "Origin: https://evil.test", f"Referer: https://evil.test/{door.scheme}://{masked.host}/"
        ),
    )
    assert forwarded.value("origin") == "https://evil.test"
    assert forwarded.value("referer") == f"https://evil.test/{door.scheme}://{masked.host}/"


def test_origin_null_and_a_longer_host_are_foreign(door, masked):
    forwarded, _ = forward(
        door, masked, masked.request("GET", "/", "Origin: null", f"Referer: {door.scheme}://{masked.host}.evil.test/")
    )
    assert forwarded.value("origin") == "null"
    assert forwarded.value("referer") == f"{door.scheme}://{masked.host}.evil.test/"


def location(door, sandbox, value: str) -> str:
    _, response = forward(
        door,
        sandbox,
        sandbox.request(),
        f"HTTP/1.1 302 Found\r\nLocation: {value}\r\nContent-Length: 0\r\n\r\n".encode(),
    )
    return response.value("location")


def test_a_location_at_the_masked_host_points_to_the_public_one_again(door, masked):
    assert location(door, masked, f"http://localhost:{masked.port}/x?y") == f"{door.scheme}://{masked.host}/x?y"


@pytest.mark.parametrize("value", ["/relative", "https://elsewhere.test/", "http://localhost:1/", "//localhost/"])
def test_other_locations_are_untouched(door, masked, value):
    assert location(door, masked, value) == value


def test_without_a_mask_a_location_is_untouched(door, sandbox):
    value = f"http://localhost:{sandbox.port}/"
    assert location(door, sandbox, value) == value


# What is no request for a sandbox


@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
def test_connect_and_trace_are_not_allowed(door, sandbox, method):
    target = sandbox.host if method == "CONNECT" else "/"
    with door.connect() as client:
        response = client.ask(sandbox.request(method, target))
        assert (response.status, response.edge_reason) == (405, "method_not_allowed")
        assert response.value("content-type").startswith("text/plain") and response.body.endswith(b"\n")
    sandbox.assert_untouched()


@pytest.mark.parametrize(
    "change, status, reason",
    [
        ((b"HTTP/1.1", b"HTTP/2.0"), 505, "unsupported_version"),
        ((b"HTTP/1.1", b"HTTP/0.9"), 505, "unsupported_version"),
        ((b"GET / ", b"GET /#x "), 400, "bad_request"),
        ((b"\r\n\r\n", b"\r\nExpect: 200-ok\r\n\r\n"), 417, "bad_expectation"),
        ((b"\r\n\r\n", b"\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501, "unsupported_coding"),
        ((b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), 400, "bad_request"),
        ((b"\r\n\r\n", b"\r\nContent-Length: +5\r\n\r\n"), 400, "bad_request"),
        ((b"\r\n\r\n", b"\r\nBad Name: 5\r\n\r\n"), 400, "bad_request"),
        ((b"\r\n\r\n", b"\n\n"), 400, "bad_request"),
    ],
)
def test_a_malformed_request_is_refused_in_one_sentence_and_the_connection_ends(door, sandbox, change, status, reason):
    with door.connect() as client:
        response = client.ask(sandbox.request().replace(*change))
        assert (response.status, response.edge_reason) == (status, reason)
        assert response.value("content-type").startswith("text/plain")
        assert re.fullmatch(rb"[ -~]+\n", response.body)
        assert response.value("connection") == "close"
        client.assert_closed()
    sandbox.assert_untouched()
