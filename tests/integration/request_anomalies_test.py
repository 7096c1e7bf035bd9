"""Every class of request anomaly of RFC 9112, 9110 and 3986, in one table (hardening 1.1; the ids are the checklist's).

Each row is sent in one write and again byte by byte, with a good request behind it. The verdict is always the same: the
answer the row names, then the end of the connection; nothing at the sandbox; and a client that was there before, whose
sandbox is another, is answered. `near_misses` are what the grammar allows: one request, and the next one after it.
"""

import pytest

from support.dialogue import ConnectionEnded
from support.raw_sandbox import ServingSandbox

BAD, CODING, VERSION, LONG = (400, "bad_request"), (501, "unsupported_coding"), (505, "unsupported_version"), 2000
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: $H\r\n\r\n"


def head(*lines: bytes) -> bytes:
    """A request with these field lines behind Host; `$H` is the right authority."""
    return b"".join(line + b"\r\n" for line in (b"POST / HTTP/1.1", b"Host: $H", *lines)) + b"\r\n"


def line(start: bytes) -> bytes:
    return start + b"\r\nHost: $H\r\n\r\n"


def host(*lines: bytes) -> bytes:
    return b"".join(one + b"\r\n" for one in (b"GET / HTTP/1.1", *lines)) + b"\r\n"


def rows(row: str, verdict: tuple, table: dict) -> dict:
    return {f"{row} {name}": (raw, verdict) for name, raw in table.items()}


TERM = {
    "LF after the request line": b"GET / HTTP/1.1\nHost: $H\r\n\r\n",
    "LF everywhere": b"GET / HTTP/1.1\nHost: $H\n\n",
    "CR everywhere": b"GET / HTTP/1.1\rHost: $H\r\r",
    "LF after a field": b"GET / HTTP/1.1\r\nHost: $H\nX: y\r\n\r\n",
    "LF for the blank line": b"GET / HTTP/1.1\r\nHost: $H\r\n\n",
    "CR for the blank line": b"GET / HTTP/1.1\r\nHost: $H\r\n\rX: y\r\n\r\n",
    "LF before the request": b"\nGET / HTTP/1.1\r\nHost: $H\r\n\r\n",
    "CR before the request": b"\rGET / HTTP/1.1\r\nHost: $H\r\n\r\n",
    "two empty lines before the request": b"\r\n\r\nGET / HTTP/1.1\r\nHost: $H\r\n\r\n",
    "CR CR LF": head(b"X: y\r"),
    "CR in a value": head(b"X: a\rb"),
    "LF in a value": head(b"X: a\nContent-Length: 5"),
    "CR in a name": head(b"X\rY: z"),
    "NUL in a name": head(b"X\0: y"),
    "NUL in the target": line(b"GET /\0 HTTP/1.1"),
    "NUL in the method": line(b"G\0T / HTTP/1.1"),
    "NUL before the request": line(b"\0GET / HTTP/1.1"),
    **{f"byte {byte:#04x} in a value": head(b"X: a%cb" % byte) for byte in (*range(9), 11, 12, *range(14, 32), 127)},
}
LINE = {
    "two spaces": line(b"GET  / HTTP/1.1"),
    "two spaces before the version": line(b"GET /  HTTP/1.1"),
    "a tab": line(b"GET\t/ HTTP/1.1"),
    "a vertical tab": line(b"GET /\x0bHTTP/1.1"),
    "a space first": line(b" GET / HTTP/1.1"),
    "a space last": line(b"GET / HTTP/1.1 "),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "no version": line(b"GET / "),
    "no target": line(b"GET HTTP/1.1"),
    "no method": line(b"/ HTTP/1.1"),
    "four words": line(b"GET / x HTTP/1.1"),
    "version in lower case": line(b"GET / http/1.1"),
    "version 1.10": line(b"GET / HTTP/1.10"),
    "version 1.": line(b"GET / HTTP/1."),
    "version 01.1": line(b"GET / HTTP/01.1"),
    "version 1,1": line(b"GET / HTTP/1,1"),
    "version and junk": line(b"GET / HTTP/1.1x"),
    "another protocol": line(b"GET / ICAP/1.1"),
    "a fragment": line(b"GET /#x HTTP/1.1"),
    "a high byte in the target": line(b"GET /\xe9 HTTP/1.1"),
    "DEL in the target": line(b"GET /\x7f HTTP/1.1"),
    "a control in the target": line(b"GET /\x01 HTTP/1.1"),
    "a method that is no token": line(b"G(T / HTTP/1.1"),
    "a method with a colon": line(b"GET: / HTTP/1.1"),
    "a high byte in the method": line(b"G\xcbT / HTTP/1.1"),
    "a method of two thousand": line(b"G" * LONG + b" / HTTP/1.1"),
}
FORM = {
    "userinfo": line(b"GET http://u:p@$H/ HTTP/1.1"),
    "no host": line(b"GET http:/// HTTP/1.1"),
    "no host but a port": line(b"GET http://:80/ HTTP/1.1"),
    "another scheme": line(b"GET ftp://$H/ HTTP/1.1"),
    "a scheme and no slashes": line(b"GET http:$H/ HTTP/1.1"),
    "another authority than Host": line(b"GET http://1-other.sandbox.test/ HTTP/1.1"),
    "the authority, and Host with another port": line(b"GET http://$H:1/ HTTP/1.1"),
    "authority-form": line(b"GET $H HTTP/1.1"),
    "asterisk for another method": line(b"GET * HTTP/1.1"),
    "asterisk and more": line(b"OPTIONS */x HTTP/1.1"),
    "no slash": line(b"GET evil HTTP/1.1"),
    "a query alone": line(b"GET ?x HTTP/1.1"),
    "a backslash": line(b"GET \\ HTTP/1.1"),
}
NAME = {
    "a space before the colon": head(b"X : y"),
    "a tab before the colon": head(b"X\t: y"),
    "no colon": head(b"X"),
    "no name": head(b": y"),
    "nothing but a colon": head(b":"),
    "a folded line": head(b"X: y", b" z"),
    "a folded line by a tab": head(b"X: y", b"\tz"),
    "a folded line of spaces": head(b"X: y", b"  "),
    "a first line that is folded": b"GET / HTTP/1.1\r\n Host: $H\r\nHost: $H\r\n\r\n",
    "a folded expectation": line(b"OPTIONS * HTTP/1.1").replace(b"\r\n\r\n", b"\r\nExpect:\r\n 100-continue\r\n\r\n"),
    "a folded Host": host(b"Host:", b" $H"),
    "a folded length": head(b"Content-Length:", b" 5"),
    "a folded coding": head(b"Transfer-Encoding:", b" chunked"),
    **{
        f"the byte {byte!r} in a name": head(b"X%sY: z" % byte)
        for byte in (b"(", b"/", b"@", b"[", b'"', b"\x85", b"{")
    },
    "a space in a length's name": head(b"Content Length: 5"),
    "a space behind a length's name": head(b"Content-Length : 5"),
    "a high byte behind a length's name": head(b"Content-Length\x85: 5"),
    "a space before a coding's name": head(b" Transfer-Encoding: chunked"),
}
HOST = {
    "none": host(b"X: y"),
    "none in HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "twice the same": host(b"Host: $H", b"Host: $H"),
    "twice, different": host(b"Host: $H", b"host: 1-other.sandbox.test"),
    "userinfo": host(b"Host: u@$H"),
    "a path": host(b"Host: $H/x"),
    "a query": host(b"Host: $H?x"),
    "a space in it": host(b"Host: $H x"),
    "a list": host(b"Host: $H, $H"),
    "a port that is none": host(b"Host: $H:8a"),
    "a port with a sign": host(b"Host: $H:+8"),
    "a port too large": host(b"Host: $H:65536"),
    "two ports": host(b"Host: $H:1:2"),
    "an open bracket": host(b"Host: [::1"),
    "a backslash": host(b"Host: $H\\"),
}
LENGTHS = (b"+5", b"-5", b"-0", b"0x5", b"5.0", b"5e0", b"5 5", b"5,5", b"5, 5", b"5;", b"5,", b",5", b"", b"five")
LENGTHS += (b"\xb2", b"9223372036854775808", b"18446744073709551616", b"99999999999999999999999", b"5\x0b", b"'5'")
LENGTH = {
    **{f"of {value!r}": head(b"Content-Length: " + value) + b"hello" for value in LENGTHS},
    "twice the same": head(b"Content-Length: 5", b"Content-Length: 5") + b"hello",
    "twice, different": head(b"Content-Length: 0", b"Content-Length: 5") + b"hello",
    "twice, one empty": head(b"Content-Length:", b"Content-Length: 5") + b"hello",
    "twice, in another case": head(b"Content-Length: 5", b"CONTENT-LENGTH: 6") + b"hello",
}
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
TE = {
    "and a length": head(b"Transfer-Encoding: chunked", b"Content-Length: 5") + CHUNKS,
    "behind a length": head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + CHUNKS,
    "and a length of 0": head(b"Transfer-Encoding: chunked", b"Content-Length: 0") + CHUNKS,
    "unknown, and a length": head(b"Transfer-Encoding: x", b"Content-Length: 5") + CHUNKS,
    "twice": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + CHUNKS,
    "twice, one unknown": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: cow") + CHUNKS,
    "in HTTP/1.0": head(b"Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0") + CHUNKS,
}
UNKNOWN_CODINGS = (b"gzip", b"gzip, chunked", b"identity", b"xchunked", b"chunkedx")
BAD_CODINGS = (b"chunked, gzip", b"chunked, identity", b"chunked, chunked", b"chunked chunked", b"chunked;q=1")
BAD_CODINGS += (b'"chunked"', b"chunked,", b",chunked", b"", b"c\xc4unked")
TABLE = {
    **rows("H1-TERM", BAD, TERM),
    **rows("H1-LINE", BAD, LINE),
    **rows("H1-LINE", VERSION, {v: line(b"GET / HTTP/" + v.encode()) for v in ("0.9", "2.0", "2.1", "3.0", "9.9")}),
    **rows("H1-FORM", BAD, FORM),
    **rows(
        "H1-FORM", (405, "method_not_allowed"), {m: line(m.encode() + b" $H HTTP/1.1") for m in ("CONNECT", "TRACE")}
    ),
    **rows("H1-NAME", BAD, NAME),
    **rows("H1-HOST", BAD, HOST),
    **rows("H1-CL", BAD, LENGTH),
    **rows("H1-TE", BAD, TE),
    **rows(
        "H1-TE", CODING, {f"of {value!r}": head(b"Transfer-Encoding: " + value) + CHUNKS for value in UNKNOWN_CODINGS}
    ),
    **rows("H1-TE", BAD, {f"of {value!r}": head(b"Transfer-Encoding: " + value) + CHUNKS for value in BAD_CODINGS}),
    **rows(
        "H1-100", (417, "bad_expectation"), {v: head(b"Expect: " + v.encode()) for v in ("200-ok", "100-continue, x")}
    ),
}
EXTENSION = b"x" * 256
CHUNKED = {
    "no size": b"\r\nhello\r\n",
    **{
        f"a size of {s!r}": s + b"\r\nhello\r\n"
        for s in (b"0x5", b"+5", b"-1", b" 5", b"5 ", b"5,", b"G", b"5\t", b"5\x0b")
    },
    "a size of 2^64": b"10000000000000000\r\nhello\r\n",
    "a size of 2^64-1": b"ffffffffffffffff\r\nhello\r\n",
    "a size of seventeen digits": b"00000000000000005\r\nhello\r\n",
    "LF behind the size": b"5\nhello\r\n",
    "CR behind the size": b"5\rhello\r\n",
    "LF in an extension": b"5;a\nb\r\nhello\r\n",
    "CR in an extension": b"5;a\rb\r\nhello\r\n",
    "NUL in an extension": b"5;a\0\r\nhello\r\n",
    "an extension without a name": b"5;\r\nhello\r\n",
    "an extension with an open quote": b'5;a="b\r\nhello\r\n',
    "an extension too long": b"5;" + EXTENSION + b"\r\nhello\r\n",
    "extensions too long in all": (b"1;" + EXTENSION[:240] + b"\r\nx\r\n") * 70,
    "data and more": b"5\r\nhello!\r\n",
    "data and LF": b"5\r\nhello\n",
    "data and nothing": b"5\r\nhello0\r\n\r\n",
    "LF behind the last chunk": b"0\n\r\n",
    "LF behind the trailers": b"0\r\n\n",
    "a trailer without a colon": b"0\r\nx\r\n\r\n",
    "a trailer with a space before the colon": b"0\r\nx : y\r\n\r\n",
    "a folded trailer": b"0\r\nx: y\r\n z\r\n\r\n",
    "NUL in a trailer": b"0\r\nx: \0\r\n\r\n",
    "trailers without end": b"0\r\n" + b"x: y\r\n" * 500,
    **{
        f"{name} in a trailer": b"0\r\n" + name.encode() + b": 5\r\n\r\n"
        for name in (
            "Content-Length",
            "Transfer-Encoding",
            "Host",
            "Authorization",
            "e2b-sandbox-id",
            "X-Forwarded-For",
        )
    },
}
INNER = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"
NEAR_MISSES = {
    "H1-TERM one empty line first": (b"\r\n" + line(b"GET /first HTTP/1.1"), b""),
    "H1-LINE version 1.9": (line(b"GET /first HTTP/1.9"), b""),
    "H1-FORM absolute": (line(b"GET http://$H/first HTTP/1.1"), b""),
    "H1-FORM absolute in capitals": (line(b"GET HTTP://$H/first HTTP/1.1"), b""),
    "H1-NAME no space, tabs and an empty value": (head(b"X:y", b"Y:\t z \t", b"Z:").replace(b" / ", b" /first "), b""),
    "H1-NAME high bytes in a value": (head(b"X: \xff\x80").replace(b" / ", b" /first "), b""),
    "H1-HOST in capitals": (line(b"GET /first HTTP/1.1").replace(b".sandbox.test", b".SANDBOX.TEST"), b""),
    "H1-CL leading zeros": (head(b"Content-Length: 0005").replace(b" / ", b" /first ") + b"hello", b"hello"),
    "H1-CL zero": (head(b"Content-Length: 0").replace(b" / ", b" /first "), b""),
    "H1-TE in capitals": (head(b"Transfer-Encoding:  CHUNKED\t").replace(b" / ", b" /first ") + CHUNKS, b"hello"),
    "H1-CHUNK an extension and capitals": (
        head(b"Transfer-Encoding: chunked").replace(b" / ", b" /first ")
        + b'00A;a;b=c;d="e;\\"f"\r\n0123456789\r\n000\r\nX-Sum: 1\r\n\r\n',
        b"0123456789",
    ),
    "H1-BODY a body that is a request": (
        head(b"Content-Length: %d" % len(INNER)).replace(b" / ", b" /first ") + INNER,
        INNER,
    ),
}


@pytest.fixture(scope="module")
def sandboxes(edge):
    """The one everything is aimed at, and another's."""
    canary = ServingSandbox(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary")
    with ServingSandbox() as target, canary:
        for sandbox, name in ((target, "target"), (canary, "canary")):
            sandbox.id = name
            edge.put(name, {"address": "127.0.0.1"})
        yield target, canary
        assert not target.violations and not canary.violations, (target.violations, canary.violations)


@pytest.fixture
def target(sandboxes):
    sandboxes[0].requests.clear()
    return sandboxes[0]


@pytest.fixture
def canary(door, sandboxes):
    """Somebody else's connection, which was there before; asked once everything is over."""
    with door.connect() as client:
        assert client.ask(sandboxes[1].request()).body == b"canary"
        yield client
        assert client.ask(sandboxes[1].request()).body == b"canary"


def say(client, raw: bytes, in_pieces: bool) -> None:
    """An edge that has refused already need not take the rest."""
    try:
        for piece in [raw[i : i + 1] for i in range(len(raw))] if in_pieces else [raw]:
            client.send(piece)
    except ConnectionError:
        pass


def ways(raw: bytes) -> list:
    return [False, True] if len(raw) < 400 else [False]


def assert_nothing_arrived(door, target) -> None:
    with door.connect() as honest:
        assert honest.ask(target.request("GET", "/honest")).body == b"ok"
    assert [request.target for request in target.requests] == ["/honest"], "something else reached the sandbox"
    target.requests.clear()


@pytest.mark.parametrize("row", TABLE)
def test_it_is_refused_and_nothing_of_it_reaches_the_sandbox(door, target, canary, row):
    template, (status, reason) = TABLE[row]
    raw = (template + SMUGGLED).replace(b"$H", target.host.encode())
    for in_pieces in ways(raw):
        with door.connect() as client:
            say(client, raw, in_pieces)
            response = client.read_response()
            assert (response.status, response.edge_reason) == (status, reason)
            if response.status != 405:
                assert response.value("connection") == "close"
                client.assert_closed()
        if status != 405:
            assert_nothing_arrived(door, target)


@pytest.mark.parametrize("row", CHUNKED, ids=[f"H1-CHUNK {name}" for name in CHUNKED])
def test_a_body_that_turns_out_malformed_never_ends_at_the_sandbox(door, target, canary, row):
    raw = (head(b"Transfer-Encoding: chunked") + CHUNKED[row] + SMUGGLED).replace(b"$H", target.host.encode())
    for in_pieces in ways(raw):
        with door.connect() as client:
            say(client, raw, in_pieces)
            assert client.read_response().edge_reason == "bad_request"
            client.assert_closed()
        assert_nothing_arrived(door, target)


@pytest.mark.parametrize("row", NEAR_MISSES)
def test_what_the_grammar_allows_is_one_request_and_the_next_is_the_next(door, target, canary, row):
    template, body = NEAR_MISSES[row]
    raw = (template + SMUGGLED.replace(b"smuggled", b"second")).replace(b"$H", target.host.encode())
    for in_pieces in ways(raw):
        with door.connect() as client:
            say(client, raw, in_pieces)
            assert [client.read_response().status for _ in range(2)] == [200, 200]
        assert [request.target for request in target.requests] == ["/first", "/second"]
        assert target.requests[0].body == body
        target.requests.clear()


@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.1\r\nHost: $H\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\nHost: $H\r\n\r\n"],
    ids=["H1-CLOSE close", "H1-CLOSE HTTP/1.0"],
)
@pytest.mark.parametrize(
    "rest", [SMUGGLED, b"\0\xff" * 5000, b"\r\n", b"GET /"], ids=["request", "junk", "line", "half"]
)
def test_what_follows_the_last_request_is_nothing(door, target, canary, first, rest):
    raw = (first + rest).replace(b"$H", target.host.encode())
    for in_pieces in ways(raw):
        with door.connect() as client:
            say(client, raw, in_pieces)
            assert client.read_response().body == b"ok"
            client.assert_closed()
        assert [request.target for request in target.requests] == ["/"]
        target.requests.clear()


def test_http_2_without_alpn_is_no_request(edge, target):
    """H1-FORM, H2-UPG: over TLS only ALPN chooses HTTP/2; its preface is a request of a version nobody serves."""
    with edge.connect(tls=True) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        assert client.read_response().edge_reason == "unsupported_version"
        client.assert_closed()
    assert target.requests == []


def test_an_unfinished_request_is_never_finished_by_the_end_of_the_connection(door, target, canary):
    """H1-CL, H1-CHUNK: at every byte of a request with a body its client is gone; no half of it becomes a whole."""
    for body in (
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    ):
        raw = b"PUT / HTTP/1.1\r\nHost: %s\r\n%s" % (target.host.encode(), body)
        for size in range(1, len(raw)):
            with door.connect() as client:
                client.send(raw[:size])
                client.half_close()
                try:
                    assert client.read_response().status in (400, 502)
                except ConnectionEnded as end:
                    assert end.partial == b""
        assert_nothing_arrived(door, target)
