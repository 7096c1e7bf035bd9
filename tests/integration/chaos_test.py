"""Clients and sandboxes that misbehave at random, all at once: the edge survives, and nothing of them is left behind.

Seeded, so that a failure can be run again; which thread comes first is not, so several runs see more than one.
"""

import random
import threading

import pytest

from support.moody_sandbox import MoodySandbox
from support.patience import eventually

CLIENTS, TURNS = 8, 40


def misbehave(edge, sandbox, dice: random.Random):
    """One connection: a request or a few, and some end."""
    with edge.connect(tls=dice.random() < 0.5) as client:
        for _ in range(dice.randrange(1, 4)):
            deed = dice.randrange(8)
            if deed == 0:
                client.send(sandbox.request("POST", "/", "Content-Length: 50000", body=b"x" * dice.randrange(50_000)))
                return client.reset()
            if deed == 1:
                client.send(sandbox.request()[: dice.randrange(1, 40)])
                return client.reset() if dice.random() < 0.5 else None
            if deed == 2:
                client.send(*[sandbox.request("GET", f"/{number}") for number in range(5)])
                return client.reset() if dice.random() < 0.5 else client.read_response()
            if deed == 3:
                client.send(sandbox.request("GET", "/", "Connection: Upgrade", "Upgrade: echo"), b"early")
                client.read_until_gone() if dice.random() < 0.5 else client.reset()
                return
            if deed == 4:
                client.send(sandbox.request("POST", "/", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"))
                return client.read_head() if dice.random() < 0.5 else client.reset()
            client.ask(sandbox.request("PUT", "/", "Content-Length: 5", body=b"hello"))


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left_of_clients_and_sandboxes_that_misbehave(make_edge, seed):
    edge = make_edge(
        {"timeouts": {"client_head": "1s", "client_body_idle": "1s", "client_idle": "1s", "sandbox_idle": "500ms"}}
    )
    with MoodySandbox(seed) as sandbox:
        sandbox.id = "moody"
        edge.put("moody", {"address": "127.0.0.1", "execution_id": "e0"})

        def run(number: int):
            dice = random.Random(seed * 1000 + number)
            for turn in range(TURNS):
                try:
                    misbehave(edge, sandbox, dice)
                except (AssertionError, OSError):
                    pass  # what is wrong here shows below
                if number == 0 and turn % 10 == 9:
                    edge.put("moody", {"address": "127.0.0.1", "execution_id": f"e{turn}"})

        threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert edge.process.poll() is None, edge.stderr()

        def left() -> dict:
            page = edge.metrics()
            names = (
                "sandgate_active_exchanges",
                "sandgate_active_tunnels",
                "sandgate_client_connections",
                "sandgate_upstream_connections",
            )
            return {name: page.total(name) for name in names if page.total(name) != 0}

        eventually(lambda: not left() or None, "every gauge to be back at 0", within=10)
        stats = edge.admin.get("/v1/sandboxes/moody/stats").json()
        assert (stats["active"], stats["connections"]) == (0, 0)
        page = edge.metrics()
        eventually(
            lambda: len(edge.log) == edge.metrics().total("sandgate_exchanges_total"), "a line for each exchange"
        )
        assert len({line["request_id"] for line in edge.log}) == len(edge.log)
        assert page.total("sandgate_exchanges_total") > CLIENTS * TURNS / 2
