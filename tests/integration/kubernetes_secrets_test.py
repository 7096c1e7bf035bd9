"""The registry source kubernetes and the Secrets that hold tokens: only what is surely said of one counts."""

import base64
import threading

import pytest

from support.fixtures import unique_id
from support.kubernetes_fixtures import running, sandbox, server, stage, start  # noqa: F401
from support.patience import eventually
from support.raw_sandbox import ServingSandbox

FIRST = "e2b-traffic-access-token: first"


def is_answering(stage) -> bool:
    try:
        return stage.edge.health.get("/livez").status == 200
    except OSError:
        return False


def hold(server, name: str, token: bytes) -> None:
    server.secrets[("team-a", name)] = {"token": base64.b64encode(token).decode()}


def put_locked(stage, sandbox, secret: str = "mine", name: str = "box") -> None:
    notes = {"sandgate.dev/traffic_access_token_secret": secret, "sandgate.dev/allow_public_traffic": "false"}
    stage.put(sandbox, name, annotations=notes)


def _unavailable(peer):
    peer.answer({"kind": "Status"}, 503)


def _forbidden(peer):
    peer.answer({"kind": "Status"}, 403)


def _error_page(peer):
    peer.answer(b"<html>All is well")


def _another_secret(peer):
    metadata = {"name": "mine", "namespace": "team-z"}
    peer.answer({"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": {"token": "c3RvbGVu"}})


@pytest.mark.parametrize("script", [_forbidden, _error_page, _another_secret])
def test_what_says_nothing_of_a_secret_takes_no_token_away(stage, sandbox, script):
    hold(stage.server, "mine", b"first")
    put_locked(stage, sandbox)
    eventually(lambda: stage.outcome(sandbox, FIRST) == "ok", "the sandbox to be routed")
    stage.server.once("secret", script)
    before = len(stage.server.asked("secret"))

    def is_asked_again() -> bool:
        assert stage.outcome(sandbox, FIRST) == "ok"
        return len(stage.server.asked("secret")) > before + 1

    eventually(is_asked_again, "the Secret to be read again", within=8)
    eventually(lambda: stage.figure("source_failures_total") == 1, "the failure to be counted")
    assert stage.edge.stderr().count("what was read of it stays") == 1


@pytest.mark.parametrize("script", [_forbidden, _error_page])
def test_a_secret_that_could_not_be_read_is_asked_for_again_soon(server, start, sandbox, script):
    hold(server, "mine", b"first")
    server.once("secret", script)
    stage = start(watch_timeout="60s")
    put_locked(stage, sandbox)
    eventually(lambda: stage.outcome(sandbox, FIRST) == "ok", "the sandbox to be routed")


def test_a_secret_that_can_never_be_read_keeps_no_other_token_in_force(stage, sandbox):
    def all_but_one(peer):
        is_bad = peer.request.path.endswith("/bad")
        peer.answer({"kind": "Status"}, 500) if is_bad else stage.server._answer_secret(peer)

    for _ in range(100):
        stage.server.once("secret", all_but_one)
    hold(stage.server, "mine", b"old")
    put_locked(stage, sandbox)
    eventually(lambda: stage.outcome(sandbox, FIRST) == "token_invalid", "the old token to be read")
    with ServingSandbox() as other:
        other.id = unique_id()
        put_locked(stage, other, "bad", "other")
        eventually(lambda: stage.server.asked("secret")[-1].path.endswith("/bad"), "the other one to be asked for")
        hold(stage.server, "mine", b"first")
        eventually(lambda: stage.outcome(sandbox, FIRST) == "ok", "the new token", within=8)


@pytest.mark.parametrize("before", [[], [_unavailable]])
def test_ready_only_after_every_secret_was_tried(server, start, before):
    release = threading.Event()

    def late_answer(peer):
        release.wait(30)
        server._answer_secret(peer)

    for script in [*before, late_answer]:
        name = f"box-{len(server.secrets)}"
        hold(server, name, b"first")
        notes = {"sandgate.dev/traffic_access_token_secret": name}
        server.put("team-a", name, status=running("127.0.0.1"), annotations=notes)
        server.once("secret", script)
    stage = start(wait_ready=False)
    eventually(lambda: len(server.asked("secret")) > len(before), "the last Secret to be asked for", within=15)
    eventually(lambda: len(server.asked("watch")) >= 2 and is_answering(stage), "the next watch", within=15)
    assert stage.edge.health.get("/readyz").status == 503
    release.set()
    eventually(lambda: stage.edge.is_ready(), "the edge to be ready")
