"""moody_sandbox: a sandbox that answers each request in a mood of its own: well, wrongly, partly, or not at all."""

import random
import threading

from support.raw_sandbox import OK, RawSandbox

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
CHUNKED_OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
BIG = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000


class MoodySandbox(RawSandbox):
    """Answers each request in a mood of its own."""

    def __init__(self, seed: int):
        super().__init__()
        self._random = random.Random(seed)
        threading.Thread(target=self._accept_all, daemon=True).start()

    def _accept_all(self):
        while True:
            try:
                connection = self.accept(patience=600)
            except (OSError, AssertionError):
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            while True:
                request = connection.read_head()
                if request.value("upgrade"):
                    connection.send(SWITCH + b"hello")
                    return connection.reset() if self._random.random() < 0.5 else connection.close()
                mood = self._random.randrange(10)
                if mood == 0:
                    return connection.reset()
                if mood == 1:
                    connection.send(b"HTTP/1.1 2")
                    return connection.close()
                if mood == 2:
                    connection.send(BIG[:100_000])
                    return connection.reset()
                if mood == 3:
                    connection.send(b"garbage\r\n\r\n")
                if mood == 4:
                    connection.send(OK)  # before it took the body
                    return connection.close()
                connection.read_body_into(request)
                connection.send((OK, CHUNKED_OK, BIG)[mood % 3])
        except (AssertionError, OSError, ValueError):
            connection.close()
