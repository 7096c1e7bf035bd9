"""Python's usual clients through the edge: requests, and websockets on both ends."""

import asyncio
import hashlib
import ssl
import threading

import pytest
import requests
import websockets

from support.raw_client import trust


@pytest.fixture
def session(certificates, sandbox_names):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(certificates.sandbox.chain)
        yield session


def url(edge, host: str, path: str = "/") -> str:
    return f"https://{host}:{edge.tls_port}{path}"


def test_requests_keeps_its_connection_and_its_cookies(edge, web, session):
    assert session.get(url(edge, web.host, "/cookie")).status_code == 200
    seen = session.get(url(edge, web.host)).json()
    assert seen["headers"]["cookie"] == "tasty=yes"


def test_requests_uploads_a_generator(edge, web, session):
    pieces = [bytes([number]) * 10_000 for number in range(100)]
    answer = session.post(url(edge, web.host), data=iter(pieces)).json()
    assert answer["sha256"] == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_a_redirect_of_a_masked_service_stays_on_the_public_name(edge, web, session):
    edge.put("masked", {"address": "127.0.0.1", "mask_request_host": "localhost:${PORT}"})
    answer = session.get(url(edge, f"{web.port}-masked.sandbox.test", "/redirect"))
    assert answer.status_code == 200 and answer.url == url(edge, f"{web.port}-masked.sandbox.test")
    assert answer.json()["headers"]["host"] == f"localhost:{web.port}"


def test_requests_sees_the_fields_an_sdk_reads(edge, session):
    answer = session.get(url(edge, "80-nobody.sandbox.test"))
    assert (answer.status_code, answer.json()["code"], answer.headers["x-sandgate-reason"]) == (
        502,
        502,
        "sandbox_not_found",
    )


def test_many_threads_at_once_each_get_their_own_answer(edge, web, session):
    wrong = []

    def ask(number: int):
        with requests.Session() as own:
            own.trust_env, own.verify = False, session.verify
            for turn in range(10):
                target = f"/{number}/{turn}"
                if own.get(url(edge, web.host, target)).json()["target"] != target:
                    wrong.append(target)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# WebSockets

SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20, 10 << 20]


async def echo(connection, *_):
    async for message in connection:
        if message == "close":
            await connection.close(4321, "as you wish")
        else:
            await connection.send(message)


async def talk(edge, certificates, conversation, secure: bool = True, **options):
    """Runs `conversation(client)` with a websockets server as the sandbox's service."""
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, **options) as server:
        port = server.sockets[0].getsockname()[1]
        edge.put("sockets", {"address": "127.0.0.1"})
        scheme, edge_port = ("wss", edge.tls_port) if secure else ("ws", edge.plain_port)
        async with websockets.connect(
            f"{scheme}://{port}-sockets.sandbox.test:{edge_port}/",
            max_size=None,
            **options,
            ssl=trust(certificates.sandbox) if secure else None,
        ) as client:
            return await conversation(client)


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_of_every_size_come_back(edge, certificates, sandbox_names, secure, compression):
    async def conversation(client):
        for size in SIZES:
            message = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            await client.send(message)
            assert await client.recv() == message, size
        await (await client.ping())

    asyncio.run(talk(edge, certificates, conversation, secure, compression=compression))


def test_the_close_code_of_the_service_reaches_the_client(edge, certificates, sandbox_names):
    async def conversation(client):
        await client.send("close")
        with pytest.raises(websockets.ConnectionClosed):
            await client.recv()
        return client.close_code, client.close_reason

    assert asyncio.run(talk(edge, certificates, conversation)) == (4321, "as you wish")


def test_a_websocket_to_nobody_is_refused_with_a_status(edge, certificates, sandbox_names):
    async def attempt():
        await websockets.connect(f"wss://80-nobody.sandbox.test:{edge.tls_port}/", ssl=trust(certificates.sandbox))

    with pytest.raises(websockets.InvalidStatusCode) as refused:
        asyncio.run(attempt())
    assert refused.value.status_code == 502


def test_the_certificate_is_checked_by_the_client(edge, web, sandbox_names):
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(url(edge, web.host))
    assert ssl.HAS_TLSv1_3
