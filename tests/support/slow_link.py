"""slow_link: a TCP proxy between the edge and a server that delays, cuts or swallows what passes.

with SlowLink(server.port) as link:    # the edge connects to link.port
    link.delay = 1.0                   # seconds, of everything the server says from now on
    link.cut_after = 10                # bytes the server may still say; the connection it says the last of them on is reset
"""

import socket
import struct
import threading
import time

RESET = struct.pack("ii", 1, 0)


class SlowLink:
    def __init__(self, to_port: int):
        self._to = ("127.0.0.1", to_port)
        self.delay = 0.0
        self.cut_after = None
        self.cuts = 0
        self._lock = threading.Lock()  # Each connection has a thread; what one may still say they share.
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._close(self._listener)
        self.drop_all()

    def drop_all(self) -> None:
        """Resets every connection; new ones are taken."""
        for one in list(self._sockets):
            self._close(one)
        self._sockets.clear()

    @staticmethod
    def _close(one: socket.socket) -> None:
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._to, timeout=5)
                far.settimeout(None)
            except OSError:
                self._close(near)
                continue
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [near, far]
            threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, True), daemon=True).start()

    def _pass_on(self, source, sink, is_server: bool) -> None:
        try:
            while block := source.recv(65536):
                is_cut = False
                if is_server:
                    block, is_cut = self._let_through(block)
                sink.sendall(block)
                if is_cut:
                    break
        except OSError:
            pass
        self._close(source)
        self._close(sink)

    def _let_through(self, block: bytes) -> tuple:
        """What passes of it, and whether the connection ends there."""
        if self.delay:
            time.sleep(self.delay)  # The fault itself, not a wait for a condition.
        with self._lock:
            if self.cut_after is None:
                return block, False
            if len(block) < self.cut_after:
                self.cut_after -= len(block)
                return block, False
            allowed = block[: self.cut_after]
            self.cut_after = None
            self.cuts += 1
            return allowed, True
