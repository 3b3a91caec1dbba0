"""Codes of an authenticator (TOTP, RFC 6238) as the second factor beside a password. pyotp makes them, segno
the picture to point a phone at; the secret is sealed (Fernet) under a key of ours before a database sees it.

A code is good in its own 30 seconds and those on both sides, for clocks that differ, and once."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

import pyotp
import segno
from cryptography.fernet import Fernet, InvalidToken

STEP_S: Final = 30
AROUND: Final = 1
"""Steps before and after."""
DIGITS: Final = 6
ISSUER: Final = "Tongke"
_KEY_PURPOSE: Final = b"tongke second factor 1"


class SecondFactors:
    def __init__(self, signing_key: bytes) -> None:
        key = hmac.new(signing_key, _KEY_PURPOSE, hashlib.sha256).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def new(self) -> tuple[str, str]:
        """A secret (base32, 160 bits), and how it is kept."""
        secret = pyotp.random_base32()
        return secret, self._fernet.encrypt(secret.encode()).decode()

    def step_of(self, sealed: str, code: str, now: float) -> int:
        """To which step the code belongs; 0: to none. now: Unix time in s."""
        try:
            secret = self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return 0
        totp, this = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S), int(now) // STEP_S
        shown = "".join(code.split())
        for step in range(this - AROUND, this + AROUND + 1):
            if hmac.compare_digest(totp.generate_otp(step).encode(), shown.encode()):
                return step
        return 0


def provisioning_uri(secret: str, login: str) -> str:
    """`otpauth://totp/...`, which an authenticator opens."""
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    return totp.provisioning_uri(name=login, issuer_name=ISSUER)


def qr_picture(uri: str) -> str:
    """As a QR code (ISO/IEC 18004), black on white with its margin: a data URI of an SVG picture."""
    return segno.make(uri, micro=False, error="m").svg_data_uri(scale=4, dark="#000", light="#fff")
