"""Request bodies: framing is kept, bytes go on as they come, nothing is buffered whole.

Contract 5, hardening H1-BODY and H1-100.
"""

import threading

import pytest

from support.edge import is_sanitized
from support.patience import eventually
from support.raw_client import ConnectionEnded
from support.raw_sandbox import OK

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def test_a_body_with_content_length_arrives_as_one(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", "Content-Length: 5", body=b"hello"))
        forwarded = sandbox.accept().answer()
        assert (forwarded.content_length, forwarded.body) == (5, b"hello")
        assert client.read_response().status == 200


def test_content_length_zero_is_kept(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", "Content-Length: 0"))
        assert sandbox.accept().answer().value("content-length") == "0"
        assert client.read_response().status == 200


def test_a_post_without_a_body_has_no_framing_made_up(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/"))
        forwarded = sandbox.accept().answer()
        assert not {"transfer-encoding"} & set(forwarded.names()) and forwarded.value("content-length") in (None, "0")
        assert client.read_response().status == 200


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_a_body_on_any_method_keeps_its_framing(door, sandbox, method):
    with door.connect() as client:
        client.send(sandbox.request(method, "/", "Content-Length: 3", body=b"abc"))
        assert sandbox.accept().answer().body == b"abc"
        assert client.read_response().status == 200


def test_a_chunked_body_arrives_chunked_with_extensions_gone(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", CHUNKED, body=b"3;a=b\r\nfoo\r\n003\r\nbar\r\n0\r\n\r\n"))
        forwarded = sandbox.accept().answer()
        assert forwarded.is_chunked and forwarded.content_length is None
        assert (forwarded.body, forwarded.trailers) == (b"foobar", [])
        assert client.read_response().status == 200


def test_request_trailers_stay_trailers(door, sandbox):
    with door.connect() as client:
        client.send(
            sandbox.request(
                "POST", "/", CHUNKED, "Trailer: X-Sum", body=b"1\r\na\r\n0\r\nX-Sum: 7\r\nX-Other: b\r\n\r\n"
            )
        )
        forwarded = sandbox.accept().answer()
        assert forwarded.trailers == [("X-Sum", "7"), ("X-Other", "b")]
        assert "x-sum" not in forwarded.names()
        assert client.read_response().status == 200


@pytest.mark.parametrize(
    "trailer",
    [
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"Host: evil.test",
        b"Authorization: x",
        b"E2b-Traffic-Access-Token: x",
        b"X-Forwarded-For: 6.6.6.6",
        b"E2b-Sandbox-Id: other",
    ],
)
def test_a_trailer_that_would_steer_is_refused_and_the_sandbox_sees_no_end(door, sandbox, trailer):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", CHUNKED, body=b"1\r\na\r\n0\r\n" + trailer + b"\r\n\r\n"))
        upstream = sandbox.accept()
        upstream.read_head()
        assert b"0\r\n\r\n" not in upstream.read_until_gone()
        response = client.read_response()
        assert (response.status, response.edge_reason) == (400, "bad_request")
        client.assert_closed()


@pytest.mark.parametrize("rest", [b"zz\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\nhello\r\n", b"-1\r\n\r\n"])
def test_a_body_that_turns_out_malformed_aborts_the_exchange(door, sandbox, rest):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", CHUNKED, body=b"3\r\nabc\r\n"))
        upstream = sandbox.accept()
        upstream.read_head()
        assert upstream.read_chunk() == b"abc"
        client.send(rest)
        assert b"0\r\n\r\n" not in upstream.read_until_gone()
        assert client.read_response().status == 400
        client.assert_closed()


@pytest.mark.parametrize(
    "framing, wire",
    [
        ("Content-Length: 6", (b"one", b"two")),
        (CHUNKED, (b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n")),
    ],
    ids=["length", "chunked"],
)
def test_body_bytes_reach_the_sandbox_before_the_client_sent_the_rest(door, sandbox, framing, wire):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", framing))
        upstream = sandbox.accept()
        forwarded = upstream.read_head()
        for part, content in zip(wire, (b"one", b"two")):
            client.send(part)
            if forwarded.is_chunked:
                assert upstream.read_body_bytes(3) == content
            else:
                assert upstream.read_exactly(3) == content
        upstream.send(OK)
        assert client.read_response().status == 200


def test_expect_100_continue_goes_end_to_end(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("PUT", "/", "Content-Length: 5", "Expect: 100-continue"))
        upstream = sandbox.accept()
        assert upstream.read_head().value("expect").lower() == "100-continue"
        upstream.assert_open()
        client.assert_still_open()  # the edge does not answer 100 by itself
        upstream.send(CONTINUE)
        assert client.read_head().status == 100
        client.send(b"hello")
        assert upstream.read_exactly(5) == b"hello"
        upstream.send(OK)
        assert client.read_response().body == b"ok"


def test_a_final_answer_instead_of_100_is_passed_on_and_the_body_never_asked_for(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("PUT", "/", "Content-Length: 5", "Expect: 100-continue"))
        upstream = sandbox.accept()
        upstream.read_head()
        upstream.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        response = client.read_response()
        assert (response.status, response.interims) == (413, [])
        client.assert_closed()  # the edge cannot know whether the body still comes
        upstream.assert_closed()


def test_expect_in_http_1_0_is_ignored(door, sandbox):
    with door.connect() as client:
        client.send(
            sandbox.request("PUT", "/", "Content-Length: 5", "Expect: 100-continue", body=b"hello").replace(
                b"HTTP/1.1", b"HTTP/1.0"
            )
        )
        forwarded = sandbox.accept().answer()
        assert forwarded.body == b"hello" and forwarded.value("expect") is None
        assert client.read_response().interims == []


def test_an_early_response_reaches_the_client_while_it_uploads(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", "Content-Length: 1000000", body=b"x" * 1000))
        upstream = sandbox.accept()
        upstream.read_head()
        upstream.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop")
        response = client.read_response()
        assert (response.status, response.body) == (403, b"stop")
        upstream.close()


def test_the_rest_of_a_body_after_an_early_response_is_never_read_as_a_request(door, sandbox):
    """The edge may take the rest or close; what it may not do is to route it."""
    smuggled = sandbox.request("GET", "/smuggled")
    with door.connect() as client:
        client.send(sandbox.request("POST", "/first", f"Content-Length: {len(smuggled)}"))
        upstream = sandbox.accept()
        upstream.read_head()
        upstream.send(OK)
        assert client.read_response().status == 200
        try:
            client.send(smuggled, sandbox.request("GET", "/honest"))
            eventually(lambda: client.has_input() or sandbox.has_connection(), "a close or the next request")
        except OSError:
            return  # closed, which is as good
        if sandbox.has_connection():
            assert sandbox.accept().answer().target == "/honest"
            assert client.read_response().status == 200
        else:
            client.assert_closed()


def test_a_client_that_dies_in_the_middle_of_its_upload_is_a_close_for_the_sandbox(door, edge, sandbox):
    client = door.connect()
    client.send(
        sandbox.request("POST", "/", "Content-Length: 100", "x-request-id: dying-" + door.scheme, body=b"x" * 10)
    )
    upstream = sandbox.accept()
    upstream.read_head()
    assert upstream.read_exactly(10) == b"x" * 10
    client.reset()
    assert upstream.read_until_gone() == b""
    line = edge.log_line(request_id="dying-" + door.scheme)
    assert (line["reason"], line["blame"], line["status"]) == ("client_closed", "client", None)


def test_a_chunked_upload_cut_off_by_the_client_never_looks_complete(door, sandbox):
    client = door.connect()
    client.send(sandbox.request("POST", "/", CHUNKED, body=b"3\r\nabc\r\n"))
    upstream = sandbox.accept()
    upstream.read_head()
    assert upstream.read_chunk() == b"abc"
    client.close()
    assert b"0\r\n" not in upstream.read_until_gone()


def push_until_blocked(client, piece: bytes, most: int) -> int:
    """Sends until the peer takes no more, or `most` bytes went."""
    client.stream.socket.settimeout(1)
    sent = 0
    try:
        while sent < most:
            client.send(piece)
            sent += len(piece)
    except TimeoutError:
        pass
    return sent


def test_a_sandbox_that_never_reads_stops_the_client(door, edge, sandbox):
    piece = b"x" * 65536
    before = edge.resident_kibibytes()
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", f"Content-Length: {1 << 30}"))
        sandbox.accept()
        sent = push_until_blocked(client, piece, 64 << 20)
        assert sent < 32 << 20, "the edge went on reading what nobody takes"
        if not is_sanitized():
            assert edge.resident_kibibytes() - before < 4096
        client.reset()


def test_a_client_that_never_reads_stops_the_sandbox(door, edge, sandbox):
    before = edge.resident_kibibytes()
    with door.connect(receive_buffer=65536) as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_head()
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
        sent = push_until_blocked(upstream, b"x" * 65536, 64 << 20)
        assert sent < 32 << 20, "the edge went on reading what nobody takes"
        if not is_sanitized():
            assert edge.resident_kibibytes() - before < 4096
        client.reset()
        with pytest.raises((OSError, ConnectionEnded)):
            eventually(lambda: upstream.send(b"x" * 65536), "the sandbox's connection to be closed")


def test_a_slow_reader_gets_every_byte(door, sandbox):
    content = bytes(range(256)) * 4096
    with door.connect(receive_buffer=4096) as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.read_head()
        writer = threading.Thread(
            target=upstream.send, args=(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content), content)
        )
        writer.start()
        assert client.read_response().body == content
        writer.join()


def test_a_client_that_resets_an_upload_nobody_reads_is_noticed_at_once(door, edge, sandbox):
    """The relay waits for the sandbox then, not for the client."""
    with door.connect() as client:
        client.send(sandbox.request("POST", "/", "Content-Length: 1000000000", f"X-Request-Id: unread-{door.scheme}"))
        upstream = sandbox.accept()
        upstream.read_head()
        client.stream.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                client.send(bytes(65536))
        client.reset()
        assert edge.log_line(request_id=f"unread-{door.scheme}")["reason"] == "client_closed"
        upstream.read_until_gone()
