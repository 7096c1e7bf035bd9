"""Some hundred sandboxes that change 100 times a second (tests/bench/kubernetes/run: ten thousand, 200 times)."""

from support.edge import is_sanitized
from support.fixtures import unique_id
from support.kube_load import Changes, fill, percentiles, times_to_route
from support.kube_stage import KubeStage
from support.patience import eventually, seconds
from support.raw_sandbox import ServingSandbox

OBJECTS = 600  # more than one page of the list
CHANGES = 100
BAR_MILLISECONDS = 50


def test_a_change_is_in_force_soon_and_none_is_lost(server, make_edge, tmp_path):
    limits = {"exchanges_per_connection": 10_000_000}
    make_enduring = lambda config, **how: make_edge({**config, "limits": limits}, **how)  # noqa: E731
    stage = KubeStage(server, make_enduring, tmp_path / "account")
    fill(stage, OBJECTS)
    eventually(lambda: stage.figure("routes", state="valid") == OBJECTS, "every object", within=20)
    with ServingSandbox() as sandbox:
        sandbox.id = unique_id()
        stage.put(sandbox.id, "127.0.0.1", id=sandbox.id)
        stage.expect(sandbox, "ok")
        with Changes(stage, OBJECTS, rate=100) as changes:
            times = times_to_route(stage, sandbox, CHANGES)
    figures = percentiles(times.after_told)
    print(f"{OBJECTS} objects, {changes.rate:.0f} changes a second: {figures} ms after each was written")
    another = KubeStage(server, make_edge, tmp_path / "account")
    wanted = table_of(another)
    assert len(wanted["sandboxes"]) == OBJECTS + 1
    eventually(lambda: table_of(stage) == wanted, "what the changes came to, to be what a list says")
    assert is_sanitized() or figures["p50"] < seconds(BAR_MILLISECONDS)


def table_of(stage: KubeStage) -> dict:
    return stage.edge.admin.get("/v1/sandboxes?limit=1000").json()
