"""Listening sockets inherited as systemd hands them over (LISTEN_FDS): a restart loses no connection (hardening 1.10)."""

import signal
import threading

from support.patience import eventually
from support.ports import free_port, listening_socket
from support.raw_sandbox import ServingSandbox


def make_pair(make_edge, tmp_path):
    """Two edges with one configuration, one set of sockets and one sandbox file; the first is running."""
    sockets = [listening_socket(free_port()), listening_socket(free_port())]
    plain, tls = (one.getsockname()[1] for one in sockets)
    path = tmp_path / "sandboxes.yaml"
    path.write_text("sandboxes: {one: {address: 127.0.0.1}}\n")
    registry = {"registry": {"source": "file", "file": {"path": str(path)}}, "timeouts": {"drain_announce": "50ms"}}

    def start():
        edge = make_edge.unstarted(registry, inherited_sockets=sockets)
        edge.plain_port, edge.tls_port = plain, tls
        edge.config["listeners"][0]["address"] = f"127.0.0.1:{plain}"
        edge.config["listeners"][1]["address"] = f"127.0.0.1:{tls}"
        edge.start()
        return edge

    return start


def test_the_inherited_sockets_are_served(make_edge, tmp_path):
    edge = make_pair(make_edge, tmp_path)()
    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        for tls in (False, True):
            with edge.connect(tls=tls) as client:
                assert client.ask(sandbox.request()).status == 200


def test_a_connection_queued_while_no_edge_runs_is_served_by_the_next(make_edge, tmp_path):
    start = make_pair(make_edge, tmp_path)
    first = start()
    first.stop()
    with ServingSandbox() as sandbox, first.connect() as queued:
        sandbox.id = "one"
        queued.send(sandbox.request())
        start()
        assert queued.read_response().status == 200


def test_no_request_fails_over_ten_restarts(make_edge, tmp_path):
    """Each client opens a connection a request, as long as edges are replaced, and wants 200 each time."""
    start = make_pair(make_edge, tmp_path)
    running = start()
    stop, failures, served = threading.Event(), [], []

    def keep_asking(tls: bool):
        while not stop.is_set():
            try:
                with running.connect(tls=tls, patience=20) as client:
                    response = client.ask(sandbox.request("GET", "/", "Connection: close"))
                    served.append(response.status) if response.status == 200 else failures.append(response.status)
            except (OSError, AssertionError) as error:
                failures.append(repr(error))

    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        clients = [threading.Thread(target=keep_asking, args=(tls,)) for tls in (False, True)]
        for client in clients:
            client.start()
        try:
            for _ in range(10):
                new = start()
                running.signal(signal.SIGTERM)
                served_before = len(served)
                running.wait()
                running = new
                eventually(lambda: len(served) > served_before + 2 or failures, "requests to go on", within=20)
        finally:
            stop.set()
            for client in clients:
                client.join()
    assert failures == [] and len(served) > 20
