"""kube_load: many sandboxes in an API server that change all the time, and how soon a change of one is in force.

    fill(stage, 10_000)
    with Changes(stage, 10_000, rate=200):
        took = times_to_route(stage, sandbox, 500)
"""

import dataclasses
import random
import threading
import time

from support.kube_stage import KubeStage

_WRITERS = 8

#: What makes an object as long as those of a platform: about 3 KiB with what the API server adds.
_SPEC = {
    "podTemplate": {
        "metadata": {"labels": {"team": "7" * 36, "template": "python-3.12"}},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "registry.example.com/templates/python:3.12@sha256:" + "0" * 64,
                    "env": [{"name": f"VARIABLE_{number}", "value": "v" * 40} for number in range(16)],
                    "ports": [{"name": f"port-{number}", "containerPort": 3000 + number} for number in range(4)],
                    "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
                }
            ]
        },
    }
}


def name_of(number: int) -> str:
    return f"load-{number}"


def address_of(number: int) -> str:
    return f"127.{1 + (number >> 16 & 127)}.{number >> 8 & 255}.{number & 255}"


def _in_threads(stage: KubeStage, work) -> None:
    """`work(client, share)` for each share, each with a connection of its own; the first failure is raised."""
    problems = []

    def guarded(share: int) -> None:
        client = stage.server.client()
        try:
            work(client, share)
        except Exception as problem:
            problems.append(problem)
        finally:
            client.close()

    threads = [threading.Thread(target=guarded, args=(share,)) for share in range(_WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def fill(stage: KubeStage, count: int) -> None:
    kind = {"apiVersion": stage.kind.path.removeprefix("/apis/"), "kind": stage.kind.kind}

    def write(client, share: int) -> None:
        for number in range(share, count, _WRITERS):
            metadata = {"name": name_of(number), "annotations": {"sandgate.dev/id": f"load{number}"}}
            client.create(stage.path(), {**kind, "metadata": metadata, "spec": _SPEC})
            stage.run(name_of(number), address_of(number), client)

    _in_threads(stage, write)


class Changes:
    """`rate` changes a second, each of an object taken at random, until the block is left."""

    def __init__(self, stage: KubeStage, count: int, rate: float):
        self._stage, self._count, self._pause = stage, count, _WRITERS / rate
        self._stop = threading.Event()
        self.written = 0
        self.began = time.monotonic()
        self._thread = threading.Thread(target=_in_threads, args=(stage, self._write))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.rate = self.written / (time.monotonic() - self.began)

    def _write(self, client, share: int) -> None:
        chance = random.Random(share)
        due = time.monotonic() + self._pause * share / _WRITERS
        while not self._stop.wait(max(0, due - time.monotonic())):
            due = max(due + self._pause, time.monotonic() - 1)  # what could not be written in time is not made up for
            self._stage.run(name_of(chance.randrange(self._count)), address_of(chance.randrange(1 << 20)), client)
            self.written += 1


@dataclasses.dataclass
class Times:
    """In seconds, sorted, of every change: until a request saw it."""

    after_told: list  #: from when the API server had said that it is written
    in_all: list  #: from before it was sent there


def times_to_route(stage: KubeStage, sandbox, changes: int) -> Times:
    """The sandbox turns from public to private and back, so that the edge's own answer tells which is in force."""
    after_told, in_all = [], []
    path = stage.path(sandbox.id)
    with stage.edge.connect() as client:
        for number in range(changes):
            is_public = number % 2 == 1
            note = {"sandgate.dev/allow_public_traffic": "true" if is_public else "false"}
            began = time.monotonic()
            stage.client.merge(path, {"metadata": {"annotations": note}})
            told = time.monotonic()
            while client.ask(sandbox.request()).status != (200 if is_public else 403):
                pass
            after_told.append(time.monotonic() - told)
            in_all.append(time.monotonic() - began)
    return Times(sorted(after_told), sorted(in_all))


def percentiles(values: list) -> dict:
    """In milliseconds."""
    at = {f"p{share * 100:g}": values[min(len(values) - 1, int(len(values) * share))] for share in (0.5, 0.9, 0.99, 1)}
    return {name: round(value * 1000, 2) for name, value in at.items()}
