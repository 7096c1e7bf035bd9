"""fake_api_server: as much of a Kubernetes API server as a registry source asks for, and everything that a real one
cannot be made to do.

    with FakeApiServer() as server:
        server.put("team-a", "box", status={...})        # told to every watch
        server.once("watch", lambda peer: peer.send(b"garbage"))

`once` replaces the answer to the next request of a kind (discover, list, watch, secret) by a script; a script that
returns leaves the connection closed. `requests` has all that were asked, in order.
"""

import dataclasses
import json
import queue
import socket
import ssl
import threading
import time
import urllib.parse


@dataclasses.dataclass
class Request:
    kind: str
    path: str
    query: dict
    fields: dict
    at: float


class Peer:
    """One connection: what a script may do to it."""

    def __init__(self, stream, request: Request):
        self.stream, self.request = stream, request

    def send(self, data: bytes) -> None:
        self.stream.sendall(data)

    def head(self, status: int = 200, **fields) -> None:
        fields = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in fields.items()}}
        lines = [f"HTTP/1.1 {status} Reason", *(f"{name}: {value}" for name, value in fields.items())]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def answer(self, value, status: int = 200, **fields) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.head(status, Content_Length=len(body), **fields)
        self.send(body)

    def begin_watch(self) -> None:
        self.head(Transfer_Encoding="chunked")

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, type_: str, value: dict) -> None:
        self.chunk(json.dumps({"type": type_, "object": value}).encode() + b"\n")

    def end_watch(self) -> None:
        self.send(b"0\r\n\r\n")

    def wait_for_end(self) -> None:
        """Silent until the other side is gone."""
        while self.stream.recv(4096):
            pass


class FakeApiServer:
    def __init__(
        self, *, certificate=None, group="agents.x-k8s.io", version="v1beta1", resource="sandboxes", kind="Sandbox"
    ):
        self.group, self.version, self.resource, self.kind = group, version, resource, kind
        self.versions = [version]
        self.token = None  #: asked for when set
        self.secrets = {}  #: (namespace, name) → {key: base64}
        self.page_size = 500
        self.requests = []
        self._objects = {}  #: (namespace, name) → object
        self._history = []  #: (version, type, object)
        self._revision = 100
        self._oldest = 0
        self._watches = set()
        self._open = set()
        self._scripts = []
        self._lock = threading.RLock()
        self._certificate = certificate
        self.port = 0

    # Life

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self) -> str:
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """As a server that dies: everything open is cut, and nobody can connect."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()

    def cut_all(self) -> None:
        with self._lock:
            for stream in list(self._open):
                try:
                    stream.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    # What there is

    def object(self, namespace: str, name: str, *, labels=None, annotations=None, status=None, spec=None, **metadata):
        metadata = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}", **metadata}
        if labels:
            metadata["labels"] = labels
        if annotations:
            metadata["annotations"] = annotations
        return {"metadata": metadata, "spec": spec or {}, "status": status or {}}

    def put(self, namespace: str, name: str, **parts) -> None:
        self.put_object(self.object(namespace, name, **parts))

    def put_object(self, value: dict) -> None:
        with self._lock:
            key = (value["metadata"]["namespace"], value["metadata"]["name"])
            self._revision += 1
            value["metadata"]["resourceVersion"] = str(self._revision)
            type_ = "MODIFIED" if key in self._objects else "ADDED"
            self._objects[key] = value
            self._tell(type_, value)

    def delete(self, namespace: str, name: str) -> None:
        with self._lock:
            self._revision += 1
            value = json.loads(json.dumps(self._objects.pop((namespace, name))))
            value["metadata"]["resourceVersion"] = str(self._revision)
            self._tell("DELETED", value)

    def forget_silently(self, namespace: str, name: str) -> None:
        """Deleted, and no watch is told."""
        with self._lock:
            self._revision += 1
            del self._objects[(namespace, name)]

    def bookmark(self) -> None:
        with self._lock:
            self._revision += 1
            value = {"metadata": {"resourceVersion": str(self._revision)}}
            self._tell("BOOKMARK", value, is_kept=False)

    def compact(self) -> None:
        with self._lock:
            self._revision += 1
            self._oldest = self._revision

    def said(self, value: dict) -> dict:
        """The object as events and lists of this resource say it."""
        version = f"{self.group}/{self.version}" if self.group else self.version
        return {"apiVersion": version, "kind": self.kind, **value}

    # Scripts

    def once(self, kind: str, script) -> None:
        with self._lock:
            self._scripts.append((kind, script))

    def asked(self, kind: str) -> list:
        return [request for request in list(self.requests) if request.kind == kind]

    @property
    def watches(self) -> int:
        return len(self._watches)

    # The wire

    def _tell(self, type_: str, value: dict, is_kept: bool = True) -> None:
        event = (self._revision, type_, self.said(value))
        if is_kept:
            self._history.append(event)
        for watch in self._watches:
            watch.put(event)

    def _accept(self, listener) -> None:
        context = None
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate.chain, self._certificate.key)
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(stream, context), daemon=True).start()

    def _serve(self, stream, context) -> None:
        try:
            if context:
                stream = context.wrap_socket(stream, server_side=True)
            with self._lock:
                self._open.add(stream)
            pending = b""
            while True:
                while b"\r\n\r\n" not in pending:
                    data = stream.recv(65536)
                    if not data:
                        return
                    pending += data
                head, _, pending = pending.partition(b"\r\n\r\n")
                if not self._handle(stream, head.decode()):
                    return
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(stream)
            stream.close()

    def _handle(self, stream, head: str) -> bool:
        line, *lines = head.split("\r\n")
        path, _, query = line.split(" ")[1].partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        fields = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        request = Request(self._kind_of(path, query), path, query, fields, time.monotonic())
        peer = Peer(stream, request)
        with self._lock:
            self.requests.append(request)
            script = next((one for one in self._scripts if one[0] == request.kind), None)
            if script:
                self._scripts.remove(script)
        if script:
            script[1](peer)
            return False
        if self.token is not None and fields.get("authorization") != f"Bearer {self.token}":
            peer.answer({"kind": "Status", "code": 401}, 401)
            return True
        return getattr(self, f"_answer_{request.kind}")(peer)

    def _kind_of(self, path: str, query: dict) -> str:
        if "/secrets/" in path:
            return "secret"
        if not path.endswith("/" + self.resource):
            return "discover"
        return "watch" if query.get("watch") == "true" else "list"

    def _answer_discover(self, peer) -> bool:
        versions = [{"groupVersion": f"{self.group}/{one}", "version": one} for one in self.versions]
        peer.answer({"kind": "APIGroup", "name": self.group, "versions": versions})
        return True

    def _answer_secret(self, peer) -> bool:
        _, _, _, _, namespace, _, name = peer.request.path.split("/")
        data = self.secrets.get((namespace, name))
        if data is None:
            peer.answer({"kind": "Status", "code": 404}, 404)
        else:
            metadata = {"name": name, "namespace": namespace}
            peer.answer({"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": data})
        return True

    def _is_in_scope(self, peer, value: dict) -> bool:
        _, slash, rest = peer.request.path.partition("/namespaces/")
        return not slash or value["metadata"].get("namespace") in (None, rest.split("/")[0])

    def _answer_list(self, peer) -> bool:
        if f"/{self.version}/" not in peer.request.path:
            peer.answer({"kind": "Status", "code": 404}, 404)
            return True
        with self._lock:
            begin = int(peer.request.query.get("continue", "0"))
            items = [self._objects[key] for key in sorted(self._objects)]
            items = [one for one in items if self._is_in_scope(peer, one)]
            metadata = {"resourceVersion": str(self._revision)}
            if begin + self.page_size < len(items):
                metadata["continue"] = str(begin + self.page_size)
            page = items[begin : begin + self.page_size]
            version = f"{self.group}/{self.version}" if self.group else self.version
            # A core list says its kind first and its items do not; others say it last, and each item does.
            if self.group:
                page = [self.said(one) for one in page]
                body = {"apiVersion": version, "items": page, "kind": self.kind + "List", "metadata": metadata}
            else:
                body = {"kind": self.kind + "List", "apiVersion": version, "metadata": metadata, "items": page}
        peer.answer(body)
        return True

    def _answer_watch(self, peer) -> bool:
        since = int(peer.request.query["resourceVersion"])
        until = time.monotonic() + int(peer.request.query["timeoutSeconds"])
        events = queue.Queue()
        with self._lock:
            if since < self._oldest:
                peer.begin_watch()
                peer.event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
                peer.end_watch()
                return True
            for event in self._history:
                if event[0] > since:
                    events.put(event)
            self._watches.add(events)
        try:
            peer.begin_watch()
            while (left := until - time.monotonic()) > 0:
                try:
                    _, type_, value = events.get(timeout=min(left, 0.05))
                except queue.Empty:
                    if peer.stream.fileno() < 0 or not self._is_connected(peer.stream):
                        return False
                    continue
                if self._is_in_scope(peer, value):
                    peer.event(type_, value)
            peer.end_watch()
            return True
        finally:
            with self._lock:
                self._watches.discard(events)

    def _is_connected(self, stream) -> bool:
        with self._lock:
            return stream in self._open
