"""All items of the library side by side (`classroom.columns`): lists, counts and pages. Pure.

The words of a search are the database's: it says the numbers of the items that have them. The database stays
the truth: `library_search` brings the shelf to what it says before each question. An item keeps its place for
good; one that was deleted or is of no state to be listed stays in it, invisible. Some 120 bytes and a few
small objects an item: 40 MB for 100,000.

Who sees what is the same as in `rules.Holding.right` (a test compares the two), but for who was sent out of a
lesson that goes on: they see that there is an item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classroom.columns import Columns, Truths, every
from classroom.library.rules import ANY, DISTRICT, SCHOOL, Grant, Party, Viewer, Visibility
from classroom.model import Role

FACETS: Final = ("subject", "provider", "master", "month")
FACET_VALUES: Final = 30
"""Of each facet, the most frequent: what fits beside a list."""
_CODED: Final = (*FACETS, "district", "lesson")
_STATES: Final = {"live": 1, "ready": 2}


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
        numeric = {"started_ms": np.int64, "state": np.uint8, "visibility": np.uint8}
        self._columns = Columns("started_ms", numeric, _CODED)
        self._entries: dict[int, Entry] = {}
        """Those that have schools or grants, by place."""
        self._at_school: dict[str, set[int]] = {}
        self._named: dict[tuple[Party, str], dict[int, bool]] = {}

    def __len__(self) -> int:
        return len(self._columns)

    def put(self, entry: Entry) -> None:
        """A new item, or one that has changed."""
        columns = self._columns
        place, _ = columns.place(entry.number)
        if place in self._entries:
            self._forget(place, self._entries.pop(place))
        columns.put(place, "started_ms", entry.started_ms)
        columns.put(place, "state", _STATES.get(entry.state, 0))
        columns.put(place, "visibility", list(Visibility).index(entry.visibility))
        for name in _CODED:
            columns.put_word(place, name, getattr(entry, name))
        if entry.schools or entry.grants:
            self._entries[place] = entry
        for school in entry.schools:
            self._at_school.setdefault(school, set()).add(place)
        for grant in entry.grants:
            self._named.setdefault((grant.party, grant.value), {})[place] = grant.allowed

    def find(self, choice: Choice, numbers: NDArray[np.int64] | None = None, *, counts: bool = True) -> Page:
        """numbers: of the items that have the words that were asked for; None: no words were."""
        base = self._base(choice, numbers)
        chosen = {name: self._columns.is_(name, value) for name, value in choice.chosen.items()}
        found = every(base, chosen.values())
        page, more = self._page(found, choice)
        if not counts:
            return Page(page, more, 0, {})
        facets = {
            name: self._count_values(name, every(base, (c for other, c in chosen.items() if other != name)))
            for name in FACETS
        }
        return Page(page, more, int(np.count_nonzero(found)), facets)

    def _base(self, choice: Choice, numbers: NDArray[np.int64] | None) -> Truths:
        """What may be listed, whatever facets are chosen."""
        state = self._columns.column("state")
        found = state == _STATES[choice.state] if choice.state in _STATES else state > 0
        if choice.lesson:
            found = found & self._columns.is_("lesson", choice.lesson)
        if numbers is not None:
            found = found & np.isin(self._columns.column("number"), numbers)
        return found & self._seen_by(choice.viewer)

    def _seen_by(self, viewer: Viewer) -> Truths:
        """As `rules.Holding.right`."""
        if viewer.role is Role.ORGANIZER:
            return self._columns.all()
        schools, districts = viewer.values(SCHOOL) - {""}, viewer.values(DISTRICT) - {""}
        at_school = self._columns.any_("provider", schools) | self._columns.among(
            place for school in schools for place in self._at_school.get(school, ())
        )
        in_district = self._columns.any_("district", districts)
        visibility = self._columns.column("visibility")
        shown_to = {each: visibility == number for number, each in enumerate(Visibility)}
        seen = self._columns.is_("lesson", viewer.lesson) | shown_to[Visibility.ALL]
        seen |= (shown_to[Visibility.SCHOOL] | shown_to[Visibility.DISTRICT]) & at_school
        seen |= shown_to[Visibility.DISTRICT] & in_district
        if viewer.role is Role.SUPERVISOR and not viewer.credential:
            seen |= True if ANY in districts else at_school | in_district
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
        columns = self._columns
        listed = columns.in_order(found)
        numbers, started = columns.column("number")[listed], columns.column("started_ms")[listed]
        if choice.after is not None:
            at_ms, number = choice.after
            numbers = numbers[(started < at_ms) | ((started == at_ms) & (numbers < number))]
        last = numbers[-choice.limit :][::-1]
        return tuple(last.tolist()), len(numbers) > choice.limit

    def _count_values(self, name: str, found: Truths) -> tuple[tuple[str, int], ...]:
        counts = self._columns.counts(name, found)
        if name == "month":
            counts.sort(reverse=True)
        return tuple(counts[:FACET_VALUES])

    def _forget(self, place: int, entry: Entry) -> None:
        for school in entry.schools:
            self._at_school[school].discard(place)
        for grant in entry.grants:
            self._named[grant.party, grant.value].pop(place, None)
