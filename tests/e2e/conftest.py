import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.fixtures import certificates, door, edge, make_edge, register, sandbox, service  # noqa: E402, F401
from support.web_service import WebService  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


@pytest.fixture(scope="module")
def web(edge):
    """An ordinary web service in sandbox `web`."""
    with WebService() as web:
        edge.put("web", {"address": "127.0.0.1"})
        yield web


@pytest.fixture
def sandbox_names(monkeypatch):
    """Every name under sandbox.test is this machine, for clients that resolve names in this process."""
    resolve = socket.getaddrinfo

    def resolve_here(host, *rest, **options):
        if isinstance(host, bytes):
            host = host.decode()
        return resolve("127.0.0.1" if host and host.endswith(".sandbox.test") else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)
