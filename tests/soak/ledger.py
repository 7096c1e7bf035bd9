"""ledger: an account of every exchange of the soak: what its client saw beside what the edge's log says of it.

An exchange ends well, or failed; a failure is excused only when it touched something the soak itself disturbed while the
exchange was under way (`Excuses`). What the edge says it carried must be what the client counted, byte for byte, and
every exchange has one line. An exchange that was void (sent on a connection the edge was just closing, and sent again)
must have none: an edge that had read it owed an answer.
"""

import collections
import contextlib
import dataclasses
import itertools
import threading
import time

#: what the edge says when a record changed under an exchange
OF_A_CHANGED_RECORD = {"route_changed", "token_missing", "token_invalid"}
GRACE_SECONDS = 1.5  #: after a disturbance: lookups remembered, connections that have not noticed yet


class Excuses:
    """When which sandbox was disturbed, and by what."""

    def __init__(self):
        self._lock = threading.Lock()
        self._spans = collections.defaultdict(list)  # sandbox -> [began, ended or None, cause]

    @contextlib.contextmanager
    def disturbing(self, sandboxes, cause: str):
        span = [time.monotonic(), None, cause]
        with self._lock:
            for sandbox in sandboxes:
                self._spans[sandbox].append(span)
        try:
            yield
        finally:
            span[1] = time.monotonic()

    def cause_for(self, sandbox: str, began: float, ended: float):
        """The cause that was at work meanwhile; None: nobody's fault but the edge's."""
        with self._lock:
            for span_began, span_ended, cause in reversed(self._spans[sandbox]):
                if span_began <= ended and (span_ended is None or span_ended + GRACE_SECONDS >= began):
                    return cause
        return None


@dataclasses.dataclass
class Entry:
    id: str
    kind: str
    sandbox: str
    began: float
    state: str = "open"  #: open, ok, failed, void
    up: int = 0
    down: int = 0


class Ledger:
    def __init__(self, excuses: Excuses):
        self._excuses = excuses
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._entries = {}  # those whose line has not come, or that have not ended
        self._lines = {}  # lines whose exchange has not ended for its client yet
        self.started = collections.Counter()  #: by kind
        self.ended = collections.Counter()  #: by state
        self.excused = collections.Counter()  #: failures, by cause
        self.rude = collections.Counter()  #: lines of clients that misbehave, by reason
        self.lines = collections.Counter()  #: by edge
        self.bytes = collections.defaultdict(lambda: [0, 0])  #: by edge: up, down, as logged
        self.latencies = collections.deque(maxlen=20_000)
        self.problems = []

    def start(self, kind: str, sandbox: str) -> Entry:
        entry = Entry(f"soak-{next(self._numbers)}", kind, sandbox, time.monotonic())
        with self._lock:
            self.started[kind] += 1
            self._entries[entry.id] = entry
        return entry

    def succeed(self, entry: Entry, up: int, down: int) -> None:
        entry.up, entry.down = up, down
        self.latencies.append(time.monotonic() - entry.began)
        self._end(entry, "ok")

    def fail(self, entry: Entry, why: str) -> None:
        cause = self._excuses.cause_for(entry.sandbox, entry.began, time.monotonic())
        with self._lock:
            if cause:
                self.excused[cause] += 1
            else:
                self.problems.append(f"{entry.id} ({entry.kind} to {entry.sandbox}): {why}")
        self._end(entry, "failed")

    def void(self, entry: Entry) -> None:
        self._end(entry, "void")

    def take_line(self, edge: str, line: dict) -> None:
        with self._lock:
            self.lines[edge] += 1
            self.bytes[edge][0] += line["bytes_up"]
            self.bytes[edge][1] += line["bytes_down"]
            if not line["request_id"].startswith("soak-"):
                self.rude[line["reason"]] += 1
                if line["blame"] == "edge":
                    self.problems.append(f"a rude client was the edge's fault: {line}")
                return
            entry = self._entries.get(line["request_id"])
            if entry is None:
                self.problems.append(f"a second line, or one of nobody: {line}")
            elif entry.state == "open":
                self._lines[entry.id] = line
            else:
                self._compare(entry, line)

    def _end(self, entry: Entry, state: str) -> None:
        with self._lock:
            entry.state = state
            self.ended[state] += 1
            line = self._lines.pop(entry.id, None)
            if line:
                self._compare(entry, line)

    def _compare(self, entry: Entry, line: dict) -> None:
        del self._entries[entry.id]
        if entry.state == "ok":
            # A record may change when the client has all of its answer and the edge has not closed the account yet.
            is_late = self._excuses.cause_for(entry.sandbox, entry.began, time.monotonic())
            is_well = line["reason"] == "ok" or (line["reason"] in OF_A_CHANGED_RECORD and is_late)
            if not is_well or (line["bytes_up"], line["bytes_down"]) != (entry.up, entry.down):
                self.problems.append(f"{entry} is not what was logged: {line}")
        elif entry.state == "void" and not self._excuses.cause_for(entry.sandbox, entry.began, time.monotonic()):
            self.problems.append(f"{entry.id} was read, and got no answer: {line}")

    def unaccounted(self) -> list:
        """Exchanges that ended and have no line, where there must be one."""
        with self._lock:
            return [entry for entry in self._entries.values() if entry.state == "ok"]

    def open_count(self) -> int:
        with self._lock:
            return sum(entry.state == "open" for entry in self._entries.values())
