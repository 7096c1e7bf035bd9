"""A sandbox that sends everything back to the edge: the way round is walked seven times and no more (contract 4).

Hardening 1.6: requests that come back, over both protocols towards clients and towards sandboxes.
"""

import pytest

from support.askers import WAYS_IN, Asker
from support.patience import eventually
from support.slow_link import SlowLink


class Mirror:
    """A port of a sandbox behind which is the edge."""

    def __init__(self, edge, link):
        self.id, self.port = "mirror", link.port
        self.host = f"{link.port}-mirror.sandbox.test"
        self._edge = edge

    def speak(self, protocol: str) -> None:
        ports = {str(self.port): {"protocol": protocol}}
        self._edge.put(self.id, {"address": "127.0.0.1", "ports": ports})

    def request(self, method: str, path: str, *fields: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", *fields, "", ""]
        return "\r\n".join(lines).encode()


@pytest.fixture
def mirror(edge):
    with SlowLink(edge.plain_port) as link:
        yield Mirror(edge, link)


@pytest.mark.parametrize("way_in", WAYS_IN)
@pytest.mark.parametrize("protocol", ["http1", "h2c"])
def test_a_request_goes_round_seven_times_and_is_told_so(edge, mirror, protocol, way_in):
    mirror.speak(protocol)
    name = f"round-{protocol}-{way_in}"
    with Asker(edge, way_in) as client:
        client.send(mirror, "GET", "/", f"x-request-id: {name}")
        outcome = client.outcome()
        assert (outcome.status, outcome.is_whole) == (508, True)
        assert outcome.body == b'{"message":"The request went around in a loop","code":508}'

    def lines() -> list:
        return [line for line in list(edge.log) if line["request_id"] == name]

    eventually(lambda: len(lines()) == 8, "a line for each time round")
    assert [line["reason"] for line in lines()].count("loop_detected") == 1
    assert all(line["status"] == 508 for line in lines())
