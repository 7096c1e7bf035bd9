"""Metrics that add up, and a log with one line an exchange and never a secret (interface.md, hardening 1.10)."""

import datetime
import json

import pytest

from support.patience import eventually
from support.raw_sandbox import OK, RawSandbox, ServingSandbox

LOG_FIELDS = {
    "time",
    "request_id",
    "client",
    "protocol",
    "tls",
    "method",
    "authority",
    "path",
    "sandbox",
    "port",
    "status",
    "reason",
    "blame",
    "bytes_up",
    "bytes_down",
    "duration_ms",
    "lookup_ms",
    "connect_ms",
    "first_byte_ms",
    "reused",
    "upstream",
    "user_agent",
}

METRICS = {
    "sandgate_exchanges_total": {"outcome", "blame", "protocol"},
    "sandgate_exchange_duration_seconds_bucket": {"le"},
    "sandgate_responses_total": {"code_class"},
    "sandgate_first_byte_seconds_bucket": {"le"},
    "sandgate_active_exchanges": set(),
    "sandgate_active_tunnels": set(),
    "sandgate_connect_duration_seconds_bucket": {"le"},
    "sandgate_client_connections": {"state"},
    "sandgate_bytes_total": {"direction"},
    "sandgate_tls_handshakes_total": {"result", "version", "resumed"},
    "sandgate_tls_certificate_expiry_timestamp_seconds": {"name"},
    "sandgate_upstream_connections": {"state"},
    "sandgate_upstream_reuse_total": {"reused"},
    "sandgate_registry_lookups_total": {"result"},
    "sandgate_registry_routes": {"state"},
    "sandgate_registry_updates_total": {"kind"},
    "sandgate_registry_invalid_records": set(),
    "sandgate_registry_age_seconds": set(),
    "sandgate_access_decisions_total": {"result"},
    "sandgate_limit_rejections_total": {"limit"},
    "sandgate_config_reloads_total": {"result"},
    "sandgate_draining": set(),
    "sandgate_build_info": {"version"},
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "process_open_fds": set(),
    "process_max_fds": set(),
    "process_start_time_seconds": set(),
}


@pytest.fixture
def own(make_edge):
    """An edge nobody else counts on, and a service and a scripted sandbox it knows."""
    edge = make_edge()
    with ServingSandbox() as service, RawSandbox() as sandbox:
        service.id, sandbox.id = "service", "scripted"
        edge.put("service", {"address": "127.0.0.1"})
        edge.put("scripted", {"address": "127.0.0.1"})
        edge.put("private", {"address": "127.0.0.1", "allow_public_traffic": False, "traffic_access_token": "right"})
        yield edge, service, sandbox


def test_a_line_says_all_that_is_known_of_an_exchange(door, edge, sandbox):
    with door.connect() as client:
        client.send(
            sandbox.request("POST", "/a/b?secret=1", "Content-Length: 5", "User-Agent: tester/1", body=b"hello")
        )
        sandbox.accept().answer(b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyes")
        request_id = client.read_response().value("x-request-id")
    line = edge.log_line(request_id=request_id)
    assert LOG_FIELDS <= line.keys()
    expected = {
        "client": "127.0.0.1",
        "protocol": "HTTP/1.1",
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
        "user_agent": "tester/1",
    }
    assert {key: line[key] for key in expected} == expected
    assert (
        0 <= line["lookup_ms"] <= line["duration_ms"]
        and 0 <= line["connect_ms"] <= line["first_byte_ms"] <= line["duration_ms"]
    )
    ended = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - ended).total_seconds()) < 60


def test_every_exchange_has_one_line_and_is_counted_once(own):
    edge, service, sandbox = own
    requests = [
        service.request(),
        service.request("HEAD"),
        service.request("GET", "/", host="1-nobody.sandbox.test"),
        service.request("GET", "/", host="x.sandbox.test"),
        service.request("GET", "/", host="80-private.sandbox.test"),
        service.request("POST", "/init", host="49983-x.sandbox.test"),
        b"nonsense\r\n\r\n",
    ]
    for request in requests:
        for tls in (False, True):
            with edge.connect(tls=tls) as client:
                (
                    client.ask(request)
                    if not request.startswith(b"non")
                    else (client.send(request), client.read_response())
                )
    count = 2 * len(requests)
    eventually(lambda: len(edge.log) >= count, "the log lines")
    page = edge.metrics()
    assert len(edge.log) == count == page.total("sandgate_exchanges_total")
    assert len({line["request_id"] for line in edge.log}) == count
    assert edge.other_output == [], "stdout is the access log's"
    assert page.total("sandgate_responses_total") == count
    assert page.total("sandgate_responses_total", code_class="2xx") == 4
    for reason in ("sandbox_not_found", "bad_authority", "token_missing", "agent_route_reserved", "bad_request"):
        assert page.total("sandgate_exchanges_total", outcome=reason) == 2, reason
        assert sum(line["reason"] == reason for line in edge.log) == 2
    assert page.total("sandgate_exchange_duration_seconds_count") == count
    assert page.total("sandgate_access_decisions_total", result="token_missing") == 2
    assert page.total("sandgate_registry_lookups_total", result="not_found") == 2
    assert page.total("sandgate_tls_handshakes_total", result="ok", version="TLSv1.3") == len(requests)
    assert page.total("sandgate_active_exchanges") == 0
    eventually(lambda: edge.metrics().total("sandgate_client_connections") == 0, "the connections to be over")


def test_gauges_go_up_and_come_down_again(own):
    edge, _, sandbox = own
    with edge.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_request()
        page = edge.metrics()
        assert page.total("sandgate_active_exchanges") == 1
        assert page.total("sandgate_client_connections", state="active") == 1
        assert page.total("sandgate_upstream_connections", state="active") == 1
        upstream.send(OK)
        client.read_response()
        eventually(
            lambda: edge.metrics().total("sandgate_upstream_connections", state="idle") == 1, "an idle connection"
        )
        page = edge.metrics()
        assert page.total("sandgate_active_exchanges") == 0
        assert page.total("sandgate_client_connections", state="idle") == 1
    upstream.close()
    eventually(lambda: edge.metrics().total("sandgate_upstream_connections") == 0, "no connection to the sandbox")
    eventually(lambda: edge.metrics().total("sandgate_client_connections") == 0, "no connection of a client")


def test_bytes_are_body_bytes_of_both_directions(own):
    edge, _, sandbox = own
    with edge.connect() as client:
        client.send(sandbox.request("POST", "/", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"))
        sandbox.accept().answer(OK)
        client.read_response()
    page = eventually(lambda: edge.log and edge.metrics(), "the exchange to end")
    assert page.total("sandgate_bytes_total") == 7
    assert sorted(
        page.total("sandgate_bytes_total", direction=one)
        for one in page.label_values("sandgate_bytes_total", "direction")
    ) == [2, 5]


def test_every_metric_of_the_interface_is_there_with_its_labels(own):
    edge, service, _ = own
    with edge.connect(tls=True) as client:
        client.ask(service.request())
    page = edge.metrics()
    assert METRICS.keys() <= page.names(), METRICS.keys() - page.names()
    for name, labels in METRICS.items():
        has = {frozenset(one) for key, one, _ in page.samples if key == name}
        assert has == {frozenset(labels)}, name


def test_labels_are_closed_sets(own):
    edge, service, _ = own
    with edge.connect() as client:
        for number in range(20):
            client.ask(
                service.request(
                    f"M{number}", f"/{number}", f"User-Agent: {number}", host=f"{number + 1}-n{number}.sandbox.test"
                )
            )
    before = {(name, tuple(sorted(labels.items()))) for name, labels, _ in edge.metrics().samples}
    with edge.connect() as client:
        for number in range(20, 60):
            client.ask(
                service.request(
                    f"M{number}", f"/{number}", f"User-Agent: {number}", host=f"{number + 1}-n{number}.sandbox.test"
                )
            )
    assert {(name, tuple(sorted(labels.items()))) for name, labels, _ in edge.metrics().samples} == before


def test_the_expiry_of_every_certificate_is_a_metric(edge):
    page = edge.metrics()
    expiry = page.total("sandgate_tls_certificate_expiry_timestamp_seconds", name="*.sandbox.test")
    assert expiry == datetime.datetime(2099, 12, 31, tzinfo=datetime.timezone.utc).timestamp()


def test_one_clients_garbage_does_not_fill_the_log(make_edge):
    """The first lines about it are written, the rest is counted; what others ask has its line."""
    edge = make_edge({"workers": 1})
    rounds = 700
    for _ in range(rounds):
        with edge.connect() as client:
            client.send(b"garbage\r\n\r\n")
            assert client.read_response().status == 400
    with edge.connect(source="127.0.0.9") as client:
        client.send(b"more garbage\r\n\r\n")
        client.read_response()
    with edge.connect() as client:
        client.ask(b"GET / HTTP/1.1\r\nHost: 80-nobody.sandbox.test\r\n\r\n")
    edge.log_line(reason="sandbox_not_found")
    of_other = edge.log_line(client="127.0.0.9")
    assert of_other["reason"] == "bad_request"
    written = sum(line["reason"] == "bad_request" and line["client"] == "127.0.0.1" for line in edge.log)
    dropped = edge.metrics().total("sandgate_access_log_dropped_total", reason="client_flood")
    assert dropped > 0 and written >= 500
    assert written + dropped == rounds
    assert edge.metrics().total("sandgate_exchanges_total", outcome="bad_request") == rounds + 1


SECRETS = {
    "token": "planted-token",
    "wrong token": "planted-guess",
    "authorization": "planted-password",
    "cookie": "planted-cookie",
    "query": "planted-query",
    "set-cookie": "planted-set-cookie",
    "body": "planted-body",
    "record": "planted-record",
}


def test_no_secret_reaches_a_log_a_metric_or_a_page(own):
    edge, _, sandbox = own
    edge.put(
        "scripted", {"address": "127.0.0.1", "allow_public_traffic": False, "traffic_access_token": SECRETS["token"]}
    )
    edge.admin.put("/v1/sandboxes/broken", {"address": "?", "traffic_access_token": SECRETS["record"]})
    request = sandbox.request(
        "POST",
        f"/?token={SECRETS['query']}",
        f"e2b-traffic-access-token: {SECRETS['token']}",
        f"Cookie: s={SECRETS['cookie']}",
        f"Authorization: Basic {SECRETS['authorization']}",
        f"Proxy-Authorization: Basic {SECRETS['authorization']}",
        f"Content-Length: {len(SECRETS['body'])}",
        body=SECRETS["body"].encode(),
    )
    pages = ""
    with edge.connect() as client:
        client.send(request)
        sandbox.accept().answer(
            f"HTTP/1.1 200 OK\r\nSet-Cookie: s={SECRETS['set-cookie']}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        client.read_response()
        pages += client.ask(request.replace(SECRETS["token"].encode(), SECRETS["wrong token"].encode())).body.decode()
    with edge.connect() as client:
        client.send(request.replace(b"Content-Length", b"Content-Length : 1\r\nX"))
        pages += client.read_response().body.decode()
    eventually(lambda: len(edge.log) == 3, "the log lines")
    everything = json.dumps(edge.log) + edge.stderr() + edge.metrics().text + pages + str(edge.other_output)
    for path in ("/v1/config", "/v1/sandboxes", "/v1/sandboxes/scripted", f"/v1/route?authority={sandbox.host}"):
        everything += edge.admin.get(path).text
    assert [name for name, secret in SECRETS.items() if secret in everything] == []


@pytest.mark.parametrize("hostile", ["\x1b[31m", '"},{"', "\\", "\xff\xfe", "\x80", "é", "x" * 20000])
def test_whatever_a_client_sends_a_line_stays_one_line_of_json(own, hostile):
    edge, service, _ = own
    with edge.connect() as client:
        client.send(
            f"GET /{hostile if hostile.isascii() and hostile.isprintable() and len(hostile) < 9999 else ''} HTTP/1.1\r\n"
            f"Host: {service.host}\r\nUser-Agent: {hostile}\r\n\r\n".encode("latin1")
        )
        client.read_response()
    line = eventually(lambda: edge.log and edge.log[0], "the log line")
    assert edge.other_output == []
    assert len(line["user_agent"] or "") <= 2100 and len(json.dumps(line)) < 16000


def test_the_log_can_be_a_file_that_is_opened_again_on_sighup(make_edge, tmp_path):
    path = tmp_path / "access.log"
    edge = make_edge({"access_log": {"path": str(path)}})
    with edge.connect() as client:
        client.ask(b"GET / HTTP/1.1\r\nHost: 1-a.sandbox.test\r\n\r\n")
        eventually(lambda: path.read_text().count("\n") == 1, "the line")
        path.rename(tmp_path / "rotated.log")
        edge.reload()
        eventually(path.exists, "the new file")
        client.ask(b"GET / HTTP/1.1\r\nHost: 1-b.sandbox.test\r\n\r\n")
        eventually(lambda: path.read_text().count("\n") == 1, "the next line")
    assert json.loads((tmp_path / "rotated.log").read_text())["sandbox"] == "a"
    assert json.loads(path.read_text())["sandbox"] == "b"


def test_the_log_can_be_off(make_edge):
    edge = make_edge({"access_log": {"path": "off"}})
    with edge.connect() as client:
        assert client.ask(b"GET / HTTP/1.1\r\nHost: 1-a.sandbox.test\r\n\r\n").status == 502
    edge.stop()
    assert edge.log == [] and edge.other_output == []
