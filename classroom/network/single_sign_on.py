"""Whose account somebody of a single sign-on is: the rule of the first time. Pure.

From then on the issuer's `sub` says so alone (OpenID Connect Core 1.0, 5.7: nothing else is unique and never
given again). The first time an account that an organizer made, by import or invitation, is found by what the
issuer vouches for: an e-mail address that it has verified, or a number that is the account's login. Nobody
comes to an account by an address that they only say is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from classroom.network.accounts import BadAccount, email_address, login_name

EMAIL: Final = "email"
"""The claim that is compared with an account's e-mail address; any other is compared with its login."""
MAX_SUBJECT: Final = 255
"""ASCII characters (Core 1.0, 2: `sub`)."""


class MatchBy(StrEnum):
    EMAIL = "email"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Match:
    """What an account has to have to be theirs."""

    by: MatchBy
    value: str
    """As it is kept with an account."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, as an issuer vouches for them."""

    issuer: str
    subject: str
    match: Match | None = None
    """None: nothing is vouched for by which an account could be found."""


def match_of(claims: Mapping[str, Any], claim: str) -> Match | None:
    """claim: the one that links an account, as operators set it."""
    said = claims.get(claim)
    if isinstance(said, int) and not isinstance(said, bool):
        said = str(said)
    if not isinstance(said, str) or not said.strip():
        return None
    try:
        if claim != EMAIL:
            return Match(MatchBy.LOGIN, login_name(said))
        if claims.get("email_verified") is not True:
            return None
        return Match(MatchBy.EMAIL, email_address(said))
    except BadAccount:
        return None


def is_subject(said: object) -> bool:
    return isinstance(said, str) and 0 < len(said) <= MAX_SUBJECT and said.isascii() and said.isprintable()
