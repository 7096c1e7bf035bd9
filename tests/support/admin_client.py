"""admin_client: the admin and health listeners as an operator's script would speak to them."""

import dataclasses
import http.client
import json

from support.patience import seconds


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  #: names in lower case
    text: str

    def json(self):
        assert self.headers["content-type"].startswith("application/json"), self
        return json.loads(self.text)


class AdminClient:
    def __init__(self, port: int, token: str = None):
        self._port = port
        self._token = token

    def ask(self, method: str, path: str, body=None) -> Answer:
        """`body` is sent as JSON, or as it is when it is bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds(8))
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, text)
        except http.client.HTTPException as error:
            raise OSError(f"no answer: {error!r}") from error
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def put(self, path: str, body) -> Answer:
        return self.ask("PUT", path, body)

    def delete(self, path: str) -> Answer:
        return self.ask("DELETE", path)

    def post(self, path: str) -> Answer:
        return self.ask("POST", path)
