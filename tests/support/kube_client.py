"""kube_client: the API of Kubernetes as JSON over one connection, for one thread.

    client = KubeClient(server.port, server.certificate, token)
    client.create("/api/v1/namespaces", {"metadata": {"name": "a"}})
"""

import http.client
import json
import ssl

from support.patience import seconds


class KubeError(Exception):
    """An answer that is no success; `status` is its code."""

    def __init__(self, status: int, text: str):
        super().__init__(f"{status}: {text[:1000]}")
        self.status = status


class KubeClient:
    def __init__(self, port: int, certificate, token: str):
        self._port, self._token = port, token
        self._trust = ssl.create_default_context(cafile=str(certificate))
        self._connection = None

    def call(self, method: str, path: str, body=None, content_type: str = "application/json"):
        """The answer parsed; KubeError when it is none of 2xx. One retry where the connection was dead."""
        text = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type, "Accept": "application/json"}
        for is_last in (False, True):
            if self._connection is None:
                self._connection = http.client.HTTPSConnection(
                    "127.0.0.1", self._port, timeout=seconds(20), context=self._trust
                )
            try:
                self._connection.request(method, path, text, headers)
                answer = self._connection.getresponse()
                said = answer.read()
                break
            except (OSError, http.client.HTTPException):
                self.close()
                if is_last:
                    raise
        if not 200 <= answer.status < 300:
            raise KubeError(answer.status, said.decode(errors="replace"))
        return json.loads(said) if said.startswith(b"{") else said.decode()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def get(self, path: str):
        return self.call("GET", path)

    def create(self, path: str, body):
        return self.call("POST", path, body)

    def put(self, path: str, body):
        return self.call("PUT", path, body)

    def merge(self, path: str, body):
        """A JSON merge patch (RFC 7396)."""
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str):
        return self.call("DELETE", path)

    def apply(self, path: str, body, dry_run: bool = False):
        """Server-side apply, which checks each field against the schema."""
        query = "fieldManager=test&force=true&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self.call("PATCH", f"{path}?{query}", body, "application/apply-patch+yaml")
