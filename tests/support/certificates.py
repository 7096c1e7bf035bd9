"""certificates: throw-away certificates for the tests, made with the openssl command line.

Each is self-signed with a P-256 key; a client trusts exactly the one it expects by loading its chain as authority.
"""

import dataclasses
import ssl
import subprocess
from pathlib import Path

_CA_CONFIG = """
[ca]
default_ca = here
[here]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
subjectAltName = {names}
[req]
distinguished_name = subject
[subject]
"""


@dataclasses.dataclass(frozen=True)
class Certificate:
    chain: Path
    key: Path

    def as_config(self) -> dict:
        return {"chain": str(self.chain), "key": str(self.key)}

    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.chain.read_text())


@dataclasses.dataclass(frozen=True)
class Certificates:
    sandbox: Certificate  #: *.sandbox.test and sandbox.test
    other: Certificate  #: *.other.test
    expired: Certificate  #: *.sandbox.test, over since 2020


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def make_certificate(folder: Path, name: str, *hosts: str, until: str = "20991231000000Z") -> Certificate:
    """A self-signed certificate for `hosts`, addresses as "IP:127.0.0.1"; `until` in the past makes an expired one."""
    home = folder / name
    home.mkdir(parents=True)
    chain, key, request = home / "tls.crt", home / "tls.key", home / "request.pem"
    names = ",".join(host if host.startswith("IP:") else f"DNS:{host}" for host in hosts)
    (home / "index.txt").write_text("")
    config = home / "ca.cnf"
    config.write_text(_CA_CONFIG.format(folder=home, names=names))
    _run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    _run(
        "openssl",
        "req",
        "-new",
        "-key",
        str(key),
        "-subj",
        f"/CN={hosts[0]}",
        "-config",
        str(config),
        "-out",
        str(request),
    )
    _run(
        "openssl",
        "ca",
        "-batch",
        "-selfsign",
        "-config",
        str(config),
        "-keyfile",
        str(key),
        "-in",
        str(request),
        "-startdate",
        "20190101000000Z",
        "-enddate",
        until,
        "-notext",
        "-out",
        str(chain),
    )
    return Certificate(chain, key)


def make_certificates(folder: Path) -> Certificates:
    return Certificates(
        sandbox=make_certificate(folder, "sandbox", "*.sandbox.test", "sandbox.test"),
        other=make_certificate(folder, "other", "*.other.test"),
        expired=make_certificate(folder, "expired", "*.sandbox.test", until="20200101000000Z"),
    )
