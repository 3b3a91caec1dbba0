"""Attendance, by example and as properties over any stream."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from classroom.attendance import EARLY_MS, LATE_MS, Attendance, Report, Span, attendance
from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId, Role

MINUTE = 60_000
BEGAN = 1_000_000_000
ENDED = BEGAN + 45 * MINUTE
CLASS_1 = ClassRoom(ClassId("c1"), "1班", PersonId("t1"))
CLASS_2 = ClassRoom(ClassId("c2"), "2班", PersonId("t2"))
LESSON = Lesson(
    LessonId("L"),
    "光的折射",
    (CLASS_1, CLASS_2),
    LessonState.ENDED,
    starts_ms=BEGAN - 2 * MINUTE,
    started_ms=BEGAN,
    ended_ms=ENDED,
)
LIVE = replace(LESSON, state=LessonState.LIVE, ended_ms=0)


@dataclass
class Event:
    seq: int
    at_ms: int
    kind: str
    person: PersonId | None
    body: dict[str, Any] = field(default_factory=dict)


class Stream:
    """Writes a stream as the store would."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def _add(self, minute: float, kind: str, person: str, **body: Any) -> Stream:
        at_ms = BEGAN + round(minute * MINUTE)
        self.events.append(Event(len(self.events) + 1, at_ms, kind, PersonId(person), body))
        return self

    def came(self, minute: float, person: str, role: str = "student", class_id: str | None = "c1") -> Stream:
        return self._add(minute, "person.joined", person, role=role, class_id=class_id)

    def went(self, minute: float, person: str, cause: str = "left") -> Stream:
        return self._add(minute, "person.left", person, cause=cause)

    def report(self, lesson: Lesson = LESSON, now_ms: int = ENDED) -> Report:
        return attendance(lesson, self.events, now_ms)

    def one(self, person: str = "s", lesson: Lesson = LESSON, now_ms: int = ENDED) -> Attendance:
        (found,) = (one for one in self.report(lesson, now_ms).people if one.person == person)
        return found


def minutes(ms: int) -> float:
    return ms / MINUTE


def test_from_beginning_to_end() -> None:
    one = Stream().came(-10, "s").went(45, "s", "ended").one()
    assert (one.present, one.late, one.left_early, minutes(one.present_ms)) == (True, False, False, 45)
    assert (one.first_ms, one.last_ms, one.gaps) == (BEGAN - 10 * MINUTE, ENDED, 0)


def test_late_begins_after_its_limit() -> None:
    limit = minutes(LATE_MS)
    assert not Stream().came(limit, "s").one().late
    assert Stream().came(limit + 0.01, "s").one().late


def test_leaving_early_begins_before_its_limit() -> None:
    limit = 45 - minutes(EARLY_MS)
    assert not Stream().came(0, "s").went(limit, "s").one().left_early
    assert Stream().came(0, "s").went(limit - 0.01, "s").one().left_early


def test_nobody_has_left_early_while_the_lesson_goes_on() -> None:
    stream = Stream().came(0, "s").went(10, "s")
    one = stream.one(lesson=LIVE, now_ms=BEGAN + 30 * MINUTE)
    assert (one.left_early, minutes(one.present_ms)) == (False, 10)


def test_who_is_still_in_is_present_until_now() -> None:
    one = Stream().came(2, "s").one(lesson=LIVE, now_ms=BEGAN + 12 * MINUTE)
    assert (minutes(one.present_ms), one.last_ms) == (10, None)


def test_a_lost_connection_that_comes_back_is_one_stay_with_a_gap() -> None:
    for cause in ("lost", "server", "replaced"):
        one = Stream().came(0, "s").went(10, "s", cause).came(13, "s").went(45, "s").one()
        (stay,) = one.stays
        assert stay.gaps == (Span(BEGAN + 10 * MINUTE, BEGAN + 13 * MINUTE),)
        assert (minutes(one.present_ms), one.gaps) == (42, 1)


def test_leaving_on_purpose_and_coming_again_are_two_stays() -> None:
    one = Stream().came(0, "s").went(10, "s").came(13, "s").one()
    assert (len(one.stays), one.gaps, minutes(one.present_ms)) == (2, 0, 42)


def test_a_change_of_device_without_a_moment_between_is_no_gap() -> None:
    one = Stream().came(0, "s").went(10, "s", "replaced").came(10, "s").one()
    assert (len(one.stays), one.gaps, minutes(one.present_ms)) == (1, 0, 45)


def test_lost_and_not_come_back_has_left_early() -> None:
    one = Stream().came(0, "s").went(10, "s", "lost").one()
    assert (one.left_early, one.gaps) == (True, 0)


def test_before_the_lesson_counts_for_nothing() -> None:
    one = Stream().came(-20, "s").went(-1, "s").one()
    assert (one.present, one.present_ms, one.late, one.left_early) == (False, 0, False, False)
    waiting = replace(LESSON, state=LessonState.OPEN, started_ms=0, ended_ms=0)
    assert not Stream().came(-20, "s").one(lesson=waiting, now_ms=BEGAN).present


def test_events_that_were_lost() -> None:
    assert minutes(Stream().came(0, "s").came(10, "s").went(20, "s").one().present_ms) == 20
    assert Stream().went(10, "x").report().people == Stream().report().people


def test_a_clock_that_was_set_back_makes_nobody_be_there_twice() -> None:
    one = Stream().came(10, "s").went(20, "s").came(5, "s").went(15, "s").one()
    assert minutes(one.present_ms) == 10


def test_registered_tutors_who_never_came_are_absent() -> None:
    report = Stream().came(0, "t1", "tutor").came(0, "t9", "tutor", "c2").report()
    assert [(one.person, one.class_id, one.present) for one in report.people] == [
        ("t1", "c1", True),
        ("t9", "c2", True),
        ("t2", "c2", False),
    ]


def test_a_class_is_what_its_people_are_together() -> None:
    stream = Stream().came(0, "t1", "tutor").came(0, "a").came(6, "b").went(30, "t1")
    stream.came(35, "t9", "tutor").went(40, "a").went(12, "b")
    first, second = stream.report().classes
    assert (first.students, first.present, first.late, first.left_early) == (2, 2, 1, 1)
    assert (minutes(first.covered_ms), minutes(first.tutored_ms)) == (45, 40)
    assert (second.students, second.covered_ms, second.tutored_ms) == (0, 0, 0)


def test_the_lesson_itself() -> None:
    report = Stream().report()
    assert (report.length_ms, report.started_late_ms) == (45 * MINUTE, 2 * MINUTE)
    assert Stream().report(replace(LESSON, starts_ms=0)).started_late_ms == 0


def test_teachers_come_first_and_classes_in_their_order() -> None:
    stream = Stream().came(0, "b", class_id="c2").came(0, "a").came(0, "m", "master", None)
    assert [one.person for one in stream.report().people] == ["m", "a", "t1", "b", "t2"]


# --- properties ---------------------------------------------------------------------------------------------

PEOPLE = ("a", "b", "t1")
CAUSES = ("left", "lost", "replaced", "server")
moves = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.booleans(), st.sampled_from(CAUSES), st.integers(0, 6)), max_size=30
)
"""(who, comes or goes, why, minutes since the one before)"""


def play(found: list[tuple[str, bool, str, int]]) -> Stream:
    stream, minute = Stream(), -5
    for person, comes, cause, pause in found:
        minute += pause
        role = "tutor" if person == "t1" else "student"
        stream = stream.came(minute, person, role) if comes else stream.went(minute, person, cause)
    return stream


@given(moves)
def test_present_is_every_minute_in_which_one_was_there(found: list[tuple[str, bool, str, int]]) -> None:
    """Counted minute by minute, as somebody with a list at the door would."""
    expected = dict.fromkeys(PEOPLE, 0)
    inside: set[str] = set()
    stream = play(found)
    at = {event.at_ms for event in stream.events}
    for minute in range(-5, 45):
        if BEGAN + minute * MINUTE in at:
            for event in stream.events:
                if event.at_ms == BEGAN + minute * MINUTE:
                    change = inside.add if event.kind == "person.joined" else inside.discard
                    change(str(event.person))
        for person in inside:
            expected[person] += minute >= 0
    report = stream.report()
    for one in report.people:
        if one.person in expected:
            assert minutes(one.present_ms) == expected[one.person], one


@given(moves, st.randoms(use_true_random=False))
def test_order_and_repetition_of_delivery_change_nothing(
    found: list[tuple[str, bool, str, int]], randomness: random.Random
) -> None:
    stream = play(found)
    before = stream.report()
    stream.events += randomness.sample(stream.events, len(stream.events) // 2)
    randomness.shuffle(stream.events)
    assert stream.report() == before


@given(moves)
def test_stays_and_gaps_are_in_order_and_apart(found: list[tuple[str, bool, str, int]]) -> None:
    for one in play(found).report().people:
        times = []
        for stay in one.stays:
            assert stay.to_ms is not None
            times += [stay.from_ms, *(t for gap in stay.gaps for t in (gap.from_ms, gap.to_ms)), stay.to_ms]
            assert all(gap.ms > 0 for gap in stay.gaps)
        assert times == sorted(times)


@given(moves)
def test_a_class_is_there_as_long_as_its_people(found: list[tuple[str, bool, str, int]]) -> None:
    report = play(found).report()
    members = [one for one in report.people if one.class_id == "c1"]
    (covered, tutored) = (report.classes[0].covered_ms, report.classes[0].tutored_ms)
    each = [one.present_ms for one in members]
    assert max(each, default=0) <= covered <= min(sum(each), report.length_ms)
    assert tutored == sum(one.present_ms for one in members if one.role is Role.TUTOR)
