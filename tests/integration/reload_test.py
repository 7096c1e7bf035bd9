"""Configuration, certificates and the sandbox file reload without losing a connection; a bad version changes nothing."""

import json
import os
import ssl
from pathlib import Path

import pytest

from support.certificates import make_certificate
from support.edge import Edge
from support.patience import eventually
from support.raw_client import RawClient
from support.raw_sandbox import RawSandbox, ServingSandbox


def presented(edge: Edge, server_name: str = "a.sandbox.test") -> bytes:
    """The certificate the edge shows, as DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with RawClient(edge.tls_port, tls=context, server_name=server_name) as client:
        return client.stream.tls.getpeercert(binary_form=True)


def reloads(edge: Edge, result: str) -> float:
    page = edge.metrics()
    labels = page.label_values("sandgate_config_reloads_total", "result")
    return sum(
        page.total("sandgate_config_reloads_total", result=label)
        for label in labels
        if (label == "ok") == (result == "ok")
    )


def serve(edge: Edge, sandbox, name: str = "one"):
    sandbox.id = name
    edge.put(name, {"address": "127.0.0.1"})
    return sandbox


# Configuration


@pytest.mark.parametrize("trigger", ["file change", "signal"])
def test_a_new_configuration_counts_for_connections_that_are_open(make_edge, trigger):
    edge = make_edge()
    with ServingSandbox() as sandbox, edge.connect() as client:
        serve(edge, sandbox)
        host = f"{sandbox.port}-one.new.test"
        assert client.ask(sandbox.request(host=host)).status == 400
        edge.write_config({"domains": ["sandbox.test", "new.test"]})
        if trigger == "signal":
            edge.reload()
        eventually(lambda: reloads(edge, "ok") >= 1, "the reload")
        assert client.ask(sandbox.request(host=host)).status == 200


@pytest.mark.parametrize("bad", ["domains: [", "domains: [sandbox.test]\nlisteners: []\nnonsense: 1\n", ""])
def test_a_bad_configuration_is_refused_and_the_old_one_stays(make_edge, bad):
    edge = make_edge()
    with ServingSandbox() as sandbox, edge.connect() as client:
        serve(edge, sandbox)
        edge.config_path.write_text(bad)
        edge.reload()
        eventually(lambda: reloads(edge, "failed") >= 1, "the reload to fail")
        assert client.ask(sandbox.request()).status == 200
        assert "edge.yaml" in edge.stderr()
        edge.write_config({"domains": ["sandbox.test", "new.test"]})
        edge.reload()
        eventually(lambda: reloads(edge, "ok") >= 1, "the mended one")


def test_what_cannot_change_while_running_says_so(make_edge):
    edge = make_edge()
    edge.write_config({"workers": 1})
    edge.reload()
    eventually(lambda: "workers" in edge.stderr(), "a word about workers")
    assert edge.is_ready()


def test_an_exchange_under_way_survives_a_reload(make_edge):
    edge = make_edge()
    with RawSandbox() as sandbox, edge.connect(tls=True) as client:
        serve(edge, sandbox)
        client.send(sandbox.request())
        upstream = sandbox.accept()
        upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nso")
        head = client.read_head()
        edge.write_config({"edge": {"id": "renamed"}})
        edge.reload()
        eventually(lambda: reloads(edge, "ok") >= 1, "the reload")
        upstream.send(b"me")
        client.read_body_into(head)
        client.send(sandbox.request())
        assert upstream.answer().value("cdn-loop") == "renamed"
        assert client.read_response().status == 200


# Certificates


def edge_with_own_certificate(make_edge, tmp_path, **options) -> tuple:
    own = make_certificate(tmp_path / "own", "first", "*.sandbox.test")
    second = make_certificate(tmp_path / "own", "second", "*.sandbox.test")
    edge = make_edge.unstarted()
    edge.config["listeners"][1]["tls"]["certificates"] = [own.as_config()]
    edge.start()
    return edge, own, second


@pytest.mark.parametrize("trigger", ["file change", "signal"])
def test_a_new_certificate_is_presented_and_no_connection_lost(make_edge, tmp_path, trigger):
    edge, own, second = edge_with_own_certificate(make_edge, tmp_path)
    before = own.der()
    assert presented(edge) == before
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with ServingSandbox() as sandbox, RawClient(edge.tls_port, tls=context, server_name="a.sandbox.test") as client:
        serve(edge, sandbox)
        assert client.ask(sandbox.request()).status == 200
        for new, old in ((second.key, own.key), (second.chain, own.chain)):
            Path(str(old) + ".new").write_bytes(new.read_bytes())
            os.replace(str(old) + ".new", old)
        if trigger == "signal":
            edge.reload()
        eventually(lambda: presented(edge) == second.der() != before, "the new certificate")
        assert client.ask(sandbox.request()).status == 200


def test_a_key_that_does_not_match_is_refused_and_the_old_pair_stays(make_edge, tmp_path):
    edge, own, second = edge_with_own_certificate(make_edge, tmp_path)
    before = presented(edge)
    own.chain.write_bytes(second.chain.read_bytes())
    edge.reload()
    eventually(lambda: reloads(edge, "failed") >= 1, "the reload to fail")
    assert presented(edge) == before


def test_a_certificate_swapped_by_kubernetes_link_is_noticed(make_edge, tmp_path):
    """Kubernetes mounts a Secret as links through `..data`, and swaps that one link."""
    first = make_certificate(tmp_path / "k8s", "first", "*.sandbox.test")
    second = make_certificate(tmp_path / "k8s", "second", "*.sandbox.test")
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / "..data").symlink_to(first.chain.parent)
    for name in ("tls.crt", "tls.key"):
        (mount / name).symlink_to(Path("..data") / name)
    edge = make_edge.unstarted()
    edge.config["listeners"][1]["tls"]["certificates"] = [
        {"chain": str(mount / "tls.crt"), "key": str(mount / "tls.key")}
    ]
    edge.start()
    assert presented(edge) == first.der()
    (mount / "..data_tmp").symlink_to(second.chain.parent)
    os.replace(mount / "..data_tmp", mount / "..data")
    eventually(lambda: presented(edge) == second.der(), "the new certificate")


# The sandbox file


def file_config(path: Path) -> dict:
    return {"registry": {"source": "file", "file": {"path": str(path)}}}


def write_sandboxes(path: Path, sandboxes: dict):
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"sandboxes": sandboxes}))
    temporary.replace(path)


def status(edge: Edge, sandbox, name: str):
    with edge.connect() as client:
        response = client.ask(sandbox.request(host=f"{sandbox.port}-{name}.sandbox.test"))
        return response.edge_reason or response.status


def test_the_sandbox_file_is_watched(make_edge, tmp_path):
    path = tmp_path / "sandboxes.yaml"
    write_sandboxes(path, {"one": {"address": "127.0.0.1"}})
    edge = make_edge(file_config(path))
    with ServingSandbox() as sandbox:
        assert (status(edge, sandbox, "one"), status(edge, sandbox, "two")) == (200, "sandbox_not_found")
        write_sandboxes(path, {"two": {"address": "127.0.0.1"}})
        eventually(lambda: status(edge, sandbox, "two") == 200, "the new sandbox")
        assert status(edge, sandbox, "one") == "sandbox_not_found"


def test_a_file_written_in_place_is_noticed_too(make_edge, tmp_path):
    path = tmp_path / "sandboxes.yaml"
    write_sandboxes(path, {})
    edge = make_edge(file_config(path))
    with ServingSandbox() as sandbox:
        path.write_text("sandboxes:\n  one:\n    address: 127.0.0.1\n")
        eventually(lambda: status(edge, sandbox, "one") == 200, "the new sandbox")


@pytest.mark.parametrize(
    "bad", ["", "sandboxes: [", "sandboxes:\n  one: {address: 127.0.0.1}\n  one: {address: 127.0.0.1}\n", "other: {}\n"]
)
def test_a_file_that_is_no_good_as_a_whole_changes_nothing(make_edge, tmp_path, bad):
    path = tmp_path / "sandboxes.yaml"
    write_sandboxes(path, {"one": {"address": "127.0.0.1"}})
    edge = make_edge(file_config(path))
    with ServingSandbox() as sandbox:
        said = len(edge.stderr())
        path.write_text(bad)
        edge.reload()
        eventually(lambda: len(edge.stderr()) > said, "a word about it")
        assert status(edge, sandbox, "one") == 200
        write_sandboxes(path, {"one": {"address": "127.0.0.1"}, "two": {"address": "127.0.0.1"}})
        eventually(lambda: status(edge, sandbox, "two") == 200, "the mended file")


def test_one_bad_record_takes_only_its_own_id_out(make_edge, tmp_path):
    path = tmp_path / "sandboxes.yaml"
    write_sandboxes(path, {"one": {"address": "127.0.0.1"}, "two": {"address": "127.0.0.1"}})
    edge = make_edge(file_config(path))
    with ServingSandbox() as sandbox:
        assert status(edge, sandbox, "two") == 200
        write_sandboxes(
            path, {"one": {"address": "127.0.0.1"}, "two": {"address": "127.0.0.1", "max_connections": "many"}}
        )
        eventually(lambda: status(edge, sandbox, "two") == "record_invalid", "the record to be refused")
        assert status(edge, sandbox, "one") == 200
        assert edge.metrics().total("sandgate_registry_invalid_records") == 1
        assert "max_connections" in edge.stderr() and "two" in edge.stderr()
        with edge.connect() as client:
            response = client.ask(sandbox.request(host=f"{sandbox.port}-two.sandbox.test"))
            assert (response.status, response.value("retry-after")) == (503, "5")
            assert response.json() == {"sandboxId": "two", "message": "The sandbox's route is not valid", "code": 503}
        write_sandboxes(path, {"one": {"address": "127.0.0.1"}, "two": {"address": "127.0.0.1"}})
        eventually(lambda: status(edge, sandbox, "two") == 200, "the mended record")
        assert edge.metrics().total("sandgate_registry_invalid_records") == 0


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"address": "10.0.0"},
        {"address": 5},
        {"address": "127.0.0.1", "allow_public_traffic": "no"},
        {"address": "127.0.0.1", "mask_request_host": "a b"},
        {"address": "127.0.0.1", "mask_request_host": "x:${PORT}0"},
        {"address": "127.0.0.1", "mask_request_host": "x\r\nY: z"},
        {"address": "127.0.0.1", "ports": {"0": {}}},
        {"address": "127.0.0.1", "ports": {"80": {"protocol": "h3"}}},
        {"address": "127.0.0.1", "state": "sleeping"},
        {"address": "127.0.0.1", "expires_at": "tomorrow"},
        {"address": "127.0.0.1", "traffic_access_token_sha256": "abc"},
        {"address": "127.0.0.1", "sandbox_id": "another"},
    ],
    ids=lambda record: json.dumps(record)[:60],
)
def test_a_record_that_says_what_it_cannot_mean_fails_closed(make_edge, tmp_path, record):
    path = tmp_path / "sandboxes.yaml"
    write_sandboxes(path, {"one": record})
    edge = make_edge(file_config(path))
    with ServingSandbox() as sandbox:
        assert status(edge, sandbox, "one") == "record_invalid"
        assert sandbox.requests == []


def test_the_admin_api_cannot_write_what_a_file_owns(make_edge, tmp_path):
    path = tmp_path / "sandboxes.yaml"
    write_sandboxes(path, {"one": {"address": "127.0.0.1"}})
    edge = make_edge(file_config(path))
    assert edge.admin.get("/v1/sandboxes/one").json()["address"] == "127.0.0.1"
    for answer in (
        edge.admin.put("/v1/sandboxes/two", {"address": "127.0.0.1"}),
        edge.admin.delete("/v1/sandboxes/one"),
    ):
        assert 400 <= answer.status < 500 and answer.json()["error"]
