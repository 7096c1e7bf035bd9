"""loads: the load generators, what each can do at most, and what is read from their output.

wrk and h2load keep a fixed number of requests under way, so they press as hard as the proxy answers. bench_load is ours
(load/): handshakes, idle connections, echoes, requests at a rate, slow readers. Whether the load or the proxy was the
limit is seen from `busy`, the share of its core that the proxy was running: below about 0.95 the load was. CPU time for
each request is meaningful either way, requests per second only where the proxy was the limit.
"""

import json
import os
import re
import threading
from pathlib import Path

import processes
from proxies import TOKEN_FIELD

TOOLS = {}  #: "service", "load" and "micro": paths, set by the command

_AGENT = "User-Agent: bench/1.0"
_ACCEPT = "Accept: */*"


def wrk(proxy, seconds: float, connections: int = 64, threads: int = 1) -> dict:
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds:g}s", "-H", f"Host: {proxy.host()}"]
    for field in (_AGENT, _ACCEPT, TOKEN_FIELD):
        command += ["-H", field]
    output = processes.run([*command, f"https://127.0.0.1:{proxy.port}/small"], within=seconds + 20)
    wrong = re.search(r"Non-2xx.*|Socket errors:.*", output)
    if wrong:
        raise RuntimeError(f"{proxy.name}: wrk says: {wrong[0]}")
    count, took = re.search(r"(\d+) requests in ([\d.]+)s", output).groups()
    return {"count": int(count), "seconds": float(took)}


#: Below what any of the proxies lets a connection carry before it says goodbye: h2load does not come again.
_MOST_REQUESTS_PER_CONNECTION = 9_000


def h2load(proxy, seconds: float, connections: int = 16, streams: int = 16) -> dict:
    """At least that long, in runs of a fixed number of requests each."""
    command = ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-n{connections * _MOST_REQUESTS_PER_CONNECTION}"]
    for field in (_AGENT, _ACCEPT, TOKEN_FIELD):
        command += ["-H", field]
    command += [f"--connect-to=127.0.0.1:{proxy.port}", f"https://{proxy.host()}/small"]
    done = {"count": 0, "seconds": 0.0}
    while done["seconds"] < seconds:
        output = processes.run(command, within=seconds + 60)
        total, failed = re.search(r"requests: (\d+) total.* (\d+) failed", output).groups()
        succeeded = int(re.search(r"status codes: (\d+) 2xx", output)[1])
        if int(failed) or succeeded != int(total):
            raise RuntimeError(f"{proxy.name}: h2load says: {failed} of {total} failed, {succeeded} were 2xx")
        done["count"] += succeeded
        done["seconds"] += _seconds(re.search(r"finished in ([\d.]+)(ms|s)", output))
    return done


def _seconds(duration: re.Match) -> float:
    return float(duration[1]) * {"s": 1, "ms": 1e-3}[duration[2]]


def transfer(proxy, mebibytes: int, folder: Path, upward: bool) -> None:
    command = ["curl", "-sS", "--fail", "-k", "--http1.1", "-o", "/dev/null", "-H", TOKEN_FIELD, "-H", "Expect:"]
    command += ["--connect-to", f"{proxy.host()}:443:127.0.0.1:{proxy.port}"]
    path = "upload" if upward else f"bytes/{mebibytes << 20}"
    if upward:
        file = folder / "upload"
        with open(file, "wb") as content:
            content.truncate(mebibytes << 20)
        command += ["-X", "POST", "-T", file]
    processes.run([*command, f"https://{proxy.host()}/{path}"], within=60)


def _command(kind: str, proxy, sandbox: str, *rest) -> list:
    return [TOOLS["load"], kind, proxy.port, proxy.host(sandbox), *rest]


def bench_load(kind: str, proxy, seconds: float, *rest, sandbox: str = "light", priority: int = 0) -> dict:
    command = _command(kind, proxy, sandbox, seconds, *rest)
    return json.loads(processes.run(command, within=seconds + 60, priority=priority))


def micro(pattern: str) -> dict:
    """Results of micro-benches by name, with huge pages as the image and the unit of systemd ask for."""
    command = [TOOLS["micro"], f"--benchmark_filter={pattern}", "--benchmark_format=json"]
    shipped = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    output = processes.run(command, within=120, cores=processes.ALL_CORES, env=shipped)
    return {one["name"]: one for one in json.loads(output)["benchmarks"]}


class Held:
    """A load that goes on while something else is measured: `idle` and `slow` print a line when they stand."""

    def __init__(self, kind: str, proxy, *rest, sandbox: str = "light"):
        self._process = processes.start(
            _command(kind, proxy, sandbox, *rest), stdin=processes.subprocess.PIPE, stdout=processes.subprocess.PIPE
        )

    def __enter__(self):
        line = []
        reader = threading.Thread(target=lambda: line.append(self._process.stdout.readline()), daemon=True)
        reader.start()
        reader.join(120)
        if not line or not line[0]:
            processes.stop(self._process)
            raise RuntimeError("the held load did not come to stand")
        return json.loads(line[0])

    def __exit__(self, *_):
        processes.stop(self._process)
        self._process.stdin.close()
        self._process.stdout.close()


class Streaming:
    """One download at full speed, for as long as the block lasts."""

    def __init__(self, proxy, sandbox: str):
        host = proxy.host(sandbox)
        command = ["curl", "-sS", "-k", "--http1.1", "-o", "/dev/null", "--max-time", "120", "-H", TOKEN_FIELD]
        command += ["--connect-to", f"{host}:443:127.0.0.1:{proxy.port}", f"https://{host}/bytes/1000000000000"]
        self._command = command

    def __enter__(self):
        self._process = processes.start(self._command, stderr=processes.subprocess.DEVNULL)

    def __exit__(self, *_):
        processes.stop(self._process)
