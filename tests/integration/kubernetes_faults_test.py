"""The registry source kubernetes when the API server is away, slow, mistaken or malicious: what was known stays, and
nothing that was not understood is acted on."""

import json
import threading

import pytest

from support.edge import is_sanitized
from support.fixtures import unique_id
from support.kubernetes_fixtures import running, sandbox, server, stage, start  # noqa: F401
from support.patience import eventually
from support.raw_sandbox import ServingSandbox


@pytest.fixture
def resident(stage, sandbox):
    """A sandbox that is routed, and an edge that watches."""
    stage.put(sandbox)
    eventually(lambda: stage.outcome(sandbox) == "ok" and stage.server.watches == 1, "the sandbox to be routed")
    return sandbox


def watches_again(stage, within: float = 8) -> None:
    """Proved by a change that arrives."""
    with ServingSandbox() as proof:
        proof.id = unique_id()
        stage.put(proof, f"proof-{proof.id}")
        eventually(lambda: stage.outcome(proof) == "ok", "a change to arrive", within)


def is_answering(stage) -> bool:
    try:
        return stage.edge.health.get("/livez").status == 200
    except OSError:
        return False


def test_ready_only_after_the_first_full_list(server, start):
    server.page_size = 2
    for number in range(5):
        server.put("team-a", f"box-{number}", status=running("127.0.0.1"))
    release = threading.Event()

    def late_refusal(peer):
        release.wait(30)
        peer.answer({"kind": "Status"}, 503)

    server.once("list", late_refusal)
    stage = start(wait_ready=False)
    eventually(lambda: is_answering(stage), "the health listener", within=15)
    assert stage.edge.health.get("/readyz").status == 503
    release.set()
    eventually(lambda: stage.edge.is_ready(), "the edge to be ready")
    assert stage.figure("routes", state="valid") == 5
    pages = [request.query.get("continue") for request in server.asked("list")]
    assert pages == [None, None, "2", "4"]
    assert all(request.query["limit"] == "500" for request in server.asked("list"))


def test_half_a_list_is_not_acted_on(server, start, sandbox):
    """The other object with an id may be in the other half."""
    server.page_size = 1
    for name in ("one", "other"):
        server.put("team-a", name, status=running(sandbox.address), annotations={"sandgate.dev/id": sandbox.id})
    release = threading.Event()

    def late_page(peer):
        release.wait(30)
        server._answer_list(peer)

    server.once("list", server._answer_list)
    server.once("list", late_page)
    stage = start(wait_ready=False)
    eventually(lambda: len(server.asked("list")) == 2 and is_answering(stage), "the second page to be asked for", 15)
    assert stage.outcome(sandbox) == "registry_unavailable"
    release.set()
    eventually(lambda: stage.edge.is_ready(), "the edge to be ready")
    assert stage.outcome(sandbox) == "record_invalid"


def test_the_table_stays_while_the_api_server_is_away_and_says_how_old_it_is(stage, resident):
    assert stage.figure("age_seconds") == 0
    stage.server.stop()
    eventually(lambda: stage.figure("age_seconds") > 1, "the table to age")
    assert stage.outcome(resident) == "ok"
    assert stage.edge.is_ready()
    stage.server.start()
    watches_again(stage, within=15)
    eventually(lambda: stage.figure("age_seconds") == 0, "the table to be exact")
    assert stage.figure("source_failures_total") >= 1
    assert "Connection refused" in stage.edge.stderr() and "is watched again" in stage.edge.stderr()


@pytest.mark.parametrize("cut", [1, -1])
def test_an_event_that_is_cut_is_got_whole_from_where_the_watch_was(stage, resident, cut):
    last = stage.server.asked("watch")[-1]

    def tear(peer):
        data = json.dumps({"type": "DELETED", "object": stage.server.said({"metadata": {"name": "box"}})}).encode()
        peer.begin_watch()
        peer.chunk(data[:cut])

    stage.server.once("watch", tear)
    stage.server.cut_all()
    lists = len(stage.server.asked("list"))
    watches_again(stage)
    assert stage.outcome(resident) == "ok"
    assert len(stage.server.asked("list")) == lists, "it was not listed anew"
    assert int(stage.server.asked("watch")[-1].query["resourceVersion"]) >= int(last.query["resourceVersion"])


def _foreign_namespace(peer):
    notes = {"sandgate.dev/id": "stolen"}
    meta = {"name": "box", "namespace": "team-z", "uid": "u", "resourceVersion": "9", "annotations": notes}
    stolen = {"kind": "Sandbox", "apiVersion": "agents.x-k8s.io/v1beta1", "metadata": meta}
    peer.begin_watch()
    peer.event("ADDED", {**stolen, "status": running("127.0.0.1")})
    peer.wait_for_end()


def _garbage(peer):
    peer.begin_watch()
    peer.chunk(b"\x00\xff{]garbage")
    peer.wait_for_end()


def _no_http(peer):
    peer.send(b"\x15\x03\x01 this is not HTTP\r\n\r\n")


def _error_500(peer):
    peer.begin_watch()
    peer.event("ERROR", {"kind": "Status", "code": 500})
    peer.wait_for_end()


def _ends_at_once(peer):
    peer.begin_watch()
    peer.end_watch()


@pytest.mark.parametrize("script", [_foreign_namespace, _garbage, _no_http, _error_500, _ends_at_once])
def test_what_makes_no_sense_changes_nothing_and_is_counted(stage, resident, script):
    failures = stage.figure("source_failures_total")
    stage.server.once("watch", script)
    stage.server.cut_all()
    watches_again(stage)
    assert stage.outcome(resident) == "ok"
    assert stage.figure("source_failures_total") > failures
    stolen = stage.edge.admin.get("/v1/sandboxes/stolen")
    assert stolen.status == 404


def test_a_list_of_something_else_is_not_believed(stage, resident):
    def wrong_list(peer):
        items = [stage.server.object("team-a", "other", status={"podIPs": ["127.0.0.1"]})]
        peer.answer({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}, "items": items})

    stage.server.once("list", wrong_list)
    stage.server.compact()
    stage.server.cut_all()
    watches_again(stage)
    assert stage.outcome(resident) == "ok"


def test_after_410_everything_is_listed_and_only_what_is_gone_is_removed(stage, resident):
    with ServingSandbox() as gone, resident_connection(stage, resident) as open_client:
        gone.id = unique_id()
        stage.put(gone, "gone")
        eventually(lambda: stage.outcome(gone) == "ok", "both to be routed")
        stage.server.forget_silently("team-a", "gone")
        stage.server.compact()
        lists = len(stage.server.asked("list"))
        stage.server.cut_all()
        eventually(lambda: stage.outcome(gone) == "sandbox_not_found", "what is gone to be removed", within=8)
        assert len(stage.server.asked("list")) > lists
        assert open_client.ask(resident.request("GET", "/")).status == 200


def resident_connection(stage, sandbox):
    client = stage.edge.connect()
    assert client.ask(sandbox.request("GET", "/")).status == 200
    return client


def test_a_watch_goes_on_from_its_last_bookmark(stage, resident):
    stage.server.bookmark()
    marked = str(stage.server._revision)
    eventually(lambda: stage.server.asked("watch")[-1].query["resourceVersion"] == marked, "the next watch", within=8)
    request = stage.server.asked("watch")[-1]
    assert request.query["allowWatchBookmarks"] == "true" and request.query["timeoutSeconds"] == "2"
    assert stage.figure("source_failures_total") == 0


def test_a_server_that_falls_silent_is_given_up(stage, resident):
    def silent(peer):
        peer.begin_watch()
        peer.wait_for_end()

    stage.server.once("watch", silent)
    before = len(stage.server.asked("watch"))
    eventually(lambda: len(stage.server.asked("watch")) > before, "the silent watch", within=8)
    watches_again(stage, within=20)
    assert "the watch broke off" in stage.edge.stderr()


def test_an_endless_event_ends(stage, resident):
    def endless(peer):
        peer.begin_watch()
        peer.chunk(b'{"type":"MODIFIED","object":{"metadata":{"name":"')
        while True:
            peer.chunk(b"a" * 65536)

    stage.server.once("watch", endless)
    stage.server.cut_all()
    watches_again(stage, within=20)
    assert stage.outcome(resident) == "ok"
    assert is_sanitized() or stage.edge.resident_kibibytes() < 200 * 1024


def test_an_object_of_13_mb_takes_only_itself_out(stage, resident):
    with ServingSandbox() as other:
        other.id = unique_id()
        stage.put(other, "other")
        eventually(lambda: stage.outcome(other) == "ok", "the other one to be routed")
        stage.put(resident, annotations={"example.com/blob": "x" * 13_000_000})
        eventually(lambda: stage.outcome(resident) == "sandbox_not_found", "the huge one to go", within=15)
        assert stage.outcome(other) == "ok"
        watches_again(stage, within=15)
        assert stage.edge.stderr().count("larger than 12 MiB; it is passed over") == 1
        stage.put(resident)
        eventually(lambda: stage.outcome(resident) == "ok", "it to come back", within=15)
    assert is_sanitized() or stage.edge.resident_kibibytes() < 300 * 1024


def test_a_list_that_drips_is_waited_for(server, start, sandbox):
    def drip(peer):
        notes = {"sandgate.dev/id": sandbox.id}
        items = [server.said(server.object("team-a", "box", status=running(sandbox.address), annotations=notes))]
        body = {"apiVersion": "agents.x-k8s.io/v1beta1", "items": items, "kind": "SandboxList"}
        body["metadata"] = {"resourceVersion": "100"}
        data = json.dumps(body).encode()
        peer.head(Content_Length=len(data), Connection="close")
        for at in range(len(data)):
            peer.send(data[at : at + 1])

    server.once("list", drip)
    stage = start()
    assert stage.outcome(sandbox) == "ok"
    assert len(server.asked("list")) == 1


def test_the_edge_waits_as_long_as_it_is_asked_to(server, start):
    server.once("list", lambda peer: peer.answer({"kind": "Status"}, 500))
    server.once("list", lambda peer: peer.answer({"kind": "Status"}, 429, Retry_After=3))
    start()
    at = [request.at for request in server.asked("list")]
    assert len(at) == 3
    assert at[1] - at[0] >= 0.45
    assert at[2] - at[1] >= 2.95


def test_the_edge_stops_at_once_whatever_the_server_does(server, start):
    def endless(peer):
        peer.begin_watch()
        while True:
            peer.event("BOOKMARK", server.said({"metadata": {"resourceVersion": "100"}}))

    server.once("watch", endless)
    stage = start()
    eventually(lambda: server.asked("watch"), "the watch")
    stage.edge.stop()
