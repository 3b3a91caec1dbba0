"""What our own key has signed: JWS in its compact form (RFC 7515), HS256, as PyJWT writes and proves it."""

from __future__ import annotations

import functools
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


@functools.lru_cache(MAX_PROVED)
def payload_of(token: str, key: bytes) -> bytes:
    """What was signed. Raises InvalidSignature, ValueError."""
    payload = _jws.decode(token, key, algorithms=[ALGORITHM])
    assert isinstance(payload, bytes)
    return payload
