#!/usr/bin/env python3
"""demo-websocket: open a WebSocket, send one message, print what comes back.

  scripts/demo-websocket.py [--cacert FILE] wss://8000-demo.localhost:8443/socket MESSAGE

Exit status 1 when the server does not switch protocols; the answer's head is printed then.
"""
import argparse
import base64
import os
import socket
import ssl
import struct
import sys
import urllib.parse

TEXT, CLOSE = 0x81, 0x88  # first byte of an unfragmented text and close frame (RFC 6455 5.2)


def connect(url, cacert):
    # RFC 6761 6.3: names under localhost are the loopback address. The resolver may not know that.
    is_local = url.hostname == "localhost" or url.hostname.endswith(".localhost")
    port = url.port or (443 if url.scheme == "wss" else 80)
    stream = socket.create_connection(("127.0.0.1" if is_local else url.hostname, port), timeout=10)
    if url.scheme == "wss":
        stream = ssl.create_default_context(cafile=cacert).wrap_socket(stream, server_hostname=url.hostname)
    return stream


def send_frame(stream, first_byte, payload):
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    stream.sendall(bytes([first_byte, 0x80 | len(payload)]) + mask + masked)


def receive_frame(reader):
    _, length = struct.unpack("!BB", reader.read(2))
    return reader.read(length)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cacert", help="PEM file of the certificate to trust")
    parser.add_argument("url")
    parser.add_argument("message", help="at most 125 bytes")
    options = parser.parse_args()
    message = options.message.encode()
    if len(message) > 125:
        parser.error("the message is longer than 125 bytes")

    url = urllib.parse.urlsplit(options.url)
    with connect(url, options.cacert) as stream, stream.makefile("rb") as reader:
        key = base64.b64encode(os.urandom(16)).decode()
        stream.sendall(
            f"GET {url.path or '/'} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while line := reader.readline():
            head += line
            if line == b"\r\n":
                break
        if b" 101 " not in head.partition(b"\r\n")[0]:
            sys.exit(head.decode(errors="replace"))
        send_frame(stream, TEXT, message)
        print("sent:    ", options.message)
        print("received:", receive_frame(reader).decode())
        send_frame(stream, CLOSE, struct.pack("!H", 1000))
        reader.read()  # the close comes back, and then the server ends the connection (RFC 6455 7.1.1)


if __name__ == "__main__":
    main()
