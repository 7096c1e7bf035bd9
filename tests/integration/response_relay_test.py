"""What the client sees of a sandbox's response (contract 5): framing, interim responses, streaming, and what is taken out.

Hardening R-NOBODY, R-EXTRA, R-TRUNC, R-1XX, R-HBH, R-INERT, R-COOKIE, R-CLOSEDELIM one by one; the tables of what may go
wrong are response_anomalies_test and hostile_sandboxes_test.
"""

import pytest

from support.raw_client import ConnectionEnded


def respond(door, sandbox, response: bytes, *fields: str, method: str = "GET", close: bool = False):
    with door.connect() as client:
        client.send(sandbox.request(method, "/", *fields))
        upstream = sandbox.accept()
        upstream.answer(response)
        if close:
            upstream.close()
        return client.read_response(method)


def test_a_response_is_passed_on_with_order_and_repetition_of_fields(door, sandbox):
    response = respond(
        door, sandbox, b"HTTP/1.1 299 Odd Phrase\r\nX-B: 1\r\nX-A: 2\r\nX-B: 3\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert (response.status, response.body) == (299, b"hi")
    assert [field for field in response.fields if field[0].startswith("X-")] == [
        ("X-B", "1"),
        ("X-A", "2"),
        ("X-B", "3"),
    ]


def test_a_status_line_without_the_space_after_the_code_is_accepted(door, sandbox):
    assert respond(door, sandbox, b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").status == 200


def test_head_has_the_fields_of_a_body_and_none(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("HEAD"))
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        assert client.read_response("HEAD").content_length == 1000
        client.send(sandbox.request("GET", "/next"))
        assert upstream.answer().target == "/next"
        assert client.read_response().body == b"ok"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_a_response_that_cannot_have_a_body_has_none(door, sandbox, status):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 " + status + b'\r\nETag: "x"\r\n\r\n')
        response = client.read_response()
        assert response.value("etag") == '"x"' and not response.is_chunked
        client.send(sandbox.request("GET", "/next"))
        assert upstream.answer().target == "/next"
        assert client.read_response().body == b"ok"


def test_content_length_is_taken_out_of_a_204(door, sandbox):
    response = respond(door, sandbox, b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
    assert response.value("content-length") is None


def test_content_length_stays_in_a_304(door, sandbox):
    response = respond(door, sandbox, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n")
    assert response.content_length == 77


def test_excess_bytes_after_a_response_are_not_delivered_and_the_connection_is_not_used_again(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        )
        assert client.read_response().body == b"ok"
        upstream.assert_closed()
        client.send(sandbox.request("GET", "/next"))
        sandbox.accept().answer()
        assert client.read_response().body == b"ok"


def test_interim_responses_are_passed_on_in_order(door, sandbox):
    response = respond(
        door,
        sandbox,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    assert [(one.status, one.value("link")) for one in response.interims] == [(103, "</a.css>"), (102, None)]
    assert response.body == b"ok"


def test_an_interim_response_arrives_before_the_final_one_was_sent(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        assert client.read_head().status == 103
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert client.read_response().status == 200


def test_more_than_sixteen_interim_responses_are_a_fault_of_the_sandbox(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 17)
        response = client.read_response()
        assert (response.status, response.edge_reason) == (502, "response_invalid")


def test_interim_responses_are_kept_from_an_http_1_0_client(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request().replace(b"HTTP/1.1", b"HTTP/1.0"))
        sandbox.accept().answer(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        response = client.read_response()
        assert (response.status, response.interims) == (200, [])


def test_server_sent_events_arrive_one_by_one(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/events", "Accept: text/event-stream"))
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.read_head().is_chunked
        for number in range(20):
            event = b"data: %d\n\n" % number
            upstream.send(b"%x\r\n%s\r\n" % (len(event), event))
            assert client.read_body_bytes(len(event)) == event
        upstream.send(b"0\r\n\r\n")
        assert client.read_chunk() == b"" and client.read_trailers() == []


def test_the_head_arrives_before_any_body(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        assert client.read_head().status == 200
        upstream.send(b"hello")
        assert client.read_exactly(5) == b"hello"


def test_response_trailers_stay_trailers_and_steering_ones_are_dropped(door, sandbox):
    response = respond(
        door,
        sandbox,
        b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n",
        "TE: trailers",
    )
    assert (response.body, response.trailers) == (b"ok", [("X-Sum", "7")])


def test_a_close_delimited_body_becomes_chunked(door, sandbox):
    response = respond(door, sandbox, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it", close=True)
    assert response.is_chunked and response.body == b"all of it"


def test_an_http_1_0_sandbox_is_understood(door, sandbox):
    response = respond(door, sandbox, b"HTTP/1.0 200 OK\r\n\r\nold", close=True)
    assert (response.status, response.body) == (200, b"old")


def test_an_http_1_0_client_gets_a_chunked_body_until_the_close(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request().replace(b"HTTP/1.1", b"HTTP/1.0"))
        sandbox.accept().answer(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n3\r\nbar\r\n0\r\n\r\n"
        )
        response = client.read_response()
        assert not response.is_chunked and response.content_length is None
        assert response.body == b"foobar"


@pytest.mark.parametrize(
    "response, more",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", b"zz\r\n"),
    ],
    ids=["length", "chunked", "bad chunk"],
)
def test_a_truncated_body_is_visible_to_the_client(door, edge, sandbox, response, more):
    with door.connect() as client:
        client.send(sandbox.request("GET", "/", "Connection: x"))
        upstream = sandbox.accept()
        upstream.answer(response)
        head = client.read_head()
        upstream.send(more)
        upstream.close()
        with pytest.raises(ConnectionEnded):
            client.read_body_into(head)
    line = edge.log_line(request_id=head.value("x-request-id"))
    assert (line["status"], line["blame"]) == (200, "sandbox")


def test_a_truncated_body_is_no_proper_tls_end(edge, sandbox):
    with edge.connect(tls=True) as client:
        client.send(sandbox.request().replace(b"HTTP/1.1", b"HTTP/1.0"))
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n")
        client.read_through(b"short")
        upstream.reset()
        assert client.read_until_gone() == b""
        assert not client.stream.was_closed_properly, "an HTTP/1.0 client has nothing else to tell a truncated body by"


def test_a_reset_in_the_middle_of_a_close_delimited_body_is_a_truncation(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\n\r\npart")
        head = client.read_head()
        assert client.read_body_bytes(4) == b"part"
        upstream.reset()
        with pytest.raises(ConnectionEnded):
            client.read_body_into(head)


def test_what_belongs_to_the_hop_or_the_edge_is_taken_out(door, sandbox):
    response = respond(
        door,
        sandbox,
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        b'Proxy-Connection: close\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nAlt-Svc: h3=":443"\r\n'
        b"X-Sandgate-Reason: forged\r\nx-sandgate-anything: 1\r\nX-Accel-Redirect: /etc/passwd\r\nX-Stays: 1\r\n"
        b"Content-Length: 2\r\n\r\nok",
    )
    gone = {
        "x-hop",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "upgrade",
        "alt-svc",
        "x-sandgate-reason",
        "x-sandgate-anything",
    }
    assert not gone & set(response.names())
    assert (response.value("x-stays"), response.value("x-accel-redirect")) == ("1", "/etc/passwd")


def test_a_426_keeps_no_upgrade_the_edge_does_not_offer(door, sandbox):
    assert (
        respond(
            door,
            sandbox,
            b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Content-Length: 0\r\n\r\n",
        ).status
        == 426
    )


def test_a_cookie_for_all_sandboxes_becomes_one_for_this_host(door, sandbox):
    response = respond(
        door,
        sandbox,
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Domain=sandbox.test; Path=/\r\n"
        b"Set-Cookie: b=2; domain=.Sandbox.Test\r\nSet-Cookie: c=3; Domain=test; Secure\r\n"
        b"Set-Cookie: d=4; Domain="
        + sandbox.host.encode()
        + b"\r\nSet-Cookie: e=5; HttpOnly\r\nContent-Length: 0\r\n\r\n",
    )
    cookies = response.values("set-cookie")
    assert [cookie.partition(";")[0] for cookie in cookies] == ["a=1", "b=2", "c=3", "d=4", "e=5"]
    assert not any("domain" in cookie.lower() for cookie in cookies[:3])
    assert "Path=/" in cookies[0] and "Secure" in cookies[2]
    assert cookies[3] == f"d=4; Domain={sandbox.host}" and cookies[4] == "e=5; HttpOnly"


def test_connection_close_of_the_sandbox_is_for_that_hop_only(door, sandbox):
    with door.connect() as client:
        client.send(sandbox.request())
        sandbox.accept().answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        assert client.read_response().value("connection") in (None, "keep-alive")
        client.send(sandbox.request())
        sandbox.accept().answer()  # a new connection to the sandbox
        assert client.read_response().status == 200


def test_content_encoding_is_the_sandboxs_business(door, sandbox):
    body = b"not really gzip"
    response = respond(
        door,
        sandbox,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body),
        "Accept-Encoding: gzip",
    )
    assert (response.value("content-encoding"), response.body) == ("gzip", body)
