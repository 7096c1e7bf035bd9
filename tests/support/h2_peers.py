"""h2_peers: the two ends of an exchange on HTTP/2 (see exchange_peers), made with python3-h2.

A connection carries one exchange here. Window credit is given back when data is read, so a reader that stops stops the
writer; a writer out of credit reads until there is some.
"""

import collections
import socket

import h2.config
import h2.connection
import h2.errors
import h2.events

from support.dialogue import ConnectionEnded
from support.exchange_peers import StreamReset
from support.patience import seconds


class _H2Exchange:
    def __init__(self, stream, *, is_client: bool, patience: float = 8):
        self._stream = stream
        self._stream.socket.settimeout(seconds(patience))
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=is_client, header_encoding="utf-8", validate_inbound_headers=True)
        )
        self._h2.initiate_connection()
        self._flush()
        self._id = 1
        self._events = collections.deque()
        self.settings = {}  #: what the peer announced

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self._stream.close()

    # Speaking

    def send_data(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            room = min(self._h2.local_flow_control_window(self._id), self._h2.max_outbound_frame_size, len(view))
            if room <= 0:
                self._receive()
                self._fail_when_reset()
                continue
            self._h2.send_data(self._id, view[:room].tobytes())
            self._flush()
            view = view[room:]

    def end(self, trailers: list = ()) -> None:
        if trailers:
            self._h2.send_headers(self._id, list(trailers), end_stream=True)
        else:
            self._h2.end_stream(self._id)
        self._flush()

    def reset(self, code: int = h2.errors.ErrorCodes.CANCEL) -> None:
        self._h2.reset_stream(self._id, code)
        self._flush()

    # Listening

    def read_some(self) -> bytes:
        """The next piece of the body."""
        return self._take_data(self._next(h2.events.DataReceived))

    def read_body(self) -> tuple:
        """The rest of the body, and the trailers."""
        body, trailers = b"", []
        while True:
            event = self._next(h2.events.DataReceived, h2.events.TrailersReceived, h2.events.StreamEnded)
            if isinstance(event, h2.events.DataReceived):
                body += self._take_data(event)
            elif isinstance(event, h2.events.TrailersReceived):
                trailers = list(event.headers)
            else:
                return body, trailers

    def _take_data(self, event) -> bytes:
        if event.flow_controlled_length:
            self._h2.acknowledge_received_data(event.flow_controlled_length, self._id)
            self._flush()
        return event.data

    def _next(self, *kinds):
        """The next event of the exchange; another kind than `kinds` is a failure."""
        while not self._events:
            self._receive()
        event = self._events.popleft()
        if isinstance(event, h2.events.StreamReset):
            raise StreamReset(event.error_code)
        assert isinstance(event, kinds), f"{event} where {[kind.__name__ for kind in kinds]} was due"
        return event

    def _fail_when_reset(self) -> None:
        for event in self._events:
            if isinstance(event, h2.events.StreamReset):
                raise StreamReset(event.error_code)

    def _receive(self) -> None:
        try:
            data = self._stream.receive()
        except ConnectionResetError:
            raise ConnectionEnded(b"", was_reset=True) from None
        except socket.timeout:
            raise AssertionError(f"nothing more came in time; waiting: {list(self._events)}") from None
        if not data:
            raise ConnectionEnded(b"", was_reset=False)
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.RemoteSettingsChanged):
                self.settings.update({int(code): change.new_value for code, change in event.changed_settings.items()})
            elif isinstance(event, h2.events.ConnectionTerminated):
                self._take_goaway(event)
            elif getattr(event, "stream_id", None) == self._id and not isinstance(event, _NOT_OF_THE_MESSAGE):
                self._events.append(event)
        self._flush()

    def _take_goaway(self, event) -> None:
        assert event.error_code == 0, f"GOAWAY {event.error_code!r} {event.additional_data!r}"

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._stream.send(data)


_NOT_OF_THE_MESSAGE = (h2.events.WindowUpdated, h2.events.PriorityUpdated)


class H2ClientExchange(_H2Exchange):
    def __init__(self, stream, scheme: str, authority: str):
        super().__init__(stream, is_client=True)
        self._scheme, self._authority = scheme, authority

    def send_head(self, method: str, target: str, fields: list = (), *, length: int = None, has_body=True) -> None:
        head = [(":method", method), (":scheme", self._scheme), (":path", target), (":authority", self._authority)]
        head += [(name.lower(), value) for name, value in fields]
        head += [("content-length", str(length))] if length is not None else []
        self._h2.send_headers(self._id, head, end_stream=not has_body)
        self._flush()

    def read_interim(self) -> int:
        return _status_of(self._next(h2.events.InformationalResponseReceived))

    def read_head(self) -> tuple:
        """Statuses of the interim responses, the final one's, its fields."""
        interims = []
        while True:
            event = self._next(h2.events.InformationalResponseReceived, h2.events.ResponseReceived)
            if isinstance(event, h2.events.ResponseReceived):
                return interims, _status_of(event), list(event.headers)[1:]
            interims.append(_status_of(event))

    def assert_whole(self) -> None:
        """Nothing but what was read came, but a reset without an error: "send no more" (RFC 9113 8.1)."""
        rest = [event for event in self._events if getattr(event, "error_code", None) != 0]
        assert not rest, rest


def _status_of(event) -> int:
    return int(dict(event.headers)[":status"])


class H2SandboxExchange(_H2Exchange):
    def __init__(self, stream):
        super().__init__(stream, is_client=False)

    def read_head(self) -> tuple:
        """Method, target and fields, the authority as `host`."""
        head = list(self._next(h2.events.RequestReceived).headers)
        pseudo = {name: value for name, value in head if name.startswith(":")}
        fields = [("host", pseudo[":authority"]), *(field for field in head if not field[0].startswith(":"))]
        return pseudo[":method"], pseudo[":path"], fields

    def send_interim(self, status: int, fields: list = ()) -> None:
        self._h2.send_headers(self._id, [(":status", str(status)), *fields])
        self._flush()

    def send_head(self, status: int, fields: list = (), *, length: int = None, has_body=True) -> None:
        head = [(":status", str(status)), *((name.lower(), value) for name, value in fields)]
        head += [("content-length", str(length))] if length is not None else []
        self._h2.send_headers(self._id, head, end_stream=not has_body)
        self._flush()

    def assert_broken(self) -> None:
        """The edge gives the exchange up: a reset of the stream, or of everything."""
        while True:
            try:
                self._next(object)
            except (ConnectionEnded, StreamReset):
                return
