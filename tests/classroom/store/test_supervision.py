"""Forms, problems, ratings and check-in, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import String, Table, Text, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId
from classroom.network.check_in import CheckIn, Face, Found, Result, Spot, Way
from classroom.network.model import ROOT, Path
from classroom.network.ratings import Aspect, Rater, Rating
from classroom.network.supervision import Criterion, Form, LessonPlaces, NewProblem, ProblemKind, ProblemState
from classroom.store import (
    audit,
    check_in,
    ratings,
    supervision_due,
    supervision_live,
    supervision_places,
    supervision_reviews,
)
from classroom.store.catalogue_tables import offers
from classroom.store.check_in import CheckedIn
from classroom.store.demo_network import seed_demo_network
from classroom.store.library_items import ItemFacts
from classroom.store.library_tables import library_watching
from classroom.store.store import Store
from classroom.store.supervision_reviews import Review
from classroom.store.tables import observations

MUSEUM = Path("/demo-city/demo-museum/")
SCORES = dict.fromkeys(Criterion, 4)
PROBLEMS = (NewProblem(ProblemKind.LATE, "a", 5_000), NewProblem(ProblemKind.ORDER, "b"))


def review(name: str = "r1", lesson: str = "l", supervisor: str = "s", at_ms: int = 100) -> Review:
    return Review(name, lesson, MUSEUM, supervisor, "credential", "item", SCORES, "text", at_ms)


async def deliver(store: Store, made: Review, problems: tuple[NewProblem, ...] = PROBLEMS) -> bool:
    ids = [f"{made.id}-{number}" for number in range(len(problems))]
    form = Form(SCORES, made.text, problems)
    return await store.network.change(supervision_reviews.deliver, made, form, ids)


async def test_a_form_is_kept_once_with_its_problems_and_on_record(store: Store) -> None:
    assert await deliver(store, review())
    assert not await deliver(store, review("r2"))
    found = await store.network.read(supervision_reviews.find, "r1")
    assert found == review()
    assert await store.network.read(supervision_reviews.find, "r2") is None
    problems = await store.network.read(supervision_reviews.problems, (ROOT,), review="r1")
    assert [(each.id, each.text, each.item_ms) for each in problems] == [
        ("r1-0", "a", 5_000),
        ("r1-1", "b", None),
    ]
    deeds = await store.network.read(audit.listed, (MUSEUM,))
    assert [each.deed.deed for each in deeds] == ["review-delivered"]


async def test_two_at_the_same_time_deliver_one(open_store: Any) -> None:
    store = await open_store()
    done = await asyncio.gather(*(deliver(store, review(f"r{number}")) for number in range(4)))
    assert sorted(done) == [False, False, False, True]


async def test_pages_go_on_behind_the_last_one_of_the_same_time(store: Store) -> None:
    for number in range(5):
        await deliver(store, review(f"r{number}", f"l{number}", at_ms=100), ())
    first = await store.network.read(supervision_reviews.listed, (MUSEUM,), limit=3)
    rest = await store.network.read(
        supervision_reviews.listed, (MUSEUM,), before=(first[-1].at_ms, first[-1].id), limit=3
    )
    assert [each.id for each in (*first, *rest)] == ["r4", "r3", "r2", "r1", "r0"]
    assert await store.network.read(supervision_reviews.listed, (Path("/demo-city/demo-east/"),)) == ()
    mine = await store.network.read(supervision_reviews.listed, (), supervisor="s", lesson="l2")
    assert [each.id for each in mine] == ["r2"]


async def test_who_looks_first_is_noted(store: Store) -> None:
    await deliver(store, review())
    assert await store.network.read(supervision_reviews.unseen, (MUSEUM,)) == 1
    for at_ms in (200, 300):
        await store.network.change(supervision_reviews.see, "r1", "p", at_ms)
    found = await store.network.read(supervision_reviews.find, "r1")
    assert found is not None and found.seen_ms == 200
    assert await store.network.read(supervision_reviews.unseen, (MUSEUM,)) == 0


async def test_of_two_who_move_a_problem_one_does(store: Store) -> None:
    await deliver(store, review())
    found = await store.network.read(supervision_reviews.problem, "r1-0")
    assert found is not None
    moves = ("close", "answer")
    done = [
        await store.network.change(supervision_reviews.move, found[0], move, "x", "p", 100) for move in moves
    ]
    assert done == [True, False]
    now = await store.network.read(supervision_reviews.problem, "r1-0")
    assert now is not None and (now[0].state, now[0].closing) == (ProblemState.CLOSED, "x")
    (listed,) = await store.network.read(supervision_reviews.negative_list, (ROOT,))
    assert (listed.path, listed.open, listed.answered, listed.lessons) == (MUSEUM, 1, 0, 1)


async def test_where_lessons_belong(store: Store) -> None:
    await seed_demo_network(store)
    for lesson, master, school in (
        ("one", "demo-museum-master", "demo-east-1"),
        ("two", None, "demo-west-2"),
        ("three", "demo-west-1-master", "elsewhere"),
    ):
        room = ClassRoom(ClassId(f"{school}-c1"), "c", None)
        await store.save_lesson(
            Lesson(LessonId(lesson), "", (room,), master_id=PersonId(master) if master else None)
        )
    found = await store.network.read(supervision_places.lesson_places, ["one", "two", "three", "none"])
    assert found == {
        "one": LessonPlaces(MUSEUM, (Path("/demo-city/demo-east/demo-east-1/"),)),
        "two": LessonPlaces(None, (Path("/demo-city/demo-west/demo-west-2/"),)),
        "three": LessonPlaces(Path("/demo-city/demo-west/demo-west-1/")),
        "none": LessonPlaces(),
    }
    names = await store.network.read(supervision_places.names, {MUSEUM, Path("/nowhere/")})
    assert {path: each.name for path, each in names.items()} == {MUSEUM: "同课科技馆"}


async def test_the_latest_item_of_a_lesson_with_what_it_missed(store: Store) -> None:
    facts = [
        ItemFacts("first", "l", "", "ready", 1, 0, 1.0, "", gap_ms=7),
        ItemFacts("second", "l", "", "live", 2, 0, 1.0, "", gap_ms=9),
    ]
    await store.library.keep(facts, 5)
    found = await store.network.read(supervision_live.items, ("l", "none"))
    assert found == {"l": supervision_live.LiveItem("second", 9)}
    assert await store.network.read(supervision_live.item, "none") == ""


async def test_a_class_has_its_own_check_in_and_its_school_the_latest_place(store: Store) -> None:
    await seed_demo_network(store)
    here, there = Spot(39.9, 116.4), Spot(31.2, 121.5)
    for lesson, class_id, opens_ms, place in (
        ("l", "", 1, there),
        ("l", "demo-east-1-c1", 2, here),
        ("m", "demo-east-1-c1", 3, None),
    ):
        plan = CheckIn(lesson, opens_ms, 10, 10, place, 100 if place else 0, class_id=class_id)
        assert await store.network.change(check_in.put, plan, "t")
        assert not await store.network.change(check_in.put, plan, "t")

    async def place_of(lesson: str, class_id: str) -> Spot | None:
        found = await store.network.read(check_in.find, lesson, class_id)
        assert found is not None
        return found.place

    assert await place_of("l", "demo-east-1-c1") == here
    assert await place_of("l", "demo-west-1-c1") == await place_of("l", "") == there
    for class_id, place in (("demo-east-1-home", here), ("demo-west-1-c1", None), ("", None)):
        latest = await store.network.read(check_in.latest_place, class_id)
        assert (latest.place if latest else None) == place


async def test_the_catalogue_says_who_gives_a_lesson(store: Store) -> None:
    await seed_demo_network(store)
    await store.save_lesson(Lesson(LessonId("one"), "", master_id=PersonId("demo-museum-master")))
    blank = {each.name: "" if isinstance(each.type, String | Text) else 0 for each in offers.columns}
    row = blank | {"lesson_id": "one", "course_id": "optics", "path": "/demo-city/demo-west/demo-west-1/"}

    async def offer(connection: AsyncConnection) -> None:
        await connection.execute(insert(offers).values(row))

    await store.network.change(offer)
    found = await store.network.read(supervision_places.lesson_places, ["one"])
    assert found["one"] == LessonPlaces(Path("/demo-city/demo-west/demo-west-1/"), course="optics")


async def test_what_is_live_or_should_be(store: Store) -> None:
    hour = 3_600_000
    for lesson, state, starts_ms in (
        ("live", LessonState.LIVE, 0),
        ("late", LessonState.SCHEDULED, 9 * hour),
        ("missed", LessonState.SCHEDULED, 5 * hour),
        ("soon", LessonState.OPEN, 11 * hour),
        ("over", LessonState.ENDED, 9 * hour),
    ):
        await store.save_lesson(Lesson(LessonId(lesson), "", state=state, starts_ms=starts_ms))
    found = await store.network.read(supervision_live.live, 10 * hour)
    assert {each.id for each in found} == {"live", "late"}


async def test_what_a_supervisor_has_not_reviewed_yet(store: Store) -> None:
    who, states = PersonId("s"), {"c": LessonState.LIVE}
    for number, lesson in enumerate("abcde"):
        state = states.get(lesson, LessonState.ENDED)
        await store.save_lesson(Lesson(LessonId(lesson), lesson, state=state, started_ms=1, ended_ms=2))
        looked = {"lesson_id": lesson, "person_id": who, "started_ms": 10 + number}
        if lesson != "d":  # nobody was in, and the recording was watched
            await store.network.change(insert_row, observations, {"id": f"first-{lesson}"} | looked)
    again = {"id": "again", "lesson_id": "a", "person_id": who, "started_ms": 100}
    await store.network.change(insert_row, observations, again)
    watched = {"item_id": "i", "person_id": who, "name": "", "role": "supervisor", "lesson_id": "d"}
    numbers = dict.fromkeys(("watched_ms", "position_ms", "began_ms"), 0)
    row = watched | numbers | {"spans": "[]", "updated_ms": 50}
    await store.network.change(insert_row, library_watching, row)
    assert await deliver(store, review(lesson="e"))
    assert await deliver(store, review("r2", "a", "another"))
    found = await store.network.read(supervision_due.due, who)
    assert [(each.lesson, each.looked_ms) for each in found] == [("a", 100), ("d", 50), ("b", 11)]
    assert found[0].ended_ms == 2
    assert await store.network.read(supervision_due.due, PersonId("t")) == ()


async def insert_row(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> None:
    await connection.execute(insert(table).values(row))


async def test_credentials_that_were_taken_back(store: Store, sql: Any) -> None:
    await seed_demo_network(store)
    sql_set = "UPDATE appointments SET revoked_ms = 500 WHERE id = 'demo-city-supervisor-office' RETURNING id"
    sql_off = "UPDATE accounts SET disabled_ms = 700 WHERE person_id = 'demo-east-supervisor' RETURNING login"

    async def write(connection: AsyncConnection) -> None:
        for statement in (sql_set, sql_off):
            await connection.execute(text(statement))

    await store.network.change(write)
    for since, found in ((0, 2), (500, 2), (501, 1), (701, 0)):
        assert len(await store.network.look(supervision_live.revoked_credentials, since)) == found


async def test_ratings_are_said_anew_and_summed(store: Store) -> None:
    def one(rater: Rater, who: str, stars: int) -> Rating:
        return Rating("l", rater, who, dict.fromkeys(Aspect, stars), "", 100, who)

    for rating in (
        one(Rater.STUDENT, "a", 1),
        one(Rater.STUDENT, "b", 5),
        one(Rater.STUDENT, "a", 3),
        one(Rater.SCHOOL, "a", 2),
    ):
        await store.network.change(ratings.put, rating, MUSEUM)
    assert len(await store.network.read(ratings.of_lesson, "l")) == 3
    means = await store.network.read(ratings.means, (ROOT,), 0)
    assert sorted((rater, count, mean[Aspect.CONTENT]) for _, _, rater, count, mean in means) == [
        (Rater.SCHOOL, 1, 2),
        (Rater.STUDENT, 2, 4),
    ]


CHECK_IN = CheckIn("l", 1, 2, 3, Spot(39.9, 116.4), 200, True)


async def test_a_check_in_is_opened_and_changed(store: Store) -> None:
    assert await store.network.change(check_in.put, CHECK_IN, "m")
    assert await store.network.read(check_in.find, "l") == CHECK_IN
    later = CheckIn("l", 5, 6, 7)
    assert not await store.network.change(check_in.put, later, "m")
    assert await store.network.read(check_in.find, "l") == later
    assert await store.network.read(check_in.find, "other") is None


async def test_the_first_time_somebody_checks_in_counts(open_store: Any) -> None:
    store = await open_store()
    first = CheckedIn("l", "a", "c", "甲", 10, Found(Result.PRESENT, Way.POSITION, 12), 5, "a")
    again = CheckedIn("l", "a", "c", "甲", 20, Found(Result.LATE, Way.PRESENCE), None, "a")
    both = await asyncio.gather(*(store.network.change(check_in.check_in, each) for each in (first, again)))
    assert both[0] == both[1]
    assert await store.network.read(check_in.of_lesson, "l") == (both[0],)
    assert await store.network.read(check_in.of_lesson, "l", "other") == ()


async def test_evidence_is_kept_as_long_as_it_may_be(store: Store) -> None:
    for who, until_ms in (("a", 500), ("b", 900)):
        one = CheckedIn("l", who, "c", who, 10, Found(Result.PRESENT, Way.TUTOR), None, "t")
        await store.network.change(check_in.check_in, one)
        assert await store.network.change(check_in.add_picture, "l", who, f"p-{who}", until_ms)
        assert not await store.network.change(check_in.add_picture, "l", who, "another", until_ms)
    await store.network.change(check_in.found_face, "l", "a", Face.VERIFIED)
    over = await store.network.read(check_in.over, 500)
    assert [(each.person, each.picture, each.face) for each in over] == [("a", "p-a", Face.VERIFIED)]
    await store.network.change(check_in.forget_pictures, ("p-a",))
    assert await store.network.read(check_in.over, 800) == ()
    kept = await store.network.read(check_in.person, "l", "a")
    assert kept is not None and (kept.picture, kept.face) == ("", Face.VERIFIED)
