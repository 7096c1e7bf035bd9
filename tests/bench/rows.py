"""rows: what is measured, one class for each row of the table.

`measure` gives one sample of one proxy. Every sample starts the proxy anew, and warms it up before it counts.
"""

import statistics
import time

import loads
import processes
from figures import Figure

_BUSY = Figure("busy", "share of its core", "", is_cost=False)


def _cost_of(proxy, work) -> tuple:
    """CPU seconds of the proxy, its share of a core, and what `work` gave."""
    before, began = proxy.cpu_seconds(), time.monotonic()
    result = work()
    cpu, took = proxy.cpu_seconds() - before, time.monotonic() - began
    return cpu, cpu / took, result


class Row:
    letter = ""
    title = ""
    figures = ()  #: the first is the one that counts
    proxies = ("Sandgate", "nginx", "HAProxy")
    bar = ""
    priority = 0  #: real-time for the proxy, so that latency is not that of other programs on its core

    def measure(self, bench, proxy) -> dict:
        raise NotImplementedError


class _Requests(Row):
    figures = (
        Figure("cpu_us", "CPU per request", "µs"),
        Figure("rate", "requests", "1/s", is_cost=False),
        _BUSY,
    )

    def _press(self, proxy, seconds: float) -> dict:
        raise NotImplementedError

    def measure(self, bench, proxy) -> dict:
        self._press(proxy, 1)
        cpu, busy, done = _cost_of(proxy, lambda: self._press(proxy, bench.seconds))
        return {"cpu_us": cpu / done["count"] * 1e6, "rate": done["count"] / done["seconds"], "busy": busy}


class SmallResponses(_Requests):
    letter = "a"
    title = "HTTP/1.1 over TLS, small responses, 64 connections (wrk)"
    proxies = ("Sandgate", "nginx", "HAProxy", "nghttpx")
    bar = "0.80 × the better of nginx and HAProxy"

    def _press(self, proxy, seconds: float) -> dict:
        return loads.wrk(proxy, seconds)


class SmallResponsesH2(_Requests):
    letter = "b"
    title = "HTTP/2 over TLS, small responses, 16 connections of 16 streams (h2load)"
    proxies = ("Sandgate", "nginx", "HAProxy", "nghttpx")
    bar = "0.85 × the better of nginx and HAProxy"

    def _press(self, proxy, seconds: float) -> dict:
        return loads.h2load(proxy, seconds)


class Bulk(Row):
    letter = "c"
    title = "100 MiB in one message over TLS (curl)"
    figures = (
        Figure("down_ms", "CPU per MiB down", "ms"),
        Figure("up_ms", "CPU per MiB up", "ms"),
        Figure("down_rate", "down", "MiB/s", is_cost=False),
        Figure("up_rate", "up", "MiB/s", is_cost=False),
    )
    bar = "0.90 × the better of nginx and HAProxy"
    _MEBIBYTES = 100

    def measure(self, bench, proxy) -> dict:
        sample = {}
        for key, upward in (("down", False), ("up", True)):
            loads.transfer(proxy, self._MEBIBYTES, bench.folder, upward)
            times = max(1, round(bench.seconds))
            cpu, busy, _ = _cost_of(proxy, lambda: self._repeat(bench, proxy, upward, times))
            sample[f"{key}_ms"] = cpu / (times * self._MEBIBYTES) * 1e3
            sample[f"{key}_rate"] = times * self._MEBIBYTES * busy / cpu
        return sample

    def _repeat(self, bench, proxy, upward: bool, times: int) -> None:
        for _ in range(times):
            loads.transfer(proxy, self._MEBIBYTES, bench.folder, upward)


class Handshakes(Row):
    letter = "d"
    title = "new TLS connections, one after the other (bench_load)"
    figures = (
        Figure("full", "full handshakes per CPU second", "1/s", is_cost=False),
        Figure("resumed", "resumed ones per CPU second", "1/s", is_cost=False),
    )
    bar = "1.0 × the cost of the better of nginx and HAProxy"

    def measure(self, bench, proxy) -> dict:
        sample = {}
        for kind in ("full", "resumed"):
            loads.bench_load("handshakes", proxy, 0.3, kind)
            cpu, _, done = _cost_of(proxy, lambda: loads.bench_load("handshakes", proxy, bench.seconds / 2, kind))
            sample[kind] = done["count"] / cpu
        return sample


class IdleMemory(Row):
    letter = "e"
    title = "idle keep-alive TLS connections, 5 000 of them, each after one request (bench_load)"
    figures = (Figure("kib", "memory per connection", "KiB"),)
    bar = "14.5 KiB, below nginx is the aim"
    _CONNECTIONS = 5000

    def measure(self, bench, proxy) -> dict:
        with loads.Held("idle", proxy, 10):
            pass
        before = proxy.kibibytes()
        with loads.Held("idle", proxy, self._CONNECTIONS):
            return {"kib": (proxy.kibibytes() - before) / self._CONNECTIONS}


class Echo(Row):
    letter = "f"
    title = "WebSocket echo over TLS, 16 connections (bench_load)"
    figures = (
        Figure("small_us", "CPU per echo of 100 B", "µs"),
        Figure("large_us", "CPU per echo of 64 KiB", "µs"),
        Figure("small_rate", "echoes of 100 B", "1/s", is_cost=False),
        Figure("large_rate", "echoes of 64 KiB", "1/s", is_cost=False),
    )
    bar = "0.80 × the better of nginx and HAProxy"
    _SIZES = {"small": 100, "large": 64 * 1024}

    def measure(self, bench, proxy) -> dict:
        sample = {}
        for key, size in self._SIZES.items():
            loads.bench_load("echo", proxy, 0.3, size, 16)
            cpu, _, done = _cost_of(proxy, lambda: loads.bench_load("echo", proxy, bench.seconds / 2, size, 16))
            sample[f"{key}_us"] = cpu / done["count"] * 1e6
            sample[f"{key}_rate"] = done["count"] / done["seconds"]
        return sample


class Latency(Row):
    """Each second is measured by itself and their median counts: a virtual machine stands still for milliseconds now and
    then, and such a second would be the figure of whoever was measured in it."""

    letter = "g"
    title = "latency over TLS at half of the slowest one's top rate, 64 connections (bench_load)"
    figures = (
        Figure("p99_us", "p99", "µs"),
        Figure("p50_us", "p50", "µs"),
        Figure("p999_us", "p99.9", "µs"),
        Figure("rate", "requests", "1/s", is_cost=False),
    )
    priority = 1
    bar = "p99 no worse than the better of nginx and HAProxy"
    _PERCENTILES = ("p50_us", "p99_us", "p999_us")

    def measure(self, bench, proxy) -> dict:
        rate = round(bench.slowest_rate() / 2)
        seconds = [
            loads.bench_load("paced", proxy, 1, rate, 64, priority=1) for _ in range(max(5, round(bench.seconds)))
        ]
        return {key: statistics.median(one[key] for one in seconds) for key in self._PERCENTILES} | {"rate": rate}


class Neighbours(Row):
    letter = "h"
    title = "latency at 2 000 requests a second beside one full-speed download and 2 000 slow readers (bench_load, curl)"
    figures = (
        Figure("rise", "p99 beside them / p99 alone", "×"),
        Figure("noisy_us", "p99 beside them", "µs"),
        Figure("quiet_us", "p99 alone", "µs"),
    )
    priority = 1
    bar = "a rise below 2 ×"
    _READERS = 2000

    def measure(self, bench, proxy) -> dict:
        quiet = self._probe(bench, proxy)
        seconds = 30 + 2 * bench.seconds
        with loads.Held("slow", proxy, seconds, self._READERS, sandbox="slow"), loads.Streaming(proxy, "stream"):
            time.sleep(1)  # The download is at full speed, and the readers' buffers are full.
            noisy = self._probe(bench, proxy)
        return {"quiet_us": quiet, "noisy_us": noisy, "rise": noisy / quiet}

    def _probe(self, bench, proxy) -> float:
        return loads.bench_load("paced", proxy, bench.seconds, 2000, 16, priority=1)["p99_us"]


class TwoWorkers(Row):
    """The load would be the limit of two workers on two cores, so what they cost is compared: as much CPU time for each
    request as one worker takes means twice the throughput on twice the cores."""

    letter = "i"
    title = "two workers beside one: throughput for the CPU time of two cores (wrk, 128 connections)"
    figures = (
        Figure("scaling", "throughput of two workers / of one", "×", is_cost=False),
        Figure("one_us", "CPU per request, one worker", "µs"),
        Figure("two_us", "CPU per request, two workers", "µs"),
    )
    proxies = ("Sandgate",)
    bar = "1.8 ×"

    def measure(self, bench, proxy) -> dict:
        costs = {}
        for key, workers in (("one_us", 1), ("two_us", 2)):
            with bench.proxy(type(proxy), workers=workers, cores=processes.ALL_CORES) as own:
                loads.wrk(own, 1, 128)
                cpu, _, done = _cost_of(own, lambda: loads.wrk(own, bench.seconds, 128))
                costs[key] = cpu / done["count"] * 1e6
        return costs | {"scaling": 2 * costs["one_us"] / costs["two_us"]}


class RegistryOfAMillion(Row):
    letter = "j"
    title = "one million records (bench_micro)"
    figures = (
        Figure("lookup_ns", "lookup of a random id", "ns"),
        Figure("megabytes", "memory of all records", "MB"),
        Figure("puts", "records parsed and put while another thread looks up", "1/s", is_cost=False),
    )
    proxies = ("Sandgate",)
    bar = "150 ns at the median, 400 MB, 100 000 a second"

    def measure(self, bench, proxy) -> dict:
        results = loads.micro("lookup/1000000/real_time/threads:1|put_while_serving")
        lookup, put = results["lookup/1000000/real_time/threads:1"], results["put_while_serving/real_time"]
        return {"lookup_ns": lookup["real_time"], "megabytes": lookup["MB"], "puts": put["puts"]}


ALL = (
    SmallResponses(),
    SmallResponsesH2(),
    Bulk(),
    Handshakes(),
    IdleMemory(),
    Echo(),
    Latency(),
    Neighbours(),
    TwoWorkers(),
    RegistryOfAMillion(),
)
