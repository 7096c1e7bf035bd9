"""tls_records: records of TLS 1.3 that no library would make, in a connection that one has opened.

    context = trust(certificate)
    records = TlsRecords(context, tmp_path / "keys")      # before the connection is opened
    client.send(...)                                      # one record
    records.send(client, HANDSHAKE, HALF_A_KEY_UPDATE, behind=1)
"""

import hmac
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HANDSHAKE = 22
HALF_A_KEY_UPDATE = b"\x18\x00\x00\x01"  # RFC 8446 4.6.3, without the byte that says whether one is wanted in return

_APPLICATION_DATA = 23
_SUITES = {"TLS_AES_128_GCM_SHA256": ("sha256", 16), "TLS_AES_256_GCM_SHA384": ("sha384", 32)}


def _expand(secret: bytes, label: str, size: int, digest: str) -> bytes:
    """HKDF-Expand-Label (RFC 8446 7.1) for what fits one block, without a context."""
    name = b"tls13 " + label.encode()
    info = struct.pack("!HB", size, len(name)) + name + b"\0"
    return hmac.digest(secret, info + b"\1", digest)[:size]


class TlsRecords:
    def __init__(self, context, key_log):
        self._key_log = key_log
        context.keylog_filename = str(key_log)

    def _secret(self) -> bytes:
        lines = self._key_log.read_text().splitlines()
        return bytes.fromhex(next(line for line in lines if line.startswith("CLIENT_TRAFFIC_SECRET_0")).split()[2])

    def send(self, client, kind: int, content: bytes, behind: int) -> None:
        """One record, `behind` those that the client has sent since its handshake. The client itself can send no more."""
        digest, key_bytes = _SUITES[client.stream.tls.cipher()[0]]
        secret = self._secret()
        fixed = _expand(secret, "iv", 12, digest)
        nonce = bytes(a ^ b for a, b in zip(fixed, behind.to_bytes(12, "big")))
        inner = content + bytes([kind])
        header = struct.pack("!BHH", _APPLICATION_DATA, 0x303, len(inner) + 16)
        sealed = AESGCM(_expand(secret, "key", key_bytes, digest)).encrypt(nonce, inner, header)
        client.stream.socket.sendall(header + sealed)
