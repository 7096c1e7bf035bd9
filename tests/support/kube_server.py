"""kube_server: a real kube-apiserver over a real etcd, of a test's own, that can be killed, restarted and compacted.

    with KubeServer(folder) as server:
        server.client().create("/api/v1/namespaces", {"metadata": {"name": "a"}})

No kubelet, no scheduler, no controllers: what they would write, such as a pod's status, the test writes.
"""

import http.client
import json
import subprocess
from pathlib import Path

from support.certificates import make_certificate
from support.kube_client import KubeClient, KubeError
from support.kube_tools import kube_tool
from support.patience import eventually, seconds
from support.ports import free_port
from support.test_tools import require

ADMIN_TOKEN = "token-of-the-admin"


class KubeServer:
    def __init__(self, folder: Path):
        self._binary = kube_tool("kube-apiserver")
        require("etcd", "openssl")
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self._etcd_port, self._peer_port = free_port(), free_port(), free_port()
        self._processes = {}
        authority = make_certificate(self.folder, "apiserver", "kubernetes.default.svc", "IP:127.0.0.1")
        self.certificate, self._key = authority.chain, authority.key
        (self.folder / "tokens.csv").write_text(f'{ADMIN_TOKEN},admin,admin,"system:masters"\n')

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self):
        try:
            self._start_etcd()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        for name in list(self._processes):
            self._kill(name)

    # Life

    def start(self, port: int = None) -> None:
        """Starts the API server, at another port than its own for a second one that the edge does not know."""
        port = port or self.port
        self._spawn(
            f"apiserver-{port}",
            self._binary,
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--etcd-compaction-interval=0",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={self.certificate}",
            f"--tls-private-key-file={self._key}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--service-account-issuer={self.url}",
            f"--service-account-key-file={self._key}",
            f"--service-account-signing-key-file={self._key}",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection",
            "--enable-priority-and-fairness=false",
            "--max-requests-inflight=0",
            "--max-mutating-requests-inflight=0",
            f"--cert-dir={self.folder}",
        )
        eventually(lambda: self._is_ready(port), "kube-apiserver to be ready", within=60)

    def stop(self, port: int = None) -> None:
        """SIGKILL: connections break, as when its machine is gone."""
        self._kill(f"apiserver-{port or self.port}")

    def compact(self) -> None:
        """Forgets every revision but the newest, so that an older one is 410."""
        answer = self._ask_etcd("/v3/kv/range", {"key": "AA==", "limit": 1})
        self._ask_etcd("/v3/kv/compaction", {"revision": answer["header"]["revision"], "physical": True})

    def client(self, token: str = ADMIN_TOKEN, port: int = None) -> KubeClient:
        return KubeClient(port or self.port, self.certificate, token)

    def service_account_token(self, namespace: str, name: str) -> str:
        """One that lasts ten minutes, the least there is."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        return self.client().create(path, request)["status"]["token"]

    def kubectl(self, *arguments, stdin: str = None) -> subprocess.CompletedProcess:
        """With the rights of the admin."""
        config = ["--kubeconfig=/dev/null", f"--cache-dir={self.folder / 'cache'}", f"--server={self.url}"]
        config += [f"--certificate-authority={self.certificate}", f"--token={ADMIN_TOKEN}"]
        return subprocess.run(
            [str(kube_tool("kubectl")), *config, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds(60),
        )

    def log(self) -> str:
        return "".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log")))

    # How

    def _start_etcd(self) -> None:
        url, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        self._spawn(
            "etcd",
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )
        eventually(self._etcd_answers, "etcd to answer", within=20)

    def _etcd_answers(self) -> bool:
        self._assert_running()
        try:
            return bool(self._ask_etcd("/v3/kv/range", {"key": "AA=="}))
        except OSError:
            return False

    def _is_ready(self, port: int) -> bool:
        self._assert_running()
        client = self.client(port=port)
        try:
            return client.get("/readyz") == "ok" and bool(client.get("/api/v1/namespaces/default"))
        except (OSError, http.client.HTTPException, KubeError):
            return False
        finally:
            client.close()

    def _ask_etcd(self, path: str, body: dict) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self._etcd_port, timeout=seconds(10))
        try:
            connection.request("POST", path, json.dumps(body))
            return json.loads(connection.getresponse().read())
        except (ValueError, http.client.HTTPException) as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def _spawn(self, name: str, *command) -> None:
        with open(self.folder / f"{name}.log", "ab") as log:
            self._processes[name] = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def _assert_running(self) -> None:
        for name, process in self._processes.items():
            assert process.poll() is None, f"{name} ended with {process.returncode}:\n{self.log()}"
