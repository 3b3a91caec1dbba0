"""Text for people, in Chinese and English: one flat JSON file per language, key -> text with {placeholders}.

A test makes sure that both languages have the same keys and placeholders.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

CHINESE: Final = "zh-CN"
ENGLISH: Final = "en"
LANGUAGES: Final = (CHINESE, ENGLISH)
DEFAULT: Final = CHINESE

MAX_HEADER = 1000
"""Characters of an Accept-Language header that are read; browsers send less than 200."""


@cache
def messages(language: str) -> Mapping[str, str]:
    """All texts of a language by key."""
    raw = resources.files(__package__).joinpath(f"{language}.json").read_bytes()
    return msgspec.json.decode(raw, type=dict[str, str])


def text(key: str, language: str, /, **values: Any) -> str:
    """The text in that language, placeholders filled; KeyError for an unknown key (a mistake of ours)."""
    return messages(language)[key].format_map(values)


def counted(key: str, language: str, /, count: int, **values: Any) -> str:
    """The text for so many things: of one that of `KEY.one`, which languages with a plural need."""
    return text(f"{key}.one" if count == 1 else key, language, count=count, **values)


def match(tag: str) -> str | None:
    """The catalogue for a BCP 47 tag or a POSIX locale (`zh_CN.UTF-8`): any Chinese or any English."""
    primary = tag.strip().replace("_", "-").split("-", 1)[0].split(".", 1)[0].lower()
    return {"zh": CHINESE, "en": ENGLISH}.get(primary)


def negotiate(accept_language: str) -> str:
    """The best catalogue for an Accept-Language header (RFC 9110, 12.5.4); Chinese when it names neither."""
    best, best_quality = DEFAULT, 0.0
    for item in accept_language[:MAX_HEADER].split(","):
        tag, _, parameter = item.partition(";")
        language, quality = match(tag), _quality(parameter)
        if language and quality > best_quality:
            best, best_quality = language, quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
