"""web_service: an ordinary HTTP service, as people run in sandboxes, for tests with ordinary clients.

Answers a GET with what it saw as JSON, a POST or PUT with size and SHA-256 of the body; /bytes/N gives N bytes, /slow/N
N lines a while apart, /cookie sets one, /redirect leads to /.
"""

import hashlib
import http.server
import json
import threading


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/bytes/"):
            return self._reply(bytes(range(256)) * (int(self.path[7:]) // 256))
        if self.path == "/redirect":
            return self._reply(b"", 302, Location=f"http://{self.headers['Host']}/")
        if self.path == "/cookie":
            return self._reply(b"{}", Set_Cookie="tasty=yes; Path=/")
        seen = {"method": self.command, "target": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        return self._reply(json.dumps(seen).encode(), Content_Type="application/json")

    do_HEAD = do_DELETE = do_GET

    def do_POST(self):
        digest, size = hashlib.sha256(), 0
        for piece in self._body():
            digest.update(piece)
            size += len(piece)
        self._reply(json.dumps({"size": size, "sha256": digest.hexdigest()}).encode(), Content_Type="application/json")

    do_PUT = do_POST

    def _body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline() != b"\r\n":
                pass
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left:
                piece = self.rfile.read(min(left, 65536))
                left -= len(piece)
                yield piece

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # connections that come at once, as many streams of one client make


class WebService:
    def __init__(self):
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self.port = self._server.server_port
        self.id = "web"

    @property
    def host(self) -> str:
        return f"{self.port}-{self.id}.sandbox.test"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
