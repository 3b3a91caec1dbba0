"""The server's key for ledgers: Ed25519 (RFC 8032), in the data directory, made at first use.

`ledger.key` is the private key (PKCS #8, PEM, mode 0600). `ledger.trusted` may name more public keys, one
base64url to a line, whose items are believed as well: the server's earlier ones, or those of a server whose
library was taken over.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from recorder import chain

KEY_FILE = "ledger.key"
TRUSTED_FILE = "ledger.trusted"


class LedgerKeyError(OSError):
    """The key file is there, and is none."""


class LedgerKey:
    """A `chain.Signer`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes_raw()
        self.public = chain.encode(raw)
        """base64url of its 32 bytes."""

    @classmethod
    def open(cls, data_dir: Path) -> LedgerKey:
        """Makes it when there is none. Raises OSError; LedgerKeyError when the file holds something else."""
        path = data_dir / KEY_FILE
        try:
            pem = path.read_bytes()
        except FileNotFoundError:
            pem = _make(path)
        try:
            key = serialization.load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise LedgerKeyError(f"{path} is not a private key: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise LedgerKeyError(f"{path} is not an Ed25519 key")
        return cls(key)

    def sign(self, data: bytes) -> str:
        return chain.encode(self._key.sign(data))


def _make(path: Path) -> bytes:
    """Whoever is first makes it: two processes that start at once end up with the same one."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        return path.read_bytes()
    finally:
        fresh.unlink()
    return pem


def trusted_keys(data_dir: Path) -> list[str]:
    """Public keys whose items are believed: the server's own first. Nothing is made. Raises OSError."""
    found = []
    if (data_dir / KEY_FILE).exists():
        found.append(LedgerKey.open(data_dir).public)
    try:
        lines = (data_dir / TRUSTED_FILE).read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    return found + [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def is_signed(public: str, data: bytes, signature: str) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(chain.decode(public))
        key.verify(chain.decode(signature), data)
    except (ValueError, InvalidSignature):
        return False
    return True
