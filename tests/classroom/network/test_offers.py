"""The shelf of lessons against the rules one by one, and against a list that is searched plainly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from classroom.library.words import asked
from classroom.model import LessonId
from classroom.network.catalogue import (
    Course,
    CourseKind,
    CourseState,
    CourseVisibility,
    Delivery,
    Offer,
    OfferState,
    Onlooker,
    sees,
)
from classroom.network.model import CourseId, Path, PlaceId
from classroom.network.offers import Choice, Entry, OfferShelf, topic_key

EVERYTHING = Onlooker(oversees=frozenset({Path("/")}))
PROVIDERS = {"/c/d/s1/": ("d", "c"), "/c/d/s2/": ("d", "c"), "/c/e/s3/": ("e", "c"), "/c/m/": ("", "c")}


def course(number: int = 1, path: str = "/c/d/s1/", **change: Any) -> Course:
    district, city = PROVIDERS[path]
    made = Course(
        id=CourseId(f"course-{number}"),
        provider=PlaceId(path.split("/")[-2]),
        path=Path(path),
        provider_name=path,
        title="光的折射",
        district=district,
        city=city,
        visibility=CourseVisibility.PUBLIC,
        state=CourseState.PUBLISHED,
    )
    return replace(made, **change)


def entry(number: int, of: Course | None = None, pairs: frozenset[str] = frozenset(), **change: Any) -> Entry:
    of = of or course()
    made = Offer(
        lesson=LessonId(f"l{number}"),
        course=of.id,
        path=of.path,
        title=of.title,
        starts_ms=1_000 * number,
        ends_ms=1_000 * number + 500,
        master=of.master,
        master_name=of.master_name,
        delivery=Delivery.LIVE,
        capacity=40,
    )
    return Entry(number, replace(made, **change), of, pairs)


def shelf(*entries: Entry) -> OfferShelf:
    made = OfferShelf()
    for each in entries:
        made.put(each)
    return made


def numbers(at: OfferShelf, words: str = "", who: Onlooker = EVERYTHING, **choice: Any) -> tuple[int, ...]:
    return at.find(Choice(who, asked(words), **choice)).numbers


def test_words_are_the_courses_and_the_lessons_own() -> None:
    at = shelf(
        entry(1, course(1, master_name="王老师", style="实验 show")),
        entry(2, course(1, master_name="王老师", style="实验 show"), title="第2课 棱镜"),
        entry(3, course(2, title="Photosynthesis", summary="How plants eat")),
    )
    assert numbers(at, "折射") == (1, 2)
    assert numbers(at, "棱镜") == (2,)
    assert numbers(at, "折射 棱镜 实验") == (2,)
    assert numbers(at, "photo") == (3,)
    assert numbers(at, "plants EAT") == (3,)
    assert numbers(at, "光 plants") == (3,), "a single sign beside words says nothing"
    assert numbers(at, "老师") == (1, 2)


def test_a_course_that_changes_is_found_by_its_new_words() -> None:
    at = shelf(entry(1), entry(2))
    changed = course(title="浮力", visibility=CourseVisibility.OWN)
    at.put(entry(1, changed))
    at.put(entry(2, changed))
    assert numbers(at, "折射") == ()
    assert numbers(at, "浮力") == (1, 2)
    assert numbers(at, "浮力", Onlooker()) == ()


def test_filters_and_counts() -> None:
    physics = course(1, subject="物理", kind=CourseKind.LECTURE, grade_from=7, grade_to=9)
    biology = course(2, "/c/e/s3/", subject="生物", kind=CourseKind.PRACTICE, grade_from=5, grade_to=7)
    at = shelf(entry(1, physics), entry(2, physics), entry(3, biology, capacity=10, taken=8))
    page = at.find(Choice(EVERYTHING, chosen={"subject": "物理"}))
    assert (page.numbers, page.total, page.more) == ((1, 2), 2, False)
    # Of a chosen facet as if it were not chosen; of the others what the choice leaves.
    assert page.facets["subject"] == (("物理", 2), ("生物", 1))
    assert page.facets["district"] == (("d", 2),)
    assert page.facets["grade"] == (("7", 2), ("8", 2), ("9", 2))
    assert numbers(at, grade=7) == (1, 2, 3)
    assert numbers(at, grade=5) == (3,)
    assert numbers(at, places=3) == (1, 2)
    assert numbers(at, from_ms=2_000, until_ms=3_000) == (2,)
    assert numbers(at, course="course-2") == (3,)
    assert numbers(at, chosen={"kind": "practice", "subject": "物理"}) == ()


def test_pages_follow_each_other() -> None:
    at = shelf(*(entry(number, starts_ms=1_000 * (number // 3)) for number in range(10, 0, -1)))
    found: list[int] = []
    after = None
    while True:
        page = at.find(Choice(EVERYTHING, after=after, limit=3), counts=False)
        found += page.numbers
        if not page.more:
            break
        last = page.numbers[-1]
        after = (1_000 * (last // 3), last)
    assert found == list(range(1, 11))


def test_what_is_cancelled_is_not_listed() -> None:
    at = shelf(entry(1), entry(2, state=OfferState.CANCELLED))
    assert numbers(at) == (1,)
    at.put(entry(2))
    assert numbers(at) == (1, 2)


def test_parallel_lessons_have_the_topic_however_it_is_written() -> None:
    at = shelf(
        entry(1, course(1, topic="光的折射")),
        entry(2, course(2, topic=" 光的 折射")),
        entry(3, course(3, topic="ＣＯ２")),
        entry(4, course(4, topic="co2")),
        entry(5, course(5)),
    )
    assert numbers(at, topic="CO2") == (3, 4)
    assert topic_key("CO2") == topic_key("ｃｏ２")


paths = st.sampled_from([*PROVIDERS, "/c/", "/c/d/", "/", "/x/y/z/"]).map(Path)
onlookers = st.builds(
    Onlooker, st.frozensets(paths.filter(lambda p: p != "/"), max_size=2), st.frozensets(paths, max_size=1)
)
courses = st.builds(
    lambda number, path, visibility, state, named: course(
        number, path, visibility=visibility, state=state, named=frozenset(map(PlaceId, named))
    ),
    st.integers(1, 1_000_000),
    st.sampled_from([*PROVIDERS]),
    st.sampled_from(CourseVisibility),
    st.sampled_from(CourseState),
    st.sets(st.sampled_from(["s1", "s2", "d", "c", "x"]), max_size=2),
)


@given(
    st.lists(courses, max_size=8, unique_by=lambda one: one.id),
    onlookers,
    st.sets(st.sampled_from(["s1", "s2", "z"])),
)
def test_the_shelf_shows_what_the_rule_shows(known: list[Course], who: Onlooker, pairs: set[str]) -> None:
    at = shelf(*(entry(number, one, frozenset(pairs)) for number, one in enumerate(known, 1)))
    seen = tuple(number for number, one in enumerate(known, 1) if sees(one, who, pairs))
    assert numbers(at, who=who) == seen
