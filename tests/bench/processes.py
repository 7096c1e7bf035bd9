"""processes: starting what the comparison runs, on which core, and what it has used.

With two cores the proxy under test has the first for itself and everything else shares the second; with more, the rest
share the rest. The figure that counts is CPU time of the proxy, and that is read from the kernel's clock of each of its
processes (user and system time, every thread, in nanoseconds).
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

_CORES = sorted(os.sched_getaffinity(0))
PROXY_CORES = _CORES[:1]
LOAD_CORES = _CORES[1:] or _CORES
ALL_CORES = _CORES


def wait_until(condition, what: str, within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {within:g} s: {what}")
        time.sleep(0.01)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(command: list, cores: list = LOAD_CORES, priority: int = 0, **options) -> subprocess.Popen:
    """`priority` above 0 is a real-time one, where that is permitted: for what measures latency beside other load."""

    def prepare():
        os.sched_setaffinity(0, cores)
        if priority:
            with contextlib.suppress(PermissionError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))

    return subprocess.Popen([str(word) for word in command], preexec_fn=prepare, **options)


def run(command: list, within: float, **options) -> str:
    """Its output; an error when it fails or takes longer than `within` seconds."""
    process = start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    try:
        output, errors = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise RuntimeError(f"not within {within:g} s: {command[0]}") from None
    if process.returncode != 0:
        raise RuntimeError(f"{command}: {process.returncode}: {errors or output}")
    return output


def stop(process: subprocess.Popen, number: int = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(pid: int) -> list:
    """The process and all that descend from it."""
    children = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            child = int(entry.name)
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(child)
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


def cpu_seconds(pids: list) -> float:
    """User and system time of the processes so far; clock_getcpuclockid(3) gives the clock of a process."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def private_kibibytes(pids: list) -> int:
    """Memory that would be free without the processes: what is shared with others is divided among them."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1])
    return total
