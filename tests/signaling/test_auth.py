"""Tokens: who may come in, and what the others are told."""

from __future__ import annotations

import stat
from pathlib import Path

import jwt
import pytest

from signaling.auth import MAX_TOKEN, Tokens
from signaling.problems import Problem

NOW = 1_700_000_000.0
KEY = b"k" * 64


def issue(**changes: object) -> str:
    values = {
        "person": "p1",
        "role": "tutor",
        "lesson": "demo",
        "class_id": "c1",
        "name": "Li",
        "ttl_s": 60.0,
    }
    return Tokens(KEY).issue(now=NOW, **(values | changes))  # type: ignore[arg-type]


def kind_of(token: str, now: float = NOW) -> str:
    with pytest.raises(Problem) as caught:
        Tokens(KEY).verify(token, now)
    assert caught.value.status == 401
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer")
    return caught.value.kind


def test_what_goes_in_comes_out() -> None:
    claims = Tokens(KEY).verify(issue(), NOW + 59)
    assert (claims.person, claims.role, claims.lesson) == ("p1", "tutor", "demo")
    assert (claims.class_id, claims.name) == ("c1", "Li")
    assert (claims.iat, claims.exp) == (NOW, NOW + 60)
    assert claims.jti


def test_expires_to_the_second() -> None:
    assert kind_of(issue(), NOW + 60) == "token-expired"


@pytest.mark.parametrize("token", ["x", "a.b.c", "\udc80", "é.é.é", "." * MAX_TOKEN, "a" * (MAX_TOKEN + 1)])
def test_garbage_is_invalid(token: str) -> None:
    assert kind_of(token) == "token-invalid"


def test_empty_is_missing() -> None:
    assert kind_of("") == "token-missing"


def test_signature_counts() -> None:
    token = Tokens(b"another key, long enough to be one").issue(
        person="p", role="master", lesson="demo", now=NOW, ttl_s=60
    )
    assert kind_of(token) == "token-invalid"


def test_every_character_counts() -> None:
    token = issue()
    for at, character in enumerate(token):
        other = "B" if character != "B" else "C"
        assert kind_of(token[:at] + other + token[at + 1 :]) == "token-invalid"


def test_others_who_have_the_key_may_write_the_header_their_way() -> None:
    payload = {"sub": "p", "role": "master", "lesson": "demo", "exp": int(NOW + 60)}
    token = jwt.encode(payload, KEY, "HS256", headers={"kid": "1"}, sort_headers=False)
    assert Tokens(KEY).verify(token, NOW).person == "p"


def test_unsigned_is_invalid() -> None:
    payload = {"sub": "p", "role": "master", "lesson": "demo", "exp": NOW + 60}
    assert kind_of(jwt.encode(payload, None, "none")) == "token-invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "janitor"},
        {"sub": None},
        {"sub": "x" * 65},
        {"exp": "soon"},
        {"lesson": 7},
        {"name": "n" * 81},
    ],
)
def test_claims_must_be_ours(changes: dict[str, object]) -> None:
    payload = {"sub": "p", "role": "master", "lesson": "demo", "exp": int(NOW + 60)} | changes
    assert kind_of(jwt.encode(payload, KEY, "HS256")) == "token-invalid"


@pytest.mark.parametrize("missing", ["sub", "role", "lesson", "exp"])
def test_claims_must_be_there(missing: str) -> None:
    payload = {"sub": "p", "role": "master", "lesson": "demo", "exp": int(NOW + 60)}
    del payload[missing]
    assert kind_of(jwt.encode(payload, KEY, "HS256")) == "token-invalid"


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    first, second = Tokens.open(data), Tokens.open(data)
    assert first == second
    assert stat.S_IMODE((data / "signing.key").stat().st_mode) == 0o600
    assert [path.name for path in data.iterdir()] == ["signing.key"]


def test_empty_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "signing.key").touch()
    with pytest.raises(OSError, match="holds no signing key"):
        Tokens.open(tmp_path)


def test_who_was_replaced_in_a_lesson_is_out_with_what_they_had() -> None:
    tokens = Tokens(KEY)
    tokens.replaced["demo", "p1"] = int(NOW)
    with pytest.raises(Problem, match="token-invalid"):
        tokens.verify(issue(), NOW)
    # Of another lesson, or issued since, they count.
    assert tokens.verify(issue(lesson="other"), NOW).person == "p1"
    later = tokens.issue(person="p1", role="tutor", lesson="demo", now=NOW + 1, ttl_s=60.0)
    assert tokens.verify(later, NOW + 2).person == "p1"
