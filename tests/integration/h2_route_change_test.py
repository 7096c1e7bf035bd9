"""A route that changes ends the HTTP/2 streams that were open under the old one, and nothing else (contract 5)."""

import pytest

from support.h2_frames import Code

TOKEN = "e2b-traffic-access-token"
PRIVATE = {"allow_public_traffic": False, "traffic_access_token": "one", "execution_id": "first"}
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun"


@pytest.mark.parametrize(
    "after",
    [
        {**PRIVATE, "traffic_access_token": "two"},
        {**PRIVATE, "execution_id": "second"},
        {**PRIVATE, "state": "paused"},
        None,
    ],
    ids=["another token", "another execution", "paused", "deleted"],
)
def test_a_stream_whose_permission_is_gone_is_cancelled_and_the_connection_goes_on(
    door, edge, sandbox, service, after
):
    edge.put(sandbox.id, {"address": "127.0.0.1", **PRIVATE})
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "GET", "/", (TOKEN, "one"))
        upstream = sandbox.accept()
        upstream.answer(BEGUN)
        assert client.read_body(stream, 5) == b"begun"
        if after is None:
            edge.delete(sandbox.id)
        else:
            edge.put(sandbox.id, {"address": "127.0.0.1", **after})
        assert client.read_reset(stream) == Code.CANCEL
        assert upstream.read_until_gone() == b""
        assert client.ask(service.host).status == 200 and not client.goaways


def test_a_stream_that_is_still_permitted_goes_on(door, edge, sandbox):
    edge.put(sandbox.id, {"address": "127.0.0.1", **PRIVATE})
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "GET", "/", (TOKEN, "one"))
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun")
        assert client.read_body(stream, 5) == b"begun"
        edge.put(sandbox.id, {"address": "127.0.0.1", **PRIVATE, "max_connections": 5})
        upstream.send(b" ends")
        assert client.read_response(stream).body == b"begun ends"
