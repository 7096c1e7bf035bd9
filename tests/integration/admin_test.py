"""The admin API as an operator's tools use it (interface.md): records, statistics, routes, configuration, health."""

import hashlib
import json
import socket

import pytest

from support.admin_client import AdminClient
from support.patience import eventually
from support.raw_sandbox import RawSandbox, ServingSandbox

RECORD = {
    "address": "127.0.0.1",
    "execution_id": "e1",
    "max_connections": 7,
    "mask_request_host": "localhost:${PORT}",
    "ports": {"8080": {"protocol": "http1", "public": True}},
    "state": "running",
    "sandbox_started_at": "2026-11-23T10:00:00Z",
    "something_new": {"nested": [1, "two", None]},
}


@pytest.fixture
def name(register):
    return register()


def test_a_record_comes_back_as_it_was_put_unknown_fields_included(edge, name):
    edge.put(name, RECORD)
    answer = edge.admin.get(f"/v1/sandboxes/{name}")
    record = answer.json()
    assert answer.status == 200
    assert {key: record.get(key) for key in RECORD} == RECORD


def test_tokens_are_write_only(edge, name):
    edge.put(name, {"address": "127.0.0.1", "traffic_access_token": "hush-hush"})
    digest = hashlib.sha256(b"hush-hush").hexdigest()
    one, many = edge.admin.get(f"/v1/sandboxes/{name}"), edge.admin.get("/v1/sandboxes?limit=1000")
    assert one.json()["traffic_access_token_sha256"] == digest and digest in many.text
    assert "traffic_access_token" not in one.json()
    assert "hush-hush" not in one.text + many.text + edge.admin.get("/v1/config").text


def test_a_digest_read_can_be_put_back_and_opens_as_before(edge, register):
    with ServingSandbox() as sandbox:
        register(sandbox, allow_public_traffic=False, traffic_access_token="t")
        record = edge.admin.get(f"/v1/sandboxes/{sandbox.id}").json()
        edge.put(sandbox.id, record)
        with edge.connect() as client:
            assert client.ask(sandbox.request("GET", "/", "e2b-traffic-access-token: t")).status == 200


def test_a_sandbox_that_is_not_there(edge):
    for answer in (
        edge.admin.get("/v1/sandboxes/nobody"),
        edge.admin.delete("/v1/sandboxes/nobody"),
        edge.admin.get("/v1/sandboxes/nobody/stats"),
    ):
        assert answer.status == 404 and answer.json()["error"]


def test_a_put_is_visible_to_the_next_request_on_every_worker(edge, register):
    with ServingSandbox() as sandbox:
        for _ in range(20):
            name = register()
            with edge.connect() as client:
                assert client.ask(sandbox.request(host=f"{sandbox.port}-{name}.sandbox.test")).status == 200
            edge.delete(name)
            with edge.connect() as client:
                assert client.ask(sandbox.request(host=f"{sandbox.port}-{name}.sandbox.test")).status == 502


@pytest.mark.parametrize(
    "record, field",
    [
        ({}, ""),
        ({"address": "nowhere"}, "address"),
        ({"address": "127.0.0.1", "max_connections": "7"}, "max_connections"),
        ({"address": "127.0.0.1", "mask_request_host": "a b"}, "mask_request_host"),
        ({"address": "127.0.0.1", "ports": {"80": {"protocol": "h9"}}}, "ports"),
        ({"address": "127.0.0.1", "state": "asleep"}, "state"),
        ({"address": "127.0.0.1", "expires_at": "soon"}, "expires_at"),
        ({"address": "127.0.0.1", "sandbox_id": "another"}, "sandbox_id"),
    ],
)
def test_a_record_that_is_wrong_is_refused_by_field_and_the_old_one_stays(edge, name, record, field):
    answer = edge.admin.put(f"/v1/sandboxes/{name}", record)
    assert answer.status == 400
    assert answer.json()["error"] and field in answer.json().get("field", "")
    assert edge.admin.get(f"/v1/sandboxes/{name}").json()["address"] == "127.0.0.1"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"address":"127.0.0.1"} trailing'])
def test_a_body_that_is_no_record(edge, name, body):
    answer = edge.admin.put(f"/v1/sandboxes/{name}", body)
    assert answer.status == 400 and answer.json()["error"]


@pytest.mark.parametrize("identifier", ["a-b", "a_b", "x" * 64, "a%2Fb", "%00"])
def test_an_id_that_cannot_be_one(edge, identifier):
    assert edge.admin.put(f"/v1/sandboxes/{identifier}", {"address": "127.0.0.1"}).status == 400


def test_ids_are_lower_cased(edge, name):
    assert edge.admin.get(f"/v1/sandboxes/{name.upper()}").status == 200


def test_the_list_is_paged_in_order(make_edge):
    edge = make_edge()
    names = sorted(f"page{number}" for number in range(25))
    for name in names:
        edge.put(name, {"address": "127.0.0.1"})
    seen, after = [], ""
    for _ in range(4):
        page = edge.admin.get(f"/v1/sandboxes?limit=10&after={after}").json()["sandboxes"]
        seen += [entry["sandbox_id"] for entry in page]
        if len(page) < 10:
            break
        after = seen[-1]
    assert seen == names


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x"])
def test_a_query_that_makes_no_sense_is_refused(edge, query):
    assert edge.admin.get(f"/v1/sandboxes?{query}").status == 400


def test_statistics_of_a_sandbox(edge, sandbox):
    def stats() -> dict:
        return edge.admin.get(f"/v1/sandboxes/{sandbox.id}/stats").json()

    def value(part: str) -> int:
        return next(number for key, number in stats().items() if part in key)

    assert value("exchanges") == 0
    with edge.connect() as client:
        client.send(sandbox.request("POST", "/", "Content-Length: 5", body=b"hello"))
        upstream = sandbox.accept()
        upstream.read_request()
        assert value("active") == 1
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert client.read_response().status == 200
    eventually(lambda: value("active") == 0, "the exchange to be over")
    assert value("exchanges") == 1 and value("bytes_up") == 5 and value("bytes_down") == 2


def test_route_says_what_would_happen_step_by_step(edge, register):
    with RawSandbox() as sandbox:
        register(sandbox, traffic_access_token="hush")
        answer = edge.admin.get(f"/v1/route?authority={sandbox.host}")
        assert answer.status == 200 and answer.json()["authority"] == sandbox.host
        assert f"127.0.0.1:{sandbox.port}" in answer.json()["upstream"]
        assert len(answer.json()["steps"]) >= 3 and all(
            {"step", "ok", "detail"} <= step.keys() for step in answer.json()["steps"]
        )
        assert "hush" not in answer.text


@pytest.mark.parametrize(
    "authority, word",
    [
        ("80-nobody.sandbox.test", "sandbox_not_found"),
        ("x-y.sandbox.test", "Invalid sandbox port"),
        ("1-y.evil.test", "Invalid host"),
    ],
)
def test_route_says_why_nothing_would(edge, authority, word):
    answer = edge.admin.get(f"/v1/route?authority={authority}")
    assert answer.status == 200 and word in answer.text
    assert any(not step["ok"] for step in answer.json()["steps"])


def test_the_effective_configuration_has_every_default(edge):
    config = edge.admin.get("/v1/config").json()
    assert config["domains"] == ["sandbox.test"]
    assert (
        config["timeouts"]["connect"] and config["limits"]["head_bytes"] and config["access"]["exempt_ports"] == [49983]
    )


def test_health_has_its_three_paths_and_no_more(edge):
    assert (
        edge.health.get("/livez").status
        == edge.health.get("/readyz").status
        == edge.health.get("/metrics").status
        == 200
    )
    for path in ("/v1/sandboxes", "/v1/config", "/v1/route?authority=x", "/", "/metrics/x"):
        assert edge.health.get(path).status == 404
    assert edge.health.post("/v1/drain").status in (404, 405)
    assert edge.health.post("/livez").status == 405


def test_admin_has_them_too(edge):
    for path in ("/livez", "/readyz", "/metrics"):
        assert edge.admin.get(path).status == 200


def test_metrics_and_admin_paths_of_a_public_listener_are_the_sandboxs(edge, service):
    with edge.connect() as client:
        for target in ("/metrics", "/livez", "/v1/sandboxes"):
            assert client.ask(service.request("GET", target)).body == b"ok"


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/nonsense", 404),
        ("GET", "/v1/nonsense", 404),
        ("POST", "/v1/sandboxes/x", 405),
        ("PUT", "/v1/config", 405),
        ("GET", "/v1/drain", 405),
        ("GET", "/v1/route", 400),
    ],
)
def test_what_is_not_there_or_not_done_that_way(edge, method, path, status):
    answer = edge.admin.ask(method, path)
    assert answer.status == status and answer.json()["error"]
    if status == 405:
        assert answer.headers["allow"]


def test_a_body_of_more_than_a_mebibyte_is_refused(edge, name):
    try:
        assert edge.admin.put(f"/v1/sandboxes/{name}", b'{"x":"' + b"x" * (1 << 20) + b'"}').status == 413
    except OSError:
        pass  # refused before it was sent: the answer may be lost with the connection
    assert edge.is_ready()


def test_off_loopback_or_when_asked_for_a_token_is_needed(make_edge, tmp_path):
    (tmp_path / "token").write_text("operator-token\n")
    edge = make_edge.unstarted({"admin": {"token_file": str(tmp_path / "token")}})
    edge.start()
    assert edge.admin.get("/v1/sandboxes").status == 401
    assert AdminClient(edge.admin_port, "wrong").get("/v1/sandboxes").status == 401
    assert AdminClient(edge.admin_port, "operator-token").get("/v1/sandboxes").status == 200
    assert edge.health.get("/readyz").status == 200
    assert "operator-token" not in AdminClient(edge.admin_port, "operator-token").get("/v1/config").text


def test_admin_can_be_a_unix_socket(make_edge, tmp_path):
    path = tmp_path / "admin.sock"
    make_edge({"admin": {"address": f"unix:{path}"}})
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(b"GET /v1/sandboxes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while data := connection.recv(65536):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200 ") and json.loads(answer.partition(b"\r\n\r\n")[2])
    assert path.stat().st_mode & 0o007 == 0, "not for everybody on the machine"
