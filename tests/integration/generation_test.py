"""A sandbox that stops, is replaced, or lets in others than before: nothing of the old one may reach the new, nor stay
open, and neither may what the record does not permit any longer (contract 5)."""

import hashlib
import socket

import pytest

from support.patience import eventually
from support.raw_client import ConnectionEnded
from support.raw_sandbox import OK, RawSandbox

LONG_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome"


def replace(edge, sandbox, **record):
    edge.put(sandbox.id, {"address": sandbox.address, **record})


def change_execution(edge, sandbox):
    replace(edge, sandbox, execution_id="second")


def change_address(edge, sandbox):
    edge.put(sandbox.id, {"address": "127.0.0.9"})


def delete(edge, sandbox):
    edge.delete(sandbox.id)


ends_the_generation = pytest.mark.parametrize("end", [change_execution, change_address, delete])


def test_a_pooled_connection_of_an_old_generation_is_closed_and_not_used(door, edge, sandbox):
    replace(edge, sandbox, execution_id="first")
    with door.connect() as client:
        client.send(sandbox.request())
        old = sandbox.accept()
        old.answer()
        assert client.read_response().status == 200
        replace(edge, sandbox, execution_id="second")
        old.assert_closed()
        client.send(sandbox.request("GET", "/new"))
        assert sandbox.accept().answer().target == "/new"
        assert client.read_response().status == 200


@ends_the_generation
def test_a_response_in_the_middle_is_reset(door, edge, sandbox, end):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", "x-request-id: reset-%s-%s" % (end.__name__, door.scheme)))
        upstream = sandbox.accept()
        upstream.answer(LONG_BODY)
        head = client.read_head()
        assert client.read_exactly(4) == b"some"
        end(edge, sandbox)
        with pytest.raises(ConnectionEnded):
            client.read_body_into(head)
        assert upstream.read_until_gone() == b""
    assert edge.log_line(request_id="reset-%s-%s" % (end.__name__, door.scheme))["reason"] == "route_changed"


@ends_the_generation
def test_a_request_that_waits_for_its_answer_is_told(door, edge, sandbox, end):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_request()
        end(edge, sandbox)
        response = client.read_response()
        assert (response.status, response.edge_reason) == (502, "route_changed")
        upstream.assert_closed()


def test_an_upload_in_the_middle_is_cut(door, edge, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", "Content-Length: 100", body=b"x" * 10))
        upstream = sandbox.accept()
        upstream.read_head()
        assert upstream.read_exactly(10) == b"x" * 10
        delete(edge, sandbox)
        assert upstream.read_until_gone() == b""
        assert client.read_response().status == 502


def test_a_tunnel_is_closed(door, edge, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", "Connection: Upgrade", "Upgrade: echo"))
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        assert client.read_response().status == 101
        delete(edge, sandbox)
        assert client.read_until_gone() == b"" and upstream.read_until_gone() == b""


def test_a_connection_dialled_for_the_old_generation_never_gets_a_byte(door, edge, register):
    """The old instance's queue is full, so the edge is still connecting when the record changes; then it gets through."""

    def dialling() -> float:
        return edge.metrics().total("sandgate_upstream_connections", state="connecting")

    with RawSandbox(backlog=0) as old, RawSandbox(address="127.0.0.2", port=old.port) as new:
        register(old, execution_id="first")
        filler = socket.create_connection((old.address, old.port), timeout=5)
        with door.connect() as client:
            client.send(old.request("GET", "/secret"))
            eventually(lambda: dialling() == 1, "the edge to be connecting")
            edge.put(old.id, {"address": new.address, "execution_id": "second"})
            old.accept()  # the filler's: now there is room, and the kernel tries again
            filler.close()
            eventually(lambda: new.has_connection() or client.has_input(), "the new instance asked, or a refusal")
            if new.has_connection():
                assert new.accept().answer().target == "/secret"
                assert client.read_response().status == 200
            else:
                assert client.read_response().edge_reason == "route_changed"
            eventually(lambda: dialling() == 0, "the edge to have given up or got through")
            if old.has_connection():
                assert old.accept().read_until_gone() == b"", "the old address got the request after all"


def test_a_change_of_anything_else_leaves_what_is_open_alone(door, edge, sandbox):
    replace(edge, sandbox, execution_id="first")
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nso")
        head = client.read_head()
        replace(edge, sandbox, execution_id="first", mask_request_host="localhost", max_connections=5)
        upstream.send(b"me")
        client.read_body_into(head)
        assert head.body == b"some"
        client.send(sandbox.request())
        assert upstream.answer().value("host") == "localhost", "the change applies to the next request"
        assert client.read_response().status == 200


def test_a_record_put_again_unchanged_changes_nothing(door, edge, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer()
        assert client.read_response().status == 200
        edge.put(sandbox.id, {"address": "127.0.0.1"})
        client.send(sandbox.request())
        upstream.answer()
        assert client.read_response().status == 200


def test_a_deleted_sandbox_is_not_found_at_once(door, edge, sandbox):
    delete(edge, sandbox)
    with door.connect() as client:
        assert client.ask(sandbox.request()).edge_reason == "sandbox_not_found"


def test_a_paused_sandbox_is_not_found_and_what_was_open_is_reset(door, edge, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(LONG_BODY)
        client.read_head()
        replace(edge, sandbox, state="paused")
        assert client.read_until_gone() in (b"some", b"")
        assert upstream.read_until_gone() == b""
    with door.connect() as client:
        assert client.ask(sandbox.request()).edge_reason == "sandbox_not_found"
    replace(edge, sandbox)
    with door.connect() as client:
        client.send(sandbox.request())
        sandbox.accept().answer()
        assert client.read_response().status == 200


@pytest.mark.parametrize(
    "expires_at, found",
    [("2020-01-01T00:00:00Z", False), ("2099-01-01T00:00:00Z", True), ("2099-01-01T00:00:00.5+02:00", True)],
)
def test_a_record_past_its_expiry_is_gone(door, edge, sandbox, expires_at, found):
    replace(edge, sandbox, expires_at=expires_at)
    with door.connect() as client:
        client.send(sandbox.request())
        if found:
            sandbox.accept().answer(OK)
        assert client.read_response().edge_reason == (None if found else "sandbox_not_found")


PRIVATE = {"execution_id": "first", "allow_public_traffic": False}
TOKEN = "E2b-Traffic-Access-Token: first-token"
UPGRADE = ("Connection: Upgrade", "Upgrade: echo")
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"


@pytest.mark.parametrize(
    "before, after",
    [
        ({"execution_id": "first"}, {**PRIVATE, "traffic_access_token": "first-token"}),
        ({**PRIVATE, "traffic_access_token": "first-token"}, {**PRIVATE, "traffic_access_token": "second-token"}),
        ({**PRIVATE, "traffic_access_token": "first-token"}, PRIVATE),
    ],
    ids=["public to private", "another token", "no token at all"],
)
def test_what_the_record_does_not_permit_any_longer_is_reset(door, edge, sandbox, before, after):
    """A response under way, one that has not begun, and a tunnel: at once, and without another request."""
    fields = () if "allow_public_traffic" not in before else (TOKEN,)
    replace(edge, sandbox, **before)
    with door.connect() as reading, door.connect() as waiting, door.connect() as tunnel:
        reading.send(sandbox.request("GET", "/", *fields))
        first = sandbox.accept()
        first.answer(LONG_BODY)
        head = reading.read_head()
        assert reading.read_exactly(4) == b"some"
        waiting.send(sandbox.request("GET", "/", *fields))
        second = sandbox.accept()
        second.read_request()
        tunnel.send(sandbox.request("GET", "/", *UPGRADE, *fields))
        third = sandbox.accept()
        third.answer(SWITCHING)
        assert tunnel.read_response().status == 101
        replace(edge, sandbox, **after)
        with pytest.raises(ConnectionEnded):
            reading.read_body_into(head)
        refused = waiting.read_response()
        assert (refused.status, refused.edge_reason) == (403, "token_invalid" if fields else "token_missing")
        assert tunnel.read_until_gone() == b""
        for upstream in (first, second, third):
            assert upstream.read_until_gone() == b""


@pytest.mark.parametrize(
    "after",
    [
        {**PRIVATE, "traffic_access_token": "first-token"},
        {**PRIVATE, "traffic_access_token_sha256": f"{'0' * 64},{hashlib.sha256(b'first-token').hexdigest()}"},
        {"execution_id": "first"},
    ],
    ids=["private, with its token", "rotating", "public"],
)
def test_what_the_record_still_permits_goes_on(door, edge, sandbox, after):
    replace(edge, sandbox, execution_id="first")
    with door.connect() as client, door.connect() as tunnel:
        client.send(sandbox.request("GET", "/", TOKEN))
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsome")
        head = client.read_head()
        tunnel.send(sandbox.request("GET", "/", *UPGRADE, TOKEN))
        other = sandbox.accept()
        other.answer(SWITCHING)
        assert tunnel.read_response().status == 101
        replace(edge, sandbox, **after)
        with door.connect() as later:  # The change is in force by now.
            later.send(sandbox.request("GET", "/", TOKEN))
            sandbox.accept().answer()
            assert later.read_response().status == 200
        upstream.send(b"more")
        client.read_body_into(head)
        assert head.body == b"somemore"
        tunnel.send(b"up")
        assert other.read_exactly(2) == b"up"


def test_a_port_made_private_ends_what_is_open_to_it_alone(door, edge, sandbox):
    with RawSandbox() as neighbour, door.connect() as ended, door.connect() as stays:
        neighbour.id = sandbox.id
        for client, port in ((ended, sandbox), (stays, neighbour)):
            client.send(port.request())
            client.upstream = port.accept()
            client.upstream.answer(LONG_BODY)
            client.head = client.read_head()
            assert client.read_exactly(4) == b"some"
        ports = {str(sandbox.port): {"public": False}}
        replace(edge, sandbox, traffic_access_token="first-token", ports=ports)
        with pytest.raises(ConnectionEnded):
            ended.read_body_into(ended.head)
        stays.upstream.send(b"x" * 996)
        assert stays.read_exactly(996) == b"x" * 996


def test_a_request_that_is_dialled_while_its_sandbox_becomes_private_gets_no_further(door, edge, register):
    with RawSandbox(backlog=0) as sandbox:
        register(sandbox, execution_id="first")
        filler = socket.create_connection((sandbox.address, sandbox.port), timeout=5)
        with door.connect() as client:
            client.send(sandbox.request("GET", "/secret"))
            connecting = lambda: edge.metrics().total("sandgate_upstream_connections", state="connecting")  # noqa: E731
            eventually(lambda: connecting() == 1, "the edge to be connecting")
            replace(edge, sandbox, **PRIVATE, traffic_access_token="first-token")
            sandbox.accept()  # the filler's: now there is room, and the kernel tries again
            filler.close()
            assert client.read_response().edge_reason == "token_missing"
            if sandbox.has_connection():
                assert sandbox.accept().read_until_gone() == b"", "the sandbox got the request after all"
