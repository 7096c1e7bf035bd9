"""edge: one running Sandgate of its own, in a folder of its own, on ports of its own.

    with Edge(folder, certificates) as edge:
        edge.put("abc", {"address": "127.0.0.1"})
        with RawClient(edge.plain_port) as client: ...

Leaving the block sends SIGTERM and fails the test when the exit code is not 0 or a sanitizer had something to say.
"""

import copy
import fcntl
import json
import mmap
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from support.admin_client import AdminClient
from support.certificates import Certificates
from support.h2_client import H2Client
from support.metrics_page import MetricsPage
from support.patience import eventually, seconds
from support.ports import free_port
from support.raw_client import RawClient, trust

BINARY = os.environ.get("SANDGATE_BINARY", str(Path(__file__).parents[2] / "build/dev/sandgate"))
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:")


def is_sanitized() -> bool:
    """Whether the binary is an ASan or TSan build: memory figures mean nothing then."""
    if not os.path.exists(BINARY):
        return False
    with open(BINARY, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        return image.find(b"__asan_init") >= 0 or image.find(b"__tsan_init") >= 0


def merged(base: dict, changes: dict) -> dict:
    """`changes` over `base`: maps are merged, anything else replaces; None removes the key."""
    result = copy.deepcopy(base)
    for key, value in (changes or {}).items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


class Edge:
    def __init__(
        self,
        folder: Path,
        certificates: Certificates,
        config: dict = None,
        *,
        command_prefix=(),
        file_limit: int = None,
        inherited_sockets=(),
    ):
        """`config` is merged over the tests' defaults (see `_default_config`); its listeners may name the ports of
        this edge as `plain_port` and `tls_port`. `inherited_sockets` are handed over as systemd does."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificates = certificates
        self.plain_port, self.tls_port = free_port(), free_port()
        self.admin_port, self.health_port = free_port(), free_port()
        self.config_path = self.folder / "edge.yaml"
        self.config = merged(self._default_config(), config)
        self.log = []  #: access log lines, parsed
        self.other_output = []  #: lines of stdout that are no access log line
        self.process = None
        self._command_prefix = list(command_prefix)
        self._file_limit = file_limit
        self._inherited_sockets = list(inherited_sockets)
        self._stderr_path = self.folder / "stderr.log"

    def _default_config(self) -> dict:
        return {
            "domains": ["sandbox.test"],
            "workers": 2,
            "listeners": [
                {"address": f"127.0.0.1:{self.plain_port}"},
                {
                    "address": f"127.0.0.1:{self.tls_port}",
                    "tls": {"certificates": [self.certificates.sandbox.as_config()]},
                },
            ],
            "admin": {"address": f"127.0.0.1:{self.admin_port}"},
            "health": {"address": f"127.0.0.1:{self.health_port}"},
            "registry": {"source": "store", "store": {"path": str(self.folder / "sandboxes.db")}},
            "upstream": {"allow": ["127.0.0.0/8"]},
            "timeouts": {"drain_announce": "100ms", "drain_grace": "3s"},
        }

    # Life

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
        except BaseException:
            if kind is None:
                raise  # a failing test is reported as itself

    def start(self, wait_ready: bool = True) -> None:
        self.write_config()
        self.process = self._spawn()
        self._reader = threading.Thread(target=self._read_stdout, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        if wait_ready:
            try:
                eventually(self._is_ready_or_dead, "the edge to be ready", within=15)
            except BaseException:
                self.kill()
                raise
            if self.process.poll() is not None:
                raise AssertionError(f"the edge ended at start with {self.process.returncode}:\n{self.stderr()}")

    def _spawn(self) -> subprocess.Popen:
        command = [*self._command_prefix, BINARY, "serve", "--config", str(self.config_path)]
        if self._file_limit:
            command = ["prlimit", f"--nofile={self._file_limit}:{self._file_limit}", *command]
        # Well above 3, so that no source of the shell's copying is overwritten before its turn.
        descriptors = [fcntl.fcntl(one, fcntl.F_DUPFD, 100) for one in self._inherited_sockets]
        if descriptors:
            copies = " ".join(f"{3 + i}<&{one} {one}<&-" for i, one in enumerate(descriptors))
            script = f'exec {copies}; export LISTEN_FDS={len(descriptors)} LISTEN_PID=$$; exec "$@"'
            command = ["/bin/bash", "-c", script, "bash", *command]
        try:
            with open(self._stderr_path, "ab") as stderr:
                return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, pass_fds=descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _is_ready_or_dead(self) -> bool:
        return self.process.poll() is not None or self.is_ready()

    def is_ready(self) -> bool:
        try:
            return self.health.get("/readyz").status == 200
        except OSError:
            return False

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, within: float = 15) -> int:
        """The exit code, once the edge has ended by itself."""
        code = self.process.wait(seconds(within))
        self._reader.join(seconds(5))
        return code

    def stop(self) -> None:
        """SIGTERM, a clean end, and nothing from a sanitizer."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the edge did not end after SIGTERM:\n{self.stderr()}") from None
        self.process = None
        assert not SANITIZER_REPORT.search(self.stderr()), self.stderr()
        assert code == 0, f"exit code {code}:\n{self.stderr()}"

    def kill(self) -> None:
        """SIGKILL, as a crashed machine ends it."""
        if self.process is not None:
            self.process.kill()
            self.wait()
            self.process = None

    # Configuration

    def write_config(self, changes: dict = None) -> None:
        """Writes the configuration in place; JSON is YAML."""
        self.config = merged(self.config, changes)
        temporary = self.config_path.with_suffix(".new")
        temporary.write_text(json.dumps(self.config, indent=2))
        temporary.replace(self.config_path)

    def reload(self) -> None:
        self.signal(signal.SIGHUP)

    # Looking in

    @property
    def admin(self) -> AdminClient:
        return AdminClient(self.admin_port)

    @property
    def health(self) -> AdminClient:
        return AdminClient(self.health_port)

    def put(self, sandbox_id: str, record: dict) -> None:
        answer = self.admin.put(f"/v1/sandboxes/{sandbox_id}", record)
        assert answer.status in (200, 201, 204), answer

    def delete(self, sandbox_id: str) -> None:
        answer = self.admin.delete(f"/v1/sandboxes/{sandbox_id}")
        assert answer.status in (200, 204), answer

    def metrics(self) -> MetricsPage:
        return MetricsPage(self.health.get("/metrics").text)

    def log_line(self, **expected) -> dict:
        """The access log line that has these values, once it is there; there must be just one."""

        def matching():
            return [line for line in list(self.log) if all(line.get(k) == v for k, v in expected.items())]

        lines = eventually(matching, f"an access log line with {expected}")
        assert len(lines) == 1, lines
        return lines[0]

    def stderr(self) -> str:
        return self._stderr_path.read_text(errors="replace") if self._stderr_path.exists() else ""

    def resident_kibibytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # Clients

    def connect(self, *, tls: bool = False, **options) -> RawClient:
        if not tls:
            return RawClient(self.plain_port, **options)
        options.setdefault("server_name", "any.sandbox.test")
        return RawClient(self.tls_port, tls=trust(self.certificates.sandbox), **options)

    def connect_h2(self, *, tls: bool = False, **options) -> H2Client:
        """HTTP/2: chosen by ALPN over TLS, by prior knowledge on the plain listener."""
        if not tls:
            return H2Client(self.plain_port, **options)
        options.setdefault("server_name", "any.sandbox.test")
        return H2Client(self.tls_port, tls=trust(self.certificates.sandbox, alpn=("h2",)), **options)

    def _read_stdout(self, stdout) -> None:
        for raw in stdout:
            try:
                line = json.loads(raw)
                is_access = isinstance(line, dict) and "request_id" in line and "bytes_up" in line
            except ValueError:
                is_access = False
            if is_access:
                self.log.append(line)
            else:
                self.other_output.append(raw)
