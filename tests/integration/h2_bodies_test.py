"""Bodies, trailers and interim responses over HTTP/2, and how a stream ends when one side does not finish (contract 5)."""

import pytest

from support.h2_frames import Code
from support.patience import eventually
from support.raw_sandbox import OK

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


# Requests


def test_a_body_with_a_length_keeps_it(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", ("content-length", "5"), body=b"hello")
        forwarded = sandbox.accept().answer()
        assert (forwarded.content_length, forwarded.body) == (5, b"hello")
        assert client.read_response(stream).status == 200


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_body_without_a_length_arrives_chunked(door, sandbox, method):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, method, "/", body=b"hello")
        forwarded = sandbox.accept().answer()
        assert forwarded.is_chunked and forwarded.content_length is None
        assert (forwarded.body, forwarded.trailers) == (b"hello", [])
        assert client.read_response(stream).status == 200


def test_a_request_that_ends_with_its_head_has_no_body_made_up(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/")
        forwarded = sandbox.accept().answer()
        assert not forwarded.is_chunked and forwarded.value("content-length") in (None, "0")
        assert client.read_response(stream).status == 200


@pytest.mark.parametrize("end_with_head", [True, False])
def test_content_length_zero_is_kept(door, sandbox, end_with_head):
    with door.connect_h2() as client:
        body = None if end_with_head else b""
        stream = client.request(sandbox.host, "POST", "/", ("content-length", "0"), body=body)
        forwarded = sandbox.accept().answer()
        assert (forwarded.value("content-length"), forwarded.body) == ("0", b"")
        assert client.read_response(stream).status == 200


@pytest.mark.parametrize("fields", [[("content-length", "6")], []], ids=["length", "chunked"])
def test_body_bytes_reach_the_sandbox_before_the_client_sent_the_rest(door, sandbox, fields):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", *fields, end=False)
        upstream = sandbox.accept()
        read = upstream.read_exactly if fields else upstream.read_body_bytes
        upstream.read_head()
        client.send_data(stream, b"one")
        assert read(3) == b"one"
        client.send_data(stream, b"two", end=True)
        assert read(3) == b"two"
        if not fields:
            assert upstream.read_chunk() == b"" and upstream.read_trailers() == []
        upstream.send(OK)
        assert client.read_response(stream).status == 200


def test_request_trailers_stay_trailers(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", ("trailer", "x-sum"), body=b"a", end=False)
        client.send_trailers(stream, ("x-sum", "7"), ("x-other", "b"))
        forwarded = sandbox.accept().answer()
        assert (forwarded.body, forwarded.trailers) == (b"a", [("x-sum", "7"), ("x-other", "b")])
        assert "x-sum" not in forwarded.names()
        assert client.read_response(stream).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "content-length",
        "transfer-encoding",
        "host",
        "authorization",
        "e2b-traffic-access-token",
        "x-forwarded-for",
        "e2b-sandbox-id",
        "connection",
        ":path",
    ],
)
def test_a_trailer_that_would_steer_is_refused_and_the_sandbox_sees_no_end(door, sandbox, service, name):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", body=b"a", end=False)
        upstream = sandbox.accept()
        upstream.read_head()
        client.send_trailers(stream, ("x-sum", "7"), (name, "5"))
        assert b"0\r\n" not in upstream.read_until_gone()
        client.read_response(stream)
        assert stream.status == 400 or stream.reset_code == Code.PROTOCOL_ERROR, stream
        assert client.ask(service.host).status == 200, "the connection goes on"


def test_expect_100_continue_goes_end_to_end(door, sandbox):
    with door.connect_h2() as client:
        fields = ("content-length", "5"), ("expect", "100-continue")
        stream = client.request(sandbox.host, "PUT", "/", *fields, end=False)
        upstream = sandbox.accept()
        assert upstream.read_head().value("expect").lower() == "100-continue"
        client.round_trip()
        assert not stream.interims and not stream.status, "the edge does not answer 100 by itself"
        upstream.send(CONTINUE)
        client.wait(lambda: stream.interims, "the interim response")
        assert stream.interims[0].status == 100
        client.send_data(stream, b"hello", end=True)
        assert upstream.read_exactly(5) == b"hello"
        upstream.send(OK)
        assert client.read_response(stream).body == b"ok"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_early_response_ends_whole_and_then_the_upload_is_called_off(door, sandbox, service, method):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, method, "/", ("content-length", "1000000"), body=b"x" * 1000, end=False)
        upstream = sandbox.accept()
        upstream.read_head()
        upstream.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop")
        assert client.read_response(stream).ended_well, stream
        assert (stream.status, stream.body) == (403, b"stop")
        assert client.read_reset(stream) == Code.NO_ERROR
        assert b"x" * 1001 not in upstream.read_until_gone()
        assert client.ask(service.host).status == 200


def test_what_is_thrown_away_after_an_early_response_gives_its_credit_back(door, sandbox, service):
    with door.connect_h2() as client:
        for _ in range(40):  # 2.4 MB, more than the connection's window
            stream = client.request(sandbox.host, "POST", "/", ("content-length", "1000000"), end=False)
            upstream = sandbox.accept()
            upstream.read_head()
            upstream.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            assert client.read_reset(stream) == Code.NO_ERROR
            client.wait(lambda: client.send_window >= 60000, "credit for the connection")
            client.send_data(stream, b"x" * 60000)
        assert client.ask(service.host).status == 200


# Responses


def test_interim_responses_are_passed_on_in_order_and_at_once(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host)
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        client.wait(lambda: stream.interims, "the first")
        upstream.send(b"HTTP/1.1 102 Processing\r\n\r\n", OK)
        assert client.read_response(stream).body == b"ok"
        assert [(one.status, one.value("link")) for one in stream.interims] == [(103, "</a.css>"), (102, None)]


def test_more_than_sixteen_interim_responses_are_a_fault_of_the_sandbox(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host)
        sandbox.accept().answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 17)
        client.read_response(stream)
        assert (stream.status, stream.edge_reason) == (502, "response_invalid")


def test_response_trailers_stay_trailers_and_steering_ones_are_dropped(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "GET", "/", ("te", "trailers"))
        sandbox.accept().answer(
            CHUNKED
            + b"2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\nConnection: x\r\n\r\n"
        )
        assert client.read_response(stream).ended_well
        assert (stream.body, stream.trailers) == (b"ok", [("x-sum", "7")])


def test_events_arrive_one_by_one(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "GET", "/events", ("accept", "text/event-stream"))
        upstream = sandbox.accept()
        upstream.answer(CHUNKED)
        assert client.read_head(stream).status == 200
        sent = b""
        for number in range(20):
            sent += b"data: %d\n\n" % number
            upstream.send(b"9\r\ndata: %d\n\n\r\n" % number if number < 10 else b"a\r\ndata: %d\n\n\r\n" % number)
            assert client.read_body(stream, len(sent)) == sent
        upstream.send(b"0\r\n\r\n")
        assert client.read_response(stream).ended_well


# Ends that are none


@pytest.mark.parametrize(
    "response, more, end",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", b"", "close"),
        (CHUNKED + b"5\r\nshort\r\n", b"", "close"),
        (CHUNKED + b"5\r\nshort\r\n", b"zz\r\n", "close"),
        (b"HTTP/1.1 200 OK\r\n\r\nshort", b"", "reset"),
    ],
    ids=["length", "chunked", "bad chunk", "reset"],
)
def test_a_truncated_body_is_a_reset_and_never_an_end(door, edge, sandbox, service, response, more, end):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host)
        upstream = sandbox.accept()
        upstream.answer(response)
        assert client.read_body(stream, 5) == b"short"
        upstream.send(more)
        getattr(upstream, end)()
        assert client.read_reset(stream) == Code.INTERNAL_ERROR
        assert not stream.has_ended
        assert client.ask(service.host).status == 200, "the connection goes on"
    line = edge.log_line(request_id=stream.value("x-request-id"))
    assert (line["status"], line["blame"], line["reason"]) == (200, "sandbox", "sandbox_truncated")


def test_a_sandbox_that_hangs_up_before_it_answered(door, sandbox, service):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host)
        upstream = sandbox.accept()
        upstream.read_request()
        upstream.close()
        assert (client.read_response(stream).status, stream.edge_reason) == (502, "sandbox_reset")
        assert client.ask(service.host).status == 200


def test_a_stream_the_client_cancels_is_a_close_for_the_sandbox_and_for_nobody_else(door, edge, sandbox, service):
    with door.connect_h2() as client:
        waiting = client.request(sandbox.host, "GET", "/", ("x-request-id", f"waiting-{door.scheme}"))
        upstream = sandbox.accept()
        upstream.read_request()
        other = client.request(sandbox.host)
        bystander = sandbox.accept()
        bystander.read_request()
        client.cancel(waiting)
        assert upstream.read_until_gone() == b""
        bystander.send(OK)
        assert client.read_response(other).body == b"ok"
        assert client.ask(service.host).status == 200
    line = edge.log_line(request_id=f"waiting-{door.scheme}")
    assert (line["reason"], line["blame"], line["status"]) == ("client_closed", "client", None)


def test_an_upload_the_client_cancels_never_looks_complete(door, sandbox):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", body=b"abc", end=False)
        upstream = sandbox.accept()
        upstream.read_head()
        assert upstream.read_body_bytes(3) == b"abc"
        client.cancel(stream)
        assert b"0\r\n" not in upstream.read_until_gone()


def test_a_download_the_client_cancels_stops(door, edge, sandbox, service):
    with door.connect_h2() as client:
        stream = client.request(sandbox.host)
        upstream = sandbox.accept()
        upstream.answer(CHUNKED + b"5\r\nhello\r\n")
        assert client.read_body(stream, 5) == b"hello"
        client.cancel(stream)
        upstream.read_until_gone()
        assert client.ask(service.host).status == 200
    assert edge.log_line(request_id=stream.value("x-request-id"))["reason"] == "client_closed"


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_client_that_is_gone_takes_all_its_streams_with_it(door, edge, sandbox, end):
    ids = [f"gone-{end}-{door.scheme}-{n}" for n in range(3)]
    client = door.connect_h2()
    for one in ids:
        client.request(sandbox.host, "GET", "/", ("x-request-id", one))
    upstreams = [sandbox.accept() for _ in ids]
    for upstream in upstreams:
        upstream.read_request()
    getattr(client, end)()
    assert [upstream.read_until_gone() for upstream in upstreams] == [b""] * 3
    assert [edge.log_line(request_id=one)["reason"] for one in ids] == ["client_closed"] * 3
    eventually(lambda: edge.metrics().total("sandgate_active_exchanges") == 0, "no exchange to be left")


def test_a_client_that_resets_an_upload_nobody_reads_is_noticed_at_once(door, edge, sandbox):
    """The relay waits for the sandbox then, not for the client."""
    with door.connect_h2() as client:
        stream = client.request(sandbox.host, "POST", "/", ("x-request-id", f"unread-{door.scheme}"), end=False)
        upstream = sandbox.accept()
        upstream.read_head()
        quiet = 0
        while quiet < 50:  # round trips without credit: what the edge took it cannot pass on
            piece = bytes(min(client.allowance(stream), 16384))
            client.send_data(stream, piece)
            client.round_trip()
            quiet = 0 if piece else quiet + 1
        client.cancel(stream)
        assert edge.log_line(request_id=f"unread-{door.scheme}")["reason"] == "client_closed"
        upstream.read_until_gone()
