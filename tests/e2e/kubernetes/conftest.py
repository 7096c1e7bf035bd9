import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.fixtures import certificates, make_edge  # noqa: E402, F401
from support.kube_fixtures import add_kinds, add_namespaces  # noqa: E402
from support.kube_server import KubeServer  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real API server that knows the kinds of crds/ and has namespaces to put sandboxes in."""
    with KubeServer(tmp_path_factory.mktemp("kubernetes")) as server:
        add_kinds(server)
        add_namespaces(server, "sandgate", "sandboxes", "others", "monitoring")
        yield server
