"""How a webhook's receiver knows that it was us: the Standard Webhooks signature, symmetric. Pure.

`webhook-signature: v1,BASE64(HMAC-SHA256(secret, "ID.TIMESTAMP.BODY"))`, with `webhook-id` and
`webhook-timestamp` (Unix time in seconds) as they stand in the headers. The time is signed, so that what
somebody has overheard is of no use later: a receiver refuses what is older than a few minutes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

PREFIX: Final = "whsec_"
KEY_BYTES: Final = 32
MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64
"""Standard Webhooks, "Signature scheme"."""
TOLERANCE_S: Final = 300
"""How far clocks may be apart."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """ValueError for what is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
    if not secret.startswith(PREFIX) or not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ValueError(f"{PREFIX} and {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes in base64")
    return key


def headers(secret: str, message_id: str, body: bytes, now_s: int) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": _signature(secret, message_id, str(now_s), body),
    }


def verify(secret: str, message_id: str, timestamp: str, signatures: str, body: bytes, now_s: int) -> bool:
    """What a receiver does. signatures: the header, perhaps several with blanks between."""
    if not timestamp.isdecimal() or not timestamp.isascii() or abs(int(timestamp[:16]) - now_s) > TOLERANCE_S:
        return False
    expected = _signature(secret, message_id, timestamp, body)
    return any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures.split(" "))


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()
