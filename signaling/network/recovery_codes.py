"""Recovery codes: what is typed in place of an authenticator's code when the phone is gone, each good once.

A code has 49 bits of chance, so it is hashed as a password is (Argon2id; OWASP ASVS 5.0, 6.5.2). All of a
person's are hashed with one salt: a code that is shown costs one hash, not ten."""

from __future__ import annotations

import secrets
from typing import Final

from classroom.store.second_factors import RecoveryHashes
from signaling.network.passwords import salted_hash

CODES: Final = 10
LENGTH: Final = 10
ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without what is taken for one another when written by hand."""
SALT_BYTES: Final = 16


def new_codes() -> tuple[str, ...]:
    """`ABCDE-FGHJK`."""
    made = ("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(CODES))
    return tuple(f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}" for code in made)


def typed_code(text: str) -> str:
    """As it is hashed, in whatever form it was typed; empty: it is no recovery code."""
    code = "".join(letter for letter in text.upper() if letter.isalnum())
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else ""


def hashes_of(codes: tuple[str, ...]) -> RecoveryHashes:
    salt = secrets.token_hex(SALT_BYTES)
    return RecoveryHashes(salt, tuple(salted_hash(typed_code(code), salt) for code in codes))
