"""A sign-in on its way to the issuer and back."""

from __future__ import annotations

from signaling.network import openid_attempts
from signaling.network.openid_attempts import ATTEMPT_S, OpenIdAttempts

NOW = 1_800_000_000.0


def test_there_and_back_once() -> None:
    attempts = OpenIdAttempts(b"k" * 32)
    begun, cookie = attempts.begin(to="/timetable", keep=True, now=NOW)
    assert len(begun.verifier) == len(begun.challenge) == 43
    assert not {begun.state, begun.nonce, begun.verifier} & set(cookie.split("."))
    assert attempts.take(cookie, begun.state, NOW + 60) == begun
    assert attempts.take(cookie, begun.state, NOW + 60) is None


def test_not_anothers_answer() -> None:
    attempts = OpenIdAttempts(b"k" * 32)
    begun, cookie = attempts.begin(to="", keep=False, now=NOW)
    other, others_cookie = attempts.begin(to="", keep=False, now=NOW)
    assert len({begun.state, other.state, begun.nonce, other.nonce, begun.verifier, other.verifier}) == 6
    for shown, state in (
        (cookie, other.state),
        (others_cookie, begun.state),
        ("", begun.state),
        (cookie, ""),
        (cookie[:-2], begun.state),
        (cookie * 20, begun.state),
    ):
        assert attempts.take(shown, state, NOW) is None
    assert OpenIdAttempts(b"o" * 32).take(cookie, begun.state, NOW) is None


def test_not_after_ten_minutes() -> None:
    attempts = OpenIdAttempts(b"k" * 32)
    begun, cookie = attempts.begin(to="", keep=False, now=NOW)
    assert attempts.take(cookie, begun.state, NOW + ATTEMPT_S) is None


def test_what_was_used_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(openid_attempts, "MAX_USED", 3)
    attempts = OpenIdAttempts(b"k" * 32)
    for _ in range(5):
        begun, cookie = attempts.begin(to="", keep=False, now=NOW)
        assert attempts.take(cookie, begun.state, NOW) is not None
    assert len(attempts._used) == 3
