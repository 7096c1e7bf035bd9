"""The PROXY protocol (hardening 1.6): required from trusted peers, refused from others; whom X-Forwarded-* names."""

import socket
import struct

import pytest

from support.edge import Edge
from support.raw_client import RawClient
from support.raw_sandbox import ServingSandbox

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 203.0.113.9 192.0.2.1 40000 443\r\n"


def v2(source: str = "203.0.113.9", *, command: int = 1, tlvs: bytes = b"", length_offset: int = 0) -> bytes:
    if command == 0:
        body = tlvs
        family = 0
    elif ":" in source:
        body = (
            socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, "::1")
            + struct.pack("!HH", 4, 5)
            + tlvs
        )
        family = 0x21
    else:
        body = socket.inet_aton(source) + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 40000, 443) + tlvs
        family = 0x11
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(body) + length_offset) + body


@pytest.fixture(scope="module")
def edge(tmp_path_factory, certificates):
    edge = Edge(tmp_path_factory.mktemp("edge"), certificates, {"timeouts": {"proxy_header": "1s"}})
    for listener in edge.config["listeners"]:
        listener["proxy_protocol"] = {"from": ["127.0.0.1/32"]}
    with edge:
        yield edge


def connect(door, preface: bytes, source: str = "127.0.0.1", **options):
    return door.connect(preface=preface, source=source, **options)


@pytest.mark.parametrize(
    "preface, client",
    [
        (V1, "203.0.113.9"),
        (b"PROXY TCP6 2001:db8::9 2001:db8::1 40000 443\r\n", "2001:db8::9"),
        (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 40000 443\r\n", "203.0.113.9"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (b"PROXY UNKNOWN whatever it says 1 2\r\n", "127.0.0.1"),
        (v2(), "203.0.113.9"),
        (v2("2001:db8::9"), "2001:db8::9"),
        (v2(command=0), "127.0.0.1"),
        (v2(tlvs=b"\x04\x00\x03abc"), "203.0.113.9"),
    ],
)
def test_a_trusted_peers_header_names_the_client(door, edge, service, preface, client):
    with connect(door, preface) as connection:
        response = connection.ask(service.request("GET", "/", "X-Forwarded-For: 6.6.6.6"))
    forwarded = service.requests[0]
    assert (forwarded.value("x-forwarded-for"), forwarded.value("x-real-ip")) == (client, client)
    assert forwarded.value("x-forwarded-port") == str(door.port)
    assert edge.log_line(request_id=response.value("x-request-id"))["client"] == client


def rejected(door, preface: bytes, request: bytes, source: str = "127.0.0.1") -> bool:
    """Whether the edge closes without a word of HTTP."""
    try:
        with RawClient(door.port, preface=preface, source=source) as connection:
            connection.send(b"" if door.is_tls else request)
            return b"HTTP/" not in connection.read_until_gone()
    except (ConnectionResetError, BrokenPipeError):
        return True


@pytest.mark.parametrize(
    "preface",
    [
        b"",
        b"PROXY TCP4 203.0.113.9 192.0.2.1 40000\r\n",
        b"PROXY TCP4 203.0.113.9 192.0.2.1 40000 443\n",
        b"PROXY TCP4 2001:db8::9 192.0.2.1 40000 443\r\n",
        b"PROXY TCP4 203.0.113.9 192.0.2.1 040000 443\r\n",
        b"PROXY TCP4 203.0.113.9 192.0.2.1 70000 443\r\n",
        b"PROXY TCP9 203.0.113.9 192.0.2.1 40000 443\r\n",
        b"PROXY UNKNOWN" + b"x" * 100 + b"\r\n",
        b"proxy TCP4 203.0.113.9 192.0.2.1 40000 443\r\n",
        b"\r\nPROXY UNKNOWN\r\n",
        v2(tlvs=b"\x04\x00\x09abc"),
        v2(tlvs=b"\x04\x00"),
        v2(command=2),
        v2().replace(b"\x21\x11", b"\x31\x11"),
        v2(tlvs=b"\x04\x13\x88" + b"x" * 5000),
    ],
    ids=[
        "none",
        "no port",
        "bare lf",
        "v6 in v4",
        "leading zero",
        "port range",
        "family",
        "too long",
        "lower case",
        "not at once",
        "tlv overrun",
        "tlv cut",
        "command",
        "version",
        "4 KiB",
    ],
)
def test_a_trusted_peer_that_sends_no_valid_header_is_closed(door, service, preface):
    assert rejected(door, preface, service.request())
    assert service.requests == []


@pytest.mark.parametrize("preface", [V1, v2()], ids=["v1", "v2"])
def test_a_header_from_anyone_else_is_refused(door, service, preface):
    with RawClient(door.port, preface=preface, source="127.0.0.2") as connection:
        connection.send(service.request())
        assert b" 200 " not in connection.read_until_gone()
    assert service.requests == []


def test_anyone_else_is_served_without_one(door, service):
    with connect(door, b"", source="127.0.0.2") as connection:
        assert connection.ask(service.request()).status == 200
    assert service.requests[0].value("x-forwarded-for") == "127.0.0.2"


def test_a_header_in_pieces_is_one_header(edge, service):
    with edge.connect() as connection:
        for byte in V1:
            connection.send(bytes([byte]))
        assert connection.ask(service.request()).status == 200
    assert service.requests[0].value("x-forwarded-for") == "203.0.113.9"


@pytest.mark.parametrize("preface", [b"PROXY", b"PROXY TCP4 203", SIGNATURE[:5], v2()[:20]])
def test_a_header_that_never_ends_is_closed_in_time(door, preface):
    assert rejected(door, preface, b"")


def test_where_it_is_not_configured_it_is_never_detected(make_edge):
    edge = make_edge()
    with edge.connect(preface=V1) as connection:
        assert connection.ask(b"GET / HTTP/1.1\r\nHost: 1-a.sandbox.test\r\n\r\n").status == 400
        connection.assert_closed()


def test_limits_count_the_address_the_header_names(make_edge):
    edge = make_edge.unstarted({"limits": {"connections_per_client": 1}})
    edge.config["listeners"][0]["proxy_protocol"] = {"from": ["127.0.0.1/32"]}
    edge.start()
    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        edge.put("one", {"address": "127.0.0.1"})
        with edge.connect(preface=V1) as first, edge.connect(preface=V1.replace(b".9 ", b".8 ")) as second:
            assert first.ask(sandbox.request()).status == 200
            assert second.ask(sandbox.request()).status == 200
            with edge.connect(preface=V1) as third:
                assert third.ask(sandbox.request()).edge_reason == "client_limit"
