"""Id tokens that are believed, and all others (OpenID Connect Core 1.0, 3.1.3.7)."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm

from signaling.network.openid_tokens import (
    LOGOUT_EVENT,
    BadIdToken,
    Expected,
    TokenFault,
    believed,
    logged_out,
)

OURS = rsa.generate_private_key(65537, 2048)
OTHERS = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
KEYS: list[dict[str, Any]] = [
    json.loads(RSAAlgorithm.to_jwk(OURS.public_key())) | {"kid": "one", "use": "sig"},
    json.loads(ECAlgorithm.to_jwk(CURVE.public_key())) | {"kid": "two", "use": "sig"},
]
EXPECTED = Expected("https://id.example.org", "tongke", "n-1")
PUBLIC_PEM = OURS.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {"iss": "https://id.example.org", "sub": "u-1", "aud": "tongke", "nonce": "n-1"}
    made = said | {"iat": now, "exp": now + 3600} | changed
    return {name: value for name, value in made.items() if value is not None}


def signed(key: Any = OURS, algorithm: str = "RS256", kid: str | None = "one", **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, {"kid": kid} if kid else {})


@pytest.mark.parametrize(
    "token",
    [
        signed(),
        signed(CURVE, "ES256", "two"),
        signed(OURS, "PS256"),
        signed(kid=None),
        signed(aud=["tongke", "other"], azp="tongke"),
        {"exp": -30},
    ],
    ids=["plain", "elliptic", "pss", "the only key of its kind", "several audiences", "clocks differ"],
)
def test_believed(token: str | dict[str, int]) -> None:
    assert believed(presented(token), KEYS, EXPECTED)["sub"] == "u-1"


def presented(token: str | dict[str, int]) -> str:
    """Times are seconds from now; the suite takes longer than a token lasts."""
    if isinstance(token, str):
        return token
    return signed(**{name: int(time.time()) + seconds for name, seconds in token.items()})


def _as_hmac() -> str:
    """Signed with the public key as if it were a secret."""
    head, body = jwt.encode(claims(), "x" * 32, "HS256", {"kid": "one"}).split(".")[:2]
    signature = HMACAlgorithm(HMACAlgorithm.SHA256).sign(f"{head}.{body}".encode(), PUBLIC_PEM)
    return f"{head}.{body}." + jwt.utils.base64url_encode(signature).decode()


def _mended() -> str:
    """Somebody else's words under the signature."""
    head, _, signature = signed().split(".")
    return ".".join((head, signed(sub="u-2").split(".")[1], signature))


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        (jwt.encode(claims(), None, "none"), "algorithm"),
        (_as_hmac(), "algorithm"),
        (signed(CURVE, "ES256", "one"), "key"),
        (signed(kid="three"), "key"),
        (signed(OTHERS), "signature"),
        (_mended(), "signature"),
        (signed(iss="https://id.example.org/"), "issuer"),
        (signed(iss=None), "form"),
        (signed(aud="other"), "audience"),
        (signed(aud=["tongke", "other"]), "audience"),
        (signed(azp="other"), "audience"),
        ({"exp": -120}, "times"),
        ({"iat": 120}, "times"),
        (signed(exp=None), "form"),
        (signed(nonce="n-2"), "nonce"),
        (signed(nonce=None), "nonce"),
        (signed(sub=""), "subject"),
        (signed(sub="x" * 256), "subject"),
        ("", "form"),
        ("a.b.c", "form"),
        ("x" * 20_000, "form"),
    ],
)
def test_not_believed(token: str | dict[str, int], fault: str) -> None:
    with pytest.raises(BadIdToken) as refused:
        believed(presented(token), KEYS, EXPECTED)
    assert refused.value.fault == fault


def test_a_key_is_used_for_what_it_says_alone() -> None:
    other = KEYS[0] | {"alg": "RS512"}
    encrypting = KEYS[0] | {"use": "enc"}
    secret = {"kty": "oct", "kid": "one", "k": "c2VjcmV0"}
    broken = KEYS[0] | {"n": "!"}
    for key in (other, encrypting, secret, broken):
        with pytest.raises(BadIdToken) as refused:
            believed(signed(), [key], EXPECTED)
        assert refused.value.fault == "key"


def test_two_keys_of_one_name_are_none() -> None:
    with pytest.raises(BadIdToken):
        believed(signed(), [KEYS[0], KEYS[0]], EXPECTED)


def logout_token(typ: str = "logout+jwt", **changed: Any) -> str:
    said = {"nonce": None, "sid": "s-1", "jti": "t-1", "events": {LOGOUT_EVENT: {}}}
    return jwt.encode(claims(**said | changed), OURS, "RS256", {"kid": "one", "typ": typ})


def test_a_logout_token() -> None:
    told = logged_out(logout_token(), KEYS, EXPECTED)
    assert (told.subject, told.session, told.id) == ("u-1", "s-1", "t-1")
    assert logged_out(logout_token(sub=None), KEYS, EXPECTED).subject == ""
    assert logged_out(logout_token(sid=None, typ="JWT"), KEYS, EXPECTED).session == ""


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"nonce": "n-1"}, TokenFault.EVENT),
        ({"events": {}}, TokenFault.EVENT),
        ({"events": [LOGOUT_EVENT]}, TokenFault.EVENT),
        ({"events": {LOGOUT_EVENT: "x"}}, TokenFault.EVENT),
        ({"events": None}, TokenFault.FORM),
        ({"typ": "at+jwt"}, TokenFault.EVENT),
        ({"sub": None, "sid": None}, TokenFault.SUBJECT),
        ({"sid": 5}, TokenFault.FORM),
        ({"jti": None}, TokenFault.FORM),
        ({"exp": None}, TokenFault.FORM),
        ({"aud": "other"}, TokenFault.AUDIENCE),
        ({"iss": "https://other.example.org"}, TokenFault.ISSUER),
        ({"exp": 1_000_000_000}, TokenFault.TIMES),
    ],
)
def test_no_logout_token(changed: dict[str, Any], fault: TokenFault) -> None:
    with pytest.raises(BadIdToken) as found:
        logged_out(logout_token(**changed), KEYS, EXPECTED)
    assert found.value.fault is fault


def test_neither_is_taken_for_the_other() -> None:
    with pytest.raises(BadIdToken):
        believed(logout_token(), KEYS, EXPECTED)
    with pytest.raises(BadIdToken):
        logged_out(signed(), KEYS, EXPECTED)
    forged = jwt.encode(
        claims(nonce=None, jti="t", events={LOGOUT_EVENT: {}}), OTHERS, "RS256", {"kid": "one"}
    )
    with pytest.raises(BadIdToken):
        logged_out(forged, KEYS, EXPECTED)
