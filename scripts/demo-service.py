#!/usr/bin/env python3
"""demo-service: a small web service to put behind the edge, as somebody might run it in a sandbox.

  scripts/demo-service.py [--address 127.0.0.1] PORT

  /         says hello and shows the request as it arrived
  /events   three server-sent events, half a second apart
  /socket   a WebSocket that sends every message back (RFC 6455; the client half is demo-websocket.py)
"""
import argparse
import base64
import contextlib
import hashlib
import http.server
import struct
import time

WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
LONGEST_MESSAGE = 1 << 20
CLOSE, PING, PONG = 8, 9, 10


def read_frame(stream):
    """First byte (FIN, opcode) and unmasked payload of one client frame; None at the end (RFC 6455 5.2)."""
    head = stream.read(2)
    if len(head) < 2:
        return None
    length = head[1] & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", stream.read(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", stream.read(8))
    if not head[1] & 0x80 or length > LONGEST_MESSAGE:
        return None  # clients must mask, and nobody needs more than that of a demonstration
    mask = stream.read(4)
    payload = stream.read(length)
    return head[0], bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def write_frame(stream, first_byte, payload):
    length = len(payload)
    if length < 126:
        stream.write(bytes([first_byte, length]))
    elif length < 1 << 16:
        stream.write(struct.pack("!BBH", first_byte, 126, length))
    else:
        stream.write(struct.pack("!BBQ", first_byte, 127, length))
    stream.write(payload)


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "demo-service"

    def handle(self):
        with contextlib.suppress(ConnectionError):  # the other side may leave whenever it likes
            super().handle()

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/events":
            self.send_events()
        elif path == "/socket":
            self.echo_messages()
        else:
            self.say_hello()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.say_hello()

    def say_hello(self):
        seen = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        port = self.server.server_address[1]
        body = f"Hello from the demo service on port {port}. This is what it saw:\n\n{self.requestline}\n{seen}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in (1, 2, 3):
            event = f"data: event {number}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    def echo_messages(self):
        key = self.headers.get("Sec-WebSocket-Key")
        if self.headers.get("Upgrade", "").lower() != "websocket" or not key:
            self.send_error(426, "This path speaks WebSocket")
            return
        accept = base64.b64encode(hashlib.sha1((key + WEBSOCKET_GUID).encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self.close_connection = True
        while frame := read_frame(self.rfile):
            first_byte, payload = frame
            opcode = first_byte & 0x0F
            if opcode != PONG:
                write_frame(self.wfile, first_byte & 0xF0 | (PONG if opcode == PING else opcode), payload)
            if opcode == CLOSE:
                return

    def log_message(self, *_):
        """The edge has an access log; one is enough."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    with http.server.ThreadingHTTPServer((options.address, options.port), Service) as server:
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
