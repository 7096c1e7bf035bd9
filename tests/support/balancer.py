"""balancer: HAProxy in front of edges as a load balancer of layer 4: TCP, PROXY v2, health by /readyz.

with Balancer(folder, {"one": (tls_port, health_port)}) as balancer:
    balancer.is_up("one")
"""

import csv
import io
import socket
import subprocess
from pathlib import Path

from support.patience import eventually
from support.ports import free_port

_CONFIGURATION = """
global
  stats socket {folder}/stats level admin
defaults
  mode tcp
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
  retries 3
  option redispatch 1
frontend clients
  bind 127.0.0.1:{port}
  default_backend edges
backend edges
  balance roundrobin
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
  default-server inter 100ms fall 2 rise 1 send-proxy-v2
{servers}
"""


class Balancer:
    def __init__(self, folder: Path, edges: dict):
        """`edges` is name → (port to send traffic to, port that answers /readyz)."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        servers = "\n".join(
            f"  server {name} 127.0.0.1:{port} check port {health}" for name, (port, health) in edges.items()
        )
        self._config = self.folder / "haproxy.cfg"
        self._config.write_text(_CONFIGURATION.format(folder=self.folder, port=self.port, servers=servers))
        self._names = list(edges)

    def __enter__(self):
        with open(self.folder / "haproxy.log", "ab") as log:
            self._process = subprocess.Popen(["haproxy", "-db", "-f", str(self._config)], stdout=log, stderr=log)
        eventually(lambda: all(self.is_up(name) for name in self._names), "every edge to be up", within=10)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def is_up(self, name: str) -> bool:
        return self._row(name).get("status") == "UP"

    def connections_to(self, name: str) -> int:
        """How many it opened to that edge so far."""
        return int(self._row(name)["stot"])

    def _row(self, name: str) -> dict:
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(str(self.folder / "stats"))
                control.sendall(b"show stat\n")
                said = b"".join(iter(lambda: control.recv(65536), b"")).decode()
        except OSError:
            return {}
        rows = csv.DictReader(io.StringIO(said.lstrip("# ")))
        return next((row for row in rows if row["svname"] == name), {})
