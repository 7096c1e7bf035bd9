"""What a hostile sandbox may answer over HTTP/1.1, in one table (hardening 1.2; the ids are the checklist's).

Each row is said in one write and again byte by byte, to clients of both protocols, with another response behind it that
nobody asked for. After it the same sandbox is asked again and another one too: each answer is its own, and never that
other response. The edge's page for what is no response is what it always is.
"""

import pytest

from support.askers import WAYS_IN, Asker
from support.raw_sandbox import OK

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
OK_LINE = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_LINE + b"Transfer-Encoding: chunked\r\n\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"


def status(line: bytes) -> bytes:
    return line + b"\r\n" + TWO


def fields(*lines: bytes, body: bytes = b"ok") -> bytes:
    return OK_LINE + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def rows(row: str, table: dict) -> dict:
    return {f"{row} {name}": raw for name, raw in table.items()}


LENGTHS = (b"+2", b"-2", b"0x2", b"2.0", b"2 2", b"2,2", b"2, 2", b"2;", b"", b"two", b"9223372036854775808")
CODINGS = (
    b"gzip",
    b"identity",
    b"chunked, gzip",
    b"gzip, chunked",
    b"chunked, chunked",
    b"xchunked",
    b"",
    b"chunked;q=1",
)
STATUS_LINES = (
    *(b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 Low", b"HTTP/1.1 600 High", b"HTTP/1.1 000 Zero"),
    *(b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"HTTP/1.2 200 OK", b"HTTP/1.10 200 OK", b"http/1.1 200 OK", b"HTTP/1.1"),
    *(b" HTTP/1.1 200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b"HTTP/1.1 200OK", b"HTTP/1.1 2x0 OK", b"200 OK"),
    *(b"HTTP/1.1 +20 OK", b"HTTP/1.1 200 a\rb", b"HTTP/1.1 200 a\0b", b"HTTP/1.1 200 a\x7fb", b"\r\nHTTP/1.1 200 OK"),
    *(b"ICY 200 OK", b"<html>hello", b"SSH-2.0-OpenSSH_9.2", b"\x15\x03\x01\x00\x02\x02\x50"),
)
#: No response at all: the edge's own 502.
INVALID = {
    **rows("R-FRAME", {f"a length of {value!r}": fields(b"Content-Length: " + value) for value in LENGTHS}),
    **rows("R-FRAME", {f"a coding of {value!r}": fields(b"Transfer-Encoding: " + value) for value in CODINGS}),
    **rows("R-FRAME", {f"the line {line!r}": status(line) for line in STATUS_LINES}),
    **rows(
        "R-FRAME",
        {
            "two lengths": fields(b"Content-Length: 2", b"Content-Length: 3"),
            "a length and a coding": fields(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
            "a coding and a length": fields(b"Transfer-Encoding: chunked", b"Content-Length: 2"),
            "a coding twice": fields(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
            "a coding in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
            "LF everywhere": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
            "LF after a field": b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\r\n\r\nok",
            "LF for the blank line": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok",
            "CR in a value": fields(b"X: a\rb", b"Content-Length: 2"),
            "NUL in a value": fields(b"X: a\0b", b"Content-Length: 2"),
            "NUL in a name": fields(b"X\0: b", b"Content-Length: 2"),
            "no colon": fields(b"X", b"Content-Length: 2"),
            "no name": fields(b": x", b"Content-Length: 2"),
            "a space before the colon": fields(b"Content-Length : 2"),
            "a folded line": fields(b"X: y", b" z", b"Content-Length: 2"),
            "a first line that is folded": fields(b" X: y", b"Content-Length: 2"),
            "a high byte in a name": fields(b"X\x85: y", b"Content-Length: 2"),
        },
    ),
    **rows(
        "R-1XX",
        {
            "seventeen": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 17 + OK,
            "more than 16 KiB": (b"HTTP/1.1 103 Early Hints\r\nX: " + b"x" * 6000 + b"\r\n\r\n") * 3 + OK,
            "a malformed one": b"HTTP/1.1 103 Early\r\nX : y\r\n\r\n" + OK,
            "a 101 nobody asked for": b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            "a 101 after another": b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        },
    ),
    **rows(
        "R-BOMB",
        {
            "201 fields": fields(*[b"a: b"] * 201, b"Content-Length: 2"),
            "a head of 70 KiB": fields(b"X: " + b"x" * 70_000, b"Content-Length: 2"),
            "a name of 70 KiB": fields(b"x" * 70_000 + b": y", b"Content-Length: 2"),
            "a reason of 70 KiB": status(b"HTTP/1.1 200 " + b"x" * 70_000),
        },
    ),
}
#: A head, then what cannot be its body: the client must see that it is not whole.
TRUNCATED = rows(
    "R-TRUNC",
    {
        "no chunk size": CHUNKED + b"2\r\nok\r\n\r\n",
        **{f"a size of {s!r}": CHUNKED + s + b"\r\nok\r\n" for s in (b"0x2", b"+2", b"-2", b" 2", b"2 ", b"x", b"2\t")},
        "a size of 2^64": CHUNKED + b"10000000000000000\r\nok\r\n",
        "a size of 2^64-1": CHUNKED + b"ffffffffffffffff\r\nok\r\n",
        "LF behind the size": CHUNKED + b"2\nok\r\n0\r\n\r\n",
        "CR in an extension": CHUNKED + b"2;a\rb\r\nok\r\n0\r\n\r\n",
        "an extension too long": CHUNKED + b"2;" + b"x" * 300 + b"\r\nok\r\n0\r\n\r\n",
        "data and more": CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
        "data and LF": CHUNKED + b"2\r\nok\n0\r\n\r\n",
        "a trailer without a colon": CHUNKED + b"2\r\nok\r\n0\r\nx\r\n\r\n",
        "a trailer with a space before the colon": CHUNKED + b"0\r\nx : y\r\n\r\n",
        "a folded trailer": CHUNKED + b"0\r\nx: y\r\n z\r\n\r\n",
        "NUL in a trailer": CHUNKED + b"0\r\nx: \0\r\n\r\n",
    },
) | rows(
    "R-BOMB",
    {
        "201 trailers": CHUNKED + b"0\r\n" + b"a: b\r\n" * 201 + b"\r\n",
        "trailers of 70 KiB": CHUNKED + b"0\r\nx: " + b"x" * 70_000 + b"\r\n\r\n",
    },
)
#: Whole, and what follows is another message: nobody gets that. Method, response, status, body.
WHOLE = {
    "R-EXTRA behind a length": ("POST", fields(b"Content-Length: 2"), 200, b"ok"),
    "R-EXTRA behind chunks": ("POST", CHUNKED + b"2\r\nok\r\n0\r\n\r\n", 200, b"ok"),
    "R-EXTRA behind trailers": ("POST", CHUNKED + b"2\r\nok\r\n0\r\nX: y\r\n\r\n", 200, b"ok"),
    "R-EXTRA behind no content": ("POST", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
    "R-NOBODY HEAD with a body": ("HEAD", fields(b"Content-Length: 2"), 200, b""),
    "R-NOBODY HEAD with chunks": ("HEAD", CHUNKED + b"2\r\nok\r\n0\r\n\r\n", 200, b""),
    "R-NOBODY HEAD without framing": ("HEAD", OK_LINE + b"\r\nok", 200, b""),
    "R-NOBODY 204 with a body": ("POST", b"HTTP/1.1 204 No Content\r\n" + TWO, 204, b""),
    "R-NOBODY 204 with chunks": ("POST", CHUNKED.replace(b"200 OK", b"204 None") + b"2\r\nok\r\n0\r\n\r\n", 204, b""),
    "R-NOBODY 304 with a body": ("GET", b"HTTP/1.1 304 Not Modified\r\n" + TWO, 304, b""),
    "R-NOBODY an interim one with a length": ("POST", b"HTTP/1.1 103 E\r\nContent-Length: 5\r\n\r\n" + OK, 200, b"ok"),
    "R-NOBODY an interim one with a coding": (
        "POST",
        b"HTTP/1.1 103 E\r\nTransfer-Encoding: chunked\r\n\r\n" + OK,
        200,
        b"ok",
    ),
    "R-1XX sixteen": ("POST", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 16 + OK, 200, b"ok"),
    "R-1XX unknown ones": ("POST", b"HTTP/1.1 199 X\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + OK, 200, b"ok"),
    "R-HBH close": ("POST", fields(b"Connection: close, X-Hop", b"X-Hop: 1", b"Content-Length: 2"), 200, b"ok"),
    "R-HBH an upgrade in a 200": (
        "POST",
        fields(b"Connection: upgrade", b"Upgrade: h2c", b"Content-Length: 2"),
        200,
        b"ok",
    ),
}
INERT = (
    *(
        "X-Accel-Redirect: /evil",
        "X-Accel-Buffering: no",
        "X-Accel-Limit-Rate: 1",
        "X-Accel-Expires: 9",
        "X-Sendfile: /x",
    ),
    *(
        "X-LiteSpeed-Location: /evil",
        "X-Reproxy-URL: http://evil.test/",
        "Refresh: 0",
        "X-Cache-Tags: x",
        "Surrogate-Control: x",
    ),
)


@pytest.fixture(params=WAYS_IN)
def asker(request, edge):
    return lambda: Asker(edge, request.param)


def say(upstream, raw: bytes, in_pieces: bool) -> None:
    """A sandbox the edge has cut off need not be heard out."""
    upstream.read_request()
    try:
        for piece in [raw[i : i + 1] for i in range(len(raw))] if in_pieces else [raw]:
            upstream.send(piece)
    except OSError:
        pass


def play(asker, sandbox, raw: bytes, in_pieces: bool, method: str = "POST"):
    """The outcome of one exchange, and the sandbox's connection."""
    with asker() as client:
        client.send(sandbox, method)
        upstream = sandbox.accept()
        say(upstream, raw + POISON, in_pieces)
        return client.outcome(), upstream


def assert_others_are_served(asker, sandbox, service) -> None:
    """The next one is answered by what is said for it, and another's sandbox by its own."""
    with asker() as client:
        client.send(sandbox)
        sandbox.accept().answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnext")
        assert client.outcome().body == b"next"
    with asker() as client:
        client.send(service)
        assert client.outcome().body == b"ok"


def ways(raw: bytes) -> list:
    return [False, True] if len(raw) < 500 else [False]


@pytest.mark.parametrize("row", INVALID)
def test_it_is_no_response_and_the_edge_says_so(asker, sandbox, service, row):
    for in_pieces in ways(INVALID[row]):
        outcome, upstream = play(asker, sandbox, INVALID[row], in_pieces)
        assert (outcome.status, outcome.reason, outcome.is_whole) == (502, "response_invalid", True)
        assert outcome.body == (
            b'{"sandboxId":"%s","message":"The service in the sandbox sent an invalid response","port":%d,"code":502}'
            % (sandbox.id.encode(), sandbox.port)
        )
        upstream.read_until_gone()
        assert_others_are_served(asker, sandbox, service)


@pytest.mark.parametrize("row", TRUNCATED)
def test_a_body_that_is_none_never_looks_whole(asker, sandbox, service, row):
    for in_pieces in ways(TRUNCATED[row]):
        outcome, upstream = play(asker, sandbox, TRUNCATED[row], in_pieces)
        assert not outcome.is_whole or outcome.reason == "response_invalid", outcome
        assert outcome.reason or b"ok".startswith(outcome.body[:2]), "nothing of what follows is part of it"
        upstream.read_until_gone()
        assert_others_are_served(asker, sandbox, service)


@pytest.mark.parametrize("row", WHOLE)
def test_what_follows_a_response_is_nobodys(asker, sandbox, service, row):
    method, raw, expected, body = WHOLE[row]
    for in_pieces in ways(raw):
        outcome, upstream = play(asker, sandbox, raw, in_pieces, method)
        assert (outcome.status, outcome.body, outcome.is_whole, outcome.reason) == (expected, body, True, None)
        assert not {"x-hop", "upgrade", "keep-alive"} & outcome.names()
        upstream.read_until_gone()
        assert_others_are_served(asker, sandbox, service)


@pytest.mark.parametrize("field", INERT, ids=[f"R-INERT {field}" for field in INERT])
def test_no_field_steers_the_edge(asker, sandbox, service, field):
    raw = fields(field.encode(), b'Alt-Svc: h3=":443"', b"X-Sandgate-Reason: forged", b"Content-Length: 2")
    outcome, _ = play(asker, sandbox, raw, False)
    assert (outcome.status, outcome.body, outcome.is_whole, outcome.reason) == (200, b"ok", True, None)
    assert "alt-svc" not in outcome.names()
    assert_others_are_served(asker, sandbox, service)


def test_a_body_without_a_length_ends_with_a_fin_and_with_nothing_else(asker, sandbox, service):
    """R-CLOSEDELIM: what follows in the same connection is part of it, a reset is no end."""
    for end in ("close", "reset"):
        with asker() as client:
            client.send(sandbox)
            upstream = sandbox.accept()
            say(upstream, b"HTTP/1.0 200 OK\r\n\r\nold" + OK, False)
            getattr(upstream, end)()
            outcome = client.outcome()
            assert outcome.is_whole == (end == "close") or outcome.reason, outcome
            assert end == "reset" or outcome.body == b"old" + OK
        assert_others_are_served(asker, sandbox, service)
