"""quick_service: the least an HTTP/1.1 service can do, for loads that a thoughtful one would be the limit of.

Answers every request without a body with the same response, as many a second as one Python thread can (some 30 000), and
counts them. Takes thousands of connections at once.
"""

import asyncio
import threading

_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nhello, world!\n"


class _Connection(asyncio.Protocol):
    def __init__(self, service):
        self._service = service
        self._head = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._head += data
        count = self._head.count(b"\r\n\r\n")
        if count:
            self._head = self._head[self._head.rindex(b"\r\n\r\n") + 4 :]
            self._service.requests += count
            self._transport.write(_RESPONSE * count)


class QuickService:
    def __init__(self):
        self.requests = 0

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        start = self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=4096)
        self._server = self._loop.run_until_complete(start)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
