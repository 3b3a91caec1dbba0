"""The words by which an item is found: made by us, so that both databases find the same. Pure.

Theory of operation
-------------------
Chinese is written without blanks, so a word may begin anywhere inside a sentence. A run of ideographs (or
kana, or hangul) is kept as its pairs: 光合作用 as 光合 合作 作用, and its last sign alone, 用. Who looks
for 合作用 looks for 合作 and 作用; who looks for one sign, 光, looks for all pairs that begin with it.
Whatever else letters and digits make is a word, as it stands, without case and width (NFKC): `ＣＯ２` is
found as `co2`, and three letters find all words that begin with them.

An item is found when it has all that was asked for, wherever it stands in it. The order inside a text is not
kept: pairs hold it well enough, and an index without places is a fraction of the size.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_WORDS = 20_000
"""Different words kept of one item: a day of lively chat. What comes after it is not found."""
MAX_WORD = 40
"""Characters of one word; longer ones are addresses and the like, found by their beginning."""
MAX_ASKED = 40
"""Words of one question; the rest adds nothing."""
PREFIX_FROM = 3
"""Letters of a word from which it also finds longer ones."""

_UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts written without blanks: Han with its radicals and signs, kana, bopomofo, hangul."""
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")
_PAIRED = re.compile(rf"[{_UNSPACED}]")


@dataclass(frozen=True, slots=True)
class Asked:
    """One word of a question."""

    word: str
    prefix: bool
    """Longer ones that begin with it are meant too."""


def folded(text: str) -> str:
    """Without what people do not see as a difference: case and width."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words(texts: Iterable[str]) -> list[str]:
    """All words of the texts, each once, sorted; at most MAX_WORDS of them, the first that come."""
    found: dict[str, None] = {}
    for text in texts:
        for run in _RUN.findall(folded(text)):
            found.update(dict.fromkeys(_pairs(run) if _PAIRED.match(run) else (run[:MAX_WORD],)))
        if len(found) >= MAX_WORDS:
            break
    return sorted(list(found)[:MAX_WORDS])


def asked(question: str) -> tuple[Asked, ...]:
    """What an item must have to be found; empty: nothing is asked."""
    found: dict[Asked, None] = {}
    for run in _RUN.findall(folded(question)):
        found.update(dict.fromkeys(_asked(run)))
        if len(found) >= MAX_ASKED:
            break
    return tuple(_telling(list(found)))[:MAX_ASKED]


def _telling(found: list[Asked]) -> list[Asked]:
    """A single sign, as 第 in 第12课, is in every other item: beside words it says nothing."""
    return [one for one in found if len(one.word) > 1 or not one.prefix] or found


def _asked(run: str) -> Iterator[Asked]:
    if not _PAIRED.match(run):
        yield Asked(run[:MAX_WORD], len(run) >= PREFIX_FROM)
    elif len(run) == 1:
        yield Asked(run, True)
    else:
        yield from (Asked(pair, False) for pair in _pairs(run) if len(pair) > 1)


def _pairs(run: str) -> Iterator[str]:
    yield from (run[at : at + 2] for at in range(len(run) - 1))
    yield run[-1]
