"""Whose account somebody of a single sign-on is, the first time."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.network.single_sign_on import Match, MatchBy, is_subject, match_of

VERIFIED = {"email": "Li.Hua@Example.org", "email_verified": True}


@pytest.mark.parametrize(
    ("claims", "claim", "match"),
    [
        (VERIFIED, "email", Match(MatchBy.EMAIL, "li.hua@example.org")),
        ({"number": "２０２６０１"}, "number", Match(MatchBy.LOGIN, "202601")),
        ({"number": 202601}, "number", Match(MatchBy.LOGIN, "202601")),
        ({"email": "li.hua@example.org"}, "email", None),
        (VERIFIED | {"email_verified": "true"}, "email", None),
        (VERIFIED | {"email": ""}, "email", None),
        (VERIFIED | {"email": "no address"}, "email", None),
        (VERIFIED | {"email": ["a@b"]}, "email", None),
        ({"number": True}, "number", None),
        ({"number": "two words"}, "number", None),
        ({"number": " "}, "number", None),
        ({}, "number", None),
    ],
)
def test_what_is_vouched_for(claims: dict[str, Any], claim: str, match: Match | None) -> None:
    assert match_of(claims, claim) == match


@pytest.mark.parametrize(
    ("said", "may"),
    [("u-1", True), ("", False), ("x" * 256, False), ("ü", False), (7, False), ("a\n", False)],
)
def test_subjects(said: object, may: bool) -> None:
    assert is_subject(said) is may
