"""siege: an edge under attack by one HTTP/2 connection, and everything that must hold meanwhile (hardening 1.3, 1.8).

with siege.contained("h2_pings"), door.connect_h2() as client:
    siege.flood(client, batches_of(h2.ping()))
"""

import contextlib
import threading
import time

from support.edge import Edge, is_sanitized
from support.h2_client import H2Client
from support.h2_frames import Code
from support.holding_sandbox import HoldingSandbox
from support.patience import SLOWNESS, eventually
from support.raw_client import ConnectionEnded
from support.raw_sandbox import ServingSandbox

FRAMES = 20_000  #: what a flood would be if nobody stopped it
MOST_KIBIBYTES = 4096
MOST_CPU_SECONDS = 1.0
MOST_AT_ONCE = 100
MOST_REQUESTS = 300  #: a burst of 100 and 33 a second, what was open when it ended, and some room


class Siege:
    def __init__(self, edge: Edge):
        self.edge = edge
        self.victim = HoldingSandbox()  #: where the floods go: every request is held
        self.canary = ServingSandbox()  #: what the others want
        for sandbox, name in ((self.victim, "victim"), (self.canary, "canary")):
            sandbox.id = name
            edge.put(name, {"address": "127.0.0.1"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.victim.close()
        self.canary.close()

    def rejections(self, limit: str) -> float:
        return self.edge.metrics().total("sandgate_limit_rejections_total", limit=limit)

    @contextlib.contextmanager
    def contained(self, limit: str = None, kibibytes: int = MOST_KIBIBYTES):
        """Little memory, little time, all work at the sandbox given up, a client on another connection answered
        throughout; `limit` is the label of the metric that must have moved."""
        eventually(lambda: self.victim.live == 0, "the sandbox to be at rest")
        self.victim.peak = self.victim.total = 0
        with self.edge.connect_h2() as warm_up:
            assert warm_up.ask(self.canary.host).status == 200
        memory, cpu, rejections = self.edge.resident_kibibytes(), self.edge.cpu_seconds(), self.rejections(limit)
        with _HonestClient(self.edge, self.canary):
            yield
        eventually(lambda: self.victim.live == 0, "the work at the sandbox to be given up", within=2)
        assert self.victim.peak <= MOST_AT_ONCE and self.victim.total <= MOST_REQUESTS
        if limit:
            assert self.rejections(limit) > rejections, f"nothing says that {limit} was hit"
        if not is_sanitized():
            assert self.edge.resident_kibibytes() - memory < kibibytes
            assert self.edge.cpu_seconds() - cpu < MOST_CPU_SECONDS
        assert self.edge.process.poll() is None, self.edge.stderr()


class _HonestClient(threading.Thread):
    """Asks again and again on a connection of its own."""

    def __init__(self, edge: Edge, sandbox: ServingSandbox):
        super().__init__(daemon=True)
        self._client = edge.connect_h2()
        self._host = sandbox.host
        self._is_over = threading.Event()
        self._problem, self._answered, self._slowest = None, 0, 0.0

    def run(self):
        try:
            while not self._is_over.wait(0.02) or not self._answered:
                began = time.monotonic()
                assert self._client.ask(self._host).status == 200
                self._slowest = max(self._slowest, time.monotonic() - began)
                self._answered += 1
        except Exception as problem:
            self._problem = problem

    def __enter__(self):
        self.start()

    def __exit__(self, kind, *_):
        self._is_over.set()
        self.join()
        self._client.close()
        if kind is None:
            assert self._problem is None, f"an honest client was not served: {self._problem!r}"
            assert self._slowest < 1 * SLOWNESS, f"an honest client waited {self._slowest:.3f} s"


def batches_of(frame: bytes, count: int = FRAMES, size: int = 100) -> list:
    return [frame * size] * (count // size)


def flood(client: H2Client, batches, is_read: bool = True) -> None:
    """Sends batch after batch until the edge has ended the connection, and reads what it says of that."""
    try:
        for batch in batches:
            client.send(batch)
            if is_read:
                client.read_available()
    except (ConnectionEnded, ConnectionError):
        pass
    client.read_to_goaway()


def assert_calmed(client: H2Client, *others: int, streams: int = None) -> None:
    """The edge said that it was too much, or with one of the codes `others` what was wrong, within so many streams."""
    assert client.goaways, "the connection ended without a word"
    last, code = client.goaways[-1]
    assert code in (Code.ENHANCE_YOUR_CALM, *others), client.goaways
    assert streams is None or last < 2 * streams
