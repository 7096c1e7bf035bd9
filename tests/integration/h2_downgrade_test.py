"""What would mean something else in HTTP/1 is refused where it comes in (hardening H2-DOWN, H2-AUTH; RFC 9113 8).

One table. The verdict is always the same: a stream error or a 4xx, nothing whole at the sandbox, and whoever comes
next is served. Values may be any bytes: they are written in latin-1.
"""

import pytest

from support import h2_frames as h2
from support.dialogue import ConnectionEnded
from support.h2_frames import Code
from support.raw_sandbox import ServingSandbox

SMUGGLED = "x\r\nX-Evil: 1"
REQUEST = "GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"


def plus(*fields: tuple):
    return lambda request: [*request, *fields]


def first(*fields: tuple):
    return lambda request: [*fields, *request]


def instead(name: str, value: str):
    return lambda request: [(one, value if one == name else old) for one, old in request]


def without(*names: str):
    return lambda request: [field for field in request if field[0] not in names]


def with_authority(shape: str):
    """`{}` in it is the right one."""
    return lambda request: [(n, shape.replace("{}", v) if n == ":authority" else v) for n, v in request]


def late(name: str):
    """The pseudo-field after the others."""
    return lambda request: [f for f in request if f[0] != name] + [("x", "y")] + [f for f in request if f[0] == name]


VALUES = {
    "value-crlf": plus(("x-a", SMUGGLED)),
    "value-cr": plus(("x-a", "a\rb")),
    "value-lf": plus(("x-a", "a\nX-Evil: 1")),
    "value-nul": plus(("x-a", "a\0b")),
    "value-request": plus(("x-a", "b\r\n\r\n" + REQUEST)),
    "value-space-first": plus(("x-a", " b")),
    "value-space-last": plus(("x-a", "b ")),
    "value-tab-first": plus(("x-a", "\tb")),
    "value-tab-last": plus(("x-a", "b\t")),
    "value-control": plus(("x-a", "a\x01b")),
    "value-del": plus(("x-a", "a\x7fb")),
    "cookie-crlf": plus(("cookie", "a=b\r\nx-evil: 1"), ("cookie", "c=d")),
    "token-lf": plus(("e2b-traffic-access-token", "a\nx: y")),
}
NAMES = {
    "name-crlf": plus(("x: y\r\nx-evil", "1")),
    "name-lf": plus(("x\nevil", "1")),
    "name-nul": plus(("x\0", "1")),
    "name-space": plus(("x y", "1")),
    "name-space-last": plus(("content-length ", "5")),
    "name-tab": plus(("x\t", "1")),
    "name-colon": plus(("x:y", "1")),
    "name-upper-case": plus(("X-Upper", "1")),
    "name-one-upper": plus(("content-Length", "0")),
    "name-empty": plus(("", "1")),
    "name-empty-and-value": plus(("", "")),
    "name-latin1": plus(("x\xe9", "1")),
    "name-del": plus(("x\x7f", "1")),
    "name-slash": plus(("x/y", "1")),
    "name-quote": plus(('x"', "1")),
}
FRAMING = {
    "te-chunked": plus(("transfer-encoding", "chunked")),
    "te-identity": plus(("transfer-encoding", "identity")),
    "te-empty": plus(("transfer-encoding", "")),
    "te-upper-case": plus(("Transfer-Encoding", "chunked")),
    "connection-close": plus(("connection", "close")),
    "connection-names": plus(("connection", "x-forwarded-for"), ("x-a", "1")),
    "connection-te": plus(("connection", "transfer-encoding")),
    "keep-alive": plus(("keep-alive", "timeout=5")),
    "proxy-connection": plus(("proxy-connection", "keep-alive")),
    "upgrade": plus(("upgrade", "websocket")),
    "upgrade-h2c": plus(("upgrade", "h2c")),
    "te-gzip": plus(("te", "gzip")),
    "te-trailers-and-more": plus(("te", "trailers, deflate")),
    "length-with-end": plus(("content-length", "5")),
    "length-twice": plus(("content-length", "0"), ("content-length", "0")),
    "length-list": plus(("content-length", "0, 0")),
    "length-plus": plus(("content-length", "+0")),
    "length-minus": plus(("content-length", "-0")),
    "length-junk": plus(("content-length", "0x")),
    "length-hex": plus(("content-length", "0x0")),
    "length-empty": plus(("content-length", "")),
    "length-overflow": plus(("content-length", "18446744073709551616")),
}
PSEUDO = {
    "no-method": without(":method"),
    "no-path": without(":path"),
    "no-scheme": without(":scheme"),
    "no-pseudo-at-all": without(":method", ":path", ":scheme", ":authority"),
    "method-twice": first((":method", "GET")),
    "path-twice": first((":path", "/evil")),
    "scheme-twice": first((":scheme", "http")),
    "authority-twice": first((":authority", "1-x.sandbox.test")),
    "method-late": late(":method"),
    "path-late": late(":path"),
    "scheme-late": late(":scheme"),
    "authority-late": late(":authority"),
    "unknown-pseudo": first((":evil", "1")),
    "status-in-a-request": first((":status", "200")),
    "protocol-without-connect": first((":protocol", "websocket")),
    "upper-case-pseudo": lambda request: [(":Method", "GET"), *without(":method")(request)],
    "empty-pseudo": first((":", "x")),
}
LINE = {
    "method-crlf": instead(":method", REQUEST + "GET"),
    "method-space": instead(":method", "GET /evil"),
    "method-empty": instead(":method", ""),
    "method-lf": instead(":method", "GET\n"),
    "method-latin1": instead(":method", "G\xcbT"),
    "method-slash": instead(":method", "GET/"),
    "path-crlf": instead(":path", "/ HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET /"),
    "path-cr": instead(":path", "/\r"),
    "path-lf": instead(":path", "/\nx"),
    "path-nul": instead(":path", "/\0"),
    "path-space": instead(":path", "/ HTTP/1.1"),
    "path-space-first": instead(":path", " /"),
    "path-tab": instead(":path", "/\tx"),
    "path-empty": instead(":path", ""),
    "path-without-slash": instead(":path", "evil"),
    "path-at": instead(":path", "@evil.test/"),
    "path-asterisk": instead(":path", "*"),
    "path-absolute": instead(":path", "http://evil.test/"),
    "path-fragment": instead(":path", "/a#b"),
    "path-latin1": instead(":path", "/\xe9"),
    "path-utf8": instead(":path", "/\xc3\xa9"),
    "path-control": instead(":path", "/\x01"),
    "path-del": instead(":path", "/\x7f"),
    "scheme-crlf": instead(":scheme", "https\r\nX-Evil: 1"),
    "scheme-space": instead(":scheme", "ht tps"),
    "scheme-empty": instead(":scheme", ""),
    "scheme-url": instead(":scheme", "https://evil.test/?"),
}
AUTHORITY = {
    "authority-crlf": with_authority("{}\r\nX-Evil: 1"),
    "authority-lf": with_authority("{}\n"),
    "authority-nul": with_authority("{}\0"),
    "authority-space": with_authority("{} x"),
    "authority-space-first": with_authority(" {}"),
    "authority-userinfo": with_authority("user@{}"),
    "authority-password": with_authority("user:password@{}"),
    "authority-empty-userinfo": with_authority("@{}"),
    "authority-path": with_authority("{}/evil"),
    "authority-query": with_authority("{}?evil"),
    "authority-fragment": with_authority("{}#evil"),
    "authority-backslash": with_authority("{}\\"),
    "authority-comma": with_authority("{},evil.test"),
    "authority-port-junk": with_authority("{}:8a"),
    "authority-port-twice": with_authority("{}:1:2"),
    "authority-port-large": with_authority("{}:65536"),
    "authority-empty": with_authority(""),
    "authority-latin1": with_authority("{}\xe9"),
    "authority-percent": with_authority("%31{}"),
    "host-differs": plus(("host", "1-x.sandbox.test")),
    "host-twice": lambda r: [*r, *[("host", v) for n, v in r if n == ":authority"], ("host", "1-x.sandbox.test")],
    "host-empty": plus(("host", "")),
    "host-crlf": plus(("host", "a\r\nX-Evil: 1")),
}
TABLE = {**VALUES, **NAMES, **FRAMING, **PSEUDO, **LINE, **AUTHORITY}


@pytest.fixture(scope="module")
def service_of_all(edge):
    with ServingSandbox() as service:
        service.id = "target"
        edge.put("target", {"address": "127.0.0.1"})
        yield service
        assert not service.violations, service.violations


@pytest.fixture
def target(service_of_all):
    """One service for the whole table; every row sends it a good request too."""
    service_of_all.requests.clear()
    return service_of_all


def has_answer(client, stream) -> bool:
    """Reads until the stream is over; False when the whole connection ended instead."""
    try:
        client.read_response(stream)
        return True
    except ConnectionEnded:
        assert client.goaways and client.goaways[-1][1] == Code.PROTOCOL_ERROR, client.goaways
        return False


def serves_another(client, target) -> bool:
    try:
        return client.ask(target.host, "GET", "/honest").status == 200
    except ConnectionEnded:
        assert client.goaways, "a connection that ends after a refusal says so"
        return False


def assert_refused(door, client, stream, target, allowed=range(400, 500)):
    goes_on = has_answer(client, stream)
    if goes_on:
        assert stream.reset_code == Code.PROTOCOL_ERROR or stream.status in allowed, stream
        goes_on = serves_another(client, target)
    with door.connect_h2() as another:
        assert another.ask(target.host, "GET", "/honest").status == 200
    assert [request.target for request in target.requests] == ["/honest"] * (
        1 + goes_on
    ), "something else reached the sandbox"


@pytest.mark.parametrize("row", TABLE)
def test_it_is_refused_and_nothing_of_it_reaches_the_sandbox(door, target, row):
    with door.connect_h2() as client:
        stream = client.open(TABLE[row](client.fields(target.host)))
        assert_refused(door, client, stream, target)


@pytest.mark.parametrize("row", ["name-empty", "name-space", "value-lf", "te-chunked"])
def test_the_same_in_a_trailer_is_no_whole_request(door, target, row):
    with door.connect_h2() as client:
        stream = client.request(target.host, "POST", "/", body=b"hello", end=False)
        client.send_trailers(stream, *TABLE[row]([]))
        assert_refused(door, client, stream, target)


@pytest.mark.parametrize(
    "length, sent, end",
    [("10", [b"hello"], True), ("3", [b"hello"], True), ("0", [b"hello"], True), ("3", [b"hello"], False)],
    ids=["less", "more", "none", "more without an end"],
)
def test_a_length_that_disagrees_with_the_body(door, target, length, sent, end):
    with door.connect_h2() as client:
        stream = client.request(target.host, "POST", "/", ("content-length", length), end=False)
        for piece in sent:
            client.send_data(stream, piece, end=end)
        assert_refused(door, client, stream, target)


def test_a_length_that_disagrees_with_the_body_before_trailers(door, target):
    with door.connect_h2() as client:
        stream = client.request(target.host, "POST", "/", ("content-length", "10"), body=b"hello", end=False)
        client.send_trailers(stream, ("x-sum", "1"))
        assert_refused(door, client, stream, target)


@pytest.mark.parametrize("declared", [b"", b"hello"], ids=["nothing", "something"])
def test_bytes_beyond_the_length_go_nowhere(door, sandbox, service, declared):
    """What was declared may be passed on before anybody can know."""
    with door.connect_h2() as client:
        stream = client.request(
            sandbox.host, "POST", "/", ("content-length", str(len(declared))), body=declared, end=False
        )
        if declared:
            upstream = sandbox.accept()
            upstream.read_head()
            assert upstream.read_exactly(5) == b"hello"
        client.send_data(stream, REQUEST.encode(), end=True)
        assert not has_answer(client, stream) or stream.reset_code == Code.PROTOCOL_ERROR or stream.status == 400
        if declared:
            assert upstream.read_until_gone() == b""
    with door.connect_h2() as client:
        assert client.ask(service.host).status == 200
    sandbox.assert_untouched()


def test_trailers_that_end_nothing_are_no_second_head(door, target):
    with door.connect_h2() as client:
        stream = client.request(target.host, "POST", "/", body=b"hello", end=False)
        client.send(h2.headers(stream.id, client.encode([("x-sum", "1")]), end=False))
        assert_refused(door, client, stream, target)


@pytest.mark.parametrize("fields", ["authority alone", "everything"])
def test_connect_is_not_allowed(door, target, fields):
    with door.connect_h2() as client:
        request = client.fields(target.host, "CONNECT")
        if fields == "authority alone":
            request = without(":scheme", ":path")(request)
        stream = client.open(request, end=False)
        assert_refused(door, client, stream, target, allowed=[400, 405])


def test_a_plain_connect_is_405(door, target):
    with door.connect_h2() as client:
        stream = client.open(without(":scheme", ":path")(client.fields(target.host, "CONNECT")), end=False)
        client.read_response(stream)
        assert (stream.status, stream.edge_reason) == (405, "method_not_allowed")


def test_trace_is_405(door, target):
    with door.connect_h2() as client:
        response = client.ask(target.host, "TRACE")
        assert (response.status, response.edge_reason) == (405, "method_not_allowed")
        assert response.value("content-type").startswith("text/plain") and response.body.endswith(b"\n")
    assert target.requests == []


def test_the_scheme_a_client_claims_does_not_become_x_forwarded_proto(door, target):
    with door.connect_h2() as client:
        lie = "http" if door.is_tls else "https"
        stream = client.read_response(client.open(instead(":scheme", lie)(client.fields(target.host))))
        assert stream.status in (200, 400) or stream.reset_code == Code.PROTOCOL_ERROR
    assert {request.value("x-forwarded-proto") for request in target.requests} <= {door.scheme}
