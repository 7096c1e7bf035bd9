"""h2_sandbox: a sandbox that speaks HTTP/2 with prior knowledge (h2c), a scripted exchange at a time.

with H2Sandbox() as sandbox:
    edge.put(sandbox_id, {"address": "127.0.0.1", "ports": sandbox.ports})
    exchange = sandbox.accept_exchange()
    method, target, fields = exchange.read_head()
"""

from support.exchange_peers import H1SandboxExchange
from support.h2_peers import H2SandboxExchange
from support.raw_sandbox import RawSandbox


class H2Sandbox(RawSandbox):
    @property
    def ports(self) -> dict:
        """What the record says of this port."""
        return {str(self.port): {"protocol": "h2c"}}

    def accept_exchange(self) -> H2SandboxExchange:
        return H2SandboxExchange(self.accept().stream)


class H1Sandbox(RawSandbox):
    """The same, speaking HTTP/1.1."""

    ports = {}

    def accept_exchange(self) -> H1SandboxExchange:
        return H1SandboxExchange(self.accept().stream)
