"""rude: clients nobody owes anything: they reset, drip, stall, flood a little, and talk nonsense.

What becomes of them is not judged, but that none of it is the edge's fault, and that nothing of it is left.
"""

import socket

from support import h2_frames as h2
from support.h2_client import H2Client
from support.h2_frames import Setting
from support.raw_client import RawClient

from clients import Client, request


class RudeClient(Client):
    def visit(self):
        deed = self.dice.choice(DEEDS)
        try:
            deed(self)
        except (OSError, AssertionError):
            pass

    def ask(self, target: str, *fields: str) -> bytes:
        method = "POST" if fields else "GET"
        return request(method, target, self.place.http1_host(self.place.sandboxes[0]), "rude", *fields)

    def wait(self, longest: float) -> None:
        self.is_over.wait(self.dice.random() * longest)


def reset_in_the_middle(self):
    with self.connect() as client:
        client.send(self.ask("/bytes/1000000"))
        client.read_head()
        self.wait(0.2)
        client.reset()


def reset_an_upload(self):
    with self.connect() as client:
        client.send(self.ask("/", "Content-Length: 1000000") + b"x" * self.dice.randrange(200_000))
        self.wait(0.2)
        client.reset()


def read_slowly(self):
    options = self._options("http/1.1")
    with RawClient(self.place.port(self.tls), patience=5, receive_buffer=4096, **options) as client:
        client.send(self.ask("/bytes/3000000"))
        for _ in range(20):
            client.stream.receive(2000)
            self.wait(0.3)
        client.reset()


def send_slowly(self):
    with self.connect() as client:
        for byte in self.ask("/")[:40]:
            client.send(bytes([byte]))
            self.wait(0.2)


def stall_an_upload(self):
    with self.connect() as client:
        client.send(self.ask("/", "Content-Length: 10") + b"x")
        self.wait(4)


def stay_idle(self):
    with self.connect() as client:
        client.ask(self.ask("/bytes/1"))
        self.wait(8)


def stall_a_handshake(self):
    with socket.create_connection(("127.0.0.1", self.place.port(True)), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00")
        self.wait(3)


def talk_nonsense(self):
    nonsense = [b"GET\r\n\r\n", b"\x00" * 50, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n"]
    with self.connect() as client:
        client.send(self.dice.choice(nonsense))
        client.read_until_gone()


def ask_for_nobody(self):
    with self.connect() as client:
        client.ask(request("GET", "/", "80-nobody.sandbox.test", "rude"))


def leave_a_tunnel(self):
    with self.connect() as client:
        client.send(self.ask("/").replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
        client.read_head()
        client.send(b"x" * 50_000)
        client.reset()


def cancel_streams(self):
    with self.connect_h2() as client:
        for _ in range(self.dice.randrange(40)):
            stream = client.request(self.place.http1_host(self.place.sandboxes[0]), "GET", "/bytes/100000", *RUDE)
            client.cancel(stream)
        client.read_available()


def open_no_window(self):
    options = self._options("h2")
    settings = {Setting.INITIAL_WINDOW_SIZE: 0}
    with H2Client(self.place.port(self.tls), settings=settings, patience=5, **options) as client:
        for _ in range(5):
            client.request(self.place.http1_host(self.place.sandboxes[0]), "GET", "/bytes/100000", *RUDE)
        self.wait(3)


def break_frames(self):
    with self.connect_h2() as client:
        client.request(self.place.http1_host(self.place.sandboxes[0]), "GET", "/bytes/100000", *RUDE)
        client.send(self.dice.choice([h2.data(0, b"x"), b"\xff" * 30, h2.frame(h2.Kind.PING, 0, 0, b"short")]))
        client.read_to_goaway()


RUDE = [("x-request-id", "rude")]
DEEDS = [
    reset_in_the_middle,
    reset_an_upload,
    read_slowly,
    send_slowly,
    stall_an_upload,
    stay_idle,
    stall_a_handshake,
    talk_nonsense,
    ask_for_nobody,
    leave_a_tunnel,
    cancel_streams,
    open_no_window,
    break_frames,
]


def everyone(place, seed: int) -> list:
    return [RudeClient(place, seed + number, tls) for number in range(2) for tls in (False, True)]
