"""Three edges behind a load balancer of layer 4 are restarted one after the other under load: no request fails.

Requests go over HTTP/1.1 and HTTP/2; WebSockets end by the drain's own close and by nothing else.
"""

import asyncio
import contextlib
import signal
import threading
import time

import pytest
import websockets

from support.balancer import Balancer
from support.dialogue import ConnectionEnded
from support.h2_client import H2Client
from support.patience import eventually, seconds
from support.quick_service import QuickService
from support.raw_client import RawClient, trust
from support.socket_service import SocketService
from support.test_tools import require

NAMES = ("one", "two", "three")
ANNOUNCE, GRACE = 0.6, 1.0
REQUESTS_PER_CONNECTION = 100  # so that an edge that is back is found again


class Load:
    """Clients that go on until they are told to stop, each on a thread, and what became of their requests."""

    def __init__(self, port: int, certificate, host: str, socket_host: str):
        self.port, self.host, self.socket_host = port, host, socket_host
        self._certificate = certificate
        self.served = {"http1": 0, "h2": 0, "websocket": 0}
        self.repeated = 0  #: requests that an idle connection, closed meanwhile, had not taken
        self.failures = []
        self.ends = []  #: when a WebSocket was ended by the edge
        self._stop = threading.Event()

    def __enter__(self):
        runs = [self._http1, self._http1, self._h2, self._h2, self._sockets]
        self._threads = [threading.Thread(target=self._guarded, args=(run,)) for run in runs]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, run) -> None:
        try:
            run()
        except Exception as error:
            self.failures.append(f"{run.__name__}: {error!r}")

    def _http1(self) -> None:
        request = f"GET / HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode()
        while not self._stop.is_set():
            with RawClient(self.port, tls=trust(self._certificate), server_name=self.host) as client:
                self._ask_until_closed(client, request)

    def _ask_until_closed(self, client: RawClient, request: bytes) -> None:
        for asked in range(REQUESTS_PER_CONNECTION):
            try:
                response = client.ask(request)
            except (ConnectionEnded, BrokenPipeError, ConnectionResetError) as end:
                if asked == 0 or getattr(end, "partial", b""):
                    raise
                self.repeated += 1  # as every client does with a connection it had used before
                return
            assert response.status == 200, response
            self.served["http1"] += 1
            if self._stop.is_set() or response.value("connection") == "close":
                return

    def _h2(self) -> None:
        while not self._stop.is_set():
            context = trust(self._certificate, alpn=("h2",))
            with H2Client(self.port, tls=context, server_name=self.host) as client:
                self._ask_until_goaway(client)

    def _ask_until_goaway(self, client: H2Client) -> None:
        for _ in range(REQUESTS_PER_CONNECTION // 4):
            if self._stop.is_set() or client.goaways:
                return
            streams = [client.request(self.host) for _ in range(4)]
            for stream in streams:
                try:
                    client.read_response(stream)
                except ConnectionEnded:
                    if not client.goaways or stream.id <= client.goaways[-1][0]:
                        raise
                    self.repeated += 1
                    continue
                assert stream.status == 200, stream
                self.served["h2"] += 1

    def _sockets(self) -> None:
        asyncio.run(self._all_sockets())

    async def _all_sockets(self) -> None:
        await asyncio.gather(*(self._socket() for _ in range(6)))

    async def _socket(self) -> None:
        target = {"host": "127.0.0.1", "port": self.port, "ssl": trust(self._certificate)}
        while not self._stop.is_set():
            async with websockets.connect(f"wss://{self.socket_host}/ws", **target) as tunnel:
                with contextlib.suppress(websockets.ConnectionClosed):
                    await self._echo_until_closed(tunnel)
                if not self._stop.is_set():
                    self.ends.append(time.monotonic())

    async def _echo_until_closed(self, tunnel) -> None:
        while not self._stop.is_set():
            await tunnel.send("hello")
            assert await asyncio.wait_for(tunnel.recv(), seconds(5)) == "hello"
            self.served["websocket"] += 1
            await asyncio.sleep(0.01)


@pytest.fixture
def edges(make_edge, tmp_path):
    """Not started yet; all read one file of sandboxes."""
    path = tmp_path / "sandboxes.yaml"
    path.write_text("sandboxes: {web: {address: 127.0.0.1}}\n")
    config = {
        "registry": {"source": "file", "file": {"path": str(path)}},
        "timeouts": {"drain_announce": f"{int(ANNOUNCE * 1000)}ms", "drain_grace": f"{int(GRACE * 1000)}ms"},
    }
    edges = {name: make_edge.unstarted(config) for name in NAMES}
    for edge in edges.values():
        edge.config["listeners"][1]["proxy_protocol"] = {"from": ["127.0.0.1/32"]}
        edge.start()
    return edges


def restart(edge) -> tuple:
    """When it was told to go, and when it had gone."""
    told = time.monotonic()
    edge.signal(signal.SIGTERM)
    assert edge.wait() == 0
    gone = time.monotonic()
    edge.start()
    return told, gone


def test_no_request_fails_while_edges_are_restarted_one_by_one(edges, tmp_path, certificates):
    require("haproxy")
    ports = {name: (edge.tls_port, edge.health_port) for name, edge in edges.items()}
    spans = []
    with QuickService() as web, SocketService() as sockets, Balancer(tmp_path / "haproxy", ports) as balancer:
        hosts = (f"{web.port}-web.sandbox.test", f"{sockets.port}-web.sandbox.test")
        with Load(balancer.port, certificates.sandbox, *hosts) as load:
            eventually(lambda: all(load.served.values()) or load.failures, "every kind of load to begin")
            for name, edge in edges.items():
                spans.append(restart(edge))
                eventually(lambda: balancer.is_up(name), f"{name} to be up again")
                before = balancer.connections_to(name)
                eventually(lambda: balancer.connections_to(name) > before or load.failures, f"traffic to {name}")
    print(f"served {load.served}, repeated {load.repeated}, tunnels ended {len(load.ends)}")
    assert load.failures == []
    assert all(count > 50 for count in load.served.values()), load.served
    in_a_drain = [any(told + ANNOUNCE <= end <= gone + seconds(1) for told, gone in spans) for end in load.ends]
    assert in_a_drain and all(in_a_drain)
    assert all(gone - told < ANNOUNCE + GRACE + seconds(3) for told, gone in spans)
