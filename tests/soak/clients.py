"""clients: those who want something of the sandboxes and are entitled to it, each in a thread, over every protocol.

They behave as good clients do: a request that a connection's end overtook is sent again where RFC 9110 9.2.2 and RFC
9113 6.8 allow it, and nothing else is.
"""

import random
import threading

from support.dialogue import ConnectionEnded
from support.h2_client import H2Client
from support.h2_frames import Code
from support.h2_tunnel import connect_fields
from support.messages import MalformedMessage
from support.raw_client import RawClient

from service import DRIP, content_of

PATIENCE = 25
WEBSOCKET = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


class Client(threading.Thread):
    """`place` says where the edge and the sandboxes are (soak.Place)."""

    def __init__(self, place, seed: int, tls: bool):
        super().__init__(daemon=True)
        self.place, self.ledger, self.tls = place, place.ledger, tls
        self.dice = random.Random(seed)
        self.is_over = threading.Event()
        self.retries = 0

    def run(self):
        while not self.is_over.is_set():
            try:
                self.visit()
            except (OSError, AssertionError) as problem:
                self.ledger.problems.append(f"{type(self).__name__}: cannot even connect: {problem!r}")
            self.is_over.wait(self.dice.random() * 0.2)

    def think(self) -> None:
        self.is_over.wait(self.dice.random() * 0.15)

    def pick(self) -> str:
        return self.dice.choice(self.place.sandboxes)

    def connect(self) -> RawClient:
        return self._checked(RawClient(self.place.port(self.tls), patience=PATIENCE, **self._options("http/1.1")))

    def connect_h2(self) -> H2Client:
        return self._checked(H2Client(self.place.port(self.tls), patience=PATIENCE, **self._options("h2")))

    def _checked(self, client):
        if self.tls:
            shown = client.stream.tls.getpeercert(binary_form=True)
            assert shown in self.place.presentable, "a certificate of somebody else"
        return client

    def _options(self, protocol: str) -> dict:
        return {"tls": self.place.trust(protocol), "server_name": "any.sandbox.test"} if self.tls else {}

    def fail(self, entry, problem) -> None:
        if isinstance(problem, MalformedMessage):
            self.ledger.problems.append(f"{entry.id}: not as HTTP is spoken: {problem}")
        self.ledger.fail(entry, repr(problem)[:300])


def request(method: str, target: str, host: str, request_id: str, *fields: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"x-request-id: {request_id}", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


class Http1Client(Client):
    """Some GETs on one connection; POSTs on connections of their own."""

    def visit(self):
        if self.dice.random() < 0.3:
            return self.post()
        with self.connect() as client:
            for turn in range(self.dice.randrange(1, 15)):
                if self.is_over.is_set() or not self.get(client, is_reused=turn > 0):
                    return
                self.think()

    def get(self, client, is_reused: bool) -> bool:
        """Whether the connection can be used again."""
        sandbox = self.pick()
        drips = self.dice.randrange(5, 60) if self.dice.random() < 0.1 else 0
        size = self.dice.choice([0, 1, 1000, 16_384, 50_001, 200_000])
        target, expected = (f"/drip/{drips}", DRIP * drips) if drips else (f"/bytes/{size}", content_of(size))
        entry = self.ledger.start("drip" if drips else "GET", sandbox)
        try:
            response = client.ask(request("GET", target, self.place.http1_host(sandbox), entry.id))
        except (OSError, AssertionError) as problem:
            if is_reused and is_untouched(problem):
                self.retries += 1
                self.ledger.void(entry)
            else:
                self.fail(entry, problem)
            return False
        if response.status == 200 and response.body == expected:
            self.ledger.succeed(entry, 0, len(expected))
        else:
            self.fail(entry, f"{response.status} {response.edge_reason}, {len(response.body)} of {len(expected)} bytes")
        return response.value("connection") != "close"

    def post(self):
        sandbox = self.pick()
        body = self.dice.randbytes(self.dice.choice([1, 500, 16_384, 100_000]))
        with self.connect() as client:
            entry = self.ledger.start("POST", sandbox)
            try:
                head = request("POST", "/", self.place.http1_host(sandbox), entry.id, f"Content-Length: {len(body)}")
                response = client.ask(head + body)
            except (OSError, AssertionError) as problem:
                return self.fail(entry, problem)
            if response.status == 200 and response.body == body and response.value("x-taken") == str(len(body)):
                self.ledger.succeed(entry, len(body), len(body))
            else:
                self.fail(entry, f"{response.status} {response.edge_reason}")


def is_untouched(problem) -> bool:
    if isinstance(problem, ConnectionEnded):
        return problem.partial == b""
    return isinstance(problem, (BrokenPipeError, ConnectionResetError))


class WebSocketClient(Client):
    """An upgrade, and messages that must come back."""

    def visit(self):
        sandbox = self.pick()
        with self.connect() as client:
            entry = self.ledger.start("websocket", sandbox)
            try:
                head = request("GET", "/", self.place.http1_host(sandbox), entry.id, *WEBSOCKET, KEY)
                response = client.ask(head)
                if response.status != 101:
                    return self.fail(entry, f"{response.status} {response.edge_reason}")
                total = self.talk(client)
                client.half_close()
                assert client.read_to_end() == b""
            except (OSError, AssertionError) as problem:
                return self.fail(entry, problem)
            self.ledger.succeed(entry, total, total)

    def talk(self, client) -> int:
        total = 0
        for _ in range(self.dice.randrange(1, 20)):
            message = self.dice.randbytes(self.dice.choice([1, 125, 4000, 70_000]))
            client.send(message)
            assert client.read_exactly(len(message)) == message, "an echo that is not one"
            total += len(message)
            self.think()
        return total


class Http2Client(Client):
    """Some requests at a time on one connection, for as long as the edge wants it."""

    kind = "HTTP/2"
    is_grpc = False

    def visit(self):
        with self.connect_h2() as client:
            for _ in range(self.dice.randrange(1, 12)):
                if self.is_over.is_set() or not self.batch(client):
                    return
                self.think()

    def batch(self, client) -> bool:
        """Whether the connection can be used again."""
        asked = []
        try:
            client.read_available()
            if client.goaways:
                return False
            for _ in range(self.dice.randrange(1, 6)):
                asked.append(self.ask(client))
            for _, stream, _ in asked:
                client.read_response(stream, within=PATIENCE)
        except (OSError, AssertionError) as problem:
            for entry, stream, body in asked:
                self.judge(client, entry, stream, body, problem)
            return False
        for entry, stream, body in asked:
            self.judge(client, entry, stream, body, None)
        return not client.goaways

    def ask(self, client) -> tuple:
        sandbox = self.pick()
        entry = self.ledger.start(self.kind, sandbox)
        try:
            return entry, *self.send(client, sandbox, ("x-request-id", entry.id))
        except OSError:
            self.retries += 1
            self.ledger.void(entry)  # Not whole, on a connection that is over.
            raise

    def send(self, client, sandbox: str, *more: tuple) -> tuple:
        """The stream, and what is to come back."""
        if self.is_grpc:
            body = self.dice.randbytes(self.dice.choice([5, 1000, 8000]))
            more += ("content-type", "application/grpc"), ("te", "trailers")
            return client.request(self.place.h2c_host(sandbox), "POST", "/", *more, body=body), body
        host = self.place.http1_host(sandbox)
        if self.dice.random() < 0.3:
            body = self.dice.randbytes(self.dice.choice([1, 1000, 8000]))
            return client.request(host, "POST", "/", *more, body=body), body
        size = self.dice.choice([0, 100, 16_384, 60_000])
        return client.request(host, "GET", f"/bytes/{size}", *more), size

    def judge(self, client, entry, stream, body, problem) -> None:
        is_refused = stream.reset_code == Code.REFUSED_STREAM
        is_left_out = bool(client.goaways) and stream.id > client.goaways[-1][0]
        if is_refused or (is_left_out and not stream.is_over):
            self.retries += 1
            return self.ledger.void(entry)
        expected = content_of(body) if isinstance(body, int) else body
        is_whole = stream.ended_well and stream.status == 200 and bytes(stream.body) == expected
        if is_whole and (not self.is_grpc or ("grpc-status", "0") in stream.trailers):
            return self.ledger.succeed(entry, 0 if isinstance(body, int) else len(body), len(expected))
        told = f"{stream.status} {stream.edge_reason}, reset {stream.reset_code}, {len(stream.body)} of {len(expected)}"
        self.fail(entry, problem if isinstance(problem, MalformedMessage) else f"{told}; {problem!r}")


class GrpcClient(Http2Client):
    kind = "gRPC"
    is_grpc = True


class Http2WebSocketClient(Client):
    """RFC 8441."""

    def visit(self):
        sandbox = self.pick()
        with self.connect_h2() as client:
            entry = self.ledger.start("websocket/2", sandbox)
            total = 0
            try:
                more = ("x-request-id", entry.id), ("sec-websocket-version", "13")
                fields = connect_fields(client, self.place.http1_host(sandbox), *more, path="/")
                stream = client.open(fields, end=False, method="CONNECT")
                stream.is_tunnel = True
                client.read_head(stream)
                if stream.status != 200 or stream.is_over:
                    return self.fail(entry, f"{stream.status} {stream.edge_reason}, reset {stream.reset_code}")
                for _ in range(self.dice.randrange(1, 20)):
                    message = self.dice.randbytes(self.dice.choice([1, 125, 4000]))
                    client.send_data(stream, message)
                    total += len(message)
                    assert len(client.read_body(stream, total)) == total, "an echo cut short"
                    self.think()
                client.send_data(stream, end=True)
                client.read_response(stream, within=PATIENCE)
                assert stream.ended_well and len(stream.body) == total
            except (OSError, AssertionError) as problem:
                is_left_out = bool(client.goaways) and client.goaways[-1][0] == 0
                return self.ledger.void(entry) if is_left_out else self.fail(entry, problem)
            self.ledger.succeed(entry, total, total)


def everyone(place, seed: int) -> list:
    kinds = [(Http1Client, 3), (WebSocketClient, 1), (Http2Client, 2), (GrpcClient, 1), (Http2WebSocketClient, 1)]
    made = []
    for kind, count in kinds:
        for tls in (False, True):
            made += [kind(place, seed + len(made) + number * 100, tls) for number in range(count)]
    return made
