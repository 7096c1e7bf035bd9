"""The units of deploy/systemd: systemd reads them, and has little to say against what the service may do."""

import re
import subprocess
from pathlib import Path

import yaml

from support.patience import eventually
from support.raw_sandbox import ServingSandbox
from support.test_tools import require

UNITS = Path(__file__).parents[2] / "deploy/systemd"


def analyze(*arguments) -> subprocess.CompletedProcess:
    require("systemd-analyze")
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True)


def settings(unit: str) -> dict:
    found = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", (UNITS / unit).read_text(), re.M):
        found.setdefault(name, []).append(value)
    return found


def test_the_units_are_well_formed():
    done = analyze("verify", "--man=no", UNITS / "sandgate.service", UNITS / "sandgate.socket")
    complaints = [line for line in done.stderr.splitlines() if "sandgate is not executable" not in line]
    assert not complaints, complaints


def test_the_service_is_exposed_by_2_0_at_most():
    done = analyze("security", "--offline=true", "--threshold=20", UNITS / "sandgate.service")
    assert done.returncode == 0, done.stdout[-300:]
    assert "Overall exposure level" in done.stdout


def test_it_is_given_longer_to_stop_than_a_drain_takes():
    example = yaml.safe_load((UNITS.parent / "sandgate.example.yaml").read_text())["timeouts"]
    assert (example["drain_announce"], example["drain_grace"]) == ("15s", "5m")
    assert int(settings("sandgate.service")["TimeoutStopSec"][0]) >= 15 + 5 * 60 + 15


def test_what_a_restart_cannot_mend_is_not_restarted():
    assert set(settings("sandgate.service")["RestartPreventExitStatus"][0].split()) == {"64", "78"}


def test_the_sockets_systemd_opened_are_served(make_edge, tmp_path):
    """By systemd-socket-activate, which hands over as the socket unit does and starts the edge with the first client."""
    require("systemd-socket-activate")
    edge = make_edge.unstarted()
    addresses = [listener["address"] for listener in edge.config["listeners"]]
    edge._command_prefix = ["systemd-socket-activate", *(f"--listen={one}" for one in addresses)]
    edge.start(wait_ready=False)
    with ServingSandbox() as sandbox:
        client = eventually(lambda: connected(edge), "systemd to listen")
        eventually(edge.is_ready, "the edge to be started by that")
        sandbox.id = "one"
        edge.put("one", {"address": "127.0.0.1"})
        with client, edge.connect(tls=True) as other:
            assert client.ask(sandbox.request()).status == other.ask(sandbox.request()).status == 200


def connected(edge):
    try:
        return edge.connect()
    except OSError:
        return None
