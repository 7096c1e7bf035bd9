"""holding_sandbox: takes every request and answers none, and knows how many there are: what a flood leaves behind it.

A request is held until the edge gives it up by closing its connection.
"""

import selectors
import socket
import threading

from support.raw_sandbox import RawSandbox


class HoldingSandbox(RawSandbox):
    def __init__(self):
        super().__init__(backlog=1024)
        self.live = 0  #: connections that are open now
        self.peak = 0  #: the most at a time
        self.total = 0  #: all that ever asked for something
        self._selector = selectors.DefaultSelector()
        self._waker, self._wake = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._waker, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._hold_all, daemon=True)
        self._thread.start()

    def _hold_all(self) -> None:
        has_asked = {}
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            if self._waker in ready:
                for connection in has_asked:
                    connection.close()
                return
            for connection in ready:
                if connection is not self._listener:
                    self._read_all(connection, has_asked)
            if self._listener in ready:  # last, so that who was gone before is not counted beside the newcomer
                has_asked[self._take_one()] = False

    def _take_one(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ)
        self.live += 1
        self.peak = max(self.peak, self.live)
        return connection

    def _read_all(self, connection: socket.socket, has_asked: dict) -> None:
        try:
            while connection.recv(65536):
                self.total += not has_asked[connection]
                has_asked[connection] = True
        except BlockingIOError:
            return
        except OSError:
            pass
        self._selector.unregister(connection)
        connection.close()
        del has_asked[connection]
        self.live -= 1

    def close(self) -> None:
        self._wake.send(b"x")
        self._thread.join()
        super().close()
