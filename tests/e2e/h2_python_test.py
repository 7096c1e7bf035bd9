"""httpx with HTTP/2 through the edge, as E2B's SDKs use it: one origin for all sandboxes, routed by header fields."""

import asyncio
import hashlib
import json

import httpx
import pytest

from support.fixtures import unique_id
from support.patience import eventually, seconds
from support.raw_client import trust
from support.raw_sandbox import ServingSandbox

DATA = bytes(range(256)) * 20_000
COUNT = 60


@pytest.fixture
def converse(edge, certificates, sandbox_names):
    """Runs `conversation(client)` with a client that speaks HTTP/2."""

    async def with_client(conversation):
        context = trust(certificates.sandbox, alpn=None)  # httpx offers its own
        async with httpx.AsyncClient(http2=True, verify=context, trust_env=False, timeout=seconds(15)) as client:
            return await conversation(client)

    return lambda conversation: asyncio.run(with_client(conversation))


@pytest.fixture
def sandboxes(edge):
    """Three sandboxes, each of which answers with its own id."""
    several = []
    for _ in range(3):
        name = unique_id("many")
        body = name.encode()
        sandbox = ServingSandbox(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        sandbox.id = name
        edge.put(name, {"address": "127.0.0.1"})
        several.append(sandbox)
    yield several
    for sandbox in several:
        sandbox.close()
        edge.delete(sandbox.id)


def url(edge, host: str = "sandbox.sandbox.test", path: str = "/") -> str:
    return f"https://{host}:{edge.tls_port}{path}"


def routed_to(sandbox) -> dict:
    return {"E2b-Sandbox-Id": sandbox.id, "E2b-Sandbox-Port": str(sandbox.port)}


def came_on_one_connection(responses: list) -> bool:
    """No stream's number is there twice, as it would be on a second connection."""
    return len({response.extensions["stream_id"] for response in responses}) == len(responses)


def test_several_sandboxes_share_one_origin_and_one_connection(edge, converse, sandboxes):
    async def conversation(client):
        asked = [sandboxes[number % len(sandboxes)] for number in range(COUNT)]
        return asked, await asyncio.gather(*(client.get(url(edge), headers=routed_to(one)) for one in asked))

    asked, answers = converse(conversation)
    assert [answer.text for answer in answers] == [sandbox.id for sandbox in asked]
    assert {answer.http_version for answer in answers} == {"HTTP/2"}
    assert came_on_one_connection(answers)
    assert [len(sandbox.requests) for sandbox in sandboxes] == [COUNT // 3] * 3
    assert all(request.target == "/" for sandbox in sandboxes for request in sandbox.requests)


def test_a_refusal_of_one_does_not_disturb_the_others(edge, converse, sandboxes):
    async def conversation(client):
        nobody = {"E2b-Sandbox-Id": "nobody", "E2b-Sandbox-Port": "80"}
        headers = [nobody if number % 2 else routed_to(sandboxes[0]) for number in range(COUNT)]
        return await asyncio.gather(*(client.get(url(edge), headers=fields) for fields in headers))

    answers = converse(conversation)
    assert [answer.status_code for answer in answers] == [200, 502] * (COUNT // 2)
    assert all(answer.json()["code"] == 502 for answer in answers[1::2])


def test_a_name_of_one_sandbox_is_not_routed_by_fields(edge, converse, sandboxes):
    async def conversation(client):
        here, there = sandboxes[:2]
        return await client.get(url(edge, here.host), headers=routed_to(there))

    assert converse(conversation).text == sandboxes[0].id


@pytest.mark.parametrize("fields", [{}, {"E2b-Sandbox-Id": "a"}, {"E2b-Sandbox-Port": "80"}])
def test_half_a_route_is_refused(edge, converse, fields):
    answer = converse(lambda client: client.get(url(edge), headers=fields))
    assert (answer.status_code, answer.headers["x-sandgate-reason"]) == (400, "bad_authority")


def test_an_upload_is_streamed(edge, converse, web):
    async def pieces():
        for start in range(0, len(DATA), 10_000):
            yield DATA[start : start + 10_000]

    answer = converse(lambda client: client.post(url(edge), headers=routed_to(web), content=pieces()))
    assert answer.json() == {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}


def test_a_download_is_streamed(edge, converse, web):
    async def conversation(client):
        digest, parts = hashlib.sha256(), 0
        async with client.stream("GET", url(edge, path=f"/bytes/{len(DATA)}"), headers=routed_to(web)) as response:
            async for part in response.aiter_raw():
                digest.update(part)
                parts += 1
        return digest.hexdigest(), parts

    digest, parts = converse(conversation)
    assert digest == hashlib.sha256(DATA).hexdigest() and parts > 1


def test_a_response_arrives_as_it_is_sent(edge, converse, sandbox):
    async def conversation(client):
        async with client.stream("GET", url(edge), headers=routed_to(sandbox)) as response:
            parts = response.aiter_raw()
            received = [await anext(parts)]
            upstream.send(b"3\r\ntwo\r\n0\r\n\r\n")
            return received + [part async for part in parts]

    async def answer_and_read(client):
        nonlocal upstream
        reading = asyncio.ensure_future(conversation(client))
        upstream = await asyncio.to_thread(sandbox.accept)
        await asyncio.to_thread(upstream.answer, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        return await reading

    upstream = None
    assert converse(answer_and_read) == [b"one", b"two"]


def test_uploads_and_downloads_at_once(edge, converse, web):
    async def conversation(client):
        where = {"headers": routed_to(web)}
        up = [client.post(url(edge), content=DATA[: 500_000 + number], **where) for number in range(10)]
        down = [client.get(url(edge, path=f"/bytes/{256 * (1000 + number)}"), **where) for number in range(10)]
        answers = await asyncio.gather(*up, *down)
        return answers[:10], answers[10:]

    up, down = converse(conversation)
    assert [json.loads(answer.text)["size"] for answer in up] == [500_000 + number for number in range(10)]
    assert [len(answer.content) for answer in down] == [256 * (1000 + number) for number in range(10)]
    assert came_on_one_connection(up + down)


def test_a_client_that_goes_away_ends_its_exchange(edge, converse, sandbox):
    name = unique_id("gone")

    async def conversation(client):
        asking = asyncio.ensure_future(client.get(url(edge), headers={**routed_to(sandbox), "x-request-id": name}))
        upstream = await asyncio.to_thread(sandbox.accept)
        await asyncio.to_thread(upstream.read_request)
        asking.cancel()
        await client.aclose()
        await asyncio.to_thread(upstream.read_until_gone)

    converse(conversation)
    assert edge.log_line(request_id=name)["reason"] == "client_closed"
    eventually(lambda: edge.metrics().total("sandgate_active_exchanges") == 0, "no exchange to be left")


def test_a_cancelled_request_leaves_the_connection_to_others(edge, converse, sandbox, service):
    async def conversation(client):
        first = await client.get(url(edge), headers=routed_to(service))
        asking = asyncio.ensure_future(client.get(url(edge), headers=routed_to(sandbox)))
        upstream = await asyncio.to_thread(sandbox.accept)
        await asyncio.to_thread(upstream.read_request)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        second = await client.get(url(edge), headers=routed_to(service))
        assert (first.status_code, second.status_code) == (200, 200)
        assert came_on_one_connection([first, second])

    converse(conversation)
