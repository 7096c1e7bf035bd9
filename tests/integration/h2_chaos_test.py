"""HTTP/2 clients and sandboxes that misbehave at random, all at once: nothing of them is left behind.

Seeded, so that a failure can be run again; which thread comes first is not, so several runs see more than one.
"""

import random
import threading

import pytest

from support import h2_frames as h2
from support.h2_frames import Code, Kind, Setting
from support.moody_sandbox import MoodySandbox
from support.patience import eventually

CLIENTS, CONNECTIONS, DEEDS = 6, 15, 25
GAUGES = (
    "sandgate_active_exchanges",
    "sandgate_active_tunnels",
    "sandgate_client_connections",
    "sandgate_upstream_connections",
)


def ask(client, sandbox, dice):
    client.request(sandbox.host, dice.choice(["GET", "HEAD", "PUT"]), f"/{dice.random()}")


def upload(client, sandbox, dice):
    stream = client.request(sandbox.host, "POST", "/", end=False)
    for _ in range(dice.randrange(5)):
        client.send_data(stream, b"x" * min(client.allowance(stream), dice.randrange(20_000)))
    if dice.random() < 0.7:
        client.send_data(stream, end=True)


def declare_wrongly(client, sandbox, dice):
    client.request(
        sandbox.host, "POST", "/", ("content-length", str(dice.randrange(20))), body=b"x" * dice.randrange(20)
    )


def send_trailers(client, sandbox, dice):
    stream = client.request(sandbox.host, "POST", "/", body=b"x", end=False)
    client.send_trailers(stream, (dice.choice(["x-sum", "host", "Upper", ":path"]), "1"))


def open_tunnel(client, sandbox, dice):
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/")]
    stream = client.open([*pseudo, (":authority", sandbox.host)], end=False, method="CONNECT")
    client.send_data(stream, b"early" * dice.randrange(100), end=dice.random() < 0.3)


def cancel(client, sandbox, dice):
    open_streams = [one for one in client.streams.values() if not one.is_over and not one.was_cancelled]
    if open_streams:
        client.cancel(dice.choice(open_streams), dice.choice([Code.CANCEL, Code.NO_ERROR, 0xDEAD]))


def shrink(client, sandbox, dice):
    client.send_settings({Setting.INITIAL_WINDOW_SIZE: dice.choice([0, 1, 100, 65535, 1 << 20])})


def give_credit(client, sandbox, dice):
    for stream in client.streams.values():
        if not stream.is_over and not stream.was_cancelled:
            client.give_credit(stream, dice.randrange(1, 100_000))


def refuse(client, sandbox, dice):
    client.open(client.fields(sandbox.host, "GET", "/", (dice.choice(["Upper", "connection", "x y"]), "1")))


def read(client, sandbox, dice):
    client.round_trip()


def wait(client, sandbox, dice):
    for stream in list(client.streams.values())[-1:]:
        client.replenishes = True
        client.read_response(stream, within=1)


def stop_reading(client, sandbox, dice):
    client.replenishes = dice.random() < 0.5


def say_goodbye(client, sandbox, dice):
    if dice.random() < 0.1:
        client.send(h2.goaway())


def break_it(client, sandbox, dice):
    if dice.random() < 0.1:
        client.send(dice.choice([h2.frame(Kind.DATA, 0, 0), h2.frame(Kind.PING, 0, 0, b"short"), b"\xff" * 20]))


THINGS_TO_DO = [
    ask,
    ask,
    ask,
    upload,
    upload,
    declare_wrongly,
    send_trailers,
    open_tunnel,
    cancel,
    cancel,
    shrink,
    give_credit,
    refuse,
    read,
    wait,
    stop_reading,
    say_goodbye,
    break_it,
]


def misbehave(edge, sandbox, dice: random.Random):
    """One connection: some deeds, and some end."""
    client = edge.connect_h2(tls=dice.random() < 0.5, patience=2)
    try:
        for _ in range(dice.randrange(1, DEEDS)):
            dice.choice(THINGS_TO_DO)(client, sandbox, dice)
    finally:
        client.reset() if dice.random() < 0.5 else client.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left_of_clients_and_sandboxes_that_misbehave(make_edge, seed):
    timeouts = ("client_head", "client_body_idle", "client_idle", "client_write", "sandbox_idle")
    edge = make_edge({"timeouts": dict.fromkeys(timeouts, "1s")})
    problems = []
    with MoodySandbox(seed) as sandbox:
        sandbox.id = "moody"
        edge.put("moody", {"address": "127.0.0.1", "execution_id": "e0"})

        def run(number: int):
            dice = random.Random(seed * 1000 + number)
            for turn in range(CONNECTIONS):
                try:
                    misbehave(edge, sandbox, dice)
                except OSError:
                    pass
                except AssertionError as problem:
                    problems.append(problem)
                if number == 0 and turn % 5 == 4:
                    edge.put("moody", {"address": "127.0.0.1", "execution_id": f"e{turn}"})

        threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert edge.process.poll() is None, edge.stderr()
        malformed = [str(one) for one in problems if type(one).__name__ == "MalformedMessage"]
        assert not malformed, malformed

        def left() -> dict:
            page = edge.metrics()
            return {name: page.total(name) for name in GAUGES if page.total(name) != 0}

        eventually(lambda: not left() or None, "every gauge to be back at 0", within=10)
        stats = edge.admin.get("/v1/sandboxes/moody/stats").json()
        assert (stats["active"], stats["connections"]) == (0, 0)
        eventually(
            lambda: len(edge.log) == edge.metrics().total("sandgate_exchanges_total"), "a line for each exchange"
        )
        assert len({line["request_id"] for line in edge.log}) == len(edge.log) > CLIENTS * CONNECTIONS
