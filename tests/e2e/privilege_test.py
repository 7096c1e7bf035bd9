"""The edge with as little as it needs (hardening 1.10): nobody's user, no capability, nothing to write but its own folder,
only the system calls it makes, and a binary built to be hard to exploit.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from support.edge import BINARY, Edge, is_sanitized
from support.patience import eventually
from support.raw_sandbox import ServingSandbox
from support.test_tools import require

AS_NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--bounding-set=-all"]
NO_MORE = ["--inh-caps=-all", "--no-new-privs"]
LAUNCHER = Path(__file__).parent / "seccomp_launcher.py"


@pytest.fixture
def open_folder():
    """A folder of nobody's. Not pytest's own, whose way is shut to others, by every run of pytest anew."""
    with tempfile.TemporaryDirectory(prefix="sandgate-privilege") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def make_nobodys(folder: Path) -> None:
    for one in (folder, *folder.rglob("*")):
        shutil.chown(one, "nobody", "nogroup")


@pytest.fixture
def confined(certificates, open_folder):
    """Starts an edge under `command`, in a folder that is nobody's."""
    edges = []

    def start(command: list, config: dict = None) -> Edge:
        edge = Edge(open_folder / "edge", certificates, config, command_prefix=command)
        own = {name: edge.folder / path.name for name, path in vars(certificates.sandbox).items()}
        for name, path in vars(certificates.sandbox).items():
            shutil.copy(path, own[name])
        edge.config["listeners"][1]["tls"]["certificates"] = [{name: str(path) for name, path in own.items()}]
        edge.write_config()
        make_nobodys(edge.folder)
        edges.append(edge)
        edge.start()
        return edge

    yield start
    for edge in edges:
        edge.stop()


def exercise(edge) -> None:
    """What an edge does in its life: every protocol, records, a reload, a log that is opened again, a drain."""
    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        edge.put("one", {"address": "127.0.0.1"})
        for tls in (False, True):
            with edge.connect(tls=tls) as client:
                assert client.ask(sandbox.request()).status == 200
                upload = sandbox.request("POST", "/", "Content-Length: 100000", body=b"x" * 100_000)
                assert client.ask(upload).status == 200
            with edge.connect_h2(tls=tls) as client:
                assert client.ask(sandbox.host).status == 200
        before = edge.metrics().total("sandgate_config_reloads_total", result="ok")
        edge.reload()
        eventually(lambda: edge.metrics().total("sandgate_config_reloads_total", result="ok") > before, "the reload")
        with edge.connect() as client:
            assert client.ask(sandbox.request(host=f"{sandbox.port}-nobody.sandbox.test")).status == 502
        edge.delete("one")


def status_of(edge) -> dict:
    text = Path(f"/proc/{edge.process.pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\t(.*)$", text, re.M))


def must_be_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give its privileges up to nobody")
    require("setpriv", "unshare")


@pytest.fixture
def reachable():
    """nobody must be able to run the binary where it was built."""
    must_be_root()
    probe = subprocess.run([*AS_NOBODY, *NO_MORE, BINARY, "version"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip(f"nobody cannot run {BINARY}: {probe.stderr.decode()[:200]}")


def test_it_runs_as_nobody_without_a_capability(confined, reachable):
    edge = confined([*AS_NOBODY, *NO_MORE])
    exercise(edge)
    status = status_of(edge)
    assert status["Uid"].split()[0] != "0" and int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def test_it_writes_nothing_but_its_own_folder(confined, reachable, open_folder):
    """The whole file system is read-only, but where the store is."""
    script = f"""
        set -e
        mount --bind {open_folder} {open_folder}
        mount --make-rprivate /
        awk '$2 != "{open_folder}" && $2 !~ "^/(proc|dev|sys)" {{print $2}}' /proc/mounts | while read -r point; do
            mount -o remount,bind,ro "$point" 2>/dev/null || true
        done
        if touch /tmp/should-not-be 2>/dev/null; then echo "cannot make it read-only" >&2; exit 99; fi
        exec "$@"
    """
    edge = confined(["unshare", "--mount", "bash", "-c", script, "bash", *AS_NOBODY, *NO_MORE])
    exercise(edge)


def test_it_needs_only_the_system_calls_that_are_listed(confined, reachable):
    """Everything else is EPERM, as under systemd's @system-service without @privileged, but tighter."""
    probe = subprocess.run(["/usr/bin/python3", "-c", "import seccomp"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("not installed: python3-seccomp")
    if is_sanitized():
        pytest.skip("a sanitizer makes system calls of its own")
    edge = confined(["/usr/bin/python3", str(LAUNCHER), *AS_NOBODY, *NO_MORE], {"access_log": {"path": "stdout"}})
    exercise(edge)
    assert status_of(edge)["Seccomp"] == "2", "it is filtered"
    assert "Operation not permitted" not in edge.stderr(), edge.stderr()


@pytest.mark.parametrize("core_dumps", [False, True], ids=["as it is", "with core dumps"])
def test_nobody_else_of_its_user_looks_into_it_and_a_crash_leaves_nothing(confined, reachable, core_dumps):
    """A core, or /proc/PID/mem, would give away keys and what clients say; core_dumps is for those who must have one."""
    edge = confined([*AS_NOBODY, *NO_MORE], {"core_dumps": core_dumps})
    folder = f"/proc/{edge.process.pid}"
    look = subprocess.run([*AS_NOBODY, *NO_MORE, "head", "-c1", f"{folder}/mem"], capture_output=True, text=True)
    assert ("Permission denied" in look.stderr) != core_dumps, look.stderr
    limit = re.search(r"^Max core file size +(\S+) +(\S+)", Path(f"{folder}/limits").read_text(), re.M)
    if not core_dumps:
        assert limit.groups() == ("0", "0")
    assert edge.metrics().total("process_open_fds") > 5, "it can look into itself"


# The binary


def readelf(*options: str) -> str:
    require("readelf")
    return subprocess.run(["readelf", "--wide", *options, BINARY], capture_output=True, text=True, check=True).stdout


def test_the_binary_is_hardened():
    """As hardening-check and checksec look for it: position-independent, RELRO and bound at start, no stack that can be
    executed, stack protector; in a release build checked versions of libc's functions too."""
    if is_sanitized():
        pytest.skip("sanitizer builds are for tests")
    dynamic, segments, symbols = readelf("--dynamic"), readelf("--segments"), readelf("--dyn-syms")
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", dynamic) and re.search(r"\(FLAGS\).*BIND_NOW", dynamic)
    assert "GNU_RELRO" in segments
    stack = re.search(r"GNU_STACK.*", segments)[0]
    assert " RWE " not in stack and " RW " in stack
    assert not re.search(r"LOAD.* RWE ", segments), "nothing is both writable and executable"
    assert "__stack_chk_fail" in symbols
    assert "(RPATH)" not in dynamic and "(RUNPATH)" not in dynamic
    if "release" in BINARY:
        assert re.search(r"__\w+_chk@", symbols.replace("__stack_chk", "")), "_FORTIFY_SOURCE"


def test_indirect_calls_land_where_they_may():
    """-fcf-protection: functions begin with ENDBR64. (The file is not marked so: Debian's start-up objects are not.)"""
    if is_sanitized() or os.uname().machine != "x86_64":
        pytest.skip("for x86-64 builds without sanitizers")
    require("objdump")
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", BINARY], capture_output=True, text=True).stdout
    assert code.count("endbr64") > 1000
