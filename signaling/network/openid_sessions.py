"""What is kept of the issuer's session with a sign-in: its name (`sid`), and the id token, to be shown at
signing out so that the issuer knows who leaves (RP-Initiated Logout 1.0, 2: `id_token_hint`)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from cryptography.fernet import Fernet, InvalidToken

from signaling.network.openid_tokens import shown_at

MAX_KEPT: Final = 8192
"""Characters of an id token; a longer one is not kept, and the issuer asks its user whether they mean it."""
MAX_SESSION: Final = 255
"""Characters of a `sid`; what is longer ends with the person's other ones, by `sub`."""
_KEY_PURPOSE: Final = b"tongke id token 1"


@dataclass(frozen=True, slots=True)
class Issued:
    """By what somebody came who was sent back by the issuer."""

    shown_ms: int
    """When they showed there that it is they; Unix time in ms, 0: it does not say."""
    session: str
    """`sid`; empty: it names none."""
    id_token: str
    """Sealed; empty: it was too long."""


class IdTokens:
    """Id tokens as the database keeps them: sealed, since they say who somebody is."""

    def __init__(self, signing_key: bytes) -> None:
        key = hmac.new(signing_key, _KEY_PURPOSE, hashlib.sha256).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def issued(self, claims: dict[str, Any], token: str) -> Issued:
        session = claims.get("sid")
        named = session if isinstance(session, str) and len(session) <= MAX_SESSION else ""
        sealed = self._fernet.encrypt(token.encode()).decode() if len(token) <= MAX_KEPT else ""
        return Issued(shown_at(claims) * 1000, named, sealed)

    def open(self, sealed: str) -> str:
        """Empty: there is none."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode() if sealed else ""
        except InvalidToken:
            return ""


ID_TOKENS: Final[web.AppKey[IdTokens]] = web.AppKey("id_tokens", IdTokens)
