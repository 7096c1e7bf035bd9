"""ports: TCP ports nobody else in this run of the tests uses.

A port is taken below the range the system gives to outgoing connections, and a lock file is held on it until the
process ends, so test processes running side by side never pick the same one.
"""

import fcntl
import os
import random
import socket
import tempfile

_FOLDER = os.path.join(tempfile.gettempdir(), f"sandgate-test-ports.{os.getuid()}")
_held = []


def free_port(first: int = 10_000, last: int = 30_000) -> int:
    """A port on which nothing listens, on any address, reserved until this process ends."""
    os.makedirs(_FOLDER, exist_ok=True)
    for _ in range(1000):
        port = random.randrange(first, last)
        lock = open(os.path.join(_FOLDER, str(port)), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("", port))
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        return port
    raise RuntimeError("no free port found")


def listening_socket(port: int) -> socket.socket:
    """One that edges inherit (LISTEN_FDS)."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener
