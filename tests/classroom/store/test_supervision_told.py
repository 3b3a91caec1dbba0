"""Whom a form and its problems reach at once, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text, update

from classroom.model import Lesson, LessonId, PersonId
from classroom.network.model import Path
from classroom.network.notices import NoticeSettings, Topic
from classroom.network.supervision import ANSWER_MS, Criterion, Form, NewProblem, ProblemKind
from classroom.store import mail_outbox, notices, supervision_reviews
from classroom.store.demo_network import seed_demo_network
from classroom.store.network_tables import accounts
from classroom.store.store import Store
from classroom.store.supervision_reviews import Review
from classroom.store.webhooks import Webhook

MUSEUM = Path("/demo-city/demo-museum/")
PROVIDER, SUPERVISOR = PersonId("demo-museum-provider"), PersonId("demo-east-supervisor")
ORGANIZER = PersonId("demo-city-organizer")
SCORES = dict.fromkeys(Criterion, 4)


async def delivered(store: Store) -> None:
    await seed_demo_network(store)
    await store.save_lesson(Lesson(LessonId("l"), "光的折射", starts_ms=7))
    await deliver(store, "r", "l", "p")


async def deliver(store: Store, review: str, lesson: str, problem: str) -> None:
    made = Review(review, lesson, MUSEUM, SUPERVISOR, "credential", "", SCORES, "", 100)
    form = Form(SCORES, "", (NewProblem(ProblemKind.LATE, "a"),))
    assert await store.network.change(supervision_reviews.deliver, made, form, [problem])


async def told(store: Store, person: PersonId) -> list[tuple[str, str, int]]:
    found = await store.network.read(notices.listed, person)
    return [(each.kind, each.title, each.starts_ms) for each in found]


async def move(store: Store, action: str, by: str) -> None:
    found = await store.network.read(supervision_reviews.problem, "p")
    assert found is not None
    assert await store.network.change(supervision_reviews.move, found[0], action, "done", by, 200)


async def test_the_provider_has_a_notice_of_a_form_and_the_supervisor_of_the_answer(store: Store) -> None:
    await delivered(store)
    lesson = ("光的折射", 7)
    assert await told(store, PROVIDER) == [("negative-listed", *lesson), ("review-delivered", *lesson)]
    await move(store, "answer", PROVIDER)
    assert await told(store, SUPERVISOR) == [("problem-answered", *lesson)]
    await move(store, "close", SUPERVISOR)
    await move(store, "reopen", SUPERVISOR)
    kinds = [kind for kind, *_ in await told(store, PROVIDER)]
    assert kinds == [
        "negative-listed", "problem-reopened", "problem-closed", "negative-listed", "review-delivered"
    ]  # fmt: skip
    for other in ("demo-museum-master", "demo-east-1-provider", "demo-east-organizer"):
        assert await told(store, PersonId(other)) == []
    assert {kind for kind, *_ in await told(store, ORGANIZER)} == {"negative-listed"}


async def test_a_week_without_an_answer_is_told_of_once(store: Store) -> None:
    await delivered(store)
    over_ms = 100 + ANSWER_MS
    look = supervision_reviews.tell_overdue
    assert [await store.network.change(look, at_ms) for at_ms in (over_ms - 1, over_ms, over_ms)] == [0, 1, 0]
    for person in (PROVIDER, SUPERVISOR):
        assert (await told(store, person))[0][0] == "problem-overdue"
    # Closed and opened again: another week.
    await move(store, "close", SUPERVISOR)
    assert await store.network.change(look, over_ms + ANSWER_MS) == 0
    await move(store, "reopen", SUPERVISOR)
    assert await store.network.change(look, over_ms + ANSWER_MS) == 1


async def test_who_is_on_the_negative_list_already_is_not_told_again(store: Store) -> None:
    await delivered(store)
    await store.save_lesson(Lesson(LessonId("m"), "声音", starts_ms=7))
    await deliver(store, "s", "m", "q")
    kinds = [kind for kind, *_ in await told(store, ORGANIZER)]
    assert kinds == ["negative-listed"]


async def test_letters_say_that_there_is_something_and_not_what(store: Store) -> None:
    await seed_demo_network(store)

    async def give_addresses(connection: Any) -> None:
        for person in (PROVIDER, ORGANIZER):
            values = {"email": f"{person}@x.example"}
            await connection.execute(update(accounts).where(accounts.c.person_id == person).values(values))

    await store.network.change(give_addresses)
    english = NoticeSettings("en", frozenset({Topic.PLACES}))
    await store.network.change(mail_outbox.put_settings, ORGANIZER, english)
    await store.save_lesson(Lesson(LessonId("l"), "光的折射", starts_ms=7))
    await deliver(store, "r", "l", "p")
    letters = await store.network.change(mail_outbox.take, 100)
    assert [(each.person, each.kind, each.told) for each in letters] == [
        (PROVIDER, "review-delivered", ()),
        (ORGANIZER, "negative-listed", ()),
        (PROVIDER, "negative-listed", ()),
    ]
    assert letters[1].settings == english
    assert english.wants("negative-listed")


async def calls(store: Store, hook: str) -> list[tuple[int, str, Any]]:
    found = await store.webhooks.next_delivery(hook, "", 10)
    return [] if found is None else [(each.seq, each.kind, each.body["lesson"]) for each in found.events]


async def test_webhooks_are_told_and_nothing_of_it_is_in_the_lessons_stream(store: Store, sql: Any) -> None:
    address = "https://platform.example/events"
    for name, lesson, kinds in (
        ("all", None, ()),
        ("of this lesson", "l", ()),
        ("of another", "m", ()),
        ("of forms", None, ("review.delivered",)),
        ("of joins", None, ("person.joined",)),
    ):
        of = None if lesson is None else LessonId(lesson)
        await store.webhooks.put(Webhook(name, address, "whsec_x", of, kinds))
    await delivered(store)
    await move(store, "answer", PROVIDER)
    both = [(1, "review.delivered", "l"), (2, "review.problem", "l")]
    assert await calls(store, "all") == await calls(store, "of this lesson") == both
    assert await calls(store, "of forms") == both[:1]
    assert await calls(store, "of another") == await calls(store, "of joins") == []
    assert sql("SELECT count(*) FROM events WHERE lesson_id = 'l'") == [(0,)]


async def test_who_is_provider_no_more_is_not_told(store: Store) -> None:
    await seed_demo_network(store)

    async def revoke(connection: Any) -> None:
        row = "UPDATE appointments SET revoked_ms = 1 WHERE id = 'demo-museum-provider-office'"
        await connection.execute(text(row))

    await store.network.change(revoke)
    made = Review("r", "l", MUSEUM, SUPERVISOR, "credential", "", SCORES, "", 100)
    assert await store.network.change(supervision_reviews.deliver, made, Form(SCORES, ""), [])
    assert await told(store, PROVIDER) == []
