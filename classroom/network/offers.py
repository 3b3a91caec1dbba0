"""All lessons of the catalogue side by side (`classroom.columns`): what somebody sees of them, by words,
filters and times, with counts, page by page. Pure.

A course's words are indexed once, however many lessons it has: a word is looked up to a set of courses, and a
lesson has it when its course has, or its own title. Some 150 bytes a lesson: 15 MB for 100,000."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classroom.columns import Columns, Truths, every
from classroom.library.words import Asked, words
from classroom.network.catalogue import (
    GRADES,
    Course,
    CourseState,
    CourseVisibility,
    Offer,
    OfferState,
    Onlooker,
)

FACETS: Final = ("subject", "kind", "master", "style", "provider", "district", "language", "delivery")
GRADE: Final = "grade"
FACET_VALUES: Final = 30
"""Of each facet, the most frequent: what fits beside a list."""
_CODED: Final = (*FACETS, "course", "topic", "city", "place", "path")
_VISIBILITIES: Final = {each: number for number, each in enumerate(CourseVisibility)}


@dataclass(frozen=True, slots=True)
class Entry:
    """What of a lesson decides whether it is listed."""

    number: int
    offer: Offer
    course: Course
    pairs: frozenset[str] = frozenset()
    """The schools that the provider is paired with."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for."""

    who: Onlooker
    words: tuple[Asked, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Facet -> value."""
    grade: int = 0
    """0: any."""
    topic: str = ""
    course: str = ""
    from_ms: int = 0
    until_ms: int = 0
    """Of when it begins; 0: no end."""
    places: int = 0
    """So many must be left."""
    after: tuple[int, int] | None = None
    """(starts_ms, number) of the last lesson of the page before."""
    limit: int = 24


@dataclass(frozen=True, slots=True)
class Page:
    numbers: tuple[int, ...]
    """By when they begin."""
    more: bool
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]]
    """Facet -> values with their counts, the most frequent first, grades in order; of a chosen facet as if it
    were not chosen."""


class WordIndex:
    """Word -> the small numbers of what has it."""

    def __init__(self) -> None:
        self._owners: dict[str, set[int]] = {}
        self._words: dict[int, tuple[str, ...]] = {}
        self._sorted: list[str] | None = []

    def put(self, owner: int, texts: Iterable[str]) -> None:
        new = tuple(words(texts))
        known = self._words.get(owner, ())
        if new == known:
            return
        for word in known:
            self._owners[word].discard(owner)
        for word in new:
            owners = self._owners.get(word)
            if owners is None:
                self._owners[word] = owners = set()
                self._sorted = None
            owners.add(owner)
        self._words[owner] = new

    def owners(self, asked: Asked) -> Iterable[int]:
        if not asked.prefix:
            return self._owners.get(asked.word, ())
        if self._sorted is None:
            self._sorted = sorted(self._owners)
        first = bisect.bisect_left(self._sorted, asked.word)
        last = bisect.bisect_left(self._sorted, asked.word + chr(0x10FFFF))
        return (owner for word in self._sorted[first:last] for owner in self._owners[word])


class OfferShelf:
    def __init__(self) -> None:
        numeric = {
            "starts_ms": np.int64,
            "left": np.int32,
            "visibility": np.uint8,
            "listed": np.bool_,
            "published": np.bool_,
            "grade_from": np.uint8,
            "grade_to": np.uint8,
            "course_number": np.int32,
        }
        self._columns = Columns("starts_ms", numeric, _CODED)
        self._courses: dict[str, int] = {}
        """Course -> its number among the words."""
        self._course_words = WordIndex()
        self._title_words = WordIndex()
        """Of titles of lessons, by place."""
        self._named: dict[str, set[int]] = {}
        """A named place -> places of lessons."""
        self._paired: dict[str, set[int]] = {}
        self._parties: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
        """Place of a lesson -> the named places and paired schools that it is under."""

    def __len__(self) -> int:
        return len(self._columns)

    def put(self, entry: Entry) -> None:
        """A new lesson, or one that has changed."""
        offer, course, columns = entry.offer, entry.course, self._columns
        place, _ = columns.place(entry.number)
        number = self._courses.setdefault(course.id, len(self._courses))
        values = {
            "starts_ms": offer.starts_ms,
            "left": offer.left,
            "visibility": _VISIBILITIES[course.visibility],
            # What is over, perhaps earlier than it was planned, is no menu any more.
            "listed": offer.state is OfferState.OPEN and offer.attended is None,
            "published": course.state is CourseState.PUBLISHED,
            "grade_from": course.grade_from,
            "grade_to": course.grade_to,
            "course_number": number,
        }
        for name, value in values.items():
            columns.put(place, name, value)
        for name, word in _words_of(offer, course).items():
            columns.put_word(place, name, word)
        texts = (course.title, course.subject, course.topic, course.summary)
        self._course_words.put(number, (*texts, course.master_name, course.style, course.provider_name))
        own = (offer.title, offer.master_name)
        self._title_words.put(place, own if own != (course.title, course.master_name) else ())
        self._put_parties(place, course, entry.pairs)

    def _put_parties(self, place: int, course: Course, pairs: frozenset[str]) -> None:
        named = frozenset[str](course.named)
        before = self._parties.get(place, (frozenset(), frozenset()))
        if before == (named, pairs):
            return
        tables = (self._named, self._paired)
        for table, old, new in zip(tables, before, (named, pairs), strict=True):
            for party in old:
                table[party].discard(place)
            for party in new:
                table.setdefault(party, set()).add(place)
        self._parties[place] = (named, pairs)

    def find(self, choice: Choice, *, counts: bool = True) -> Page:
        base = self._base(choice)
        chosen = {name: self._columns.is_(name, value) for name, value in choice.chosen.items()}
        if choice.grade:
            chosen[GRADE] = self._for_grade(choice.grade)
        found = every(base, chosen.values())
        numbers, more = self._page(found, choice)
        if not counts:
            return Page(numbers, more, 0, {})
        facets = {
            name: self._counts(name, every(base, (c for other, c in chosen.items() if other != name)))
            for name in (*FACETS, GRADE)
        }
        return Page(numbers, more, int(np.count_nonzero(found)), facets)

    def _base(self, choice: Choice) -> Truths:
        """What may be listed, whatever facets are chosen."""
        columns = self._columns
        found: Truths = columns.column("listed") & (columns.column("starts_ms") >= choice.from_ms)
        if choice.until_ms:
            found &= columns.column("starts_ms") < choice.until_ms
        if choice.places:
            found &= columns.column("left") >= choice.places
        for name, word in (("topic", topic_key(choice.topic)), ("course", choice.course)):
            if word:
                found &= columns.is_(name, word)
        for asked in choice.words:
            found &= self._having(asked)
        return found & self._seen_by(choice.who)

    def _having(self, asked: Asked) -> Truths:
        """The word, in the course or in the lesson's own title."""
        courses = np.zeros(len(self._courses), np.bool_)
        courses[np.fromiter(self._course_words.owners(asked), np.int64)] = True
        found: Truths = courses[self._columns.column("course_number")]
        return found | self._columns.among(self._title_words.owners(asked))

    def _seen_by(self, who: Onlooker) -> Truths:
        """As `catalogue.sees`; a test compares the two."""
        columns = self._columns
        visibility = columns.column("visibility")

        def shown(to: CourseVisibility) -> Truths:
            found: Truths = visibility == _VISIBILITIES[to]
            return found

        seen = shown(CourseVisibility.PUBLIC)
        seen |= shown(CourseVisibility.CITY) & columns.any_("city", who.around)
        seen |= shown(CourseVisibility.DISTRICT) & columns.any_("district", who.around)
        named = (place for party in who.around for place in self._named.get(party, ()))
        seen |= shown(CourseVisibility.NAMED) & columns.among(named)
        paired = (place for party in who.own for place in self._paired.get(party, ()))
        seen |= shown(CourseVisibility.PAIRED) & columns.among(paired)
        seen |= self._under(who)
        seen &= columns.column("published")
        overseen = tuple(who.oversees)
        # One look for each provider, not for each lesson.
        return seen | columns.having("path", lambda path: path.startswith(overseen))

    def _under(self, who: Onlooker) -> Truths:
        """The own courses of all places that somebody belongs to or that these lie in."""
        ancestors = {
            "/" + "/".join(path.split("/")[1 : end + 1]) + "/"
            for path in who.belongs
            for end in range(1, path.count("/"))
        }
        return self._columns.any_("path", ancestors)

    def _for_grade(self, grade: int) -> Truths:
        columns = self._columns
        found: Truths = (columns.column("grade_from") <= grade) & (columns.column("grade_to") >= grade)
        return found

    def _counts(self, name: str, found: Truths) -> tuple[tuple[str, int], ...]:
        if name != GRADE:
            return tuple(self._columns.counts(name, found)[:FACET_VALUES])
        counted = ((grade, int(np.count_nonzero(found & self._for_grade(grade)))) for grade in GRADES)
        return tuple((str(grade), count) for grade, count in counted if count)

    def _page(self, found: Truths, choice: Choice) -> tuple[tuple[int, ...], bool]:
        listed = self._columns.in_order(found)
        numbers: NDArray[np.int64] = self._columns.column("number")[listed]
        if choice.after is not None:
            starts = self._columns.column("starts_ms")[listed]
            at_ms, number = choice.after
            numbers = numbers[(starts > at_ms) | ((starts == at_ms) & (numbers > number))]
        return tuple(numbers[: choice.limit].tolist()), len(numbers) > choice.limit


def topic_key(topic: str) -> str:
    """What makes two topics the same: words, without case, width and what stands between them."""
    return " ".join(words([topic]))


def _words_of(offer: Offer, course: Course) -> dict[str, str]:
    return {
        "subject": course.subject,
        "kind": course.kind,
        "master": offer.master_name,
        "style": course.style,
        "provider": course.provider_name,
        "district": course.district,
        "language": course.language,
        "delivery": offer.delivery,
        "course": course.id,
        "topic": topic_key(course.topic),
        "city": course.city,
        "place": course.provider,
        "path": course.path,
    }
