"""h2_stream: one stream of HTTP/2 as a client sees it: what came on it so far, and how it ended.

Strict: what the edge may not send (RFC 9113 8) is a MalformedMessage where it arrives.
"""

import dataclasses
import re

from support.h2_frames import DEFAULT_WINDOW
from support.messages import MalformedMessage, Response

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_OF_ONE_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "http2-settings"}
_WITHOUT_BODY = (204, 304)


def check_fields(fields: list) -> None:
    for name, value in fields:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise MalformedMessage(f"field {name!r}: {value!r}")
        if name in _OF_ONE_HOP:
            raise MalformedMessage(f"{name} has no place in HTTP/2")


def split_status(fields: list) -> tuple:
    """The status and the other fields of a response head."""
    if not fields or fields[0][0] != ":status" or not re.fullmatch("[1-5][0-9][0-9]", fields[0][1]):
        raise MalformedMessage(f"a response begins with {fields[:1]}")
    check_fields(fields[1:])
    return int(fields[0][1]), fields[1:]


@dataclasses.dataclass(eq=False)
class H2Stream(Response):
    """A Response that is filled as it arrives; `status` is 0 before it has begun."""

    id: int = 0
    method: str = "GET"
    body: bytearray = dataclasses.field(default_factory=bytearray)
    has_ended: bool = False  #: END_STREAM came
    reset_code: int = None  #: of the edge's RST_STREAM
    was_cancelled: bool = False  #: by our own RST_STREAM
    send_window: int = DEFAULT_WINDOW  #: what the edge still takes
    receive_window: int = DEFAULT_WINDOW  #: what it may still send
    credit: int = 0  #: the sum of its WINDOW_UPDATEs
    is_tunnel: bool = False  #: DATA is no content (RFC 8441)

    @property
    def is_over(self) -> bool:
        return self.has_ended or self.reset_code is not None

    @property
    def ended_well(self) -> bool:
        """Whole, with nothing but a permission to stop uploading after it (RFC 9113 8.1)."""
        return self.has_ended and self.reset_code in (None, 0)

    def take_head(self, fields: list, is_end: bool) -> None:
        self._check_open("HEADERS")
        if self.status:
            return self._take_trailers(fields, is_end)
        status, others = split_status(fields)
        if status < 200:
            if is_end or status == 101:
                raise MalformedMessage(f"an interim response {status}, end: {is_end}")
            self.interims.append(Response(others, b"", status=status))
            return
        self.status, self.fields = status, others
        if is_end:
            self._take_end()

    def take_data(self, content: bytes, is_end: bool) -> None:
        self._check_open("DATA")
        if not self.status:
            raise MalformedMessage("DATA before a response")
        if content and (self.method == "HEAD" or self.status in _WITHOUT_BODY):
            raise MalformedMessage(f"{len(content)} bytes where there is no body")
        self.body += content
        if is_end:
            self._take_end()

    def take_reset(self, code: int) -> None:
        if self.reset_code is not None:
            raise MalformedMessage(f"stream {self.id} was reset twice")
        self.reset_code = code

    def _take_trailers(self, fields: list, is_end: bool) -> None:
        check_fields(fields)
        if not is_end:
            raise MalformedMessage("trailers that end nothing")
        self.trailers = fields
        self._take_end()

    def _take_end(self) -> None:
        self.has_ended = True
        has_body = self.method != "HEAD" and self.status not in _WITHOUT_BODY
        if has_body and self.content_length not in (None, len(self.body)):
            raise MalformedMessage(f"{len(self.body)} bytes of {self.content_length} and a clean end")

    def _check_open(self, what: str) -> None:
        if self.is_over:
            raise MalformedMessage(f"{what} on stream {self.id}, which is over")
