"""TLS handshakes that are too many or never end, and TLS messages without data (hardening T-HS, T-RENEG)."""

import ctypes
import ssl
import time

import pytest

from support.edge import is_sanitized
from support.patience import SLOWNESS, eventually
from support.raw_client import RawClient, trust
from support.raw_sandbox import ServingSandbox

EDGE_CONFIG = {"workers": 1, "limits": {"handshakes": 8, "handshakes_per_client": 4}}


def rejections(edge, limit: str) -> float:
    return edge.metrics().total("sandgate_limit_rejections_total", limit=limit)


def handshaking(edge) -> float:
    return edge.metrics().total("sandgate_client_connections", state="handshaking")


def stall(edge, source: str) -> RawClient:
    """A connection whose handshake has begun and goes no further."""
    client = RawClient(edge.tls_port, source=source)
    client.send(b"\x16\x03\x01\x02\x00\x01")
    return client


def is_served(edge, certificates, service, source: str) -> bool:
    try:
        options = {"tls": trust(certificates.sandbox), "server_name": "a.sandbox.test", "source": source}
        with RawClient(edge.tls_port, **options) as client:
            return client.ask(service.request()).status == 200
    except OSError:
        return False


def test_half_open_handshakes_are_bounded_for_each_client_and_in_all(edge, certificates, service):
    """T-HS: whoever stalls is refused more, everybody else is let in until all together are too many; then they wait."""
    with edge.connect(tls=True) as inside:
        assert inside.ask(service.request()).status == 200
        stalled = [stall(edge, "127.0.0.1") for _ in range(4)]
        eventually(lambda: handshaking(edge) == 4, "them to begin")
        before = rejections(edge, "handshakes_per_client")
        with RawClient(edge.tls_port) as fifth:
            fifth.assert_closed()
        assert rejections(edge, "handshakes_per_client") == before + 1
        assert is_served(edge, certificates, service, "127.0.0.2")
        stalled += [stall(edge, "127.0.0.2") for _ in range(4)]
        eventually(lambda: handshaking(edge) == 8, "all to begin")
        with RawClient(edge.tls_port, source="127.0.0.3") as waiting:
            eventually(lambda: rejections(edge, "handshakes") > 0, "accepting to pause")
            assert handshaking(edge) == 8 and not waiting.has_input()
        assert inside.ask(service.request()).status == 200, "who is in is served"
        with edge.connect() as plain:
            assert plain.ask(service.request()).status == 200, "and so is who needs no handshake"
        stalled.pop().close()
        assert is_served(edge, certificates, service, "127.0.0.3"), "one place is enough for all who wait"
        for client in stalled:
            client.close()
    eventually(lambda: is_served(edge, certificates, service, "127.0.0.1"), "a place to be free again")


def test_what_follows_from_the_number_of_connections(make_edge):
    """T-HS: a fifth of them at most, for one client a quarter of that."""
    edge = make_edge({"workers": 1, "limits": {"connections": 500}})
    stalled = [stall(edge, "127.0.0.1") for _ in range(40)]
    eventually(lambda: rejections(edge, "handshakes_per_client") == 15, "the share of one client to be 25")
    stalled += [stall(edge, f"127.0.0.{n}") for n in range(2, 6) for _ in range(20)]
    eventually(lambda: rejections(edge, "handshakes") > 0, "the share of all to be used")
    assert handshaking(edge) == 100
    for client in stalled:
        client.close()


# Messages without data

_SSL = ctypes.CDLL("libssl.so.3")
_SSL.SSL_version.argtypes = _SSL.SSL_do_handshake.argtypes = (ctypes.c_void_p,)
_SSL.SSL_key_update.argtypes = (ctypes.c_void_p, ctypes.c_int)


def handle_of(client) -> int:
    """The `SSL*` in Python's object, which has no KeyUpdate of its own: the second member of PySSLSocket."""
    handle = ctypes.c_void_p.from_address(id(client.stream.tls._sslobj) + 24).value
    if _SSL.SSL_version(handle) != 0x304:
        pytest.skip("this Python keeps its SSL object elsewhere")
    return handle


def update_keys(client, count: int, is_answer_wanted: int) -> None:
    handle = handle_of(client)
    for _ in range(count):
        _SSL.SSL_key_update(handle, is_answer_wanted)
        _SSL.SSL_do_handshake(handle)
    client.stream._flush()


@pytest.fixture
def modern(edge, certificates):
    context = trust(certificates.sandbox)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with RawClient(edge.tls_port, tls=context, server_name="a.sandbox.test") as client:
        yield client


@pytest.mark.parametrize("is_answer_wanted", [0, 1])
def test_a_client_may_renew_its_keys(modern, service, is_answer_wanted):
    for _ in range(10):
        update_keys(modern, 5, is_answer_wanted)
        assert modern.ask(service.request()).status == 200


@pytest.mark.parametrize("is_answer_wanted", [0, 1])
def test_keys_renewed_without_end_end_the_connection(edge, modern, service, is_answer_wanted):
    """T-RENEG: within a hundred of them and nothing else, and whoever else is there does not wait."""
    assert modern.ask(service.request()).status == 200
    used = edge.cpu_seconds()
    with edge.connect(tls=True) as honest:
        try:
            for _ in range(200):
                update_keys(modern, 100, is_answer_wanted)
            modern.read_until_gone()
        except (OSError, ssl.SSLError):
            pass
        began = time.monotonic()
        assert honest.ask(service.request()).status == 200
        assert time.monotonic() - began < 0.5 * SLOWNESS
    if not is_sanitized():
        assert edge.cpu_seconds() - used < 0.3
    with pytest.raises((OSError, AssertionError, ssl.SSLError)):
        modern.ask(service.request())


def test_a_handshake_flood_leaves_the_others_served(edge, certificates):
    """T-HS: clients that shake hands and leave, as fast as they can."""
    with ServingSandbox() as sandbox, edge.connect(tls=True) as inside:
        sandbox.id = "flooded"
        edge.put("flooded", {"address": "127.0.0.1"})
        slowest = 0.0
        for _ in range(30):
            flood = [RawClient(edge.tls_port) for _ in range(20)]
            for client in flood:
                client.send(b"\x16\x03\x01\x00\x05nonsense")
            began = time.monotonic()
            assert inside.ask(sandbox.request()).status == 200
            slowest = max(slowest, time.monotonic() - began)
            for client in flood:
                client.reset()
        assert slowest < 0.5 * SLOWNESS
