"""The numbers of the lessons' events, and which rows are open: what the writing of one fact must know of
others."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from typing import Final

from classroom.model import LessonId, PersonId

CLASSES_KEPT: Final = 20_000
"""Of people who went: what was measured of them is written up to a minute later. Four full rooms."""


class Ledger:
    """Grows by a number per lesson and by what is open, both small."""

    def __init__(self) -> None:
        self._next_seq: dict[LessonId, int] = {}
        self._presence: dict[tuple[LessonId, PersonId], int] = {}
        self._observations: dict[tuple[LessonId, PersonId], str] = {}
        self._classes: dict[tuple[LessonId, PersonId], str] = {}
        """Of whose presence is open."""
        self._gone: OrderedDict[tuple[LessonId, PersonId], str] = OrderedDict()
        """Classes of those who went lately."""
        self.webhooks = 0
        """How many there are: with none, no event asks who is to be told."""

    @property
    def has_open(self) -> bool:
        return bool(self._presence or self._observations)

    def knows(self, lesson: LessonId) -> bool:
        return lesson in self._next_seq

    def begin(self, lesson: LessonId, next_seq: int) -> None:
        self._next_seq[lesson] = next_seq

    def last(self, lesson: LessonId) -> int:
        """The latest number given; 0: none."""
        return self._next_seq.get(lesson, 1) - 1

    def number(self, lesson: LessonId) -> int:
        seq = self._next_seq.get(lesson, 1)
        self._next_seq[lesson] = seq + 1
        return seq

    def open_presence(self, lesson: LessonId, person: PersonId, seq: int, class_id: str = "") -> None:
        """class_id: empty of who is in none."""
        self._presence[lesson, person] = seq
        self._classes[lesson, person] = class_id
        self._gone.pop((lesson, person), None)

    def close_presence(self, lesson: LessonId, person: PersonId) -> int | None:
        if (lesson, person) in self._classes:
            self._gone[lesson, person] = self._classes.pop((lesson, person))
        while len(self._gone) > CLASSES_KEPT:
            self._gone.popitem(last=False)
        return self._presence.pop((lesson, person), None)

    def class_of(self, lesson: LessonId, person: PersonId) -> str:
        """As which they came in last; empty: as one of none, or it is not known any more."""
        return self._classes.get((lesson, person)) or self._gone.get((lesson, person), "")

    def open_observation(self, lesson: LessonId, person: PersonId) -> str:
        self._observations[lesson, person] = uuid.uuid4().hex
        return self._observations[lesson, person]

    def close_observation(self, lesson: LessonId, person: PersonId) -> str | None:
        return self._observations.pop((lesson, person), None)
