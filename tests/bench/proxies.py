"""proxies: Sandgate, nginx, HAProxy and nghttpx with one worker each, doing the same work.

TLS 1.3 with AES-128-GCM and X25519, tickets, HTTP/1.1 keep-alive to the service, Host rewritten, the token header
removed, X-Forwarded-For, -Proto, -Host and -Port and X-Real-IP set. Sandgate does more: it looks the sandbox up in its
registry, checks the token, counts metrics and writes an access log line for each request; the others have no log.
"""

import json
import re
import subprocess
import urllib.request
from pathlib import Path

import processes
from support.ports import free_port

_TOKEN = "secret"
TOKEN_FIELD = f"e2b-traffic-access-token: {_TOKEN}"


class Proxy:
    name = ""
    speaks_h2 = True
    is_peer = True  #: one Sandgate is held against

    def __init__(self, folder: Path, certificate, services: dict, workers: int = 1, priority: int = 0, cores=None):
        """`services`: sandbox id -> port. Nothing is started yet."""
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = certificate
        self.services = services
        self.workers = workers
        self.priority = priority
        self.cores = cores or processes.PROXY_CORES
        self.port = free_port()
        self._process = None

    def __enter__(self):
        command = self._configure()
        with open(self.folder / "output.log", "wb") as output:
            self._process = processes.start(
                command, self.cores, self.priority, stdout=output, stderr=subprocess.STDOUT
            )
        processes.wait_until(self._is_ready, f"{self.name} to be ready")
        self.pids = processes.family(self._process.pid)
        return self

    def __exit__(self, *_):
        processes.stop(self._process)

    def host(self, sandbox: str = "light") -> str:
        return f"{self.services[sandbox]}-{sandbox}.sandbox.test"

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.pids)

    def kibibytes(self) -> int:
        return processes.private_kibibytes(self.pids)

    def version(self) -> str:
        raise NotImplementedError

    def _configure(self) -> list:
        """Writes the configuration; the command that runs in the foreground."""
        raise NotImplementedError

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {(self.folder / 'output.log').read_text()}")
        return processes.accepts(self.port)


class Sandgate(Proxy):
    name = "Sandgate"
    is_peer = False
    binary = None  #: set by the command
    speaks_h2 = False  #: found out by the command

    def __exit__(self, kind, *rest):
        try:
            if kind is None:
                self._check_log()
        finally:
            super().__exit__(kind, *rest)

    def _check_log(self) -> None:
        """Lines that were lost would be work that was not done."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            lost = re.findall(r"^sandgate_access_log_dropped_total.*", answer.read().decode(), re.MULTILINE)
        if not lost or any(not line.endswith(" 0") for line in lost):
            raise RuntimeError(f"lines of the access log were lost: {lost}")

    def _configure(self) -> list:
        self.admin_port = free_port()
        config = {
            "domains": ["sandbox.test"],
            "workers": self.workers,
            "listeners": [
                {"address": f"127.0.0.1:{self.port}", "tls": {"certificates": [self.certificate.as_config()]}}
            ],
            "admin": {"address": f"127.0.0.1:{self.admin_port}"},
            "registry": {"source": "file", "file": {"path": str(self.folder / "sandboxes.yaml")}},
            "upstream": {"allow": ["127.0.0.0/8"]},
            "timeouts": {"client_idle": "300s"},
            "access_log": {"path": str(self.folder / "access.log")},
        }
        record = {
            "address": "127.0.0.1",
            "allow_public_traffic": False,
            "traffic_access_token": _TOKEN,
            "mask_request_host": "localhost:${PORT}",
        }
        (self.folder / "access.log").unlink(missing_ok=True)
        (self.folder / "sandboxes.yaml").write_text(json.dumps({"sandboxes": {one: record for one in self.services}}))
        (self.folder / "edge.yaml").write_text(json.dumps(config, indent=2))
        return [self.binary, "serve", "--config", self.folder / "edge.yaml"]

    def version(self) -> str:
        return processes.run([self.binary, "version"], within=10).split("\n")[0].split()[-1]


_NGINX = """
user root;
worker_processes {workers};
worker_rlimit_nofile 20000;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 16000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  tcp_nodelay on;
  map $http_host $service {{ {map} }}
  map $http_upgrade $forwarded_connection {{ default upgrade; '' ''; }}
  {upstreams}
  server {{
    listen 127.0.0.1:{port} ssl http2 reuseport backlog=4096;
    http2_max_requests 1000000000;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_ecdh_curve X25519;
    location / {{
      proxy_pass http://service_$service;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_read_timeout 300s;
      proxy_set_header Host localhost:$service;
      proxy_set_header Connection $forwarded_connection;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header e2b-traffic-access-token '';
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Real-IP $remote_addr;
    }}
  }}
}}
"""


class Nginx(Proxy):
    name = "nginx"

    def _configure(self) -> list:
        hosts = " ".join(f"{self.host(one)} {port};" for one, port in self.services.items())
        upstreams = "\n  ".join(
            f"upstream service_{port} {{ server 127.0.0.1:{port}; keepalive 256; keepalive_requests 1000000000; }}"
            for port in self.services.values()
        )
        text = _NGINX.format(
            workers=self.workers,
            folder=self.folder,
            port=self.port,
            map=hosts,
            upstreams=upstreams,
            chain=self.certificate.chain,
            key=self.certificate.key,
        )
        (self.folder / "nginx.conf").write_text(text)
        return ["/usr/sbin/nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"]

    def _is_ready(self) -> bool:
        """The master listens before its workers are there, and they are to be counted too."""
        return super()._is_ready() and len(processes.family(self._process.pid)) > self.workers

    def version(self) -> str:
        return subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True).stderr.split("/")[-1].strip()


_HAPROXY = """
global
  maxconn 9000
  nbthread {workers}
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-bind-curves X25519
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout tunnel 300s
  timeout http-keep-alive 300s
  http-reuse always
frontend edge
  bind 127.0.0.1:{port} ssl crt {pem} alpn h2,http/1.1 backlog 4096
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request del-header e2b-traffic-access-token
{rules}
{backends}
"""


class Haproxy(Proxy):
    name = "HAProxy"

    def _configure(self) -> list:
        rules = "\n".join(
            f"  use_backend service_{port} if {{ req.hdr(host) -i {self.host(one)} }}"
            for one, port in self.services.items()
        )
        backends = "\n".join(
            f"backend service_{port}\n  http-request set-header Host localhost:{port}\n"
            f"  server one 127.0.0.1:{port} pool-max-conn 256"
            for port in self.services.values()
        )
        pem = self.folder / "both.pem"
        pem.write_text(self.certificate.chain.read_text() + self.certificate.key.read_text())
        text = _HAPROXY.format(workers=self.workers, port=self.port, pem=pem, rules=rules, backends=backends)
        (self.folder / "haproxy.cfg").write_text(text)
        return ["/usr/sbin/haproxy", "-db", "-f", self.folder / "haproxy.cfg"]

    def version(self) -> str:
        return processes.run(["/usr/sbin/haproxy", "-v"], within=10).split()[2]


class Nghttpx(Proxy):
    """Only the light sandbox: its backends are chosen by host, and that is enough for the rows it takes part in."""

    name = "nghttpx"

    def _configure(self) -> list:
        return [
            "/usr/sbin/nghttpx",
            "--conf=/dev/null",
            f"--frontend=127.0.0.1,{self.port}",
            f"--backend=127.0.0.1,{self.services['light']}",
            f"--workers={self.workers}",
            "--tls-min-proto-version=TLSv1.3",
            "--tls13-ciphers=TLS_AES_128_GCM_SHA256",
            "--ecdh-curves=X25519",
            "--add-x-forwarded-for",
            "--add-request-header=x-forwarded-port: 443",
            "--errorlog-file=/dev/null",
            "--no-ocsp",
            self.certificate.key,
            self.certificate.chain,
        ]

    def version(self) -> str:
        return processes.run(["/usr/sbin/nghttpx", "--version"], within=10).split("/")[-1].strip()


ALL = (Sandgate, Nginx, Haproxy, Nghttpx)
