"""redis_cluster: three masters, each with a replica, that can lose a master and move a slot.

with RedisCluster(folder) as cluster:
    cluster("SET", key, value)          # on the master that has the key, wherever that is
    cluster.master_of(key).kill()       # its replica takes over after cluster-node-timeout
"""

from pathlib import Path

from support.patience import eventually
from support.ports import free_port
from support.redis_server import RedisClient, RedisError, RedisServer

SLOTS = 16384
MASTERS = 3
NODE_TIMEOUT_MS = 1_000


class RedisCluster:
    def __init__(self, folder: Path):
        self.servers = [
            RedisServer(
                Path(folder) / f"node{number}",
                cluster_enabled="yes",
                cluster_config_file="nodes.conf",
                cluster_node_timeout=NODE_TIMEOUT_MS,
                cluster_port=free_port(),
                cluster_replica_validity_factor=0,
                cluster_require_full_coverage="no",
                repl_ping_replica_period=1,
                repl_diskless_sync_delay=0,
            )
            for number in range(2 * MASTERS)
        ]
        self._clients = {}
        self._slots = {}

    def __enter__(self):
        for server in self.servers:
            server.start()
        try:
            self._join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for client in self._clients.values():
            client.close()
        for server in self.servers:
            server.kill()

    def client(self, server: RedisServer) -> RedisClient:
        if server not in self._clients:
            self._clients[server] = server.client()
        return self._clients[server]

    def forget(self, server: RedisServer) -> None:
        """Its connection is of no use any more."""
        if client := self._clients.pop(server, None):
            client.close()

    def _join(self) -> None:
        masters, replicas = self.servers[:MASTERS], self.servers[MASTERS:]
        share = SLOTS // MASTERS
        for number, master in enumerate(masters):
            last = SLOTS - 1 if number == MASTERS - 1 else (number + 1) * share - 1
            self.client(master)("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            self.client(master)("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server in self.servers[1:]:
            first = self.servers[0]
            self.client(server)("CLUSTER", "MEET", "127.0.0.1", first.port, first.options["cluster_port"])
        eventually(lambda: all(self._known(server) == 2 * MASTERS for server in self.servers), "all to have met", 20)
        for master, replica in zip(masters, replicas):
            self.client(replica)("CLUSTER", "REPLICATE", self.id_of(master))
        eventually(lambda: all(self._is_whole(server) for server in self.servers), "the cluster to be whole", 20)

    def _known(self, server) -> int:
        lines = self.client(server)("CLUSTER", "NODES").decode().splitlines()
        return sum("handshake" not in line for line in lines)

    def _is_whole(self, server) -> bool:
        client = self.client(server)
        ranges = client("CLUSTER", "SLOTS")
        is_linked = server in self.servers[:MASTERS] or b"master_link_status:up" in client("INFO", "replication")
        is_up = b"cluster_state:ok" in client("CLUSTER", "INFO")
        return is_up and is_linked and len(ranges) == MASTERS and all(len(one) == 4 for one in ranges)

    def id_of(self, server: RedisServer) -> str:
        return self.client(server)("CLUSTER", "MYID").decode()

    def slot_of(self, key: str) -> int:
        return self.client(self._anybody())("CLUSTER", "KEYSLOT", key)

    def _anybody(self) -> RedisServer:
        return next(server for server in self.servers if server.process and not server.is_paused)

    def master_of(self, key: str) -> RedisServer:
        slot = self.slot_of(key)
        for first, last, (_, port, *_rest), *_replicas in self.client(self._anybody())("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == port)
        raise AssertionError(f"nobody has slot {slot}")

    def replica_of(self, server: RedisServer) -> RedisServer:
        return self.servers[self.servers.index(server) + MASTERS]

    def __call__(self, name: str, key: str, *words):
        """Follows MOVED and ASK, as any client of a cluster does."""
        server, is_ask = self.master_of(key), False
        for _ in range(5):
            try:
                if is_ask:
                    self.client(server)("ASKING")
                return self.client(server)(name, key, *words)
            except RedisError as error:
                kind, _, place = str(error).partition(" ")
                if kind not in ("MOVED", "ASK"):
                    raise
                port = int(place.rpartition(":")[2])
                server = next(one for one in self.servers if one.port == port)
                is_ask = kind == "ASK"
        raise AssertionError(f"{name} {key} was sent from one server to another")

    def begin_moving(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        self.client(target)("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        self.client(source)("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))

    def move_key(self, key: str, source: RedisServer, target: RedisServer) -> None:
        assert self.client(source)("MIGRATE", "127.0.0.1", target.port, key, 0, 5000) == "OK"

    def end_moving(self, slot: int, target: RedisServer) -> None:
        for server in [target, *self.servers[:MASTERS]]:
            if server.process:
                self.client(server)("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(target))
