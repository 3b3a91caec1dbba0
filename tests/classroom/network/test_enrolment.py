"""The desk's rules, one by one, and what must be so whatever is asked for in whatever order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.model import ClassId, LessonId, PersonId
from classroom.network.catalogue import Course, CourseState, CourseVisibility, OfferState
from classroom.network.enrolment import (
    MAX_WAITING,
    Application,
    Busy,
    Conflict,
    Desk,
    Enrolment,
    EnrolmentRefused,
    EnrolmentState,
    Home,
    PartyKind,
    Quota,
    Refusal,
    Seats,
    WaitsFor,
    Who,
    Withdrawal,
)
from classroom.network.model import CourseId, Path, PlaceId

SCHOOL = Path("/c/d/s1/")
COURSE = Course(
    id=CourseId("light"),
    provider=PlaceId("museum"),
    path=Path("/c/museum/"),
    provider_name="Museum",
    title="Light",
    city="c",
    visibility=CourseVisibility.CITY,
    state=CourseState.PUBLISHED,
)
LESSON = LessonId("l1")
NOW_MS, STARTS_MS, ENDS_MS = 1_000, 10_000, 20_000


def desk(*seats: Seats, **quotas: int) -> Desk:
    made = Desk({each.lesson: each for each in seats})
    made.quotas = {(term, "museum"): Quota(allowed) for term, allowed in quotas.items()}
    return made


def seats(lesson: str = LESSON, **change: Any) -> Seats:
    values = {"starts_ms": STARTS_MS, "ends_ms": ENDS_MS, "capacity": 100} | change
    return Seats(LessonId(lesson), COURSE, **values)


def a_class(name: str = "k1", places: int = 40, lesson: str = LESSON, **change: Any) -> Application:
    values = {"tutor": f"tutor of {name}"} | change
    by = PersonId("organizer")
    return Application(LessonId(lesson), PartyKind.CLASS, name, SCHOOL, places, by, **values)


def alone(name: str = "ann", class_id: str = "k1", lesson: str = LESSON, **change: Any) -> Application:
    by = PersonId(name)
    return Application(LessonId(lesson), PartyKind.PERSON, name, SCHOOL, 1, by, class_id=class_id, **change)


NUMBERS = itertools.count(1)


def ask(at: Desk, asked: Application, now_ms: int = NOW_MS) -> Enrolment:
    """As the database would number it."""
    number = next(NUMBERS)
    made = at.enrol(asked, f"e{number}", now_ms)
    if not made.number:
        made = replace(made, number=number)
        at.standing[made.lesson, made.party] = made
    return made


def refused(at: Desk, asked: Application, now_ms: int = NOW_MS) -> EnrolmentRefused:
    with pytest.raises(EnrolmentRefused) as error:
        at.enrol(asked, "x", now_ms)
    return error.value


def leave(at: Desk, party: str, lesson: str = LESSON, now_ms: int = NOW_MS) -> Enrolment:
    return at.withdraw(Withdrawal(LessonId(lesson), party, PersonId("p")), now_ms)


def test_a_class_takes_a_place_for_each_pupil() -> None:
    lesson = seats()
    made = ask(desk(lesson), a_class(places=40))
    assert (made.state, made.class_id, made.tutor) == (EnrolmentState.ENROLLED, "k1", "tutor of k1")
    assert (lesson.taken, lesson.rooms, lesson.waiting) == (40, 1, 0)


def test_asked_again_it_is_the_same() -> None:
    at = desk(lesson := seats())
    assert ask(at, a_class()) == ask(at, a_class())
    assert lesson.taken == 40


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"state": OfferState.CANCELLED}, Refusal.CANCELLED),
        ({"starts_ms": NOW_MS}, Refusal.CLOSED),
        ({"starts_ms": NOW_MS - 1}, Refusal.CLOSED),
        ({"settled": True}, Refusal.CLOSED),
    ],
)
def test_a_lesson_that_nobody_can_enrol_in(change: dict[str, Any], refusal: Refusal) -> None:
    assert refused(desk(seats(**change)), a_class()).refusal is refusal


def test_of_a_lesson_that_is_not_shown_nothing_is_told() -> None:
    hidden = seats()
    hidden.course = replace(COURSE, visibility=CourseVisibility.OWN)
    hidden.state = OfferState.CANCELLED
    assert refused(desk(hidden), a_class()).refusal is Refusal.UNKNOWN
    assert refused(desk(), a_class()).refusal is Refusal.UNKNOWN


@pytest.mark.parametrize("places", [0, -1, 201])
def test_a_class_of_no_size(places: int) -> None:
    assert refused(desk(seats()), a_class(places=places)).refusal is Refusal.PLACES


@pytest.mark.parametrize(
    ("times", "busy"),
    [((9_000, 10_000), False), ((20_000, 21_000), False), ((9_000, 10_001), True), ((19_999, 30_000), True)],
)
def test_lessons_that_touch_do_not_overlap(times: tuple[int, int], busy: bool) -> None:
    at = desk(seats())
    at.busy["k1"].append(Busy(LessonId("other"), *times))
    if busy:
        assert refused(at, a_class()).conflict == Conflict(Who.CLASS, LessonId("other"), *times)
    else:
        assert ask(at, a_class()).state is EnrolmentState.ENROLLED


def test_a_tutor_has_one_class_at_a_time() -> None:
    at = desk(seats())
    ask(at, a_class("k1", tutor="t"))
    conflict = refused(at, a_class("k2", tutor="t")).conflict
    assert conflict == Conflict(Who.TUTOR, LESSON, STARTS_MS, ENDS_MS)


def test_a_pupil_whose_class_has_a_lesson_is_busy() -> None:
    at = desk(seats(), seats("l2", homes=[Home(ClassId("h"), "t", 5)]))
    ask(at, a_class("k1"))
    conflict = refused(at, alone("ann", "k1", "l2")).conflict
    assert conflict == Conflict(Who.CLASS, LESSON, STARTS_MS, ENDS_MS)
    assert ask(at, alone("ben", "k2", "l2")).class_id == "h"


def test_nobody_alone_where_there_is_no_class_at_home() -> None:
    assert refused(desk(seats()), alone()).refusal is Refusal.NO_HOME


def test_classes_at_home_fill_up_one_after_the_other() -> None:
    homes = [Home(ClassId("h1"), "t", 2), Home(ClassId("h2"), "u", 1)]
    at = desk(seats(homes=homes))
    found = [ask(at, alone(name, "")) for name in "abcd"]
    assert [each.class_id for each in found] == ["h1", "h1", "h2", ""]
    assert (found[3].state, found[3].waits_for) == (EnrolmentState.WAITING, WaitsFor.HOME)
    leave(at, "a")
    assert at.standing[LESSON, "d"].class_id == "h1"


def test_who_finds_no_place_waits_and_moves_up() -> None:
    at = desk(lesson := seats(capacity=50))
    ask(at, a_class("k1", 40))
    waits = ask(at, a_class("k2", 40))
    assert (waits.state, waits.waits_for) == (EnrolmentState.WAITING, WaitsFor.PLACE)
    assert (lesson.taken, lesson.waiting) == (40, 40)
    leave(at, "k1")
    assert at.standing[LESSON, "k2"].state is EnrolmentState.ENROLLED
    assert [each.party for each in at.promoted] == ["k2"]
    assert (lesson.taken, lesson.waiting, lesson.rooms) == (40, 0, 1)


def test_who_needs_more_than_there_is_lets_the_next_one_pass() -> None:
    at = desk(seats(capacity=100))
    ask(at, a_class("k1", 60))
    ask(at, a_class("k2", 40))
    ask(at, a_class("k3", 50))
    ask(at, a_class("k4", 30))
    leave(at, "k2")
    assert at.standing[LESSON, "k3"].state is EnrolmentState.WAITING
    assert at.standing[LESSON, "k4"].state is EnrolmentState.ENROLLED


def test_who_is_busy_by_then_is_taken_off_the_list() -> None:
    at = desk(lesson := seats(capacity=40), seats("l2"))
    ask(at, a_class("k1", 40))
    ask(at, a_class("k2", 40))
    ask(at, a_class("k2", 40, "l2"))
    ask(at, a_class("k3", 40))
    leave(at, "k1")
    assert {each.party: each.state for each in at.promoted} == {
        "k2": EnrolmentState.LAPSED,
        "k3": EnrolmentState.ENROLLED,
    }
    assert (LESSON, "k2") not in at.standing
    assert lesson.waiting == 0


def test_who_would_not_wait_is_told() -> None:
    at = desk(lesson := seats(capacity=10))
    assert refused(at, a_class(waits=False)).refusal is Refusal.FULL
    lesson.waiting = MAX_WAITING
    assert refused(at, a_class()).refusal is Refusal.FULL


def test_a_quota_that_is_used_up_makes_wait() -> None:
    one, two = seats(term="t"), seats("l2", term="t", starts_ms=50_000, ends_ms=60_000)
    at = desk(one, two, t=50)
    ask(at, a_class("k1", 40))
    waits = ask(at, a_class("k2", 20, "l2"))
    assert waits.waits_for is WaitsFor.QUOTA
    leave(at, "k1")
    assert at.quotas["t", "museum"].booked == 0
    # Its own lesson's list has not moved: nobody gave a place back there.
    at.move_up(LessonId("l2"), NOW_MS)
    assert at.standing[LessonId("l2"), "k2"].state is EnrolmentState.ENROLLED
    assert at.quotas["t", "museum"].booked == 20


def test_who_is_in_the_lesson_cannot_withdraw_any_more() -> None:
    at = desk(seats())
    ask(at, a_class("k1"))
    with pytest.raises(EnrolmentRefused) as error:
        leave(at, "k1", now_ms=STARTS_MS)
    assert error.value.refusal is Refusal.CLOSED
    with pytest.raises(EnrolmentRefused) as error:
        leave(at, "k9")
    assert error.value.refusal is Refusal.NOT_ENROLLED


def test_nobody_moves_up_in_a_lesson_that_is_off() -> None:
    at = desk(lesson := seats(capacity=40))
    ask(at, a_class("k1", 40))
    ask(at, a_class("k2", 40))
    lesson.state = OfferState.CANCELLED
    leave(at, "k1")
    assert at.standing[LESSON, "k2"].state is EnrolmentState.WAITING


requests = st.lists(
    st.tuples(
        st.sampled_from(["enrol", "enrol", "leave"]),
        st.sampled_from(["l1", "l2", "l3"]),
        st.sampled_from(["k1", "k2", "k3", "k4", "ann", "ben", "cat"]),
        st.integers(1, 60),
    ),
    max_size=40,
)


@given(requests, st.integers(20, 120), st.integers(10, 150))
def test_whatever_is_asked_for_the_counts_are_right(
    wanted: list[tuple[str, str, str, int]], capacity: int, quota: int
) -> None:
    at = desk(
        seats("l1", capacity=capacity, term="t", homes=[Home(ClassId("h1"), "x", 1)]),
        seats("l2", capacity=60, term="t", starts_ms=15_000, ends_ms=30_000),
        seats("l3", capacity=60, starts_ms=40_000, ends_ms=50_000, homes=[Home(ClassId("h3"), "x", 2)]),
        t=quota,
    )
    for what, lesson, party, places in wanted:
        try:
            if what == "leave":
                leave(at, party, lesson)
            elif party.startswith("k"):
                ask(at, a_class(party, places, lesson, tutor=party))
            else:
                ask(at, alone(party, "k1", lesson))
        except EnrolmentRefused:
            continue
        check(at, capacity, quota)


def check(at: Desk, capacity: int, quota: int) -> None:
    enrolled = [each for each in at.standing.values() if each.state is EnrolmentState.ENROLLED]
    for lesson in at.seats.values():
        here = [each for each in enrolled if each.lesson == lesson.lesson]
        waiting = [
            each
            for each in at.standing.values()
            if each.lesson == lesson.lesson and each.state is EnrolmentState.WAITING
        ]
        assert lesson.taken == sum(each.places for each in here) <= lesson.capacity
        assert lesson.waiting == sum(each.places for each in waiting)
        assert lesson.rooms == sum(each.kind is PartyKind.CLASS for each in here)
        for home in lesson.homes:
            assert home.taken == sum(each.class_id == home.class_id for each in here) <= home.size
    booked = sum(each.places for each in enrolled if at.seats[each.lesson].term)
    assert at.quotas["t", "museum"].booked == booked <= quota
    for party in {each.party for each in enrolled}:
        own = sorted((each.starts_ms, each.ends_ms) for each in enrolled if each.party == party)
        assert all(one[1] <= two[0] for one, two in itertools.pairwise(own))


def both(**change: Any) -> Desk:
    """Two lessons at one time, a class in the first of them."""
    made = desk(seats("l1", term="t"), seats("l2", **{"term": "t"} | change), t=60)
    ask(made, a_class())
    return made


def instead(**change: Any) -> Application:
    return a_class(lesson="l2", **{"instead_of": LESSON} | change)


def test_a_lesson_is_exchanged_for_one_at_the_same_time() -> None:
    at = both()
    # Its places, its hour and its part of the quota are what it takes the other one with.
    made = ask(at, instead())
    assert (made.lesson, made.state) == ("l2", EnrolmentState.ENROLLED)
    assert [(each.taken, each.rooms) for each in at.seats.values()] == [(0, 0), (40, 1)]
    assert at.quotas["t", "museum"].booked == 40
    assert [each.lesson for each in at.busy["k1"]] == ["l2"]
    assert (LESSON, "k1") not in at.standing
    assert ask(at, instead()) == made, "sent again"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"capacity": 30}, Refusal.FULL),
        ({"starts_ms": NOW_MS}, Refusal.CLOSED),
        ({"state": OfferState.CANCELLED}, Refusal.CANCELLED),
    ],
)
def test_who_does_not_get_the_other_lesson_keeps_the_own(change: dict[str, Any], refusal: Refusal) -> None:
    at = both(**change)
    held = at.standing[LESSON, "k1"]
    assert refused(at, instead()).refusal is refusal
    assert at.standing == {(LESSON, "k1"): held}
    assert (at.seats[LESSON].taken, at.seats[LESSON].rooms, at.quotas["t", "museum"].booked) == (40, 1, 40)
    assert [each.lesson for each in at.busy["k1"]] == [LESSON]


def test_who_waits_gives_up_waiting() -> None:
    at = both()
    ask(at, a_class("k2", 61))
    assert at.seats[LESSON].waiting == 61
    assert ask(at, a_class("k2", 20, "l2", instead_of=LESSON)).state is EnrolmentState.ENROLLED
    assert at.seats[LESSON].waiting == 0
    # Whoever waits for the other one already makes no second enrolment.
    at.quotas["t", "museum"].allowed = 200
    for lesson in (LESSON, "l2"):
        ask(at, a_class("k4", 90, lesson))
    assert refused(at, a_class("k4", 90, "l2", instead_of=LESSON)).refusal is Refusal.FULL
    assert refused(at, a_class("k9", 1, "l2", instead_of=LESSON)).refusal is Refusal.NOT_ENROLLED
