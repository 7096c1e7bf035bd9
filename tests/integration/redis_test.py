"""The registry source `redis`: what is in Redis is what the edge does, and a warm lookup does not ask (docs/registry.md)."""

import datetime
import json
import subprocess
import threading

import pytest

from support.edge import BINARY, is_sanitized
from support.fixtures import unique_id
from support.patience import eventually, seconds
from support.raw_client import ConnectionEnded
from support.raw_sandbox import RawSandbox, ServingSandbox
from support.redis_fixtures import needs_redis, redis_config, resident, stage  # noqa: F401
from support.redis_server import PREFIX, RedisServer

pytestmark = needs_redis


def test_an_id_that_is_not_there_is_not_found_and_remembered(stage):
    with ServingSandbox() as nobody:
        nobody.id = unique_id()
        assert stage.outcome(nobody) == "sandbox_not_found"
        asked = stage.figure("source_requests_total")
        for _ in range(20):
            assert stage.outcome(nobody) == "sandbox_not_found"
        assert stage.figure("source_requests_total") == asked
        stage.put(nobody)
        eventually(lambda: stage.outcome(nobody) == "ok", "the record to be seen")


def test_a_warm_lookup_asks_nobody(stage, resident):
    asked = stage.figure("source_requests_total")
    commands = stage.redis("INFO", "commandstats")
    for _ in range(50):
        assert stage.outcome(resident) == "ok"
    assert stage.figure("source_requests_total") == asked
    for line in (b"cmdstat_getrange", b"cmdstat_pttl"):
        calls = [part for part in commands.split() if part.startswith(line)]
        assert calls == [part for part in stage.redis("INFO", "commandstats").split() if part.startswith(line)]


def test_a_change_is_in_force_at_once(stage, resident):
    stage.put(resident, execution_id="first", allow_public_traffic=False, traffic_access_token="secret")
    eventually(lambda: stage.outcome(resident) == "token_missing", "the sandbox to be private")
    assert stage.ask(resident, "E2b-Traffic-Access-Token: secret").status == 200
    stage.delete(resident)
    eventually(lambda: stage.outcome(resident) == "sandbox_not_found", "the sandbox to be gone")


def test_the_token_as_plain_text_never_shows(stage, resident):
    stage.put(resident, traffic_access_token="hunter2", allow_public_traffic=False)
    eventually(lambda: stage.outcome(resident) == "token_missing", "the sandbox to be private")
    shown = stage.edge.admin.get(f"/v1/sandboxes/{resident.id}").text
    assert "hunter2" not in shown and "traffic_access_token_sha256" in shown


def test_a_key_dies_with_its_time_to_live(stage):
    with ServingSandbox() as mortal:
        mortal.id = unique_id()
        stage.put_text(mortal.id, json.dumps({"address": mortal.address}), "PX", 300)
        assert stage.outcome(mortal) == "ok"
        eventually(lambda: stage.outcome(mortal) != "ok", "the record to be over")
        assert stage.redis("PTTL", PREFIX + mortal.id) == -2, "it was over before its time"
        assert stage.outcome(mortal) == "sandbox_not_found"


def test_a_time_to_live_that_is_prolonged_is_the_new_one(stage, resident):
    stage.redis("PEXPIRE", PREFIX + resident.id, 400)
    eventually(lambda: stage.outcome(resident) == "ok", "the record to be read again")
    stage.redis("PERSIST", PREFIX + resident.id)
    asked = stage.figure("invalidations_total")
    stage.redis("SET", PREFIX + "marker", "{}", "PX", 800)  # dies later than the resident would have
    eventually(lambda: stage.figure("invalidations_total") >= asked + 2, "the marker to be made and to die")
    assert stage.outcome(resident) == "ok"


def test_what_is_open_ends_when_the_key_dies(stage):
    with RawSandbox() as sandbox, stage.edge.connect() as client:
        sandbox.id = unique_id()
        stage.put_text(sandbox.id, json.dumps({"address": sandbox.address}), "PX", 400)
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        client.read_head()
        assert client.read_until_gone() == b"some"
        assert upstream.read_until_gone() == b""


def test_a_record_whose_own_end_comes_is_over_though_its_key_is_there(stage):
    with RawSandbox() as sandbox, stage.edge.connect() as client:
        sandbox.id = unique_id()
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=600)
        stage.put(sandbox, expires_at=end.isoformat())
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        client.read_head()
        assert client.read_until_gone() == b"some"
        assert upstream.read_until_gone() == b""
        assert datetime.datetime.now(datetime.timezone.utc) >= end - datetime.timedelta(milliseconds=20)
        assert stage.outcome(sandbox) == "sandbox_not_found"
        asked = stage.figure("source_requests_total")
        assert stage.outcome(sandbox) == "sandbox_not_found"
        assert stage.figure("source_requests_total") == asked
        stage.put(sandbox, expires_at="2099-01-01T00:00:00Z", max_connections=0)
        eventually(lambda: stage.outcome(sandbox) == "too_many_connections", "the new record to be seen")


@pytest.mark.parametrize("how", ["deleted", "replaced", "paused", "private", "moved to a node"])
def test_what_is_open_to_a_sandbox_ends_without_another_request(stage, how):
    with RawSandbox() as sandbox, stage.edge.connect() as client:
        sandbox.id = unique_id()
        stage.put(sandbox, execution_id="first")
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        head = client.read_head()
        if how == "deleted":
            stage.delete(sandbox)
        elif how == "replaced":
            stage.put(sandbox, execution_id="second")
        elif how == "paused":
            stage.put(sandbox, execution_id="first", state="paused")
        elif how == "private":
            stage.put(sandbox, execution_id="first", allow_public_traffic=False, traffic_access_token="t")
        else:
            stage.put_text(sandbox.id, json.dumps({"orchestrator_ip": "127.0.0.1", "execution_id": "second"}))
        with pytest.raises(ConnectionEnded):
            client.read_body_into(head)
        assert upstream.read_until_gone() == b""


def test_a_record_written_again_unchanged_disturbs_nothing(stage):
    with RawSandbox() as sandbox, stage.edge.connect() as client:
        sandbox.id = unique_id()
        stage.put(sandbox, execution_id="first")
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsome")
        head = client.read_head()
        asked = stage.figure("source_requests_total")
        stage.put(sandbox, execution_id="first")
        stage.redis("EXPIRE", PREFIX + sandbox.id, 1000)
        eventually(lambda: stage.figure("source_requests_total") > asked, "the record to be read again")
        upstream.send(b"more")
        client.read_body_into(head)
        assert head.body == b"somemore"
        client.send(sandbox.request())
        upstream.answer()
        assert client.read_response().status == 200


def test_many_who_ask_for_one_id_at_once_are_one_read(stage):
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        stage.put(sandbox)
        # A change that is told of while it is read would have it read again.
        eventually(lambda: stage.figure("invalidations_total") == 1, "the edge to be told of the new record")
        asked = stage.figure("source_requests_total")
        clients = [stage.edge.connect() for _ in range(40)]
        stage.server.pause()  # so that all of them wait
        for client in clients:
            client.send(sandbox.request())
        eventually(lambda: stage.edge.metrics().total("sandgate_active_exchanges") == 40, "all to be waiting")
        stage.server.resume()
        assert [client.read_response().status for client in clients] == [200] * 40
        assert stage.figure("source_requests_total") == asked + 1
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "text",
    ["not JSON", "null", "", "[]", '{"address": 7}', "x" * 10_000_000, b"\xff\x00{}"],
    ids=["text", "null", "empty", "array", "a bad field", "10 MB", "bytes"],
)
def test_a_value_that_is_no_record_takes_only_its_own_id_out(stage, resident, text):
    with ServingSandbox() as other:
        other.id = unique_id()
        stage.put(other)
        assert stage.outcome(other) == "ok"
        before = stage.edge.resident_kibibytes()
        stage.put_text(other.id, text)
        eventually(lambda: stage.outcome(other) == "record_invalid", "the bad value to be seen")
        assert stage.ask(other).status == 503
        assert stage.outcome(resident) == "ok"
        assert is_sanitized() or stage.edge.resident_kibibytes() - before < 6_000
        invalid = stage.edge.admin.get("/v1/invalid_records").json()["invalid_records"]
        assert [one["sandbox_id"] for one in invalid] == [other.id]
        stage.put(other)
        eventually(lambda: stage.outcome(other) == "ok", "the record to be mended")
        assert stage.edge.admin.get("/v1/invalid_records").json()["invalid_records"] == []


def test_a_key_of_another_kind_is_an_invalid_record(stage, resident):
    stage.delete(resident)
    stage.redis("RPUSH", PREFIX + resident.id, "a")
    eventually(lambda: stage.outcome(resident) == "record_invalid", "the list to be seen")


def test_flushall_is_seen(stage, resident):
    with stage.edge.connect() as client, RawSandbox() as open_one:
        open_one.id = unique_id()
        stage.put(open_one)
        client.send(open_one.request())
        upstream = open_one.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        client.read_head()
        stage.redis("FLUSHALL")
        eventually(lambda: stage.outcome(resident) == "sandbox_not_found", "the empty Redis to be seen")
        assert client.read_until_gone() == b"some"
        stage.put(resident)
        eventually(lambda: stage.outcome(resident) == "ok", "the record to be there again")


def test_a_record_that_changes_all_the_time_is_still_served(stage, resident):
    stop = threading.Event()

    def rewrite():
        with stage.server.client() as writer:
            while not stop.is_set():
                for number in range(50):
                    record = {"address": resident.address, "execution_id": "first", "number": number}
                    writer.send("SET", PREFIX + resident.id, json.dumps(record))
                for _ in range(50):
                    writer.read()

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        with stage.edge.connect() as client:
            answers = [client.ask(resident.request()).status for _ in range(300)]
        assert answers == [200] * 300
    finally:
        stop.set()
        writer.join()


def test_memory_is_bounded_and_what_is_used_stays(tmp_path, make_edge):
    with RedisServer(tmp_path / "redis") as server, server.client() as redis, ServingSandbox() as hot:
        hot.id = unique_id()
        redis("SET", PREFIX + hot.id, json.dumps({"address": "127.0.0.1"}))
        for number in range(1, 1500, 2):
            redis("SET", f"{PREFIX}cold{number}", json.dumps({"address": "127.0.0.1", "state": "paused"}))
        edge = make_edge(redis_config(server.url, max_entries=200))
        with edge.connect() as client, edge.connect() as scanner:
            for number in range(1500):
                request = f"GET / HTTP/1.1\r\nHost: 80-cold{number}.sandbox.test\r\n\r\n"
                assert scanner.ask(request.encode()).edge_reason == "sandbox_not_found"
                if number % 20 == 0:
                    assert client.ask(hot.request()).status == 200
        page = edge.metrics()
        assert page.total("sandgate_registry_routes") <= 200
        assert page.total("sandgate_registry_evictions_total") >= 1250
        asked = page.total("sandgate_registry_source_requests_total")
        assert asked == 1501, "the one that is used was dropped and read again"


def test_a_server_that_cannot_be_reached_keeps_the_edge_unready(tmp_path, make_edge):
    server = RedisServer(tmp_path / "redis")
    edge = make_edge.unstarted(redis_config(server.url))
    edge.start(wait_ready=False)
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        eventually(lambda: "Connection refused" in edge.stderr(), "the edge to say why")
        answer = eventually(lambda: _readyz(edge), "the health listener")
        assert answer.status == 503 and "Redis" in answer.text
        with edge.connect() as client:
            assert client.ask(sandbox.request()).edge_reason == "registry_unavailable"
        with server, server.client() as redis:
            redis("SET", PREFIX + sandbox.id, json.dumps({"address": "127.0.0.1"}))
            eventually(edge.is_ready, "the edge to be ready")
            with edge.connect() as client:
                assert client.ask(sandbox.request()).status == 200


def _readyz(edge):
    try:
        return edge.health.get("/readyz")
    except OSError:
        return None


def test_a_route_is_explained_from_redis(stage, resident):
    """By the admin API, and by the command that asks Redis itself; an id that was never asked for included."""
    stage.put_text("neverseen", json.dumps({"address": "127.0.0.1", "allow_public_traffic": False}))
    for name, outcome in ((resident.id, "forward"), ("neverseen", "token_missing"), ("nobody", "sandbox_not_found")):
        host = f"8080-{name}.sandbox.test"
        explained = stage.edge.admin.get(f"/v1/route?authority={host}").json()
        command = [BINARY, "route", "--config", str(stage.edge.config_path), "--json", host]
        printed = subprocess.run(command, capture_output=True, text=True, timeout=seconds(20))
        assert printed.returncode == 0, printed.stderr
        for one in (explained, json.loads(printed.stdout)):
            assert one["outcome"] == outcome


def test_check_says_whether_redis_can_be_used(stage):
    command = [BINARY, "check", "--config", str(stage.edge.config_path)]
    good = subprocess.run(command, capture_output=True, text=True, timeout=seconds(20))
    assert good.returncode == 0, good.stderr
    stage.server.kill()
    bad = subprocess.run(command, capture_output=True, text=True, timeout=seconds(20))
    assert bad.returncode == 78 and "Connection refused" in bad.stderr
