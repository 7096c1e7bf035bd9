"""trusted_proxies: whose X-Forwarded-* is believed (contract 4, hardening 1.6)."""

EDGE_CONFIG = {"trusted_proxies": ["127.0.0.1/32"]}

CLAIMS = (
    "X-Forwarded-For: 203.0.113.9, 198.51.100.7",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: public.test",
    "X-Forwarded-Port: 443",
)


def forwarded(door, service, source: str, *fields: str):
    with door.connect(source=source) as client:
        assert client.ask(service.request("GET", "/", *fields)).status == 200
    return service.requests[-1]


def test_a_trusted_proxys_claims_are_kept_and_its_address_appended(door, service):
    request = forwarded(door, service, "127.0.0.1", *CLAIMS)
    hops = [hop.strip() for value in request.values("x-forwarded-for") for hop in value.split(",")]
    assert hops == ["203.0.113.9", "198.51.100.7", "127.0.0.1"]
    assert request.value("x-forwarded-proto") == "https"
    assert request.value("x-forwarded-host") == "public.test"
    assert request.value("x-forwarded-port") == "443"


def test_what_a_trusted_proxy_does_not_say_the_edge_does(door, service):
    request = forwarded(door, service, "127.0.0.1", "X-Forwarded-For: 203.0.113.9")
    assert request.value("x-forwarded-proto") == door.scheme
    assert request.value("x-forwarded-host") == service.host
    assert request.value("x-forwarded-port") == str(door.port)


def test_anyone_elses_claims_are_dropped(door, service):
    request = forwarded(door, service, "127.0.0.2", *CLAIMS)
    assert request.value("x-forwarded-for") == request.value("x-real-ip") == "127.0.0.2"
    assert request.value("x-forwarded-proto") == door.scheme
    assert request.value("x-forwarded-host") == service.host
    assert request.value("x-forwarded-port") == str(door.port)


def test_the_log_has_the_sockets_address_whatever_is_claimed(door, edge, service):
    with door.connect(source="127.0.0.1") as client:
        request_id = client.ask(service.request("GET", "/", *CLAIMS)).value("x-request-id")
    assert edge.log_line(request_id=request_id)["client"] == "127.0.0.1"
