"""All items of the library side by side, as columns in memory: lists, counts and pages of a hundred
thousand items in a few milliseconds. Pure.

Theory of operation
-------------------
A database counts the values of four facets of 100,000 items in more than 100 ms, whatever indexes it has,
because it walks over every row for each. Here an item is a place in some arrays: a facet's value is a small
number, a condition is an array of truths, and the counts of a facet are one `bincount`. What is shown of
the page's items is then read from the database by their numbers, and the words of a search are the
database's as well: it says the numbers of the items that have them.

The database stays the truth: `library_search` brings the shelf to what it says before each question. An
item keeps its place for good; one that was deleted or is of no state to be listed stays in it, invisible.
Some 120 bytes and a few small objects an item: 40 MB for 100,000.

Who sees what is the same as in `rules.Holding.right` (a test compares the two), but for who was sent out of a
lesson that goes on: they see that there is an item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classroom.library.rules import DISTRICT, SCHOOL, Grant, Party, Viewer, Visibility
from classroom.model import Role

FACETS: Final = ("subject", "provider", "master", "month")
FACET_VALUES: Final = 30
"""Of each facet, the most frequent: what fits beside a list."""
_CODED: Final = (*FACETS, "district", "lesson")
_STATES: Final = {"live": 1, "ready": 2}
_FIRST_ROOM: Final = 1024

Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Entry:
    """What of an item decides whether it is listed."""

    number: int
    lesson: str
    started_ms: int
    state: str
    visibility: Visibility
    subject: str
    provider: str
    master: str
    month: str
    district: str
    schools: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for, beside words."""

    viewer: Viewer
    lesson: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Facet -> value."""
    state: str = ""
    after: tuple[int, int] | None = None
    """(started_ms, number) of the last item of the page before."""
    limit: int = 24


@dataclass(frozen=True, slots=True)
class Page:
    numbers: tuple[int, ...]
    """Newest first."""
    more: bool
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]]
    """Facet -> values with their counts, the most frequent first, months the newest first; of a chosen facet
    as if it were not chosen."""


class Shelf:
    def __init__(self) -> None:
        self._count = 0
        self._columns: dict[str, NDArray[Any]] = {
            "number": np.zeros(_FIRST_ROOM, np.int64),
            "started_ms": np.zeros(_FIRST_ROOM, np.int64),
            "state": np.zeros(_FIRST_ROOM, np.uint8),
            "visibility": np.zeros(_FIRST_ROOM, np.uint8),
            **{name: np.zeros(_FIRST_ROOM, np.int32) for name in _CODED},
        }
        self._codes: dict[str, dict[str, int]] = {name: {"": 0} for name in _CODED}
        self._places: dict[int, int] = {}
        """Number of an item -> its place."""
        self._entries: dict[int, Entry] = {}
        """Those that have schools or grants, by place."""
        self._at_school: dict[str, set[int]] = {}
        self._named: dict[tuple[Party, str], dict[int, bool]] = {}
        self._order: NDArray[np.int64] | None = None
        """Places, oldest first; None: to be made."""

    def __len__(self) -> int:
        return self._count

    def put(self, entry: Entry) -> None:
        """A new item, or one that has changed."""
        place = self._places.get(entry.number)
        if place is None:
            place = self._places[entry.number] = self._count
            self._count += 1
            self._make_room()
        elif place in self._entries:
            self._forget(place, self._entries.pop(place))
        columns = self._columns
        columns["number"][place] = entry.number
        if columns["started_ms"][place] != entry.started_ms:
            columns["started_ms"][place] = entry.started_ms
            self._order = None
        columns["state"][place] = _STATES.get(entry.state, 0)
        columns["visibility"][place] = list(Visibility).index(entry.visibility)
        for name in _CODED:
            codes = self._codes[name]
            columns[name][place] = codes.setdefault(getattr(entry, name), len(codes))
        if entry.schools or entry.grants:
            self._entries[place] = entry
        for school in entry.schools:
            self._at_school.setdefault(school, set()).add(place)
        for grant in entry.grants:
            self._named.setdefault((grant.party, grant.value), {})[place] = grant.allowed

    def find(self, choice: Choice, numbers: NDArray[np.int64] | None = None, *, counts: bool = True) -> Page:
        """numbers: of the items that have the words that were asked for; None: no words were."""
        base = self._base(choice, numbers)
        chosen = {name: self._is(name, value) for name, value in choice.chosen.items()}
        found = _all(base, chosen.values())
        page, more = self._page(found, choice)
        if not counts:
            return Page(page, more, 0, {})
        facets = {
            name: self._count_values(name, _all(base, (c for other, c in chosen.items() if other != name)))
            for name in FACETS
        }
        return Page(page, more, int(np.count_nonzero(found)), facets)

    def _base(self, choice: Choice, numbers: NDArray[np.int64] | None) -> Truths:
        """What may be listed, whatever facets are chosen."""
        state = self._column("state")
        found = state == _STATES[choice.state] if choice.state in _STATES else state > 0
        if choice.lesson:
            found = found & self._is("lesson", choice.lesson)
        if numbers is not None:
            found = found & self._among(self._places[n] for n in numbers.tolist() if n in self._places)
        return found & self._seen_by(choice.viewer)

    def _seen_by(self, viewer: Viewer) -> Truths:
        """As `rules.Holding.right`."""
        if viewer.role is Role.ORGANIZER:
            return np.ones(self._count, np.bool_)
        schools, districts = viewer.values(SCHOOL) - {""}, viewer.values(DISTRICT) - {""}
        at_school = self._any("provider", schools) | self._among(
            place for school in schools for place in self._at_school.get(school, ())
        )
        in_district = self._any("district", districts)
        visibility = self._column("visibility")
        shown_to = {each: visibility == number for number, each in enumerate(Visibility)}
        seen = self._is("lesson", viewer.lesson) | shown_to[Visibility.ALL]
        seen |= (shown_to[Visibility.SCHOOL] | shown_to[Visibility.DISTRICT]) & at_school
        seen |= shown_to[Visibility.DISTRICT] & in_district
        if viewer.role is Role.SUPERVISOR:
            seen |= at_school | in_district if schools or districts else True
        return self._by_name(viewer, schools, districts, seen)

    def _by_name(
        self, viewer: Viewer, schools: frozenset[str], districts: frozenset[str], seen: Truths
    ) -> Truths:
        """The most precise word comes last, and stands."""
        about: tuple[tuple[Party, Iterable[str]], ...] = (
            (Party.DISTRICT, districts),
            (Party.SCHOOL, schools),
            (Party.CLASS, {viewer.class_id} - {""}),
            (Party.PERSON, {viewer.person}),
        )
        for party, values in about:
            said = [self._named[party, value] for value in values if (party, value) in self._named]
            for allowed in (True, False):
                for places in said:
                    seen[[place for place, word in places.items() if word is allowed]] = allowed
        return seen

    def _page(self, found: Truths, choice: Choice) -> tuple[tuple[int, ...], bool]:
        order = self._in_order()
        listed = order[found[order]]
        numbers, started = self._column("number")[listed], self._column("started_ms")[listed]
        if choice.after is not None:
            at_ms, number = choice.after
            numbers = numbers[(started < at_ms) | ((started == at_ms) & (numbers < number))]
        last = numbers[-choice.limit :][::-1]
        return tuple(last.tolist()), len(numbers) > choice.limit

    def _count_values(self, name: str, found: Truths) -> tuple[tuple[str, int], ...]:
        values = list(self._codes[name])
        counts = np.bincount(self._column(name)[found], minlength=len(values))
        counts[0] = 0  # the empty value
        wanted = np.flatnonzero(counts).tolist()
        if name == "month":
            wanted.sort(key=lambda code: values[code], reverse=True)
        else:
            wanted.sort(key=lambda code: (-counts[code], values[code]))
        return tuple((values[code], int(counts[code])) for code in wanted[:FACET_VALUES])

    def _in_order(self) -> NDArray[np.int64]:
        if self._order is None or len(self._order) != self._count:
            self._order = np.lexsort((self._column("number"), self._column("started_ms")))
        return self._order

    def _column(self, name: str) -> NDArray[Any]:
        return self._columns[name][: self._count]

    def _is(self, name: str, value: str) -> Truths:
        found: Truths = self._column(name) == self._codes[name].get(value, -1)
        return found

    def _any(self, name: str, values: Iterable[str]) -> Truths:
        found = np.zeros(self._count, np.bool_)
        for value in values:
            found |= self._is(name, value)
        return found

    def _among(self, places: Iterable[int]) -> Truths:
        found = np.zeros(self._count, np.bool_)
        found[np.fromiter(places, np.int64)] = True
        return found

    def _forget(self, place: int, entry: Entry) -> None:
        for school in entry.schools:
            self._at_school[school].discard(place)
        for grant in entry.grants:
            self._named[grant.party, grant.value].pop(place, None)

    def _make_room(self) -> None:
        for name, column in self._columns.items():
            if len(column) < self._count:
                self._columns[name] = np.concatenate([column, np.zeros_like(column)])


def _all(base: Truths, conditions: Iterable[Truths]) -> Truths:
    found = base
    for condition in conditions:
        found = found & condition
    return found
