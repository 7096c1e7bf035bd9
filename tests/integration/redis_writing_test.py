"""Writing to Redis through the admin API and `sandgate sandbox` (docs/registry.md, "Writing")."""

import datetime
import json
import subprocess
import threading

from support.edge import BINARY
from support.fixtures import unique_id
from support.patience import seconds
from support.raw_sandbox import ServingSandbox
from support.redis_fixtures import needs_redis, redis_config, resident, stage  # noqa: F401
from support.redis_server import PREFIX

pytestmark = needs_redis


def stored(stage, sandbox) -> dict:
    text = stage.redis("GET", PREFIX + sandbox.id)
    return None if text is None else json.loads(text)


def test_a_record_is_written_whole_and_in_force_when_put_returns(stage):
    with ServingSandbox() as sandbox, stage.edge.connect() as client:
        sandbox.id = unique_id()
        for number in range(50):
            record = {"address": "127.0.0.1", "execution_id": f"e{number}", "of_the_control_plane": [number]}
            answer = stage.edge.admin.put(f"/v1/sandboxes/{sandbox.id}", record)
            assert answer.status == (200 if number else 201)
            assert stored(stage, sandbox) == record
            assert client.ask(sandbox.request()).status == 200
            paused = stage.edge.admin.put(f"/v1/sandboxes/{sandbox.id}", {**record, "state": "paused"})
            assert paused.status == 200
            assert client.ask(sandbox.request()).edge_reason == "sandbox_not_found"
        assert stage.redis("PTTL", PREFIX + sandbox.id) == -1
        stage.edge.delete(sandbox.id)
        assert client.ask(sandbox.request()).edge_reason == "sandbox_not_found"
        assert stage.edge.admin.delete(f"/v1/sandboxes/{sandbox.id}").status == 404


def test_the_token_is_stored_as_its_digest(stage, resident):
    stage.edge.put(resident.id, {"address": "127.0.0.1", "traffic_access_token": "hunter2"})
    assert b"hunter2" not in stage.redis("GET", PREFIX + resident.id)
    assert "traffic_access_token_sha256" in stored(stage, resident)


def test_expires_at_is_the_keys_time_to_live(stage, resident):
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1000)
    stage.edge.put(resident.id, {"address": "127.0.0.1", "expires_at": until.isoformat()})
    assert 990_000 < stage.redis("PTTL", PREFIX + resident.id) <= 1_000_000
    stage.edge.put(resident.id, {"address": "127.0.0.1"})
    assert stage.redis("PTTL", PREFIX + resident.id) == -1


def test_a_record_that_does_not_parse_is_not_written(stage, resident):
    before = stored(stage, resident)
    answer = stage.edge.admin.put(f"/v1/sandboxes/{resident.id}", {"address": "no address"})
    assert (answer.status, answer.json()["field"]) == (400, "address")
    assert stored(stage, resident) == before


def test_only_the_execution_that_is_meant_is_removed(stage, resident):
    path = f"/v1/sandboxes/{resident.id}?execution_id="
    answer = stage.edge.admin.delete(path + "zeroth")
    assert (answer.status, answer.json()["field"]) == (409, "execution_id")
    assert stage.outcome(resident) == "ok"
    assert stage.edge.admin.delete(path + "first").status == 204
    assert stage.outcome(resident) == "sandbox_not_found"
    assert stage.edge.admin.delete(path + "first").status == 404
    for text in ("not JSON", "null", "[]", "{}", '{"execution_id": 7}', '{"execution_id": null}'):
        stage.put_text(resident.id, text)
        assert stage.edge.admin.delete(path + "first").status == 409
        assert stage.redis("GET", PREFIX + resident.id) == text.encode()


def test_the_clean_up_of_an_old_execution_never_removes_its_successor(stage, resident):
    """One writer replaces the record again and again; others clean up what was there before."""
    removals = []
    stop = threading.Event()

    def clean_up(offset: int):
        number = offset
        while not stop.is_set():
            status = stage.edge.admin.delete(f"/v1/sandboxes/{resident.id}?execution_id=old{number % 7}").status
            removals.append(status)
            number += 1

    cleaners = [threading.Thread(target=clean_up, args=(offset,)) for offset in range(3)]
    for cleaner in cleaners:
        cleaner.start()
    try:
        for number in range(500):
            stage.put(resident, execution_id=f"old{number % 7}")
            stage.put(resident, execution_id=f"new{number}")
            assert stored(stage, resident)["execution_id"] == f"new{number}"
    finally:
        stop.set()
        for cleaner in cleaners:
            cleaner.join()
    assert set(removals) <= {204, 404, 409}, set(removals)


def test_many_changes_in_one_call(stage):
    records = [{"sandbox_id": f"many{number:03}", "address": "127.0.0.1", "n": number} for number in range(200)]
    answer = stage.edge.admin.ask("POST", "/v1/sandboxes", {"sandboxes": records})
    assert answer.json() == {"put": 200, "removed": 0, "errors": []}
    page = stage.edge.admin.get("/v1/sandboxes?limit=50").json()
    assert [one["sandbox_id"] for one in page["sandboxes"]] == [f"many{number:03}" for number in range(50)]
    following = stage.edge.admin.get(f"/v1/sandboxes?limit=1000&after={page['next']}").json()
    assert len(following["sandboxes"]) == 150 and following["next"] is None
    answer = stage.edge.admin.ask("POST", "/v1/sandboxes", {"remove": ["many000", "many001", "absent"]})
    assert answer.json() == {"put": 0, "removed": 2, "errors": []}


def test_a_call_while_redis_is_away_says_so(stage, resident):
    stage.server.kill()
    for answer in (
        stage.edge.admin.put(f"/v1/sandboxes/{resident.id}", {"address": "127.0.0.1"}),
        stage.edge.admin.delete(f"/v1/sandboxes/{resident.id}"),
        stage.edge.admin.delete(f"/v1/sandboxes/{resident.id}?execution_id=first"),
        stage.edge.admin.get(f"/v1/sandboxes/{resident.id}"),
        stage.edge.admin.get("/v1/sandboxes"),
    ):
        assert answer.status == 503 and "Redis" in answer.json()["error"], answer
    stage.server.start()


def test_a_call_while_redis_stands_still_ends_in_time(stage, resident):
    stage.server.pause()
    try:
        answer = stage.edge.admin.delete(f"/v1/sandboxes/{resident.id}?execution_id=zeroth")
        assert answer.status == 503
    finally:
        stage.server.resume()


def sandgate(edge, *words):
    command = [BINARY, "sandbox", *words, "--admin", f"127.0.0.1:{edge.admin_port}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds(20))


def test_the_command(stage, resident):
    record = json.dumps({"address": "127.0.0.1", "execution_id": "a&b c"})
    assert json.loads(sandgate(stage.edge, "put", resident.id, record).stdout)["execution_id"] == "a&b c"
    assert stored(stage, resident)["execution_id"] == "a&b c"
    refused = sandgate(stage.edge, "remove", resident.id, "--execution-id", "other")
    assert refused.returncode == 1 and "another execution" in refused.stderr
    removed = sandgate(stage.edge, "remove", resident.id, "--execution-id", "a&b c")
    assert (removed.returncode, removed.stdout) == (0, "")
    assert stored(stage, resident) is None
