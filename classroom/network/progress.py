"""How far somebody has come towards what the term asks of them (学期目标), from their parts in lessons that
are over. Pure.

A pupil's own part counts before their class's: who sat in the room came with the class, who is known to have
been absent did not. A class's lesson is a pupil's when they were in the class by then; so who changes class
keeps what they have done. In a room the tutor marks seats, and whose a seat is nobody has written down: such
a mark counts in how many of the class came, and is nobody's own.

Who missed a lesson and has watched enough of its recording has caught up (补课): it counts, and is said to be
that. A pupil catches up by themselves; a class by its tutor or its room's screen, as one of these would have
brought it to the lesson. What was delivered to school was not by a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from classroom.model import LessonId
from classroom.network.catalogue import Delivery
from classroom.network.model import Appointment, Office
from classroom.network.settlement import Came
from classroom.network.terms import Target


@dataclass(frozen=True, slots=True)
class Part:
    """A party's part in one lesson that is over."""

    party: str
    """Person id, or class id."""
    lesson: LessonId
    title: str
    subject: str
    delivery: Delivery
    starts_ms: int
    came: Came
    minutes: int
    """There, or of the recording."""
    caught_up: bool = False
    """Absent, and has watched enough of the recording."""

    @property
    def counts(self) -> bool:
        return self.caught_up or self.came is not Came.ABSENT


Watched = Mapping[tuple[str, LessonId], int]
"""Of whoever has watched enough of a lesson's recording, a person or a class: how many minutes of it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the term asks of a pupil, or of a class, of one grade."""

    activities: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Progress:
    goal: Goal
    parts: tuple[Part, ...]
    """By when they began; those that were missed, too."""

    @property
    def attended(self) -> tuple[Part, ...]:
        """There, or caught up."""
        return tuple(each for each in self.parts if each.counts)

    @property
    def done(self) -> int:
        return len(self.attended)

    @property
    def missed(self) -> int:
        return len(self.parts) - self.done

    @property
    def caught_up(self) -> int:
        """Of them by the recording."""
        return sum(each.caught_up for each in self.attended)

    @property
    def delivered(self) -> int:
        """Of them delivered to school."""
        return sum(each.delivery is Delivery.TO_SCHOOL and not each.caught_up for each in self.attended)

    @property
    def minutes(self) -> int:
        return sum(each.minutes for each in self.attended)

    @property
    def subjects(self) -> tuple[tuple[str, int], ...]:
        """Subject -> lessons done, the most frequent first."""
        counts = Counter(each.subject for each in self.attended)
        return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))

    @property
    def reached(self) -> bool:
        return self.done >= self.goal.activities and self.delivered >= self.goal.delivered


def goal(target: Target, grade: int) -> Goal:
    """Of who is in this grade; 0: in none."""
    asked = grade and grade == target.delivered_grade
    return Goal(target.activities, target.delivered if asked else 0)


def pupil(
    person: str,
    classes: Collection[Appointment],
    parts: Iterable[Part],
    of_grade: Goal,
    watched: Watched | None = None,
) -> Progress:
    """classes: the offices of a student that the person holds or held; parts: theirs and these classes'."""
    own: dict[LessonId, Part] = {}
    with_class: dict[LessonId, Part] = {}
    for part in parts:
        if part.party == person:
            own[part.lesson] = part
        elif any(_was_in(each, part.party, part.starts_ms) for each in classes):
            with_class[part.lesson] = part
    found = [
        _with_recording(
            part,
            [person, *(each.class_id for each in classes if _was_in(each, each.class_id, part.starts_ms))],
            watched or {},
        )
        for part in (with_class | own).values()
    ]
    return Progress(of_grade, _in_order(found))


def of_class(
    class_id: str, parts: Iterable[Part], of_grade: Goal, watched: Watched | None = None
) -> Progress:
    found = (_with_recording(part, [class_id], watched or {}) for part in parts if part.party == class_id)
    return Progress(of_grade, _in_order(found))


def _with_recording(part: Part, parties: Iterable[str], watched: Watched) -> Part:
    """parties: by whom it may have been watched, the surest first."""
    if part.counts:
        return part
    for party in parties:
        if (minutes := watched.get((party, part.lesson))) is not None:
            return replace(part, caught_up=True, minutes=minutes)
    return part


def _was_in(held: Appointment, class_id: str, at_ms: int) -> bool:
    mine = held.office is Office.STUDENT and held.class_id == class_id
    return mine and held.holds(at_ms)


def _in_order(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda each: (each.starts_ms, each.lesson)))
