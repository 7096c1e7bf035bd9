"""slowhttptest in all its modes, a thousand connections each, all at once (hardening O-SLOW): the service stays available.

Its own probe says so, and an honest client that asks all the while.
"""

import asyncio
import os
import re
import resource
import subprocess
import threading
import time

import pytest

from support.patience import SLOWNESS, seconds
from support.test_tools import require

NAMES = "libnss_wrapper.so"
MODES = {
    "slow headers": ["-H", "-i", "2"],
    "slow bodies": ["-B", "-i", "2", "-s", "100000"],
    "ranges": ["-R", "-a", "10", "-b", "3000"],
    "slow reading": ["-X", "-w", "512", "-y", "1024", "-n", "2", "-z", "32", "-k", "3"],
}
CONNECTIONS = 1000
HEADS_WITHIN = 12  #: seconds that a slow head may be held, of client_head's 10
PAGE = b"x" * 300_000


class _Page(asyncio.Protocol):
    """A large page for every GET; of a POST it reads the body first."""

    def __init__(self):
        self._received = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            self._received = rest[size:]
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE)


@pytest.fixture
def page_port():
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(_Page, "127.0.0.1", 0, backlog=4096))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def start(mode: str, edge, host: str, hosts) -> subprocess.Popen:
    url = f"http://{host}:{edge.plain_port}/"
    # The probe waits for a whole second: a page of 300 kB through a busy machine is not nothing.
    command = ["slowhttptest", *MODES[mode], "-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", "14", "-p", "3"]
    return subprocess.Popen(
        [*command, "-u", url],
        env={**os.environ, "LD_PRELOAD": NAMES, "NSS_WRAPPER_HOSTS": str(hosts)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def reports(text: str) -> list:
    """(second, connected, is available) of every report."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    found = re.findall(
        r"status on (\d+)th second:.*?connected:\s+(\d+).*?service available:\s+(YES|NO)", plain, re.DOTALL
    )
    return [(int(second), int(connected), word == "YES") for second, connected, word in found]


def test_the_service_stays_available_in_all_modes_at_once(make_edge, page_port, tmp_path):
    require("slowhttptest")
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most_files < 20_000:
        pytest.skip(f"only {most_files} open files are allowed here")
    edge = make_edge()
    edge.put("page", {"address": "127.0.0.1"})
    host = f"{page_port}-page.sandbox.test"
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 {host}\n")
    attacks = {mode: start(mode, edge, host, hosts) for mode in MODES}
    slowest, asked = 0.0, 0
    with edge.connect(tls=True, patience=20) as honest:
        while any(attack.poll() is None for attack in attacks.values()):
            began = time.monotonic()
            response = honest.ask(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert response.status == 200 and len(response.body) == len(PAGE)
            slowest, asked = max(slowest, time.monotonic() - began), asked + 1
            time.sleep(0.05)
    said = {mode: attack.communicate(timeout=seconds(10))[0] for mode, attack in attacks.items()}
    for mode, text in said.items():
        seen = reports(text)
        assert seen, f"{mode}: {text[-2000:]}"
        assert max(connected for _, connected, _ in seen) > CONNECTIONS / 2 or mode == "ranges", (mode, seen)
        assert all(is_available for _, _, is_available in seen), (mode, seen)
    assert asked > 50 and slowest < 2 * SLOWNESS
    held = [line["duration_ms"] for line in edge.log if line["reason"] == "head_timeout"]
    assert max(held) < 1000 * HEADS_WITHIN * SLOWNESS, "slow heads were held for longer than client_head"
    assert edge.metrics().total("sandgate_exchanges_total", outcome="head_timeout") >= CONNECTIONS * 0.9
    assert edge.metrics().total("sandgate_exchanges_total", blame="edge") == 0
