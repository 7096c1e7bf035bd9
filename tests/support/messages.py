"""messages: HTTP/1 messages as the tests see them on either side of the edge, parsed without any mercy.

What the edge writes must be canonical (`name: value`, CRLF, one framing), so a deviation is a MalformedMessage rather
than something to be lenient about.
"""

import dataclasses
import json
import re
from typing import Optional

_STATUS_LINE = re.compile(r"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t -~]*)")
_REQUEST_LINE = re.compile(r"([!#-'*+.^-z|~A-Z0-9-]+) ([!-~]+) HTTP/1\.1")
_FIELD_LINE = re.compile(r"([!#-'*+.^-z|~A-Z0-9-]+): ((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)")


class MalformedMessage(AssertionError):
    pass


@dataclasses.dataclass
class Message:
    fields: list  #: (name, value) in the order they came
    raw_head: bytes
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)

    def values(self, name: str) -> list:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def value(self, name: str) -> Optional[str]:
        """The only value of that name, None when there is none; twice is an error."""
        values = self.values(name)
        if len(values) > 1:
            raise MalformedMessage(f"{name} came {len(values)} times: {values}")
        return values[0] if values else None

    def names(self) -> list:
        return [key.lower() for key, _ in self.fields]

    @property
    def is_chunked(self) -> bool:
        return self.value("transfer-encoding") == "chunked"

    @property
    def content_length(self) -> Optional[int]:
        value = self.value("content-length")
        return None if value is None else int(value)


@dataclasses.dataclass
class Request(Message):
    method: str = ""
    target: str = ""


@dataclasses.dataclass
class Response(Message):
    status: int = 0
    reason: str = ""
    interims: list = dataclasses.field(default_factory=list)  #: 1xx responses before it

    def json(self):
        assert self.value("content-type").partition(";")[0] == "application/json", self
        return json.loads(self.body)

    @property
    def edge_reason(self) -> Optional[str]:
        """The edge's own reason when it answered itself."""
        return self.value("x-sandgate-reason")


def parse_fields(block: str) -> list:
    fields = []
    for line in block.split("\r\n") if block else []:
        match = _FIELD_LINE.fullmatch(line)
        if not match:
            raise MalformedMessage(f"field line {line!r}")
        fields.append((match[1], match[2]))
    return fields


def _split_head(head: bytes) -> tuple:
    start, _, rest = head.decode("latin1").removesuffix("\r\n\r\n").partition("\r\n")
    return start, parse_fields(rest)


def parse_request(head: bytes) -> Request:
    start, fields = _split_head(head)
    match = _REQUEST_LINE.fullmatch(start)
    if not match:
        raise MalformedMessage(f"request line {start!r}")
    return Request(fields, head, method=match[1], target=match[2])


def parse_response(head: bytes) -> Response:
    start, fields = _split_head(head)
    match = _STATUS_LINE.fullmatch(start)
    if not match:
        raise MalformedMessage(f"status line {start!r}")
    return Response(fields, head, status=int(match[1]), reason=match[2])
