"""A sandbox whose machine vanishes without a word: its shared HTTP/2 connection is given no streams for long (hardening
1.9). The machine is a network namespace, and the way there is cut.
"""

import ctypes
import os
import subprocess
import threading
import time

import pytest

from support.h2_sandbox import H2Sandbox
from support.patience import SLOWNESS
from support.test_tools import require

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Machine:
    """10.213.0.2, reached over a cable that can be cut."""

    address = "10.213.0.2"

    def __init__(self):
        self._name = f"sandgate{os.getpid()}"
        self._near, self._far = f"sg{os.getpid()}a", f"sg{os.getpid()}b"

    def __enter__(self):
        ip("netns", "add", self._name)
        try:
            ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._name)
            ip("address", "add", "10.213.0.1/30", "dev", self._near)
            ip("link", "set", self._near, "up")
            ip("-n", self._name, "address", "add", f"{self.address}/30", "dev", self._far)
            ip("-n", self._name, "link", "set", self._far, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        ip("netns", "delete", self._name)

    def cut(self) -> None:
        ip("-n", self._name, "link", "set", self._far, "down")

    def make(self, kind):
        """`kind(address)` with its sockets in there."""
        made = []

        def inside():
            with open(f"/var/run/netns/{self._name}") as namespace:
                assert _LIBC.setns(namespace.fileno(), _CLONE_NEWNET) == 0
            made.append(kind(address=self.address))

        thread = threading.Thread(target=inside)  # Only this thread moves; the sockets stay where they were made.
        thread.start()
        thread.join()
        return made[0]


@pytest.fixture
def machine():
    require("ip")
    try:
        with Machine() as machine:
            yield machine
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made here: {error.stderr.decode()[:100]}")


def test_a_link_to_a_machine_that_is_gone_is_given_up(make_edge, machine):
    timeouts = {"sandbox_ack": "1s", "connect": "500ms", "connect_total": "1s"}
    edge = make_edge({"workers": 1, "upstream": {"allow": ["10.213.0.0/30"]}, "timeouts": timeouts})
    with machine.make(H2Sandbox) as sandbox, edge.connect_h2() as client:
        sandbox.id = "far"
        edge.put("far", {"address": machine.address, "ports": sandbox.ports})
        first = client.request(sandbox.host)
        exchange = sandbox.accept_exchange()
        exchange.read_head()
        machine.cut()
        began = time.monotonic()
        second = client.request(sandbox.host)
        for stream in (first, second):
            client.read_response(stream, within=10)
            assert stream.edge_reason in ("sandbox_reset", "sandbox_unreachable"), stream
        third = client.read_response(client.request(sandbox.host))
        assert (third.status, third.edge_reason) == (502, "sandbox_unreachable")
        assert time.monotonic() - began < 6 * SLOWNESS
