"""The embedded store: what was acknowledged is there after a crash (interface.md: WAL, synchronous=FULL)."""

import threading

from support.raw_sandbox import ServingSandbox


def test_what_was_acknowledged_survives_kill_9_and_is_served_at_once(make_edge):
    edge = make_edge()
    acknowledged, deleted = [], []

    def write():
        try:
            for number in range(10_000):
                edge.put(
                    f"crash{number}", {"address": "127.0.0.1", "traffic_access_token": f"t{number}", "unknown": number}
                )
                acknowledged.append(number)
                if number % 5 == 4:
                    edge.delete(f"crash{number - 4}")
                    deleted.append(number - 4)
        except OSError:
            pass  # the edge is gone

    writer = threading.Thread(target=write)
    writer.start()
    while len(acknowledged) < 50 and writer.is_alive():
        writer.join(0.01)
    edge.kill()
    writer.join()
    assert len(acknowledged) >= 50
    edge.start()
    with ServingSandbox() as sandbox, edge.connect() as client:
        for number in acknowledged:
            response = client.ask(sandbox.request(host=f"{sandbox.port}-crash{number}.sandbox.test"))
            # The delete after the last acknowledged one may or may not have happened when the edge was killed.
            if number in deleted:
                assert response.edge_reason == "sandbox_not_found", number
            elif number != (deleted[-1] + 5 if deleted else 0):
                assert response.status == 200, number
    survivor = next(number for number in acknowledged if number not in deleted)
    record = edge.admin.get(f"/v1/sandboxes/crash{survivor}").json()
    assert record["unknown"] == survivor, record


def test_records_are_there_after_an_orderly_restart(make_edge):
    edge = make_edge()
    edge.put("kept", {"address": "127.0.0.1", "execution_id": "e1"})
    edge.stop()
    edge.start()
    assert edge.admin.get("/v1/sandboxes/kept").json()["execution_id"] == "e1"


def test_the_database_keeps_no_token_in_the_open(make_edge):
    edge = make_edge()
    edge.put("private", {"address": "127.0.0.1", "traffic_access_token": "very-secret-indeed"})
    edge.stop()
    stored = b"".join(path.read_bytes() for path in edge.folder.glob("sandboxes.db*"))
    assert b"127.0.0.1" in stored and b"very-secret-indeed" not in stored


def test_the_database_is_for_its_owner_only(make_edge):
    edge = make_edge()
    edge.put("one", {"address": "127.0.0.1"})
    for path in edge.folder.glob("sandboxes.db*"):
        assert path.stat().st_mode & 0o077 == 0, path
