"""socket_service: a WebSocket service that echoes, on a thread of its own; what is no WebSocket gets a page.

Closes with 4321 when it is told "close". `seen` has path and fields (lower case) of each upgrade, `asked` the paths of
other requests; `page` is what those are answered with.
"""

import asyncio
import http
import threading

import websockets


class SocketService:
    def __init__(self, page: bytes = b"<!doctype html><title>page</title>"):
        self.page = page
        self.seen = []
        self.asked = []

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self._start())
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self):
        return await websockets.serve(self._echo, "127.0.0.1", 0, max_size=None, process_request=self._answer)

    async def _end(self):
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, path, fields):
        if fields.get("Upgrade", "").lower() == "websocket":
            return None
        self.asked.append(path)
        return http.HTTPStatus.OK, [("Content-Type", "text/html")], self.page

    async def _echo(self, connection, path):
        self.seen.append((path, {name.lower(): text for name, text in connection.request_headers.raw_items()}))
        async for message in connection:
            if message == "close":
                return await connection.close(4321, "as you wish")
            await connection.send(message)
