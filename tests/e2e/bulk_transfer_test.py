"""A gibibyte up and a gibibyte down at once, over TLS in either HTTP: every byte arrives, the edge's memory stays flat."""

import os
import socket
import subprocess
import threading

import pytest

from support.edge import is_sanitized
from support.patience import seconds

MEBIBYTES = int(os.environ.get("SANDGATE_TEST_BULK_MIB", "1024"))
SIZE = MEBIBYTES << 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(is_sanitized(), reason="memory figures mean nothing in sanitizer builds"),
]


class BulkService:
    """Takes any upload whole and counts it; gives SIZE bytes for any download."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            head, _, rest = head.partition(b"\r\n\r\n")
            if head.startswith(b"GET"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
                piece = bytes(1 << 20)
                for _ in range(MEBIBYTES):
                    connection.sendall(piece)
                return
            self.received = len(rest)
            buffer = bytearray(1 << 20)
            while self.received < SIZE:
                count = connection.recv_into(buffer)
                if not count:
                    return
                self.received += count
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def curl(edge, certificates, host: str, *arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [
            "curl",
            "-sS",
            "--noproxy",
            "*",
            "--cacert",
            str(certificates.sandbox.chain),
            "--resolve",
            f"{host}:{edge.tls_port}:127.0.0.1",
            "-H",
            "Expect:",
            *arguments,
            f"https://{host}:{edge.tls_port}/",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_gibibyte_each_way_at_once_in_64_mebibytes(edge, certificates, tmp_path, version):
    service = BulkService()
    edge.put("bulk", {"address": "127.0.0.1"})
    host = f"{service.port}-bulk.sandbox.test"
    upload_file = tmp_path / "upload"
    with open(upload_file, "wb") as file:
        file.truncate(SIZE)  # sparse: nothing is written
    transfers = [
        curl(edge, certificates, host, version, "-T", str(upload_file), "-w", "%{size_upload} %{http_version}"),
        curl(edge, certificates, host, version, "-o", "/dev/null", "-w", "%{size_download} %{http_version}"),
    ]
    peak = 0
    try:
        while any(transfer.poll() is None for transfer in transfers):
            peak = max(peak, edge.resident_kibibytes())
            try:
                next(transfer for transfer in transfers if transfer.poll() is None).wait(0.05)
            except (subprocess.TimeoutExpired, StopIteration):
                pass
        (up, up_error), (down, down_error) = (transfer.communicate(timeout=seconds(10)) for transfer in transfers)
    finally:
        for transfer in transfers:
            transfer.kill()
    spoken = version.removeprefix("--http").encode()
    assert (up, up_error) == (b"ok%d %s" % (SIZE, spoken), b"")
    assert (down, down_error) == (b"%d %s" % (SIZE, spoken), b"")
    assert service.received == SIZE
    assert peak <= 64 * 1024, f"{peak} KiB"
