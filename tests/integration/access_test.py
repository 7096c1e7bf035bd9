"""Who may reach which port of a sandbox (contract 3), and that untrusted code never learns the token."""

import hashlib

import pytest

from support.raw_sandbox import RawSandbox, ServingSandbox

TOKEN = "correct-horse"
MISSING = "Sandbox is secured with traffic access token. Token header 'e2b-traffic-access-token' is missing"
INVALID = "Sandbox is secured with traffic access token. Provided token in header 'e2b-traffic-access-token' is invalid"


def token(value: str) -> str:
    return f"e2b-traffic-access-token: {value}"


@pytest.fixture
def private(register):
    with ServingSandbox() as sandbox:
        yield register(sandbox, allow_public_traffic=False, traffic_access_token=TOKEN)


def assert_refused(response, sandbox, reason: str, message: str):
    assert (response.status, response.edge_reason) == (403, reason)
    assert response.json() == {"sandboxId": sandbox.id, "message": message, "code": 403}
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "fields, reason, message",
    [
        ([], "token_missing", MISSING),
        ([token("")], "token_missing", MISSING),
        ([token("wrong")], "token_invalid", INVALID),
        ([token(TOKEN.upper())], "token_invalid", INVALID),
        ([token(TOKEN + "x")], "token_invalid", INVALID),
        ([token(TOKEN[:-1])], "token_invalid", INVALID),
        ([token(TOKEN), token("wrong")], "token_invalid", INVALID),
        ([token("wrong"), token(TOKEN)], "token_invalid", INVALID),
        ([f"Cookie: e2b-traffic-access-token={TOKEN}"], "token_missing", MISSING),
        ([f"e2b_traffic_access_token: {TOKEN}"], "token_missing", MISSING),
    ],
)
def test_a_private_sandbox_lets_nobody_in_without_its_token(door, private, fields, reason, message):
    with door.connect() as client:
        assert_refused(client.ask(private.request("GET", "/", *fields)), private, reason, message)


@pytest.mark.parametrize(
    "fields", [[token(TOKEN)], [token(TOKEN), token(TOKEN)], ["E2B-Traffic-Access-TOKEN: " + TOKEN]]
)
def test_the_token_opens_and_is_taken_out_before_the_sandbox(door, private, fields):
    with door.connect() as client:
        assert client.ask(private.request("GET", "/", *fields, "X-Stays: 1")).status == 200
    assert private.requests[0].value("x-stays") == "1"
    assert TOKEN.encode() not in private.requests[0].raw_head
    assert "e2b-traffic-access-token" not in private.requests[0].names()


def test_a_public_sandbox_asks_for_nothing_and_learns_no_token(door, service):
    with door.connect() as client:
        assert client.ask(service.request("GET", "/", token("whatever"))).status == 200
    assert "e2b-traffic-access-token" not in service.requests[0].names()


def test_the_query_does_not_carry_the_token(door, private):
    with door.connect() as client:
        assert client.ask(private.request("GET", f"/?e2b-traffic-access-token={TOKEN}")).status == 403


def test_a_private_sandbox_without_a_token_lets_nobody_in(door, register):
    with ServingSandbox() as sandbox:
        register(sandbox, allow_public_traffic=False)
        with door.connect() as client:
            assert client.ask(sandbox.request()).status == 403
            assert client.ask(sandbox.request("GET", "/", token(""))).status == 403
            assert client.ask(sandbox.request("GET", "/", token("x"))).status == 403
        assert sandbox.requests == []


def test_digests_open_as_the_tokens_do_and_two_allow_rotation(door, register):
    digests = ",".join(hashlib.sha256(one.encode()).hexdigest() for one in ("old", "new"))
    with ServingSandbox() as sandbox:
        register(sandbox, allow_public_traffic=False, traffic_access_token_sha256=digests)
        with door.connect() as client:
            assert [client.ask(sandbox.request("GET", "/", token(one))).status for one in ("old", "new", "other")] == [
                200,
                200,
                403,
            ]


def test_a_port_can_be_public_on_a_private_sandbox(door, register):
    with ServingSandbox() as sandbox:
        register(
            sandbox, allow_public_traffic=False, traffic_access_token=TOKEN, ports={str(sandbox.port): {"public": True}}
        )
        with door.connect() as client:
            assert client.ask(sandbox.request()).status == 200
            assert client.ask(sandbox.request(host=f"{sandbox.port + 1}-{sandbox.id}.sandbox.test")).status == 403


def test_a_port_can_be_private_on_a_public_sandbox(door, register):
    with ServingSandbox() as sandbox:
        register(sandbox, traffic_access_token=TOKEN, ports={str(sandbox.port): {"public": False}})
        with door.connect() as client:
            assert client.ask(sandbox.request()).edge_reason == "token_missing"
            assert client.ask(sandbox.request("GET", "/", token(TOKEN))).status == 200


def test_exempt_ports_need_no_token_get_no_mask_and_see_no_token(make_edge):
    with ServingSandbox() as sandbox:
        edge = make_edge({"access": {"exempt_ports": [sandbox.port]}})
        sandbox.id = "agent"
        edge.put(
            "agent",
            {
                "address": "127.0.0.1",
                "allow_public_traffic": False,
                "traffic_access_token": TOKEN,
                "mask_request_host": "localhost:${PORT}",
            },
        )
        with edge.connect() as client:
            assert client.ask(sandbox.request("GET", "/", token(TOKEN))).status == 200
        assert sandbox.requests[0].value("host") == sandbox.host
        assert "e2b-traffic-access-token" not in sandbox.requests[0].names()


def test_the_name_of_the_header_is_configuration(make_edge):
    edge = make_edge({"access": {"token_header": "x-my-token"}})
    with ServingSandbox() as sandbox:
        sandbox.id = "mine"
        edge.put("mine", {"address": "127.0.0.1", "allow_public_traffic": False, "traffic_access_token": TOKEN})
        with edge.connect() as client:
            assert "'x-my-token' is missing" in client.ask(sandbox.request()).json()["message"]
            assert client.ask(sandbox.request("GET", "/", f"X-My-Token: {TOKEN}")).status == 200
        assert "x-my-token" not in sandbox.requests[0].names()


def test_a_new_token_counts_for_the_next_request(door, edge, private):
    with door.connect() as client:
        assert client.ask(private.request("GET", "/", token(TOKEN))).status == 200
        edge.put(private.id, {"address": "127.0.0.1", "allow_public_traffic": False, "traffic_access_token": "newer"})
        assert client.ask(private.request("GET", "/", token(TOKEN))).status == 403
        assert client.ask(private.request("GET", "/", token("newer"))).status == 200


def test_a_refused_body_is_not_read_as_the_next_request(door, private):
    smuggled = private.request("GET", "/smuggled", token(TOKEN))
    with door.connect() as client:
        client.send(private.request("POST", "/", f"Content-Length: {len(smuggled)}", body=smuggled))
        assert client.read_response().status == 403
        try:
            assert client.ask(private.request("GET", "/honest", token(TOKEN))).status == 200
            assert [one.target for one in private.requests] == ["/honest"]
        except (AssertionError, OSError):
            assert private.requests == [], "either the body was drained or the connection closed"


def test_limits_come_after_access(door, register):
    with RawSandbox() as sandbox:
        register(sandbox, allow_public_traffic=False, traffic_access_token=TOKEN, max_connections=0)
        with door.connect() as client:
            assert client.ask(sandbox.request()).status == 403
            assert client.ask(sandbox.request("GET", "/", token(TOKEN))).status == 429
        sandbox.assert_untouched()
