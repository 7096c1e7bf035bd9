"""Sandboxes that leave at any byte, that never end, drip or hold still, to clients of both protocols (hardening 1.2, 1.9).

Whatever one does, a client never takes half an answer for a whole one, nobody gets another's bytes, the edge keeps
little, and another sandbox is served meanwhile.
"""

import threading

import pytest

from support.askers import WAYS_IN, Asker
from support.edge import is_sanitized
from support.raw_sandbox import OK

EDGE_CONFIG = {"timeouts": {"stream_idle": "2s", "client_write": "2s"}}

LENGTH = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\nyou\r\n0\r\nX-Sum: 1\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BODILESS = b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 5\r\n\r\n'
OPEN_ENDED = b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello"
#: The response, its body, and where its body begins.
RESPONSES = {
    "a length": (LENGTH, b"hello", LENGTH.index(b"hello")),
    "chunks": (CHUNKS, b"helloyou", CHUNKS.index(b"5;a=b")),
    "an interim one": (INTERIM, b"hello", INTERIM.index(b"hello")),
    "no body": (BODILESS, b"", len(BODILESS)),
    "no length": (OPEN_ENDED, b"hello", OPEN_ENDED.index(b"hello")),
}


@pytest.fixture(params=WAYS_IN)
def asker(request, edge):
    return lambda: Asker(edge, request.param)


def assert_served(asker, sandbox) -> None:
    with asker() as client:
        client.send(sandbox)
        assert client.outcome().body == b"ok"


def assert_next_is_its_own(asker, sandbox) -> None:
    with asker() as client:
        client.send(sandbox)
        sandbox.accept().answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnext")
        assert client.outcome().body == b"next"


def leave_after(asker, sandbox, part: bytes, end: str):
    with asker() as client:
        client.send(sandbox)
        upstream = sandbox.accept()
        upstream.read_request()
        upstream.send(part)
        getattr(upstream, end)()
        return client.outcome()


@pytest.mark.parametrize("kind", RESPONSES)
def test_a_sandbox_that_closes_at_any_byte(asker, sandbox, service, kind):
    """R-TRUNC, R-CLOSEDELIM: in the head, in a chunk line, in the trailers: never whole, unless it was."""
    response, body, body_begin = RESPONSES[kind]
    for size in range(len(response) + 1):
        outcome = leave_after(asker, sandbox, response[:size], "close")
        if size < body_begin:
            assert (outcome.status, outcome.is_whole) == (502, True), (size, outcome)
            assert outcome.reason in ("sandbox_reset", "response_invalid"), (size, outcome)
            continue
        is_all = size == len(response) or kind == "no length"
        assert (outcome.reason, outcome.is_whole) == (None, is_all), (size, outcome)
        assert body.startswith(outcome.body) and (len(outcome.body) == len(body) or size < len(response)), outcome
    assert_next_is_its_own(asker, sandbox)
    assert_served(asker, service)


@pytest.mark.parametrize("kind", RESPONSES)
def test_a_sandbox_that_resets_at_any_byte(asker, sandbox, service, kind):
    """R-TRUNC, R-CLOSEDELIM: as above, but a reset may take bytes with it that were on their way."""
    response, body, body_begin = RESPONSES[kind]
    for size in range(len(response) + 1):
        outcome = leave_after(asker, sandbox, response[:size], "reset")
        if outcome.reason:
            assert outcome.status == 502 and outcome.reason in ("sandbox_reset", "response_invalid"), (size, outcome)
            continue
        assert size >= body_begin and body.startswith(outcome.body), (size, outcome)
        may_be_all = size == len(response) and kind != "no length"
        assert may_be_all or not outcome.is_whole, (size, outcome)
    assert_next_is_its_own(asker, sandbox)
    assert_served(asker, service)


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "R-BOMB a head": (HEAD, b"X-Field: and its value\r\n" * 40),
    "R-BOMB a field": (HEAD + b"X: ", b"x" * 1000),
    "R-BOMB a status line": (b"HTTP/1.1 200 ", b"x" * 1000),
    "R-1XX interim responses": (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 30),
    "R-1XX continues": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
    "R-BOMB trailers": (CHUNKED + b"2\r\nok\r\n0\r\n", b"X-Field: and its value\r\n" * 40),
    "R-BOMB a trailer": (CHUNKED + b"2\r\nok\r\n0\r\nX: ", b"x" * 1000),
    "R-BOMB a chunk's extension": (CHUNKED + b"2;", b"x" * 1000),
    "R-BOMB a chunk's size": (CHUNKED, b"0" * 1000),
}


def pour(upstream, more: bytes, most: int = 8 << 20) -> None:
    """Says it again and again until the edge has had enough."""
    for _ in range(most // len(more)):
        try:
            upstream.send(more)
        except OSError:
            return
    raise AssertionError("the edge took eight megabytes of what never ends")


@pytest.mark.parametrize("row", ENDLESS)
def test_what_never_ends_is_ended(asker, edge, sandbox, service, row):
    begin, more = ENDLESS[row]
    assert_served(asker, service)
    before = edge.resident_kibibytes()
    with asker() as client:
        client.send(sandbox)
        upstream = sandbox.accept()
        upstream.read_request()
        upstream.send(begin)
        pour(upstream, more)
        outcome = client.outcome()
        assert outcome.reason == "response_invalid" or not outcome.is_whole, outcome
        assert outcome.reason or outcome.body in (b"ok", b""), outcome
    if not is_sanitized():
        assert edge.resident_kibibytes() - before < 1024
    assert_next_is_its_own(asker, sandbox)
    assert_served(asker, service)


@pytest.mark.parametrize("response", [LENGTH, CHUNKS], ids=["R-FRAME length", "R-FRAME chunks"])
def test_a_sandbox_that_drips_is_heard_out_while_others_are_served(asker, sandbox, service, response):
    with asker() as client:
        client.send(sandbox)
        upstream = sandbox.accept()
        upstream.read_request()
        for at in range(len(response)):
            upstream.send(response[at : at + 1])
            if at % 40 == 0:
                assert_served(asker, service)
        outcome = client.outcome()
        assert (outcome.status, outcome.is_whole) == (200, True) and b"helloyou".startswith(outcome.body)


def test_a_sandbox_that_never_reads_and_never_answers_is_given_up(door, edge, sandbox, service):
    """R-TRUNC: nothing moves for stream_idle, in neither direction."""
    name = f"never-{door.scheme}"
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", "Content-Length: 100000000", f"x-request-id: {name}"))
        sandbox.accept()
        pushing = threading.Thread(target=push, args=(client,))
        pushing.start()
        with door.connect() as other:
            assert other.ask(service.request()).body == b"ok"
        pushing.join()
        assert edge.log_line(request_id=name)["reason"] == "stream_idle_timeout"
    with door.connect() as client:
        client.send(sandbox.request())
        sandbox.accept().answer()
        assert client.read_response().body == b"ok"


def push(client) -> None:
    """As much as is taken."""
    client.stream.socket.settimeout(1)
    try:
        while True:
            client.send(b"x" * 65536)
    except OSError:
        pass


@pytest.mark.parametrize("said", [OK[:30], OK + OK, b"x" * 70_000, b"\0"], ids=["half", "two", "much", "a byte"])
def test_what_an_idle_connection_says_is_nobodys(asker, sandbox, service, said):
    """R-EXTRA: bytes that come before anybody asked; the connection is not used again."""
    with asker() as client:
        client.send(sandbox)
        upstream = sandbox.accept()
        upstream.answer()
        assert client.outcome().body == b"ok"
    try:
        upstream.send(said)
    except OSError:
        pass
    upstream.read_until_gone()
    assert_next_is_its_own(asker, sandbox)
    assert_served(asker, service)
