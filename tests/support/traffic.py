"""traffic: clients that ask for sandboxes in turn while something happens, and an account of every answer."""

import collections
import threading

from support.patience import eventually, seconds


def named(sandbox) -> None:
    """A ServingSandbox answers with its own id, so that a wrong route shows."""
    body = sandbox.id.encode()
    sandbox.response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Traffic:
    """Clients that ask for sandboxes in turn, as fast as answers come, until told to stop. Each sandbox answers with its
    own name (`named`)."""

    def __init__(self, edge, sandboxes):
        self._edge = edge
        self._sandboxes = sandboxes
        self._stop = threading.Event()
        self.outcomes = collections.Counter()
        self._threads = [threading.Thread(target=self._run, args=(index,), daemon=True) for index in range(3)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self) -> collections.Counter:
        self._stop.set()
        for thread in self._threads:
            thread.join(seconds(20))
            assert not thread.is_alive(), "a client got no answer"
        return self.outcomes

    def _run(self, index: int) -> None:
        turn = index
        while not self._stop.is_set():
            with self._edge.connect() as client:
                for _ in range(50):
                    if self._stop.is_set():
                        return
                    turn += 1
                    sandbox = self._sandboxes[turn % len(self._sandboxes)]
                    response = client.ask(sandbox.request())
                    if response.status == 200:
                        name = response.body.decode()
                        self.outcomes["ok" if name == sandbox.id else f"wrong: {name} for {sandbox.id}"] += 1
                    else:
                        self.outcomes[response.edge_reason] += 1

    def count(self) -> int:
        return sum(self.outcomes.values())

    def wait_for_more(self, answers: int = 60) -> None:
        before = self.count()
        eventually(lambda: self.count() >= before + answers, f"{answers} more answers", within=15)
