"""Who came, by what is known of them; and what must be so whatever is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.attendance import Attendance, ClassAttendance, Report
from classroom.model import ClassId, LessonId, PersonId, Role
from classroom.network.check_in import Result
from classroom.network.enrolment import Enrolment, EnrolmentState, PartyKind
from classroom.network.model import Path
from classroom.network.settlement import Attended, Came, CheckedInAs, Evidence, Settlement, settle
from classroom.roll import ClassRoll, Counts, Mark, Marked

MINUTE_MS = 60_000
LENGTH_MS = 45 * MINUTE_MS
K1, HOME = ClassId("k1"), ClassId("l1-home-1")


def enrolment(party: str, kind: PartyKind = PartyKind.CLASS, places: int = 40, **change: Any) -> Enrolment:
    alone = kind is PartyKind.PERSON
    made = Enrolment(
        id=f"of {party}",
        lesson=LessonId("l1"),
        kind=kind,
        party=party,
        class_id=HOME if alone else ClassId(party),
        path=Path("/c/d/s1/"),
        places=1 if alone else places,
        tutor="",
        state=EnrolmentState.ENROLLED,
        starts_ms=1,
        ends_ms=1 + LENGTH_MS,
        made_ms=0,
        made_by=PersonId("t"),
    )
    return replace(made, **change)


def connected(person: str, class_id: ClassId = HOME, minutes: int = 40, *, late: bool = False) -> Attendance:
    ms = minutes * MINUTE_MS
    return Attendance(PersonId(person), Role.STUDENT, class_id, (), ms, late=late, left_early=False)


def tutor(class_id: ClassId = K1, role: Role = Role.TUTOR, minutes: int = 45) -> Attendance:
    return replace(connected(f"tutor of {class_id}", class_id, minutes), role=role)


def covered(class_id: ClassId = K1, minutes: int = 45) -> ClassAttendance:
    return ClassAttendance(class_id, 0, 0, 0, 0, minutes * MINUTE_MS, 0, Counts(0, 0, 0, 0))


def roll(seats: Mapping[str, Mark] = {}, people: Mapping[str, Mark] = {}) -> ClassRoll:
    return ClassRoll(
        (),
        {seat: Marked(mark, 1) for seat, mark in seats.items()},
        {PersonId(person): Marked(mark, 1) for person, mark in people.items()},
    )


def report(
    *people: Attendance,
    classes: tuple[ClassAttendance, ...] = (),
    rolls: Mapping[ClassId, ClassRoll] = {},
    began_ms: int | None = 1,
) -> Report:
    return Report(began_ms, began_ms and began_ms + LENGTH_MS, 0, people, classes, rolls)


def parts(settlement: Settlement) -> dict[str, tuple[Came, int, int]]:
    return {each.party: (each.came, each.minutes, each.persons) for each in settlement.parts}


ANN = enrolment("ann", PartyKind.PERSON)
THERE = {PersonId("ann"): CheckedInAs(HOME, Result.PRESENT)}


@pytest.mark.parametrize("role", [Role.TUTOR, Role.ROOM])
def test_a_room_that_was_there_came_as_it_was_booked(role: Role) -> None:
    done = settle([enrolment("k1")], Evidence(report(tutor(role=role), classes=(covered(),))))
    assert parts(done) == {"k1": (Came.PRESENT, 45, 40)}
    assert (done.booked, done.came, done.released) == (40, 40, 0)


def test_a_room_that_nobody_was_in_gives_all_its_places_back() -> None:
    done = settle([enrolment("k1")], Evidence(report(tutor(minutes=0), classes=(covered(minutes=0),))))
    assert parts(done) == {"k1": (Came.ABSENT, 0, 0)}
    assert done.released == 40


def test_who_comes_by_themselves_does_not_bring_the_room() -> None:
    done = settle([enrolment("k1")], Evidence(report(connected("bob", K1), classes=(covered(),))))
    assert parts(done) == {"k1": (Came.PRESENT, 45, 1), "bob": (Came.PRESENT, 40, 1)}
    assert done.released == 39


def test_what_the_tutor_counted_is_what_came() -> None:
    seats = {"1": Mark.PRESENT, "2": Mark.LATE, "3": Mark.ABSENT}
    evidence = Evidence(report(connected("bob", K1), classes=(covered(),), rolls={K1: roll(seats)}))
    done = settle([enrolment("k1")], evidence)
    assert parts(done) == {"k1": (Came.PRESENT, 45, 3), "bob": (Came.PRESENT, 40, 1)}
    assert done.released == 37


def test_never_more_than_were_booked() -> None:
    seats = {str(seat): Mark.PRESENT for seat in range(45)}
    done = settle([enrolment("k1")], Evidence(report(classes=(covered(),), rolls={K1: roll(seats)})))
    assert (done.came, done.released) == (40, 0)


@pytest.mark.parametrize(
    ("evidence", "came", "minutes"),
    [
        (Evidence(report(connected("ann"))), Came.PRESENT, 40),
        (Evidence(report(connected("ann", late=True))), Came.LATE, 40),
        (Evidence(report(connected("ann", minutes=0))), Came.ABSENT, 0),
        (Evidence(report(), THERE), Came.PRESENT, 0),
        (Evidence(report(rolls={HOME: roll(people={"ann": Mark.LATE})})), Came.LATE, 0),
        (Evidence(report(rolls={HOME: roll(people={"ann": Mark.ABSENT})}), THERE), Came.ABSENT, 0),
        (
            Evidence(report(connected("ann"), rolls={HOME: roll(people={"ann": Mark.ABSENT})})),
            Came.PRESENT,
            40,
        ),
        (Evidence(report()), Came.ABSENT, 0),
    ],
)
def test_the_surest_word_counts(evidence: Evidence, came: Came, minutes: int) -> None:
    done = settle([ANN], evidence)
    assert parts(done) == {"ann": (came, minutes, int(came is not Came.ABSENT))}
    assert done.released == int(came is Came.ABSENT)


def test_of_a_class_at_home_who_left_no_trace_is_absent() -> None:
    evidence = Evidence(
        report(connected("ann", K1), classes=(covered(),)),
        at_home={"k1"},
        pupils={"k1": [PersonId("ann"), PersonId("bob")]},
    )
    done = settle([enrolment("k1")], evidence)
    assert parts(done) == {
        "k1": (Came.PRESENT, 45, 1),
        "ann": (Came.PRESENT, 40, 1),
        "bob": (Came.ABSENT, 0, 0),
    }
    # Moved online: the same.
    online = settle([enrolment("k1", online=True)], replace(evidence, at_home=frozenset()))
    assert online == done


@pytest.mark.parametrize("evidence", [None, Evidence(report(began_ms=None))])
def test_what_never_took_place_nobody_was_absent_from(evidence: Evidence | None) -> None:
    done = settle([enrolment("k1"), ANN], evidence)
    assert (done.parts, done.booked, done.released) == ((), 41, 41)
    assert done.attended == {"of k1": 0, "of ann": 0}


def test_delivered_to_school_without_a_stream_it_took_place_by_the_check_in() -> None:
    evidence = Evidence(
        report(began_ms=None), {PersonId(name): CheckedInAs(K1, Result.PRESENT) for name in "abc"}
    )
    assert settle([enrolment("k1")], evidence).came == 3


def test_who_waits_has_nothing_to_give_back() -> None:
    waits = enrolment("k1", state=EnrolmentState.WAITING)
    assert settle([waits], Evidence(report(classes=(covered(),)))).booked == 0


def test_who_enrolled_alone_and_sits_in_a_class_is_there_once() -> None:
    evidence = Evidence(report(connected("ann", K1), classes=(covered(),)))
    done = settle([enrolment("k1"), ANN], evidence)
    assert [each for each in done.parts if each.party == "ann"] == [
        Attended("ann", PartyKind.PERSON, "", "/c/d/s1/", Came.PRESENT, 40, 1)
    ]


NAMES = st.sampled_from([f"p{number}" for number in range(6)])
CLASSES = st.sampled_from([ClassId("k1"), ClassId("k2"), HOME])
MARKS = st.sampled_from(Mark)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    people = draw(st.dictionaries(NAMES, st.tuples(CLASSES, st.integers(0, 45), st.booleans())))
    tutors = draw(st.dictionaries(CLASSES, st.integers(0, 45)))
    rolls = draw(
        st.dictionaries(
            CLASSES,
            st.builds(
                roll,
                st.dictionaries(st.integers(1, 60).map(str), MARKS, max_size=8),
                st.dictionaries(NAMES, MARKS, max_size=4),
            ),
        )
    )
    checked = draw(st.dictionaries(NAMES, st.builds(CheckedInAs, CLASSES, st.sampled_from(Result))))
    classes = draw(st.dictionaries(CLASSES, st.integers(0, 45)))
    return Evidence(
        report(
            *(connected(name, where, minutes, late=late) for name, (where, minutes, late) in people.items()),
            *(tutor(where, minutes=minutes) for where, minutes in tutors.items()),
            classes=tuple(covered(each, minutes) for each, minutes in classes.items()),
            rolls=rolls,
            began_ms=draw(st.sampled_from([1, None])),
        ),
        {PersonId(name): each for name, each in checked.items()},
        draw(st.frozensets(CLASSES)),
        draw(st.dictionaries(CLASSES, st.lists(NAMES.map(PersonId), unique=True))),
    )


@st.composite
def enrolled(draw: st.DrawFn) -> list[Enrolment]:
    states = st.sampled_from([EnrolmentState.ENROLLED, EnrolmentState.ENROLLED, EnrolmentState.WAITING])
    alone = draw(st.lists(NAMES, unique=True))
    return [
        *(enrolment(name, PartyKind.PERSON, state=draw(states)) for name in alone),
        *(enrolment(name, places=draw(st.integers(1, 50)), state=draw(states)) for name in ("k1", "k2")),
    ]


@given(enrolled(), st.none() | evidences())
def test_whatever_is_known(asked: list[Enrolment], evidence: Evidence | None) -> None:
    done = settle(asked, evidence)
    seated = {each.id: each for each in asked if each.state is EnrolmentState.ENROLLED}
    assert done.attended.keys() == seated.keys()
    assert all(0 <= came <= seated[each].places for each, came in done.attended.items())
    assert done.booked == sum(each.places for each in seated.values())
    assert 0 <= done.released <= done.booked
    assert len({each.party for each in done.parts}) == len(done.parts)
    for each in done.parts:
        absent = each.came is Came.ABSENT
        assert absent == (each.persons == 0)
        assert each.minutes == 0 if absent else each.minutes >= 0
    took_place = evidence is not None and evidence.took_place
    if took_place:
        assert {each.party for each in seated.values()} <= {each.party for each in done.parts}
    else:
        assert not done.parts and done.released == done.booked
