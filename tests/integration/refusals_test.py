"""The edge's own answers: the form the client can use (contract 6)."""

import pytest

from support.ports import free_port

BROWSER = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"
HOST = "8080-nobody.sandbox.test"


def ask(door, *fields: str, method: str = "GET", host: str = HOST, target: str = "/"):
    with door.connect() as client:
        return client.ask(
            "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *fields, "", ""]).encode("latin1")
        )


def form(response) -> str:
    return {"application/json": "json", "text/html": "html"}[response.value("content-type").partition(";")[0]]


@pytest.mark.parametrize(
    "fields, expected",
    [
        ([], "json"),
        (["User-Agent: curl/7.88.1"], "json"),
        (["User-Agent: python-requests/2.28"], "json"),
        ([BROWSER], "html"),
        (["User-Agent: something CHROME something"], "html"),
        (["User-Agent: safari"], "html"),
        (["User-Agent: Firefox"], "html"),
        (["User-Agent: Edge"], "html"),
        (["User-Agent: opera"], "html"),
        (["User-Agent: MSIE 6"], "html"),
        ([BROWSER, "Accept: text/html,application/xhtml+xml"], "html"),
        ([BROWSER, "Accept: application/json"], "json"),
        ([BROWSER, "Accept: application/json, text/html"], "html"),
        (["Accept: text/html"], "json"),
        ([BROWSER, "Accept: */*"], "html"),
        ([BROWSER, "Sec-Fetch-Mode: cors"], "json"),
        ([BROWSER, "Sec-Fetch-Mode: no-cors"], "json"),
        ([BROWSER, "Sec-Fetch-Mode: same-origin"], "json"),
        ([BROWSER, "Sec-Fetch-Mode: websocket"], "json"),
        ([BROWSER, "Sec-Fetch-Mode: navigate"], "html"),
        ([BROWSER, "Sec-Fetch-Mode: navigate", "X-Requested-With: XMLHttpRequest"], "html"),
        ([BROWSER, "X-Requested-With: XMLHttpRequest"], "json"),
        (["Sec-Fetch-Mode: navigate", "User-Agent: curl/8"], "json"),
    ],
)
def test_json_for_programs_and_a_page_for_people(door, fields, expected):
    assert form(ask(door, *fields)) == expected


def test_a_page_needs_nothing_from_outside_and_is_locked_down(door):
    response = ask(door, BROWSER)
    page = response.body.decode()
    assert page.lower().startswith("<!doctype html>") and page.endswith("\n")
    assert "prefers-color-scheme" in page and "nobody" in page
    assert not any(word in page for word in ("http://", "https://", "<script", "src=", "<link", "@import", "url("))
    assert "default-src 'none'" in response.value("content-security-policy")
    assert (response.status, response.edge_reason) == (502, "sandbox_not_found")


def test_the_page_of_a_closed_port_says_which_and_looks_again(door, sandbox):
    port = free_port()
    page = ask(door, BROWSER, host=f"{port}-{sandbox.id}.sandbox.test").body.decode()
    assert sandbox.id in page and str(port) in page
    assert "refresh" in page.lower()


def test_the_page_of_a_sandbox_that_is_gone_does_not_refresh(door):
    response = ask(door, BROWSER)
    assert 'http-equiv="refresh"' not in response.body.decode().lower() and response.value("refresh") is None


def test_every_row_with_json_has_a_page(door, edge, register):
    private = register(allow_public_traffic=False, traffic_access_token="t")
    full = register(max_connections=0)
    public = register()
    for host, target, fields in [
        (f"80-{private}.sandbox.test", "/", []),
        (f"80-{private}.sandbox.test", "/", ["e2b-traffic-access-token: x"]),
        (f"80-{full}.sandbox.test", "/", []),
        ("49983-x.sandbox.test", "/init", []),
        (f"80-{public}.sandbox.test", "/", ["CDN-Loop: " + "sandgate," * 7 + "sandgate"]),
    ]:
        assert form(ask(door, BROWSER, *fields, host=host, target=target)) == "html", host


def test_a_path_in_a_page_is_escaped(door, make_edge):
    edge = make_edge({"access": {"reserved_paths": {"port": 80, "paths": ["/<script>alert(1)</script>\"&'"]}}})
    with edge.connect() as client:
        response = client.ask(
            f"GET /%3Cscript%3Ealert(1)%3C/script%3E%22%26' HTTP/1.1\r\nHost: 80-x.sandbox.test\r\n"
            f"{BROWSER}\r\n\r\n".encode()
        )
        assert response.status == 404 and b"<script" not in response.body
        response = client.ask(
            b"GET /%3Cscript%3Ealert(1)%3C/script%3E%22%26' HTTP/1.1\r\nHost: 80-x.sandbox.test\r\n\r\n"
        )
        assert response.json()["path"] == "/<script>alert(1)</script>\"&'"


def test_text_stays_text_for_a_browser(door):
    response = ask(door, BROWSER, host="nonsense.sandbox.test")
    assert response.value("content-type").startswith("text/plain") and response.body == b"Invalid host\n"


def test_nothing_the_client_sent_is_echoed(door):
    response = ask(door, BROWSER, host="80-<script>.sandbox.test")
    assert b"script" not in response.body and response.status == 400


def test_head_gets_the_head_alone(door, service):
    with door.connect() as client:
        response = client.ask(f"HEAD / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert response.status == 502 and response.content_length > 0
        assert client.ask(service.request()).body == b"ok", "no body bytes were left on the connection"


@pytest.mark.parametrize("origin", ["https://app.test", "null", "http://localhost:3000"])
def test_a_page_of_another_origin_can_read_the_refusal(door, origin):
    response = ask(door, f"Origin: {origin}")
    assert response.value("access-control-allow-origin") == origin
    assert response.value("vary") == "Origin"
    exposed = {name.strip().lower() for name in response.value("access-control-expose-headers").split(",")}
    assert exposed == {"x-sandgate-reason", "x-request-id", "retry-after"}


def test_without_an_origin_there_are_no_cors_fields(door):
    assert not any(name.startswith("access-control") for name in ask(door).names())


GRPC = "Content-Type: application/grpc"


@pytest.mark.parametrize(
    "content_type, is_grpc",
    [
        ("application/grpc", True),
        ("application/grpc+proto", True),
        ("application/grpc-web", False),
        ("application/grpc-web+proto", False),
        ("application/json", False),
    ],
)
def test_a_grpc_client_gets_a_grpc_status(door, content_type, is_grpc):
    response = ask(door, f"Content-Type: {content_type}", "Content-Length: 0", method="POST")
    if is_grpc:
        assert (response.status, response.value("grpc-status"), response.body) == (200, "14", b"")
        assert response.value("grpc-message") == "The sandbox was not found"
        assert response.value("content-type") == content_type or response.value("content-type") == "application/grpc"
        assert response.edge_reason == "sandbox_not_found"
    else:
        assert (response.status, response.value("grpc-status")) == (502, None)


def test_every_status_has_its_grpc_code(door, register):
    private = register(allow_public_traffic=False, traffic_access_token="t")
    full = register(max_connections=0)
    public = register()
    for host, target, fields, code in [
        ("nonsense.sandbox.test", "/", [], "3"),
        (f"80-{private}.sandbox.test", "/", [], "7"),
        ("49983-x.sandbox.test", "/init", [], "12"),
        (f"80-{full}.sandbox.test", "/", [], "8"),
        (HOST, "/", [], "14"),
        (f"80-{public}.sandbox.test", "/", ["CDN-Loop: " + "sandgate," * 7 + "sandgate"], "2"),
    ]:
        response = ask(door, GRPC, "Content-Length: 0", *fields, host=host, target=target, method="POST")
        assert (response.status, response.value("grpc-status")) == (200, code), host


def test_the_log_has_the_real_status_reason_and_blame(door, edge):
    response = ask(door)
    line = edge.log_line(request_id=response.value("x-request-id"))
    assert (line["status"], line["reason"], line["blame"]) == (502, "sandbox_not_found", "client")
    assert (line["sandbox"], line["port"], line["upstream"]) == ("nobody", 8080, None)
