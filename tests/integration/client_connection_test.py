"""A client connection and its requests, one after another (contract 5, hardening H1-PIPE, H1-CLOSE, H1-ERR)."""

import pytest

from support.edge import is_sanitized
from support.raw_sandbox import OK


def test_requests_follow_one_another_on_one_connection(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/1"))
        upstream = sandbox.accept()
        upstream.answer()
        assert client.read_response().body == b"ok"
        client.send(sandbox.request("GET", "/2"))
        assert upstream.answer().target == "/2"
        assert client.read_response().body == b"ok"


def test_pipelined_requests_are_answered_in_order_one_in_flight(door, sandbox):
    with door.connect() as client:
        client.send(*(sandbox.request("GET", f"/{n}") for n in range(20)))
        upstream = sandbox.accept()
        for number in range(20):
            assert upstream.read_request().target == f"/{number}"
            upstream.assert_open()  # the next waits for this answer
            body = b"answer %d" % number
            upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)
        assert [client.read_response().body for _ in range(20)] == [b"answer %d" % n for n in range(20)]


def test_a_request_pipelined_behind_a_body_is_not_part_of_it(door, sandbox):
    with door.connect() as client:
        client.send(
            sandbox.request("POST", "/1", "Transfer-Encoding: chunked", body=b"1\r\na\r\n0\r\n\r\n"),
            sandbox.request("POST", "/2", "Content-Length: 1", body=b"b"),
            sandbox.request("GET", "/3"),
        )
        upstream = sandbox.accept()
        got = [(one.target, one.body) for one in (upstream.answer(), upstream.answer(), upstream.answer())]
        assert got == [("/1", b"a"), ("/2", b"b"), ("/3", b"")]
        assert [client.read_response().status for _ in range(3)] == [200] * 3


def test_a_refusal_among_pipelined_requests_keeps_the_order(door, sandbox):
    with door.connect() as client:
        client.send(
            sandbox.request("GET", "/1"),
            sandbox.request("GET", "/", host="80-nobody.sandbox.test"),
            sandbox.request("GET", "/3"),
        )
        upstream = sandbox.accept()
        upstream.answer()
        assert upstream.answer().target == "/3"
        assert [client.read_response().status for _ in range(3)] == [200, 502, 200]


@pytest.mark.parametrize(
    "version, fields, stays_open",
    [
        ("1.1", [], True),
        ("1.1", ["Connection: close"], False),
        ("1.0", [], False),
        ("1.0", ["Connection: keep-alive"], None),  # may be either; the response says which
    ],
)
def test_whether_the_connection_ends_is_as_the_client_wished(door, sandbox, version, fields, stays_open):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", *fields).replace(b"HTTP/1.1", b"HTTP/" + version.encode()))
        upstream = sandbox.accept()
        assert upstream.answer().value("connection") in (None, "keep-alive")
        response = client.read_response()
        assert response.body == b"ok"
        if stays_open is None:
            stays_open = response.value("connection") == "keep-alive"
        if stays_open:
            client.send(sandbox.request("GET", "/again"))
            assert upstream.answer().target == "/again"
            assert client.read_response().body == b"ok"
        else:
            client.assert_closed()


def test_what_comes_after_connection_close_is_ignored(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", "Connection: close"), sandbox.request("GET", "/ignored"))
        upstream = sandbox.accept()
        upstream.answer()
        assert client.read_response().value("connection") == "close"
        client.assert_closed()
        assert not upstream.has_input() or upstream.read_until_gone() == b""
    sandbox.assert_untouched()


def test_nothing_after_a_malformed_request_is_parsed(door, sandbox):
    with door.connect() as client:
        client.send(b"GET / HTTP/1.1\nHost: x\n\n", sandbox.request("GET", "/smuggled"))
        assert client.read_response().status == 400
        client.assert_closed()
    sandbox.assert_untouched()


def test_one_connection_carries_several_sandboxes(door, sandbox, service):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/a"), service.request("GET", "/b"), sandbox.request("GET", "/c"))
        upstream = sandbox.accept()
        assert upstream.answer().target == "/a" and upstream.answer().target == "/c"
        assert [client.read_response().status for _ in range(3)] == [200] * 3
    assert [one.target for one in service.requests] == ["/b"]


def test_a_request_cut_into_single_bytes_is_the_same_request(door, sandbox):
    with door.connect() as client:
        for byte in sandbox.request("POST", "/slowly", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"):
            client.send(bytes([byte]))
        forwarded = sandbox.accept().answer()
        assert (forwarded.target, forwarded.body) == ("/slowly", b"abc")
        assert client.read_response().status == 200


def test_a_client_that_only_half_closes_still_gets_its_answer(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        client.half_close()
        upstream = sandbox.accept()
        upstream.read_request()
        upstream.send(OK)
        assert client.read_response().body == b"ok"
        client.assert_closed()


def test_a_client_that_connects_and_leaves_leaves_no_trace_in_the_log(make_edge):
    edge = make_edge()
    for tls in (False, True):
        edge.connect(tls=tls).close()
    with edge.connect() as client:
        response = client.ask(b"GET / HTTP/1.1\r\nHost: 1-nobody.sandbox.test\r\n\r\n")
    edge.log_line(request_id=response.value("x-request-id"))
    assert len(edge.log) == 1


def test_over_tls_a_client_that_closes_is_gone_and_the_sandbox_hears_of_it(edge, sandbox):
    with edge.connect(tls=True) as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_request()
        client.close()
        upstream.assert_closed()


def test_a_response_of_a_megabyte_arrives_whole(door, sandbox):
    content = bytes(range(256)) * 4096
    with door.connect() as client:
        client.send(sandbox.request())
        sandbox.accept().answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))
        assert client.read_response().body == content


def test_a_megabyte_of_pipelined_requests_is_not_kept(door, edge, sandbox):
    """H1-PIPE: what waits behind the one in flight stays in the client's socket."""
    with door.connect() as client:
        client.send(sandbox.request("GET", "/first"))
        upstream = sandbox.accept()
        upstream.read_request()
        before = edge.resident_kibibytes()
        client.stream.socket.settimeout(1)
        try:
            for _ in range(64):
                client.send(sandbox.request("GET", "/next") * (16384 // len(sandbox.request("GET", "/next"))))
        except TimeoutError:
            pass
        if not is_sanitized():
            assert edge.resident_kibibytes() - before < 512
        upstream.assert_open()


@pytest.mark.parametrize("size", [0, 1, 60_000])
def test_a_refusal_is_seen_however_much_was_sent_behind_it(door, sandbox, size):
    """H1-ERR: the edge finishes its side and takes what is on its way, so that no reset overtakes the answer."""
    with door.connect() as client:
        client.send(sandbox.request("BAD(", "/"), b"x" * size)
        assert client.read_response().status == 400
        assert client.read_to_end() == b"", "closed without a reset"
