"""Tokens for bots."""

from __future__ import annotations

import time
from typing import cast

from signaling.auth import Tokens
from signaling.message import Role

from .target import Issue

TOKEN_TTL_S = 25 * 3600
"""Longer than any scenario."""


def issuer(tokens: Tokens, lesson_named: str) -> Issue:
    """Bots by number; `lesson_named` where a call names none."""

    def token(role: str, number: int, lesson: str = "", class_id: str = "") -> str:
        return tokens.issue(
            person=f"bot-{role}-{number}",
            role=cast(Role, role),
            lesson=lesson or lesson_named,
            class_id=class_id,
            now=time.time(),
            ttl_s=TOKEN_TTL_S,
            name=f"bot {number}",
        )

    return token
