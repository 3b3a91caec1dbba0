"""Accounts: what somebody signs in by, and which of it can be. Pure.

A login is compared as people type it: in any case and width (`ＷＡＮＧ` is `wang`). Passwords have no
rules of composition (NIST SP 800-63B, 3.1.1.2): only their length is looked at here, and how soon they are
guessed is for `signaling.network.passwords`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classroom.model import PersonId
from classroom.network.model import Path

MAX_LOGIN: Final = 64
"""Characters: a student number, or an e-mail address of common length."""
MAX_EMAIL: Final = 254
"""RFC 5321, 4.5.3.1.3, without the angle brackets."""
MIN_PASSWORD: Final = 8
"""Characters (OWASP ASVS 5.0, 6.2.1)."""
MAX_PASSWORD: Final = 128
"""Characters (6.2.9 asks for at least 64): hashing a longer one costs no more, but nobody types it."""

_LOGIN: Final = re.compile(rf"[\w.@+-]{{1,{MAX_LOGIN}}}")
_EMAIL: Final = re.compile(r"[^\s@<>(),;:\\\"\[\]]{1,64}@[^\s@<>(),;:\\\"\[\]]+")


def is_email(text: str) -> bool:
    return len(text) <= MAX_EMAIL and text.isprintable() and _EMAIL.fullmatch(text) is not None


class AccountFault(StrEnum):
    """What cannot be in an account."""

    NAME = "name"
    LOGIN = "login"
    EMAIL = "email"
    PASSWORD_SHORT = "password-short"
    PASSWORD_LONG = "password-long"
    PASSWORD_GUESSED = "password-guessed"


class BadAccount(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, fault: AccountFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in, and where they belong."""

    person: PersonId
    name: str
    path: Path
    login: str = ""
    """As `login_name` gives it; empty: by single sign-on alone, or none yet."""
    email: str = ""
    has_password: bool = False
    issuer: str = ""
    """Of single sign-on (OpenID Connect Core 1.0, 2: `iss`), with `subject` (`sub`); empty: not linked."""
    subject: str = ""
    made_ms: int = 0
    disabled_ms: int | None = None
    """Since when they cannot sign in; None: they can."""


def login_name(text: str) -> str:
    """As it is kept and compared. Raises BadAccount."""
    login = unicodedata.normalize("NFKC", text).strip().casefold()
    if not _LOGIN.fullmatch(login):
        raise BadAccount(AccountFault.LOGIN)
    return login


def email_address(text: str) -> str:
    """As it is kept and compared: in lower case, since no mail system of today tells two letters apart by it.
    Empty stays empty. Whether somebody reads it only a mail can tell. Raises BadAccount."""
    email = text.strip().lower()
    if email and not is_email(email):
        raise BadAccount(AccountFault.EMAIL)
    return email


def new_password(text: str) -> str:
    """As it is hashed: the same letters in whatever form a keyboard sends them (RFC 8265, 4.2: NFC). Raises
    BadAccount."""
    password = unicodedata.normalize("NFC", text)
    if len(password) < MIN_PASSWORD:
        raise BadAccount(AccountFault.PASSWORD_SHORT)
    if len(password) > MAX_PASSWORD:
        raise BadAccount(AccountFault.PASSWORD_LONG)
    return password
