"""Which sandbox and port a request is for (contract 1), and which paths are nobody's (contract 2)."""

import pytest

from support.edge import Edge
from support.raw_client import RawClient, trust
from support.raw_sandbox import ServingSandbox

EDGE_CONFIG = {"domains": ["sandbox.test", "other.test"]}
AGENT_PORT = 49983


@pytest.fixture(scope="module")
def agent(edge):
    """A service on the agent's own port, on an address of this module's own."""
    address = f"127.{edge.plain_port // 256}.{edge.plain_port % 256}.7"
    with ServingSandbox(address=address, port=AGENT_PORT) as agent:
        agent.id = "agent"
        edge.put("agent", {"address": address})
        yield agent


@pytest.fixture(autouse=True)
def forget_requests(agent):
    agent.requests.clear()


def ask(door, host, *fields: str, target: str = "/", method: str = "GET"):
    host_line = [] if host is None else [f"Host: {host}"]
    with door.connect() as client:
        return client.ask("\r\n".join([f"{method} {target} HTTP/1.1", *host_line, *fields, "", ""]).encode("latin1"))


@pytest.mark.parametrize(
    "host",
    [
        "{port}-{id}.sandbox.test",
        "{port}-{id}.sandbox.test:8443",
        "{port}-{id}.sandbox.test:0",
        "{port}-{id}.sandbox.test:65535",
        "{port}-{id}.sandbox.test.",
        "{port}-{id}.SANDBOX.test",
        "{port}-{ID}.sandbox.test",
        "{port}-{id}-client.sandbox.test",
        "{port}-{id}-a-b--c.sandbox.test",
        "{port}-{id}.sandbox.test.:1",
    ],
)
def test_a_host_that_names_a_sandbox(door, service, host):
    response = ask(door, host.format(port=service.port, id=service.id, ID=service.id.upper()))
    assert (response.status, response.body) == (200, b"ok")


BAD_HOSTS = [
    ("localhost.sandbox.test", "Invalid host"),
    ("sandbox.test", "Invalid host"),
    ("80-abc", "Invalid host"),
    ("abc", "Invalid host"),
    ("80-abc.evil.test", "Invalid host"),
    ("80-abc.sandbox.test.evil.test", "Invalid host"),
    ("80-abc.test", "Invalid host"),
    ("80-abc.notsandbox.test", "Invalid host"),
    ("80-abc.deeper.sandbox.test", "Invalid host"),
    ("80-abc.sandbox.test..", "Invalid host"),
    ("0-abc.sandbox.test", "Invalid sandbox port"),
    ("65536-abc.sandbox.test", "Invalid sandbox port"),
    ("080-abc.sandbox.test", "Invalid sandbox port"),
    ("+80-abc.sandbox.test", "Invalid sandbox port"),
    ("x-abc.sandbox.test", "Invalid sandbox port"),
    ("-abc.sandbox.test", "Invalid sandbox port"),
    ("99999999999999999999-abc.sandbox.test", "Invalid sandbox port"),
    ("8e1-abc.sandbox.test", "Invalid sandbox port"),
    ("80-.sandbox.test", "Invalid sandbox ID"),
    ("80-a_b.sandbox.test", "Invalid sandbox ID"),
    ("80--abc.sandbox.test", "Invalid sandbox ID"),
    ("80-" + "a" * 64 + ".sandbox.test", "Invalid sandbox ID"),
]


@pytest.mark.parametrize("host, text", BAD_HOSTS)
def test_a_host_that_names_none(door, edge, host, text):
    response = ask(door, host, "E2b-Sandbox-Id: agent", f"E2b-Sandbox-Port: {AGENT_PORT}")
    assert (response.status, response.edge_reason) == (400, "bad_authority")
    assert response.body == (text + "\n").encode()
    assert response.value("content-type").startswith("text/plain")


@pytest.mark.parametrize(
    "host",
    [
        "80-abc.sandbox.test:65536",
        "80-abc.sandbox.test:x",
        "80-abc.sandbox.test:-1",
        "user@80-abc.sandbox.test",
        "80-abc.sandbox.test/x",
        "80-abc .sandbox.test",
        "",
        ":80",
        "[::1",
        "80-abc.sandbox.test:80:80",
        "\xe9.test",
    ],
)
def test_a_host_that_is_no_authority_at_all(door, host):
    assert ask(door, host).status == 400


def test_a_request_without_host_or_with_two(door, service):
    assert ask(door, None).edge_reason == "bad_request"
    assert ask(door, service.host, f"Host: {service.host}").edge_reason == "bad_request"


# Header routing

SHARED_HOSTS = [
    "sandbox.sandbox.test",
    "SANDBOX.sandbox.test.:443",
    "localhost",
    "localhost:1234",
    "127.0.0.1",
    "10.1.2.3:80",
    "[::1]",
    "[2001:db8::1]:8443",
]


@pytest.mark.parametrize("host", SHARED_HOSTS)
def test_on_a_shared_host_the_two_headers_route(door, agent, host):
    response = ask(door, host, "E2b-Sandbox-Id: AGENT", f"e2b-sandbox-port: {AGENT_PORT}", target="/files?x=1")
    assert response.status == 200
    assert agent.requests[0].target == "/files?x=1" and agent.requests[0].value("host") == host


def test_sandbox_as_first_label_of_any_configured_domain_is_a_shared_host(edge, agent):
    with edge.connect() as client:  # plain: no certificate to cover it
        assert (
            client.ask(
                f"GET / HTTP/1.1\r\nHost: sandbox.other.test\r\nE2b-Sandbox-Id: agent\r\nE2b-Sandbox-Port: "
                f"{AGENT_PORT}\r\n\r\n".encode()
            ).status
            == 200
        )


@pytest.mark.parametrize(
    "fields, text",
    [
        ([], "Invalid host"),
        (["E2b-Sandbox-Id: agent"], "missing header"),
        (["E2b-Sandbox-Port: 80"], "missing header"),
        (["E2b-Sandbox-Id: agent", "E2b-Sandbox-Port: 0"], "Invalid sandbox port"),
        (["E2b-Sandbox-Id: agent", "E2b-Sandbox-Port: 080"], "Invalid sandbox port"),
        (["E2b-Sandbox-Id: agent", "E2b-Sandbox-Port: x"], "Invalid sandbox port"),
        (["E2b-Sandbox-Id: a-b", "E2b-Sandbox-Port: 80"], "Invalid sandbox ID"),
    ],
)
@pytest.mark.parametrize("host", ["sandbox.sandbox.test", "localhost", "127.0.0.1"])
def test_headers_that_do_not_route(door, host, fields, text):
    response = ask(door, host, *fields)
    assert (response.status, response.edge_reason, response.body) == (400, "bad_authority", (text + "\n").encode())


@pytest.mark.parametrize("twice", ["E2b-Sandbox-Id: agent", f"E2b-Sandbox-Port: {AGENT_PORT}"])
def test_a_routing_header_given_twice_routes_nowhere(door, agent, twice):
    response = ask(door, "localhost", "E2b-Sandbox-Id: agent", f"E2b-Sandbox-Port: {AGENT_PORT}", twice)
    assert response.status == 400 and agent.requests == []


# The certificate


def test_an_authority_the_certificate_does_not_cover_is_misdirected(edge, service):
    with edge.connect(tls=True) as client:
        response = client.ask(service.request(host=f"{service.port}-{service.id}.other.test"))
        assert (response.status, response.edge_reason, response.body) == (421, "misdirected", b"Misdirected request\n")
        assert client.ask(service.request()).status == 200, "the connection goes on with what it covers"


def test_without_tls_there_is_no_certificate_to_cover_anything(edge, service):
    with edge.connect() as client:
        assert client.ask(service.request(host=f"{service.port}-{service.id}.other.test")).status == 200


def test_grammar_and_domain_come_before_the_certificate(edge):
    with edge.connect(tls=True) as client:
        assert client.ask(b"GET / HTTP/1.1\r\nHost: x-y.other.test\r\n\r\n").status == 400
        assert client.ask(b"GET / HTTP/1.1\r\nHost: 1-y.evil.test\r\n\r\n").status == 400


@pytest.mark.parametrize("server_name", [None, "unknown.test", "1-x.other.test"])
def test_whatever_the_sni_the_authority_routes(edge, service, server_name):
    with edge.connect(tls=True, server_name=server_name) as client:
        assert client.ask(service.request()).status == 200


def test_each_certificate_covers_its_own_domain(make_edge, certificates):
    edge = make_edge.unstarted({"domains": ["sandbox.test", "other.test"]})
    edge.config["listeners"][1]["tls"]["certificates"].append(certificates.other.as_config())
    edge.start()
    with ServingSandbox() as sandbox:
        sandbox.id = "both"
        edge.put("both", {"address": "127.0.0.1"})
        other_host = f"{sandbox.port}-both.other.test"
        with RawClient(edge.tls_port, tls=trust(certificates.other), server_name=other_host) as client:
            assert client.ask(sandbox.request(host=other_host)).status == 200
            assert client.ask(sandbox.request()).status == 421
        with RawClient(edge.tls_port, tls=trust(certificates.sandbox), server_name=sandbox.host) as client:
            assert client.ask(sandbox.request()).status == 200
            assert client.ask(sandbox.request(host=other_host)).status == 421


# Reserved agent routes


@pytest.mark.parametrize(
    "target, path",
    [
        ("/init", "/init"),
        ("/init?x=y", "/init"),
        ("/init/", "/init"),
        ("//init", "/init"),
        ("/./init", "/init"),
        ("/a/../init", "/init"),
        ("/%69nit", "/init"),
        ("/init%2f", "/init"),
        ("/%2e%2e/init", "/init"),
        ("/upgrade", "/upgrade"),
        ("/freeze", "/freeze"),
        ("/unfreeze", "/unfreeze"),
        ("/collapse", "/collapse"),
        ("/fsfreeze", "/fsfreeze"),
        ("/fsthaw", "/fsthaw"),
    ],
)
def test_a_reserved_route_of_the_agent_is_not_reachable(door, agent, target, path):
    response = ask(door, agent.host, target=target, method="POST")
    assert (response.status, response.edge_reason) == (404, "agent_route_reserved")
    assert (
        response.body
        == (
            '{"message":"This endpoint is reserved for the E2B control plane and is not reachable through the sandbox URL",'
            f'"path":"{path}","code":404}}'
        ).encode()
    )
    assert agent.requests == []


def test_reserved_routes_are_refused_before_any_lookup(door):
    assert ask(door, f"{AGENT_PORT}-nobody.sandbox.test", target="/init").status == 404


def test_reserved_routes_are_refused_when_routed_by_header(door, agent):
    assert (
        ask(door, "localhost", "E2b-Sandbox-Id: agent", f"E2b-Sandbox-Port: {AGENT_PORT}", target="/init").status == 404
    )


@pytest.mark.parametrize("target", ["/initialize", "/init/nested", "/INIT", "/%2569nit", "/x/init", "/", "/?/init"])
def test_what_only_looks_like_a_reserved_route_passes(door, agent, target):
    assert ask(door, agent.host, target=target).status == 200
    assert agent.requests[0].target == target


def test_on_any_other_port_nothing_is_reserved(door, service):
    assert ask(door, service.host, target="/init").status == 200


def test_the_list_and_the_port_are_configuration(make_edge):
    with ServingSandbox() as sandbox:
        edge: Edge = make_edge({"access": {"reserved_paths": {"port": sandbox.port, "paths": ["/secret"]}}})
        sandbox.id = "own"
        edge.put("own", {"address": "127.0.0.1"})
        with edge.connect() as client:
            assert client.ask(sandbox.request("GET", "/secret")).status == 404
            assert client.ask(sandbox.request("GET", "/init")).status == 200


# Node mode


def test_a_record_of_a_node_is_forwarded_to_the_nodes_proxy(make_edge):
    edge = make_edge()
    address = f"127.{edge.plain_port // 256}.{edge.plain_port % 256}.8"
    with ServingSandbox(address=address, port=5007) as node:
        edge.put(
            "there",
            {
                "orchestrator_ip": address,
                "allow_public_traffic": False,
                "traffic_access_token": "t",
                "mask_request_host": "localhost",
            },
        )
        with edge.connect() as client:
            fields = ["e2b-traffic-access-token: t"]
            assert client.ask(node.request("GET", "/a", *fields, host="8080-there.sandbox.test")).status == 200
            fields += ["E2b-Sandbox-Id: there", "E2b-Sandbox-Port: 8080"]
            assert client.ask(node.request("GET", "/init", *fields, host="localhost")).status == 200
        by_host, by_header = node.requests
        assert by_host.value("host") == "8080-there.sandbox.test"
        assert by_host.value("e2b-traffic-access-token") == "t"
        assert by_host.value("x-forwarded-for") == "127.0.0.1" and by_host.value("cdn-loop") == "sandgate"
        assert by_header.value("host") == "8080-there.sandbox.test"
        assert by_header.value("e2b-sandbox-id") == "there" and by_header.value("e2b-sandbox-port") == "8080"
