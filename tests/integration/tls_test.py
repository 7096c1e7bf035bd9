"""TLS at the door (hardening 1.5): versions, names, protocols, tickets, a proper end."""

import ssl

import pytest

from support.raw_client import RawClient, trust
from support.raw_sandbox import ServingSandbox


def connect(
    edge, certificate, server_name="a.sandbox.test", alpn=("http/1.1",), change=lambda context: None, **options
):
    context = trust(certificate, alpn)
    change(context)
    return RawClient(edge.tls_port, tls=context, server_name=server_name, **options)


@pytest.fixture
def both(make_edge, certificates):
    edge = make_edge.unstarted({"domains": ["sandbox.test", "other.test"]})
    edge.config["listeners"][1]["tls"]["certificates"].append(certificates.other.as_config())
    edge.start()
    return edge


@pytest.mark.parametrize(
    "server_name, which",
    [
        ("1-a.sandbox.test", "sandbox"),
        ("1-a.other.test", "other"),
        ("1-A.OTHER.TEST", "other"),
        ("unknown.test", "sandbox"),
        (None, "sandbox"),
        ("deep.er.other.test", "sandbox"),
    ],
)
def test_the_certificate_is_chosen_by_name_and_the_first_is_the_default(both, certificates, server_name, which):
    certificate = getattr(certificates, which)
    with connect(both, certificate, server_name) as client:
        assert client.stream.tls.getpeercert(binary_form=True) == certificate.der()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(edge, certificates, service, version):
    def only(context):
        context.minimum_version = context.maximum_version = version

    with connect(edge, certificates.sandbox, change=only) as client:
        assert client.ask(service.request()).status == 200
        assert client.stream.tls.cipher()[0].startswith(("TLS_", "ECDHE-"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(edge, certificates, version):
    def only(context):
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version

    with pytest.raises((ssl.SSLError, OSError)):
        connect(edge, certificates.sandbox, change=only)


@pytest.mark.parametrize(
    "ciphers", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"]
)
def test_weak_ciphers_of_tls_1_2_are_refused(edge, certificates, ciphers):
    def only(context):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)

    with pytest.raises((ssl.SSLError, OSError)):
        connect(edge, certificates.sandbox, change=only)


def test_minimum_version_1_3_refuses_1_2(make_edge, certificates):
    edge = make_edge.unstarted()
    edge.config["listeners"][1]["tls"]["minimum_version"] = "1.3"
    edge.start()
    connect(edge, certificates.sandbox).close()

    def only(context):
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises((ssl.SSLError, OSError)):
        connect(edge, certificates.sandbox, change=only)


def test_without_alpn_it_is_http_1_1(edge, certificates, service):
    with connect(edge, certificates.sandbox, alpn=()) as client:
        assert client.ask(service.request()).status == 200


def test_http_1_1_is_chosen_when_offered(edge, certificates):
    with connect(edge, certificates.sandbox, alpn=("http/1.1",)) as client:
        assert client.stream.tls.selected_alpn_protocol() == "http/1.1"


def test_a_protocol_the_edge_does_not_speak_is_refused_by_alert(edge, certificates):
    with pytest.raises(ssl.SSLError, match="(?i)alpn|application.protocol"):
        connect(edge, certificates.sandbox, alpn=("smtp", "imap"))


def test_a_session_is_resumed(edge, certificates, service):
    context = trust(certificates.sandbox)
    with RawClient(edge.tls_port, tls=context, server_name="a.sandbox.test") as client:
        client.ask(service.request())  # TLS 1.3 tickets come with the first bytes
        session = client.stream.tls.session
    before = edge.metrics().total("sandgate_tls_handshakes_total", resumed="true")
    with RawClient(edge.tls_port, tls=context, server_name="a.sandbox.test", session=session) as client:
        assert client.ask(service.request()).status == 200
        assert client.stream.tls.session_reused
    assert edge.metrics().total("sandgate_tls_handshakes_total", resumed="true") == before + 1


def test_a_connection_ends_with_close_notify(edge, certificates, service):
    with connect(edge, certificates.sandbox) as client:
        client.ask(service.request("GET", "/", "Connection: close"))
        client.assert_closed()
        assert client.stream.was_closed_properly


def test_http_1_0_may_be_offered_by_name(edge, certificates, service):
    with connect(edge, certificates.sandbox, alpn=("http/1.0",)) as client:
        assert client.ask(service.request().replace(b"HTTP/1.1", b"HTTP/1.0")).status == 200


def test_an_expired_certificate_is_warned_of_and_served_rather_than_nothing(make_edge, certificates):
    edge = make_edge.unstarted()
    edge.config["listeners"][1]["tls"]["certificates"] = [certificates.expired.as_config()]
    edge.start()
    assert "expired" in edge.stderr()
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        connect(edge, certificates.expired)


def test_plain_http_on_the_tls_port_is_closed(edge, service):
    with RawClient(edge.tls_port) as client:
        client.send(service.request())
        assert b" 200 " not in client.read_until_gone()
    assert service.requests == []


def test_a_failed_handshake_is_counted_and_hurts_nobody(edge, certificates, service):
    before = edge.metrics().total("sandgate_tls_handshakes_total", result="failed")
    with RawClient(edge.tls_port) as client:
        client.send(b"\x16\x03\x01\x00\x05nonsense")
        client.read_until_gone()
    assert edge.metrics().total("sandgate_tls_handshakes_total", result="failed") == before + 1
    with connect(edge, certificates.sandbox) as client:
        assert client.ask(service.request()).status == 200


def test_a_plain_listener_can_redirect_to_https(make_edge):
    edge = make_edge.unstarted()
    edge.config["listeners"][0]["redirect_to_https"] = True
    edge.start()
    with ServingSandbox() as sandbox:
        sandbox.id = "one"
        edge.put("one", {"address": "127.0.0.1"})
        with edge.connect() as client:
            response = client.ask(sandbox.request("GET", "/a?b=c"))
            assert response.status == 308
            assert response.value("location").startswith(f"https://{sandbox.host}") and response.value(
                "location"
            ).endswith("/a?b=c")
            assert (
                client.ask(sandbox.request("GET", "/", host="1-x.evil.test")).status == 400
            ), "no redirect for a stranger's name"
        assert sandbox.requests == []
        with edge.connect(tls=True) as client:
            assert client.ask(sandbox.request()).status == 200
