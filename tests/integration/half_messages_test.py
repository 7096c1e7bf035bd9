"""Clients whose TLS stops in the middle of a message that carries nothing: what they hold is given back."""

import ssl

import pytest

from support.fixtures import unique_id
from support.patience import eventually
from support.raw_client import RawClient, trust
from support.raw_sandbox import RawSandbox
from support.tls_records import HALF_A_KEY_UPDATE, HANDSHAKE, TlsRecords

H2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@pytest.fixture
def edge(make_edge):
    return make_edge({"timeouts": {"client_idle": "1s", "client_write": "1s"}})


@pytest.fixture
def connect(edge, certificates, tmp_path):
    """A client of TLS 1.3 that speaks `protocol`, and what makes records for it."""
    clients = []

    def make(protocol: str):
        context = trust(certificates.sandbox, alpn=(protocol,))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        records = TlsRecords(context, tmp_path / "keys")
        clients.append(RawClient(edge.tls_port, tls=context, server_name="a.sandbox.test"))
        return clients[-1], records

    yield make
    for client in clients:
        client.stream.socket.close()


def nothing_is_left(edge) -> None:
    def left() -> dict:
        page = edge.metrics()
        names = ("sandgate_client_connections", "sandgate_active_exchanges", "sandgate_upstream_connections")
        return {name: page.total(name) for name in names if page.total(name) != 0}

    eventually(lambda: not left() or None, "everything to be given back", within=15)


def test_the_goodbye_of_an_idle_http2_connection(edge, connect):
    client, records = connect("h2")
    client.send(H2_GREETING)
    records.send(client, HANDSHAKE, HALF_A_KEY_UPDATE, behind=1)
    nothing_is_left(edge)


def test_an_answer_while_the_upload_goes_on(edge, connect):
    client, records = connect("http/1.1")
    with RawSandbox() as sandbox:
        sandbox.id = unique_id()
        edge.put(sandbox.id, {"address": "127.0.0.1"})
        client.send(sandbox.request("POST", "/", "Content-Length: 10", body=b"hello"))
        connection = sandbox.accept()
        connection.read_head()
        records.send(client, HANDSHAKE, HALF_A_KEY_UPDATE, behind=1)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        nothing_is_left(edge)
