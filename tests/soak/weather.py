"""weather: what happens to the edge and to the sandboxes while clients are served, one thread each.

Whatever disturbs a sandbox is announced to the Excuses first; reloads, certificates and hand-overs excuse nothing.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from support.patience import eventually

ADDRESS = {"address": "127.0.0.1"}


class Weather(threading.Thread):
    def __init__(self, place, seed: int):
        super().__init__(daemon=True)
        self.place, self.dice = place, random.Random(seed)
        self.is_over = threading.Event()
        self.count = 0
        self.problem = None

    def run(self):
        try:
            while not self.is_over.wait(self.dice.uniform(*self.pause)):
                with self.place.no_hand_over:  # One edge at a time is told.
                    self.happen()
                self.count += 1
        except Exception as problem:
            self.problem = problem


class Service:
    """A process with the services of some sandboxes, always on the same ports."""

    def __init__(self, http1_port: int, h2c_port: int):
        self.http1_port, self.h2c_port = http1_port, h2c_port
        self.start()

    def start(self) -> None:
        command = [sys.executable, str(Path(__file__).parent / "service.py"), str(self.http1_port), str(self.h2c_port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout.readline() == b"ready\n", "a service did not start"

    def stop(self, number: int = signal.SIGKILL) -> None:
        self._process.send_signal(number)
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


class Restarts(Weather):
    """A sandbox's services die, and come back."""

    pause = (4, 9)

    def happen(self):
        with self.place.excuses.disturbing(self.place.mortal, "a service was killed"):
            self.place.mortal_service.stop(self.dice.choice([signal.SIGKILL, signal.SIGTERM]))
            self.is_over.wait(self.dice.random())
            self.place.mortal_service.start()


class Churn(Weather):
    """Records are written, changed and removed by the admin API."""

    pause = (0.2, 0.6)

    def happen(self):
        edge = self.place.edge
        name = self.dice.choice(self.place.churned)
        deed = self.dice.randrange(6)
        if deed == 0:
            with self.place.excuses.disturbing([name], "a record was removed"):
                edge.delete(name)
                self.is_over.wait(0.2)
                edge.put(name, self.record(name))
        elif deed == 1:
            self.place.generations[name] += 1
            with self.place.excuses.disturbing([name], "a sandbox got a new generation"):
                edge.put(name, self.record(name))
        elif deed == 2:
            with self.place.excuses.disturbing([name], "a sandbox was private"):
                edge.put(name, self.record(name, allow_public_traffic=False, traffic_access_token="secret"))
                self.is_over.wait(0.2)
                edge.put(name, self.record(name))
        elif deed == 3:
            edge.put(name, self.record(name, max_connections=self.dice.randrange(500, 1000)))
        else:
            other = f"passing{self.dice.randrange(200)}"
            edge.put(other, ADDRESS)
            if self.dice.random() < 0.5:
                edge.delete(other)

    def record(self, name: str, **more) -> dict:
        return {**ADDRESS, "execution_id": f"e{self.place.generations[name]}", **more}


class Reloads(Weather):
    """The configuration changes, or cannot be read; SIGHUP, or the file alone."""

    pause = (3, 7)

    def happen(self):
        edge = self.place.edge
        if self.dice.random() < 0.3:
            good = edge.config_path.read_text()
            edge.config_path.write_text("domains: []\n")
            edge.reload()
            self.is_over.wait(0.3)
            edge.config_path.write_text(good)
            return
        edge.write_config({"edge": {"id": f"edge{self.dice.randrange(1000)}"}})
        if self.dice.random() < 0.5:
            edge.reload()


class Certificates(Weather):
    """The certificate is replaced by another for the same names, first the key, then the chain."""

    pause = (4, 9)

    def happen(self):
        new = self.dice.choice(self.place.certificates)
        for source, target in ((new.key, self.place.in_use.key), (new.chain, self.place.in_use.chain)):
            temporary = Path(f"{target}.new")
            temporary.write_bytes(source.read_bytes())
            os.replace(temporary, target)


class Scrapes(Weather):
    """Prometheus, and somebody who looks at the admin API."""

    pause = (1, 3)

    def happen(self):
        edge = self.place.edge
        edge.metrics()
        for path in ("/v1/sandboxes?limit=50", "/v1/config", f"/v1/sandboxes/{self.place.stable[0]}/stats"):
            assert edge.admin.get(path).status == 200


def hand_over(place) -> None:
    """Another edge is started on the same listening sockets, then the first is told to go."""
    with place.no_hand_over:
        old, new = place.edge, place.start_edge()
        place.edge = new
        old.signal(signal.SIGTERM)
    eventually(lambda: old.process.poll() is not None, "the old edge to have ended", within=60)
    old.stop()
    place.read_log(old)


def everything(place, seed: int) -> list:
    kinds = (Restarts, Churn, Reloads, Certificates, Scrapes)
    return [kind(place, seed + number) for number, kind in enumerate(kinds)]
