"""Passwords: hashed with Argon2id (RFC 9106), and how soon a new one would be guessed.

A hash costs some 20 ms of a processor and 19 MiB, on purpose. So it is made in a thread, few at a time, and
what waits is bounded: a storm of sign-ins makes sign-ins slower and no lesson. Who does not exist costs the
same as who does (`verify` without a hash), so that time tells nobody which logins there are.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw

from classroom.network.accounts import AccountFault, BadAccount, new_password
from signaling.problems import Problem

T = TypeVar("T")

HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's least for Argon2id (Password Storage Cheat Sheet): a school's classes sign in within a minute of
each other."""
HASH_BYTES: Final = 16
AT_ONCE: Final = 2
"""In threads of their own, on processors that lessons need as well."""
MAX_WAITING: Final = 2_000
"""Two schools in the same second; the last of them waits some 20 s. More is no city's morning."""
LEAST_SCORE: Final = 2
"""Of zxcvbn's 0 to 4: some 10^6 guesses at the least, where 30,000 that leaked most often, names, dates,
keyboard rows and the person's own words are tried first. Guesses at our door are limited (`attempts`)."""
JUDGED: Final = 72
"""Characters that zxcvbn looks at: its time grows with the square."""

COMMON_HERE: Final = (
    *("woaini", "woaini1314", "aini1314", "5201314", "1314520", "520520", "wo ai ni", "woaiwojia"),
    *("nihao", "zhongguo", "beijing", "shanghai", "laoshi", "xuesheng", "xuexiao", "mima", "mima123"),
    *("tongke", "a123456", "a123456789", "q1w2e3r4", "zxcvbnm", "qq123456", "abc123456", "1qaz2wsx"),
)
"""What pupils and teachers here take first and zxcvbn's English lists do not have."""
_judging = threading.Lock()
"""zxcvbn keeps the words of the person in a global of its own."""


class Passwords:
    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str, own_words: Sequence[str]) -> str:
        """For a new password. own_words: login, name and the like, which make no good one. Raises BadAccount;
        Problem busy."""
        password = new_password(password)
        if await self.in_thread(lambda: is_guessed_soon(password, own_words)):
            raise BadAccount(AccountFault.PASSWORD_GUESSED)
        return await self.in_thread(lambda: HASHER.hash(password))

    async def verify(self, password: str, hashed: str) -> bool:
        """hashed: empty where there is none; it takes as long, and is False. Problem busy."""
        try:
            shown = new_password(password)
        except BadAccount:
            shown, hashed = secrets.token_urlsafe(8), ""
        matches = await self.in_thread(lambda: _matches(hashed or _nobodys(), shown))
        return matches and bool(hashed)

    async def renewed(self, password: str, hashed: str) -> str:
        """The hash anew when it was made at another cost than today's; else empty."""
        if not HASHER.check_needs_rehash(hashed):
            return ""
        return await self.in_thread(lambda: HASHER.hash(new_password(password)))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What takes a processor a while, when its turn comes. Problem busy."""
        if self._waiting >= MAX_WAITING:
            raise Problem("busy")
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def salted_hash(text: str, salt: str) -> str:
    """At the same cost, for what is looked up by its hash; both in hex. It takes a while: see `in_thread`."""
    return hash_secret_raw(
        text.encode(),
        bytes.fromhex(salt),
        time_cost=HASHER.time_cost,
        memory_cost=HASHER.memory_cost,
        parallelism=HASHER.parallelism,
        hash_len=HASH_BYTES,
        type=Type.ID,
    ).hex()


def is_guessed_soon(password: str, own_words: Sequence[str]) -> bool:
    # Its lists of words are loaded by whoever chooses a password: no server needs them to start.
    from zxcvbn import zxcvbn

    with _judging:
        found = zxcvbn(password[:JUDGED], user_inputs=[*COMMON_HERE, *filter(None, own_words)])
    return bool(found["score"] < LEAST_SCORE)


def _matches(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """A hash that no password has."""
    return HASHER.hash(secrets.token_urlsafe(32))
