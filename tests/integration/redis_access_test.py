"""How the edge reaches Redis: passwords, users, databases, TLS with and without its own certificate, a Unix socket, a name
instead of an address. What is refused is said, and never with a secret."""

import json
import ssl
import subprocess

import pytest

from support.fixtures import unique_id
from support.patience import eventually
from support.raw_sandbox import ServingSandbox
from support.redis_fixtures import needs_redis, redis_config
from support.redis_server import PREFIX, RedisClient, RedisServer

pytestmark = needs_redis


def serves_from(edge, redis) -> None:
    """The edge reads, is told of changes, and writes."""
    with ServingSandbox() as sandbox, edge.connect() as client:
        sandbox.id = unique_id()
        assert client.ask(sandbox.request()).edge_reason == "sandbox_not_found"
        redis("SET", PREFIX + sandbox.id, json.dumps({"address": "127.0.0.1"}))
        eventually(lambda: client.ask(sandbox.request()).status == 200, "the record to be seen")
        redis("DEL", PREFIX + sandbox.id)
        eventually(lambda: client.ask(sandbox.request()).edge_reason == "sandbox_not_found", "the end to be seen")
        edge.put(sandbox.id, {"address": "127.0.0.1", "execution_id": "e1"})
        assert client.ask(sandbox.request()).status == 200
        assert b"e1" in redis("GET", PREFIX + sandbox.id)


def never_ready(make_edge, config: dict, reason: str):
    edge = make_edge.unstarted(config)
    edge.start(wait_ready=False)
    eventually(lambda: reason in edge.stderr(), f"the edge to say {reason!r}")
    assert not edge.is_ready()
    return edge


def test_a_password(tmp_path, make_edge):
    with RedisServer(tmp_path / "redis", requirepass="hunter2") as server, server.client() as redis:
        redis("AUTH", "hunter2")
        edge = make_edge(redis_config(f"redis://:hunter2@127.0.0.1:{server.port}/0"))
        serves_from(edge, redis)
        assert "hunter2" not in edge.admin.get("/v1/config").text
        assert "hunter2" not in edge.stderr()
        never_ready(make_edge, redis_config(server.url), "NOAUTH")
        refused = never_ready(make_edge, redis_config(f"redis://:swordfish@127.0.0.1:{server.port}/0"), "WRONGPASS")
        assert "swordfish" not in refused.stderr()


def test_a_user_whose_rights_are_those_the_documentation_lists(tmp_path, make_edge):
    """And whose password is in a file, with characters that mean something in a URL."""
    password = "p@ss/:%"
    secret = tmp_path / "password"
    secret.write_text(password + "\n")
    with RedisServer(tmp_path / "redis") as server, server.client() as redis:
        reading = "+auth +select +ping +client|id +client|tracking +subscribe +pttl +getrange".split()
        writing = "+get +scan +eval +exists +set +pexpireat +del".split()
        rights = [*reading, *writing, f"~{PREFIX}*", "&__redis__:invalidate"]
        redis("ACL", "SETUSER", "edge", "on", ">" + password, "resetchannels", *rights)
        edge = make_edge(redis_config(server.url, username="edge", password_file=str(secret)))
        serves_from(edge, redis)
        coded = password.replace("%", "%25").replace("@", "%40").replace("/", "%2F").replace(":", "%3A")
        serves_from(make_edge(redis_config(f"redis://edge:{coded}@127.0.0.1:{server.port}/0")), redis)
        redis("ACL", "SETUSER", "edge", "-client|tracking")
        never_ready(make_edge, redis_config(server.url, username="edge", password_file=str(secret)), "NOPERM")


def test_a_password_file_that_is_not_there(tmp_path, make_edge):
    with RedisServer(tmp_path / "redis") as server:
        config = redis_config(server.url, password_file=str(tmp_path / "absent"))
        never_ready(make_edge, config, "registry.redis.password_file")


def test_a_database(tmp_path, make_edge):
    with RedisServer(tmp_path / "redis") as server, server.client() as redis:
        redis("SET", PREFIX + "decoy", json.dumps({"address": "127.0.0.1"}))
        redis("SELECT", 3)
        edge = make_edge(redis_config(f"redis://127.0.0.1:{server.port}/3"))
        with ServingSandbox() as decoy, edge.connect() as client:
            decoy.id = "decoy"
            assert client.ask(decoy.request()).edge_reason == "sandbox_not_found"
        serves_from(edge, redis)


def test_a_unix_socket(tmp_path, make_edge):
    path = tmp_path / "redis.sock"
    with RedisServer(tmp_path / "redis", port=0, unixsocket=path) as server, server.socket_client() as redis:
        serves_from(make_edge(redis_config(f"unix:{path}")), redis)
        redis("SELECT", 2)
        serves_from(make_edge(redis_config(f"unix://{path}?db=2")), redis)


def test_a_name_instead_of_an_address(tmp_path, make_edge):
    with RedisServer(tmp_path / "redis", bind="127.0.0.1") as server, server.client() as redis:
        serves_from(make_edge(redis_config(f"redis://localhost:{server.port}")), redis)
    never_ready(make_edge, redis_config("redis://nowhere.invalid:6379"), "there is no such host")


# TLS


class Authority:
    """A CA of a test's own, made with the openssl command line."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.chain, self._key = folder / "ca.crt", folder / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=test CA", "-keyout", self._key, "-out", self.chain)

    def issue(self, name: str, subject_names: str = ""):
        """The paths of a certificate and its key."""
        chain, key, request = (self.folder / f"{name}.{suffix}" for suffix in ("crt", "key", "csr"))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", key, "-out", request)
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName={subject_names}\n" if subject_names else "keyUsage=digitalSignature\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.chain, "-CAkey", self._key, "-CAcreateserial",
                      "-days", "2", "-extfile", extensions, "-out", chain)
        return chain, key

    @staticmethod
    def _openssl(*words) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


@pytest.fixture
def tls_server(tmp_path, authority):
    """Asks for a client's certificate when it is made with `tls_auth_clients="yes"`."""
    servers = []

    def make(names: str = "IP:127.0.0.1,DNS:localhost", **options) -> RedisServer:
        chain, key = authority.issue(f"server{len(servers)}", names)
        server = RedisServer(tmp_path / f"redis{len(servers)}", tls_cert_file=chain, tls_key_file=key,
                             tls_ca_cert_file=authority.chain, **{"tls_auth_clients": "no", **options})
        server.options.update(port=0, tls_port=server.port)
        server.start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.kill()


def writer_of(server, authority, identity=None) -> RedisClient:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(authority.chain)
    if identity:
        context.load_cert_chain(*identity)
    return RedisClient(("127.0.0.1", server.port), tls=context)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls(tls_server, authority, make_edge, host):
    server = tls_server()
    with writer_of(server, authority) as redis:
        serves_from(make_edge(redis_config(f"rediss://{host}:{server.port}", tls={"ca": str(authority.chain)})), redis)


def test_tls_with_a_certificate_of_the_edges_own(tls_server, authority, make_edge):
    server = tls_server(tls_auth_clients="yes")
    chain, key = authority.issue("edge")
    tls = {"ca": str(authority.chain), "certificate": str(chain), "key": str(key)}
    with writer_of(server, authority, (chain, key)) as redis:
        serves_from(make_edge(redis_config(f"rediss://127.0.0.1:{server.port}", tls=tls)), redis)
    edge = make_edge.unstarted(redis_config(f"rediss://127.0.0.1:{server.port}", tls={"ca": str(authority.chain)}))
    edge.start(wait_ready=False)
    eventually(lambda: "Redis cannot be used" in edge.stderr(), "the edge to say that it cannot connect")
    assert not edge.is_ready()


def test_a_server_that_is_not_the_one_that_was_asked_for_is_not_trusted(tls_server, authority, make_edge, tmp_path):
    elsewhere = tls_server("DNS:elsewhere.test,IP:127.0.0.9")
    ca = {"ca": str(authority.chain)}
    for host in ("127.0.0.1", "localhost"):
        never_ready(make_edge, redis_config(f"rediss://{host}:{elsewhere.port}", tls=ca), "is not trusted")
    right = tls_server()
    never_ready(make_edge, redis_config(f"rediss://127.0.0.1:{right.port}"), "is not trusted")
    stranger = Authority(tmp_path / "stranger")
    other = {"ca": str(stranger.chain)}
    never_ready(make_edge, redis_config(f"rediss://127.0.0.1:{right.port}", tls=other), "is not trusted")


def test_tls_files_that_cannot_be_used(tls_server, authority, make_edge, tmp_path):
    server = tls_server()
    absent = {"ca": str(tmp_path / "absent.crt")}
    never_ready(make_edge, redis_config(f"rediss://127.0.0.1:{server.port}", tls=absent), "registry.redis.tls")


def test_plain_where_tls_is_spoken(tls_server, make_edge):
    server = tls_server()
    never_ready(make_edge, redis_config(f"redis://127.0.0.1:{server.port}"), "Redis cannot be used")
