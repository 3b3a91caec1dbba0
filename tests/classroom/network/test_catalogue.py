from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.model import PersonId
from classroom.network.catalogue import (
    BadCourse,
    Course,
    CourseFault,
    CourseState,
    CourseVisibility,
    HomeClass,
    OfferPlan,
    Onlooker,
    city_of,
    district_of,
    onlooker,
    sees,
)
from classroom.network.model import Appointment, CourseId, Office, Path, Place, PlaceId, PlaceKind
from classroom.network.scope import Principal, everything

COURSE = Course(
    id=CourseId("light"),
    provider=PlaceId("s1"),
    path=Path("/c/d/s1/"),
    provider_name="No. 1",
    title="Light",
    district="d",
    city="c",
    state=CourseState.PUBLISHED,
)


def at(*paths: str) -> Onlooker:
    return Onlooker(frozenset(Path(path) for path in paths))


OWN, NEIGHBOUR, SAME_CITY, ABROAD = at("/c/d/s1/"), at("/c/d/s2/"), at("/c/e/s3/"), at("/x/y/s9/")


@pytest.mark.parametrize(
    ("visibility", "seen_by"),
    [
        (CourseVisibility.OWN, (OWN,)),
        (CourseVisibility.NAMED, (OWN, SAME_CITY)),
        (CourseVisibility.PAIRED, (OWN, ABROAD)),
        (CourseVisibility.DISTRICT, (OWN, NEIGHBOUR)),
        (CourseVisibility.CITY, (OWN, NEIGHBOUR, SAME_CITY)),
        (CourseVisibility.PUBLIC, (OWN, NEIGHBOUR, SAME_CITY, ABROAD, at())),
    ],
)
def test_who_sees_a_course(visibility: CourseVisibility, seen_by: tuple[Onlooker, ...]) -> None:
    course = replace(COURSE, visibility=visibility, named=frozenset({PlaceId("e")}))
    for who in (OWN, NEIGHBOUR, SAME_CITY, ABROAD, at()):
        assert sees(course, who, {"s9"}) is (who in seen_by), who


def test_a_pair_is_of_schools_not_of_what_they_lie_in() -> None:
    course = replace(COURSE, visibility=CourseVisibility.PAIRED)
    assert not sees(course, ABROAD, {"y"})


@pytest.mark.parametrize("state", [CourseState.DRAFT, CourseState.CLOSED])
def test_what_is_not_published_is_seen_by_those_who_oversee_it(state: CourseState) -> None:
    course = replace(COURSE, visibility=CourseVisibility.PUBLIC, state=state)
    assert not sees(course, OWN)
    for path in ("/", "/c/", "/c/d/", "/c/d/s1/"):
        assert sees(course, Onlooker(oversees=frozenset({Path(path)})))
    assert not sees(course, Onlooker(oversees=frozenset({Path("/c/d/s2/")})))


def test_whose_eyes_a_principal_has() -> None:
    held = (
        Appointment("1", PersonId("p"), Office.TUTOR, Path("/c/d/s1/"), class_id="k"),
        Appointment("2", PersonId("p"), Office.ORGANIZER, Path("/c/e/")),
        Appointment("3", PersonId("p"), Office.SUPERVISOR, Path("/c/f/"), course="x"),
    )
    who = onlooker(Principal(PersonId("p"), "P", held))
    assert who.belongs == {"/c/d/s1/", "/c/e/"}
    assert who.oversees == {"/c/e/"}
    assert who.own == {"s1", "e"}
    assert who.around == {"c", "d", "s1", "e"}
    assert sees(replace(COURSE, state=CourseState.DRAFT), onlooker(everything(PersonId("o"), "O")))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"title": " "}, CourseFault.TITLE),
        ({"title": "x" * 201}, CourseFault.TITLE),
        ({"topic": "a\nb"}, CourseFault.WORDS),
        ({"subject": "x" * 81}, CourseFault.WORDS),
        ({"summary": "x" * 4001}, CourseFault.SUMMARY),
        ({"summary": "a\x00b"}, CourseFault.SUMMARY),
        ({"grade_from": 0}, CourseFault.GRADES),
        ({"grade_from": 8, "grade_to": 7}, CourseFault.GRADES),
        ({"language": "zh CN"}, CourseFault.LANGUAGE),
        ({"visibility": CourseVisibility.NAMED}, CourseFault.NAMED),
        ({"named": frozenset(PlaceId(str(n)) for n in range(201))}, CourseFault.NAMED),
        ({"visibility": CourseVisibility.DISTRICT, "district": ""}, CourseFault.DISTRICT),
        ({"visibility": CourseVisibility.CITY, "city": ""}, CourseFault.DISTRICT),
    ],
)
def test_a_course_that_cannot_be(change: dict[str, Any], fault: CourseFault) -> None:
    with pytest.raises(BadCourse) as refused:
        replace(COURSE, **change).checked()
    assert refused.value.fault is fault


def test_blanks_around_words_are_nobodys() -> None:
    checked = replace(COURSE, title=" Light ", topic=" optics ", summary=" a\nb ").checked()
    assert (checked.title, checked.topic, checked.summary) == ("Light", "optics", "a\nb")


PLAN = OfferPlan(starts_ms=1_000, ends_ms=2_000, capacity=40)
TUTOR = HomeClass(PersonId("t"), 30)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"starts_ms": 0}, CourseFault.TIMES),
        ({"ends_ms": 1_000}, CourseFault.TIMES),
        ({"ends_ms": 1_001 + 86_400_000}, CourseFault.TIMES),
        ({"capacity": 0}, CourseFault.CAPACITY),
        ({"capacity": 10_001}, CourseFault.CAPACITY),
        ({"home": (TUTOR, TUTOR)}, CourseFault.HOME),
        ({"home": (HomeClass(PersonId("t"), 0),)}, CourseFault.HOME),
        ({"home": (HomeClass(PersonId(""), 5),)}, CourseFault.HOME),
    ],
)
def test_a_lesson_that_cannot_be(change: dict[str, Any], fault: CourseFault) -> None:
    with pytest.raises(BadCourse) as refused:
        replace(PLAN, **change).checked()
    assert refused.value.fault is fault


def test_where_a_place_lies() -> None:
    def place(kind: PlaceKind, path: str) -> Place:
        return Place(PlaceId(path.split("/")[-2]), kind, "", Path(path))

    for kind, path, district, city in (
        (PlaceKind.CITY, "/c/", "", "c"),
        (PlaceKind.DISTRICT, "/c/d/", "d", "c"),
        (PlaceKind.SCHOOL, "/c/d/s/", "d", "c"),
        (PlaceKind.PROVIDER, "/c/p/", "", "c"),
        (PlaceKind.PROVIDER, "/c/d/p/", "d", "c"),
    ):
        found = place(kind, path)
        assert (district_of(found), city_of(found)) == (district, city)
