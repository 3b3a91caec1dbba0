"""What our own key has signed: JWS in its compact form (RFC 7515), HS256, as PyJWT writes and proves it."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from typing import Final

import jwt
from jwt.algorithms import HMACAlgorithm

ALGORITHM: Final = "HS256"
MAX_PROVED: Final = 4096
"""Tokens that need not be proved again: of those who watch a lesson by HTTP, each asks twice a second."""

InvalidSignature = jwt.InvalidTokenError


class _OwnKey(HMACAlgorithm):
    """The key is of our making: that it is no public key in disguise need not be proved for each token, which
    takes longer than the signature."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key


_jws = jwt.PyJWS(algorithms=[])
_jws.register_algorithm(ALGORITHM, _OwnKey(HMACAlgorithm.SHA256))
_OUR_HEADER: Final = jwt.encode({}, bytes(32), ALGORITHM).encode().partition(b".")[0] + b"."
"""What PyJWT writes before the payload; others who have the key may write it in another order."""


@functools.lru_cache(MAX_PROVED)
def payload_of(token: str, key: bytes) -> bytes:
    """What was signed. Raises InvalidSignature, ValueError."""
    signed, _, signature = token.encode().rpartition(b".")
    if signed.startswith(_OUR_HEADER) and hmac.compare_digest(signature, _signature(signed, key)):
        return _bytes(signed.removeprefix(_OUR_HEADER))
    payload = _jws.decode(token, key, algorithms=[ALGORITHM])
    assert isinstance(payload, bytes)
    return payload


def _signature(signed: bytes, key: bytes) -> bytes:
    """As it is written: HMAC with SHA-256, in base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)).rstrip(b"=")


def _bytes(segment: bytes) -> bytes:
    """Of base64url that whoever has the key has written."""
    return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
