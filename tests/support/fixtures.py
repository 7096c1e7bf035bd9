"""fixtures: what every integration and end-to-end module starts from.

A module gets one edge (`edge`), configured by its EDGE_CONFIG, and each test a sandbox of its own (`sandbox`), so
tests never see one another. `door` runs a test over plain HTTP and over TLS.
"""

import dataclasses
import itertools

import pytest

from support.certificates import make_certificates
from support.edge import Edge
from support.h2_client import H2Client
from support.raw_client import RawClient
from support.raw_sandbox import RawSandbox, ServingSandbox
from support.siege import Siege

_numbers = itertools.count(1)


def unique_id(prefix: str = "sbx") -> str:
    return f"{prefix}{next(_numbers)}"


@dataclasses.dataclass(frozen=True)
class Door:
    """One of the edge's two listeners."""

    edge: Edge
    is_tls: bool

    @property
    def scheme(self) -> str:
        return "https" if self.is_tls else "http"

    @property
    def port(self) -> int:
        return self.edge.tls_port if self.is_tls else self.edge.plain_port

    def connect(self, **options) -> RawClient:
        return self.edge.connect(tls=self.is_tls, **options)

    def connect_h2(self, **options) -> H2Client:
        return self.edge.connect_h2(tls=self.is_tls, **options)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def edge(request, tmp_path_factory, certificates):
    with Edge(tmp_path_factory.mktemp("edge"), certificates, getattr(request.module, "EDGE_CONFIG", None)) as edge:
        yield edge


@pytest.fixture
def siege(edge):
    """The module's edge with what an attack is measured by; the sandboxes are this test's own."""
    with Siege(edge) as siege:
        yield siege


@pytest.fixture
def make_edge(tmp_path, certificates):
    """Starts edges that live for one test; each is stopped, and checked, at its end."""
    edges = []

    def unstarted(config: dict = None, **options) -> Edge:
        edge = Edge(tmp_path / f"edge{len(edges)}", certificates, config, **options)
        edges.append(edge)
        return edge

    def make(config: dict = None, **options) -> Edge:
        edge = unstarted(config, **options)
        edge.start()
        return edge

    make.unstarted = unstarted  # for a test that changes the listeners first
    yield make
    problems = []
    for edge in edges:
        try:
            edge.stop()
        except AssertionError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]


@pytest.fixture(params=["plain", "tls"])
def door(request, edge):
    return Door(edge, request.param == "tls")


@pytest.fixture
def sandbox(edge):
    """A scripted sandbox, public, known to the edge."""
    with RawSandbox() as sandbox:
        sandbox.id = unique_id()
        edge.put(sandbox.id, {"address": "127.0.0.1"})
        yield sandbox
        edge.admin.delete(f"/v1/sandboxes/{sandbox.id}")


@pytest.fixture
def register(edge):
    """Registers records for this test; `register(RawSandbox(), traffic_access_token=...)` names the sandbox too."""
    ids = []

    def register(sandbox=None, **record):
        name = unique_id()
        edge.put(name, {"address": sandbox.address if sandbox else "127.0.0.1", **record})
        ids.append(name)
        if sandbox:
            sandbox.id = name
        return sandbox or name

    yield register
    for name in ids:
        edge.admin.delete(f"/v1/sandboxes/{name}")


@pytest.fixture
def service(edge):
    """A sandbox that answers every request with 200 `ok` and remembers what it was asked."""
    with ServingSandbox() as service:
        service.id = unique_id()
        edge.put(service.id, {"address": "127.0.0.1"})
        yield service
        edge.admin.delete(f"/v1/sandboxes/{service.id}")
        assert not service.violations, service.violations
