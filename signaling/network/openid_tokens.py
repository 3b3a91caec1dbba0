"""What an id token says, when all of it is as it has to be (OpenID Connect Core 1.0, 3.1.3.7), and a logout
token (Back-Channel Logout 1.0, 2.6). Pure.

Theory of operation. A token names the key that signed it (`kid`) and how (`alg`); both are the sender's
words. So the way is never the token's choice: only signatures by asymmetric keys are taken, an issuer's key
is used for its own kind alone (a public RSA key is no secret for HMAC: RFC 8725, 3.1), and a key that says
which algorithm it is for is used for no other. PyJWT proves signature, issuer, audience and times; nonce and
authorized party are compared here. A logout token says what it is for (`events`) and has no nonce, so that
neither is taken for the other.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jwt

from classroom.network.single_sign_on import is_subject

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
LEEWAY_S: Final = 60
"""By which two machines' clocks may differ."""
MAX_TOKEN: Final = 16_384
"""Characters: with groups and a picture's address in it."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYPES: Final = frozenset({"logout+jwt", "jwt"})
"""The second of issuers older than the specification."""
_FAMILIES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}

Key = dict[str, Any]
"""JSON Web Key (RFC 7517), public."""


class TokenFault(StrEnum):
    """Why a token is not believed."""

    FORM = "form"
    ALGORITHM = "algorithm"
    KEY = "key"
    """Signed by none of the issuer's keys, as far as they are known."""
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    TIMES = "times"
    NONCE = "nonce"
    SUBJECT = "subject"
    EVENT = "event"
    """It is no logout token."""


class BadIdToken(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, fault: TokenFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say."""

    issuer: str
    client_id: str
    nonce: str


_FAULTS: Final[tuple[tuple[type[jwt.InvalidTokenError], TokenFault], ...]] = (
    (jwt.InvalidSignatureError, TokenFault.SIGNATURE),
    (jwt.InvalidAlgorithmError, TokenFault.ALGORITHM),
    (jwt.InvalidIssuerError, TokenFault.ISSUER),
    (jwt.InvalidAudienceError, TokenFault.AUDIENCE),
    (jwt.ExpiredSignatureError, TokenFault.TIMES),
    (jwt.ImmatureSignatureError, TokenFault.TIMES),
    (jwt.InvalidIssuedAtError, TokenFault.TIMES),
)


def believed(token: str, keys: Sequence[Key], expected: Expected) -> dict[str, Any]:
    """Its claims. Raises BadIdToken; of fault `key` the issuer may have newer ones."""
    claims = _proved(token, keys, expected, ["iss", "sub", "aud", "exp", "iat"])
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), expected.nonce.encode()):
        raise BadIdToken(TokenFault.NONCE)
    _check_party(claims, expected.client_id)
    if not is_subject(claims["sub"]):
        raise BadIdToken(TokenFault.SUBJECT)
    return claims


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Who was signed out at the issuer."""

    subject: str
    """Empty: whoever came by the session."""
    session: str
    """`sid`; empty: all of the subject's."""
    id: str
    """`jti`: each counts once."""
    until_s: float
    """The token ends then; Unix time in s."""


def logged_out(token: str, keys: Sequence[Key], expected: Expected) -> LoggedOut:
    """What a logout token says; `nonce` of what is expected is not asked. Raises BadIdToken."""
    claims = _proved(token, keys, expected, ["iss", "aud", "exp", "iat", "jti", "events"])
    kind = str(jwt.get_unverified_header(token).get("typ", "JWT")).lower().removeprefix("application/")
    events = claims["events"]
    if kind not in LOGOUT_TYPES or not isinstance(events, dict) or "nonce" in claims:
        raise BadIdToken(TokenFault.EVENT)
    if not isinstance(events.get(LOGOUT_EVENT), dict):
        raise BadIdToken(TokenFault.EVENT)
    subject, session, token_id = (claims.get(name, "") for name in ("sub", "sid", "jti"))
    if not all(isinstance(each, str) for each in (subject, session, token_id)) or not token_id:
        raise BadIdToken(TokenFault.FORM)
    if not (subject or session):
        raise BadIdToken(TokenFault.SUBJECT)
    return LoggedOut(subject, session, token_id, float(claims["exp"]) + LEEWAY_S)


def _proved(token: str, keys: Sequence[Key], expected: Expected, required: list[str]) -> dict[str, Any]:
    """The claims of a token that the issuer made for us and that is not over. Raises BadIdToken."""
    key = _key(token, keys)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=expected.issuer,
            audience=expected.client_id,
            leeway=LEEWAY_S,
            options={"require": required},
        )
    except jwt.InvalidTokenError as error:
        raise BadIdToken(_fault(error)) from None
    return claims


def shown_at(claims: dict[str, Any]) -> int:
    """When somebody last showed there that it is they (Core 1.0, 2: `auth_time`), Unix time in s; 0: it does
    not say. No later than the token itself."""
    told = claims.get("auth_time")
    return max(0, min(told, int(claims["iat"]))) if type(told) is int else 0


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    """A token for several was made for the one that `azp` names (3.1.3.7, 4 and 5)."""
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or "azp" in claims) and claims.get("azp") != client_id:
        raise BadIdToken(TokenFault.AUDIENCE)


def _key(token: str, keys: Sequence[Key]) -> jwt.PyJWK:
    """The one key that may have signed it."""
    try:
        header = jwt.get_unverified_header(token) if len(token) <= MAX_TOKEN else {}
    except jwt.InvalidTokenError:
        raise BadIdToken(TokenFault.FORM) from None
    algorithm, named = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise BadIdToken(TokenFault.ALGORITHM if header else TokenFault.FORM)
    fitting = [
        key
        for key in keys
        if (named is None or key.get("kid") == named)
        and key.get("kty") == _FAMILIES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    ]
    if len(fitting) != 1:
        raise BadIdToken(TokenFault.KEY)
    try:
        return jwt.PyJWK(fitting[0], algorithm)
    except (jwt.PyJWTError, ValueError):
        raise BadIdToken(TokenFault.KEY) from None


def _fault(error: jwt.InvalidTokenError) -> TokenFault:
    return next((fault for kind, fault in _FAULTS if isinstance(error, kind)), TokenFault.FORM)
