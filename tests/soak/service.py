"""service: what runs in the sandboxes of the soak, in a process of its own so that it can be killed.

    service.py HTTP1_PORT H2C_PORT        says "ready", and ends when its standard input does

HTTP/1.1: GET /bytes/N gives N bytes, with a length or in chunks; GET /drip/N gives N chunks, one at a time; POST gives
back what it got, and says in x-taken how much that was; an upgrade is an echo. HTTP/2 (h2c): every request gets its body
back, one of gRPC with its trailers.
"""

import asyncio
import base64
import hashlib
import os
import sys
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions

PATTERN = bytes(range(256)) * 1024
DRIP = b"d" * 100
DRIP_SECONDS = 0.02


async def read_body(reader, fields) -> bytes:
    if fields.get("transfer-encoding") == "chunked":
        content = b""
        while size := int(await reader.readline(), 16):
            content += await reader.readexactly(size)
            await reader.readexactly(2)
        while await reader.readline() != b"\r\n":
            pass
        return content
    return await reader.readexactly(int(fields.get("content-length", 0)))


def in_chunks(content: bytes) -> bytes:
    pieces = [content[i : i + 20_000] for i in range(0, len(content), 20_000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def content_of(size: int) -> bytes:
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


async def give(writer, target: str) -> None:
    what, size = target[1:].split("/")[:2]
    if what == "drip":
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(int(size)):
            writer.write(b"%x\r\n%s\r\n" % (len(DRIP), DRIP))
            await writer.drain()
            await asyncio.sleep(DRIP_SECONDS)
        writer.write(b"0\r\n\r\n")
        return
    content = content_of(int(size))
    if len(content) % 2:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + in_chunks(content))
    else:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)


async def echo(reader, writer, key: str) -> None:
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
    switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
    writer.write(switch.encode() + accept + b"\r\n\r\n")
    while content := await reader.read(65536):
        writer.write(content)
        await writer.drain()


async def serve_http1(reader, writer) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
            start, *lines = head[:-4].split("\r\n")
            method, target, _ = start.split(" ")
            fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            if "upgrade" in fields:
                await echo(reader, writer, fields.get("sec-websocket-key", ""))
                break
            body = await read_body(reader, fields)
            if method == "POST":
                writer.write(b"HTTP/1.1 200 OK\r\nx-taken: %d\r\nContent-Length: %d\r\n\r\n" % (len(body), len(body)))
                writer.write(body)
            else:
                await give(writer, target)
            await writer.drain()
    except (OSError, EOFError, ValueError):  # EOFError: IncompleteReadError too
        pass
    finally:
        writer.close()


class H2Service:
    """One connection."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        configuration = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self._h2 = h2.connection.H2Connection(configuration)
        self._requests = {}  # stream -> (fields, body)
        self._waiting = {}  # stream -> what is still to be sent

    async def run(self) -> None:
        self._h2.initiate_connection()
        try:
            while True:
                self._writer.write(self._h2.data_to_send())
                await self._writer.drain()
                content = await self._reader.read(65536)
                if not content:
                    return
                for event in self._h2.receive_data(content):
                    self._take(event)
                self._send_waiting()
        except (OSError, h2.exceptions.ProtocolError):
            pass  # The edge has said goodbye, or is gone.
        finally:
            self._writer.close()

    def _take(self, event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._requests[event.stream_id] = dict(event.headers), bytearray()
        elif isinstance(event, h2.events.DataReceived):
            self._requests[event.stream_id][1].extend(event.data)
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            fields, body = self._requests[event.stream_id]
            kind = fields.get("content-type", "application/octet-stream")
            self._h2.send_headers(event.stream_id, [(":status", "200"), ("content-type", kind)])
            self._waiting[event.stream_id] = bytes(body)
        elif isinstance(event, h2.events.StreamReset):
            self._requests.pop(event.stream_id, None)
            self._waiting.pop(event.stream_id, None)

    def _send_waiting(self) -> None:
        for stream, content in list(self._waiting.items()):
            while content and (room := self._room(stream)):
                self._h2.send_data(stream, content[:room])
                content = content[room:]
            self._waiting[stream] = content
            if not content:
                self._end(stream)

    def _room(self, stream: int) -> int:
        return min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)

    def _end(self, stream: int) -> None:
        fields, _ = self._requests.pop(stream)
        del self._waiting[stream]
        if fields.get("content-type", "").startswith("application/grpc"):
            self._h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        else:
            self._h2.end_stream(stream)


async def serve_h2c(reader, writer) -> None:
    await H2Service(reader, writer).run()


async def main(http1_port: int, h2c_port: int) -> None:
    servers = [
        await asyncio.start_server(serve_http1, "127.0.0.1", http1_port, limit=1 << 20, backlog=1024),
        await asyncio.start_server(serve_h2c, "127.0.0.1", h2c_port, backlog=1024),
    ]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
