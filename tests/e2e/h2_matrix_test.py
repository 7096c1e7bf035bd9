"""Every kind of exchange, between clients and sandboxes of either HTTP, over plain connections and TLS.

One table of exchanges, each a dialogue of a client and a sandbox that does not know what they speak. What differs between
the protocols by nature (framing fields, hop-by-hop fields) is not compared.
"""

import threading

import pytest

from support.exchange_peers import BROKEN, H1ClientExchange
from support.fixtures import unique_id
from support.h2_peers import H2ClientExchange
from support.h2_sandbox import H1Sandbox, H2Sandbox
from support.raw_client import RawClient, trust

MEGABYTES = bytes(range(256)) * 8192  # two: many times any window


def value(fields: list, name: str):
    values = [text for key, text in fields if key == name]
    assert len(values) <= 1, f"{name} came {len(values)} times"
    return values[0] if values else None


def answered(client, sandbox, body: bytes = b"fine") -> None:
    """The sandbox answers 200 with `body` and the client gets all of it."""
    sandbox.send_head(200, length=len(body))
    sandbox.send_data(body)
    sandbox.end()
    interims, status, _ = client.read_head()
    assert (interims, status) == ([], 200)
    assert client.read_body() == (body, [])


def get(client, sandbox):
    client.send_head("GET", "/a%2Fb?q=1", [("X-Asked", "yes"), ("Accept", "a"), ("Accept", "b")], has_body=False)
    method, target, fields = sandbox.read_head()
    assert (method, target, value(fields, "x-asked")) == ("GET", "/a%2Fb?q=1", "yes")
    assert [text for name, text in fields if name == "accept"] == ["a", "b"]
    assert value(fields, "content-length") is None and value(fields, "transfer-encoding") is None
    assert sandbox.read_body() == (b"", [])
    sandbox.send_head(200, [("X-Answer", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], length=5)
    sandbox.send_data(b"hello")
    sandbox.end()
    interims, status, fields = client.read_head()
    assert (interims, status, value(fields, "x-answer"), value(fields, "content-length")) == ([], 200, "1", "5")
    assert [text for name, text in fields if name == "set-cookie"] == ["a=1", "b=2"]
    assert client.read_body() == (b"hello", [])


def head(client, sandbox):
    client.send_head("HEAD", "/", has_body=False)
    assert sandbox.read_head()[0] == "HEAD"
    sandbox.send_head(200, length=5, has_body=False)
    _, status, fields = client.read_head()
    assert (status, value(fields, "content-length")) == (200, "5")
    assert client.read_body() == (b"", [])
    client.assert_whole()


def no_content(client, sandbox):
    client.send_head("DELETE", "/thing", has_body=False)
    assert sandbox.read_head()[:2] == ("DELETE", "/thing")
    sandbox.send_head(204, has_body=False)
    _, status, fields = client.read_head()
    assert status == 204 and value(fields, "content-length") is None
    assert client.read_body() == (b"", [])
    client.assert_whole()


def post_with_a_length(client, sandbox):
    client.send_head("POST", "/", length=10)
    _, _, fields = sandbox.read_head()
    assert value(fields, "content-length") == "10" and value(fields, "transfer-encoding") is None
    client.send_data(b"01234")
    client.send_data(b"56789")
    client.end()
    assert sandbox.read_body() == (b"0123456789", [])
    answered(client, sandbox)


def post_of_unknown_length(client, sandbox):
    client.send_head("POST", "/")
    _, _, fields = sandbox.read_head()
    assert value(fields, "content-length") is None
    client.send_data(b"one ")
    assert sandbox.read_some() == b"one ", "the first part waits for the second"
    client.send_data(b"two")
    client.end()
    assert sandbox.read_body() == (b"two", [])
    answered(client, sandbox)


def response_of_unknown_length(client, sandbox):
    client.send_head("GET", "/", has_body=False)
    sandbox.read_head()
    sandbox.send_head(200)
    sandbox.send_data(b"one ")
    assert client.read_head()[1] == 200
    assert client.read_some() == b"one ", "the first part waits for the second"
    sandbox.send_data(b"two")
    sandbox.end()
    assert client.read_body() == (b"two", [])


def trailers_both_ways(client, sandbox):
    client.send_head("POST", "/", [("Trailer", "X-Sum"), ("TE", "trailers")])
    client.send_data(b"body")
    client.end([("x-sum", "up")])
    _, _, fields = sandbox.read_head()
    assert value(fields, "x-sum") is None
    assert sandbox.read_body() == (b"body", [("x-sum", "up")])
    sandbox.send_head(200, [("Trailer", "X-Sum")])
    sandbox.send_data(b"answer")
    sandbox.end([("x-sum", "down"), ("x-more", "1")])
    _, status, fields = client.read_head()
    assert status == 200 and value(fields, "x-sum") is None
    assert client.read_body() == (b"answer", [("x-sum", "down"), ("x-more", "1")])


def early_response(client, sandbox):
    """The sandbox answers before it has read the body, and the client has not sent it all."""
    client.send_head("POST", "/", length=1_000_000)
    client.send_data(b"only the first part")
    sandbox.read_head()
    sandbox.send_head(413, length=8)
    sandbox.send_data(b"too much")
    sandbox.end()
    _, status, _ = client.read_head()
    assert status == 413
    assert client.read_body() == (b"too much", [])
    client.assert_whole()


def client_resets_an_upload(client, sandbox):
    client.send_head("POST", "/")
    client.send_data(b"begun")
    sandbox.read_head()
    assert sandbox.read_some() == b"begun"
    client.reset()
    sandbox.assert_broken()


def client_resets_a_download(client, sandbox):
    client.send_head("GET", "/", has_body=False)
    sandbox.read_head()
    sandbox.send_head(200)
    sandbox.send_data(b"begun")
    client.read_head()
    assert client.read_some() == b"begun"
    client.reset()
    sandbox.assert_broken()


def sandbox_resets_before_it_answers(client, sandbox):
    client.send_head("POST", "/", length=2)
    client.send_data(b"hi")
    client.end()
    sandbox.read_head()
    sandbox.read_body()
    sandbox.reset()
    _, status, fields = client.read_head()
    assert (status, value(fields, "x-sandgate-reason")) == (502, "sandbox_reset")
    body, _ = client.read_body()
    assert b"The sandbox closed the connection before it answered" in body


def sandbox_resets_in_its_response(client, sandbox):
    client.send_head("GET", "/", has_body=False)
    sandbox.read_head()
    sandbox.send_head(200)
    sandbox.send_data(b"begun")
    client.read_head()
    assert client.read_some() == b"begun"
    sandbox.reset()
    with pytest.raises(BROKEN):
        client.read_body()


def sandbox_resets_short_of_its_length(client, sandbox):
    client.send_head("GET", "/", has_body=False)
    sandbox.read_head()
    sandbox.send_head(200, length=100)
    sandbox.send_data(b"begun")
    assert value(client.read_head()[2], "content-length") == "100"
    sandbox.reset()
    with pytest.raises(BROKEN):
        client.read_body()


def continue_100(client, sandbox):
    client.send_head("POST", "/", [("Expect", "100-continue")], length=4)
    _, _, fields = sandbox.read_head()
    assert value(fields, "expect") == "100-continue"
    sandbox.send_interim(100)
    assert client.read_interim() == 100
    client.send_data(b"body")
    client.end()
    assert sandbox.read_body() == (b"body", [])
    answered(client, sandbox)


def expectation_refused_by_the_sandbox(client, sandbox):
    client.send_head("POST", "/", [("Expect", "100-continue")], length=4)
    sandbox.read_head()
    sandbox.send_head(403, length=2)
    sandbox.send_data(b"no")
    sandbox.end()
    interims, status, _ = client.read_head()
    assert (interims, status) == ([], 403)
    assert client.read_body() == (b"no", [])


def early_hints(client, sandbox):
    client.send_head("GET", "/", has_body=False)
    sandbox.read_head()
    sandbox.send_interim(103, [("link", "</a.css>; rel=preload")])
    assert client.read_interim() == 103
    answered(client, sandbox)


def large_upload(client, sandbox):
    def send():
        client.send_head("PUT", "/", length=len(MEGABYTES))
        client.send_data(MEGABYTES)
        client.end()

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    sandbox.read_head()
    assert sandbox.read_body()[0] == MEGABYTES
    sending.join()
    answered(client, sandbox)


def large_download(client, sandbox):
    client.send_head("GET", "/", has_body=False)
    sandbox.read_head()
    sending = threading.Thread(
        target=lambda: (sandbox.send_head(200), sandbox.send_data(MEGABYTES), sandbox.end()), daemon=True
    )
    sending.start()
    assert client.read_head()[1] == 200
    assert client.read_body()[0] == MEGABYTES
    sending.join()


EXCHANGES = [
    get,
    head,
    no_content,
    post_with_a_length,
    post_of_unknown_length,
    response_of_unknown_length,
    trailers_both_ways,
    early_response,
    client_resets_an_upload,
    client_resets_a_download,
    sandbox_resets_before_it_answers,
    sandbox_resets_in_its_response,
    sandbox_resets_short_of_its_length,
    continue_100,
    expectation_refused_by_the_sandbox,
    early_hints,
    large_upload,
    large_download,
]


@pytest.fixture(params=[H1Sandbox, H2Sandbox], ids=["to-h1", "to-h2c"])
def sandbox(request, edge):
    with request.param() as sandbox:
        sandbox.id = unique_id()
        edge.put(sandbox.id, {"address": "127.0.0.1", "ports": sandbox.ports})
        yield sandbox
        edge.delete(sandbox.id)


@pytest.fixture(params=["http1", "http2"])
def client(request, door, sandbox):
    """A connection of a client that is about to make one request of the sandbox."""
    authority = f"{sandbox.host}:{door.port}"
    alpn = "h2" if request.param == "http2" else "http/1.1"
    tls = trust(door.edge.certificates.sandbox, [alpn]) if door.is_tls else None
    stream = RawClient(door.port, tls=tls, server_name=sandbox.host).stream
    if door.is_tls:
        assert stream.tls.selected_alpn_protocol() == alpn
    kind = H2ClientExchange(stream, door.scheme, authority) if alpn == "h2" else H1ClientExchange(stream, authority)
    with kind:
        yield kind


class Lazily:
    """The sandbox's side: taken when the first of it is wanted, since the edge connects only for a request."""

    def __init__(self, sandbox):
        self._sandbox = sandbox
        self._exchange = None

    def __getattr__(self, name: str):
        if self._exchange is None:
            self._exchange = self._sandbox.accept_exchange()
        return getattr(self._exchange, name)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.__name__)
def test_an_exchange(client, sandbox, exchange):
    exchange(client, Lazily(sandbox))
