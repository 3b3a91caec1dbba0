"""What people may write: chat and seats."""

from __future__ import annotations

import re
import unicodedata

from classroom.rules.reasons import Reason, Refused

MAX_CHAT_CHARACTERS = 2_000
"""The protocol's limit for a text: about two screens of a phone."""
MAX_SEAT_CHARACTERS = 40
"""`3排12号 王小明` and the like."""

MAX_NAME_CHARACTERS = 80
"""The protocol's limit for a name."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
"""Categories of what leaves no mark by itself."""
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
"""Control characters (Cc), surrogates (Cs; no encoding carries them), and overrides of direction: these make
a text read as another one than was written."""


def chat_text(text: str) -> str:
    """The text as it will be shown, without blanks around it. Raises Refused. Line feeds are part of a
    text."""
    if len(text) > MAX_CHAT_CHARACTERS:
        raise Refused(Reason.CHAT_TOO_LONG)
    text = text.replace("\r\n", "\n").strip()
    if not _is_visible(text):
        raise Refused(Reason.CHAT_EMPTY)
    if has_controls(text.replace("\n", "")):
        raise Refused(Reason.CHAT_CONTROL_CHARACTERS)
    return text


def announcement_text(text: str) -> str:
    """The same rules as for a message; empty takes the last one down. Raises Refused."""
    return chat_text(text) if text.strip() else ""


def quiz_text(text: str, limit: int) -> str:
    """A question or an option as it will be shown; may be empty. Raises Refused."""
    text = text.replace("\r\n", "\n").strip()
    if len(text) > limit:
        raise Refused(Reason.QUIZ_TEXT)
    if has_controls(text.replace("\n", "")):
        raise Refused(Reason.QUIZ_TEXT)
    return text


def seat_name(seat: str) -> str:
    """The seat as it will be shown. Raises Refused."""
    if len(seat) > MAX_SEAT_CHARACTERS or has_controls(seat):
        raise Refused(Reason.SEAT_INVALID)
    return seat.strip()


def person_name(name: str) -> str:
    """A name as it will be shown. It comes from a school's records, not from the person: so what cannot be
    shown is left out instead of refused. Empty when nothing of it can be seen."""
    shown = _CONTROLS.sub("", name).strip()[:MAX_NAME_CHARACTERS].strip()
    return shown if _is_visible(shown) else ""


def has_controls(text: str) -> bool:
    """Control characters, surrogates or overrides of direction."""
    return _CONTROLS.search(text) is not None


def _is_visible(text: str) -> bool:
    """Something of it leaves a mark: it is not all blanks, marks on nothing, and what joins or hides. (These
    belong into a text: emoji are made with them, and Persian and Hindi are written with them.)"""
    return any(unicodedata.category(character) not in _INVISIBLE for character in text)
