"""askers: a client's view of one exchange, the same over HTTP/1.1 and HTTP/2, whole or not.

with Asker(edge, "h2-tls") as asker:
    asker.send(sandbox, "GET", "/")
    outcome = asker.outcome()

What the edge may not send at all is a MalformedMessage, as ever; an answer that is cut off is an Outcome that is not whole.
"""

import dataclasses
from typing import Optional

from support.dialogue import ConnectionEnded

#: The doors and protocols a table is played over.
WAYS_IN = ["h1-plain", "h1-tls", "h2-tls"]


@dataclasses.dataclass
class Outcome:
    status: int = 0  #: 0: no final head came
    reason: Optional[str] = None  #: the edge's own, when it answered itself
    body: bytes = b""
    is_whole: bool = False
    interims: list = dataclasses.field(default_factory=list)
    trailers: list = dataclasses.field(default_factory=list)
    fields: list = dataclasses.field(default_factory=list)

    def names(self) -> set:
        return {name.lower() for name, _ in self.fields}


class Asker:
    def __init__(self, edge, way_in: str):
        protocol, _, listener = way_in.partition("-")
        self.is_h2 = protocol == "h2"
        connect = edge.connect_h2 if self.is_h2 else edge.connect
        self._client = connect(tls=listener == "tls")
        self._method, self._stream = "GET", None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()

    def send(self, sandbox, method: str = "POST", path: str = "/", *fields: str) -> None:
        """POST, so that the edge never asks twice."""
        self._method = method
        if self.is_h2:
            pairs = [tuple(field.lower().split(": ", 1)) for field in fields]
            self._stream = self._client.request(sandbox.host, method, path, *pairs)
        else:
            self._client.send(sandbox.request(method, path, *fields))

    def outcome(self) -> Outcome:
        return self._h2_outcome() if self.is_h2 else self._h1_outcome()

    def _h2_outcome(self) -> Outcome:
        stream = self._client.read_response(self._stream)
        outcome = Outcome(stream.status, stream.edge_reason if stream.status else None, bytes(stream.body))
        outcome.is_whole = stream.ended_well
        outcome.interims = [one.status for one in stream.interims]
        outcome.trailers, outcome.fields = stream.trailers, stream.fields
        return outcome

    def _h1_outcome(self) -> Outcome:
        outcome = Outcome()
        try:
            while (head := self._client.read_head()).status < 200 and head.status != 101:
                outcome.interims.append(head.status)
            outcome.status, outcome.reason, outcome.fields = head.status, head.edge_reason, head.fields
            if self._method != "HEAD" and head.status not in (204, 304):
                self._client.read_body_into(head)
            outcome.body, outcome.trailers, outcome.is_whole = head.body, head.trailers, True
        except ConnectionEnded as end:
            outcome.body = (head.body if outcome.status and head.is_chunked else end.partial) if outcome.status else b""
        return outcome
