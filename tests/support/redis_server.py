"""redis_server: a Redis of a test's own, as a process that can be killed, paused and started again, and a client of it.

with RedisServer(folder) as server, server.client() as redis:
    redis("SET", "sandbox:catalog:abc", '{"address": "127.0.0.1"}')
"""

import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path

from support.patience import eventually, seconds
from support.ports import free_port

PREFIX = "sandbox:catalog:"
BINARY = shutil.which("redis-server")


class RedisError(Exception):
    pass


class RedisClient:
    """One connection; called with a command it gives the reply. Errors of the server are raised."""

    def __init__(self, address, *, tls: ssl.SSLContext = None, patience: float = 8):
        if isinstance(address, (str, Path)):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(seconds(patience))
            self._socket.connect(str(address))
        else:
            self._socket = socket.create_connection(address, timeout=seconds(patience))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self._socket = tls.wrap_socket(self._socket)
        self._file = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def __call__(self, *words):
        self.send(*words)
        return self.read()

    def send(self, *words) -> None:
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        parts = [b"*%d\r\n" % len(encoded)]
        parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
        self._socket.sendall(b"".join(parts))

    def read(self):
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise ConnectionError(f"not a reply: {line!r}")


class RedisServer:
    """`options` become lines of its configuration: port=0, unixsocket=..., requirepass=..."""

    def __init__(self, folder: Path, **options):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.options = {"port": self.port, "bind": "127.0.0.1", "save": '""', "appendonly": "no", **options}
        self.process = None
        self.is_paused = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        lines = [f"{name.replace('_', '-')} {value}" for name, value in self.options.items()]
        config = self.folder / "redis.conf"
        config.write_text("\n".join([*lines, f"dir {self.folder}", ""]))
        with open(self.folder / "redis.log", "ab") as log:
            self.process = subprocess.Popen([BINARY, str(config)], stdout=log, stderr=log)
        eventually(self._is_up, "redis-server to answer")

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"redis-server ended:\n{(self.folder / 'redis.log').read_text()[-2000:]}")
        try:
            if "tls_port" in self.options:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            with self.socket_client() if "unixsocket" in self.options else self.client() as client:
                client("PING")
        except RedisError as error:
            return not str(error).startswith("LOADING")  # It asks for a password: it is up.
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        self.is_paused = True
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.is_paused = False
        self.process.send_signal(signal.SIGCONT)

    def client(self) -> RedisClient:
        return RedisClient(("127.0.0.1", self.port))

    def socket_client(self) -> RedisClient:
        return RedisClient(self.options["unixsocket"])
