"""Items in both databases: found by words and facets, by whom, page by page; and both find the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import pytest

from classroom.events import ChatWritten, TimerEnded
from classroom.library.rules import Grant, Party, Viewer, Visibility
from classroom.library.shelf import Choice
from classroom.model import (
    ChatEntry,
    ChatId,
    ChatScope,
    ClassId,
    ClassRoom,
    Lesson,
    LessonId,
    PersonId,
    Phase,
    Role,
)
from classroom.store.library_items import ItemFacts
from classroom.store.library_notes import Mark
from classroom.store.library_search import Finder
from classroom.store.store import Store
from classroom.talk.facts import ChatDeleted

ORGANIZER = Viewer("o", Role.ORGANIZER, "none")
TITLES = ("光合作用", "光的折射", "Photosynthesis 光合", "勾股定理", "浮力与密度 CO2", "第3课 唐诗")


def facts(number: int, title: str, state: str = "ready", lesson: str = "") -> ItemFacts:
    return ItemFacts(
        id=f"item-{number}",
        lesson=lesson or f"lesson-{number}",
        title=title,
        state=state,
        started_ms=1_760_000_000_000 + number * 86_400_000,
        duration_ms=60_000,
        complete=1.0,
        media="{}",
    )


Find = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def find(store: Store) -> Find:
    async def ask(words: str = "", viewer: Viewer = ORGANIZER, **choice: Any) -> list[str]:
        found = await store.library.search(Choice(viewer, **choice), words)
        return [item.id.removeprefix("item-") for item in found.items]

    return ask


async def fill(store: Store) -> None:
    await store.library.keep([facts(number, title) for number, title in enumerate(TITLES)], 1)
    await store.library.index_words(100)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", "543210"),
        ("光", "210"),
        ("光合", "20"),
        ("合作用", "0"),
        ("photo", "2"),
        ("光合 photosynthesis", "2"),
        ("co2", "4"),
        ("ＣＯ２", "4"),
        ("3", "5"),
        ("诗", "5"),
        ("与密", "4"),
        ("定理 唐诗", ""),
        ("'; DROP TABLE library_items; --", ""),
        ('" OR 1 NEAR(光)', ""),
        ("！", ""),
        ("\x00光合\x00", "20"),
    ],
)
async def test_words_inside_sentences(store: Store, find: Find, words: str, found: str) -> None:
    await fill(store)
    assert await find(words) == list(found)


async def test_pages_neither_repeat_nor_miss(store: Store, find: Find) -> None:
    await fill(store)
    seen: list[str] = []
    place = None
    for turn in range(3):
        page = await store.library.search(Choice(ORGANIZER, limit=2, after=place))
        assert page.more is (turn < 2) and page.total == 6
        seen += [item.id for item in page.items]
        place = (page.items[-1].started_ms, page.items[-1].number)
    assert seen == [f"item-{n}" for n in (5, 4, 3, 2, 1, 0)]


async def test_facets_count_what_is_found(store: Store, find: Find) -> None:
    await fill(store)
    await store.library.change("item-0", {"subject": "生物"}, 2)
    await store.library.change("item-2", {"subject": "生物"}, 3)
    await store.library.change("item-1", {"subject": "物理"}, 4)
    found = await store.library.search(Choice(ORGANIZER, chosen={"subject": "生物"}), "光")
    assert [item.id for item in found.items] == ["item-2", "item-0"] and found.total == 2
    assert found.facets["subject"] == (("生物", 2), ("物理", 1))
    assert found.facets["month"] == (("2025-10", 2),)


async def test_what_an_organizer_says_stays_and_is_found(store: Store, find: Find) -> None:
    await fill(store)
    await store.library.change("item-3", {"title": "毕达哥拉斯"}, 2)
    await store.library.keep([facts(3, "勾股定理")], 3)
    await store.library.index_words(100)
    assert await find("毕达") == ["3"] and await find("勾股") == []


async def test_chat_is_found_within_a_lesson_but_not_what_is_private(store: Store, find: Find) -> None:
    lesson = LessonId("L")
    await store.save_lesson(Lesson(lesson, "浮力", (ClassRoom(ClassId("c"), "1班"),)))
    await store.begin_room(lesson)
    await store.library.keep([facts(1, "浮力", "live", "L")], 1)
    await store.library.index_words(100)
    for number, (scope, text) in enumerate(
        [(ChatScope.LESSON, "阿基米德"), (ChatScope.CLASS, "本班作业"), (ChatScope.PRIVATE, "私下说")]
    ):
        entry = ChatEntry(ChatId(f"c{number}"), PersonId("p"), "小明", Role.STUDENT, text, 5, scope=scope)
        store.observe(ChatWritten(lesson_id=lesson, at_ms=5, elapsed_ms=5, entry=entry))
    await store.flush()
    await store.library.index_words(100)
    assert await find("阿基米德") == ["1"]
    assert await find("本班作业") == [] and await find("私下说") == [] and await find("小明") == []
    store.observe(TimerEnded(lesson_id=lesson, at_ms=6, elapsed_ms=6, phase=Phase.BREAK))
    await store.flush()
    assert await store.library.index_words(100) == 0  # brings no words
    store.observe(
        ChatDeleted(lesson_id=lesson, at_ms=7, elapsed_ms=7, chat=ChatId("c0"), actor=PersonId("m"))
    )
    await store.flush()
    assert await store.library.index_words(100) == 1 and await find("阿基米德") == []


async def test_notes_are_found_by_those_who_may_read_them(store: Store, find: Find) -> None:
    await fill(store)

    def mark(name: str, item: str, text: str, *, note: bool) -> Mark:
        return Mark(name, item, 5_000, text, note, "s", "督查", "supervisor", 7)

    await store.library.add_mark(mark("n1", "item-0", "板书清晰", note=True))
    await store.library.add_mark(mark("n2", "item-1", "Too fast", note=True))
    await store.library.add_mark(mark("m1", "item-2", "板书", note=False))
    await store.library.index_words(100)
    supervisor = Viewer("s", Role.SUPERVISOR, "none", scopes=frozenset({"district:*"}))
    for viewer in (supervisor, ORGANIZER):
        assert await find("板书", viewer) == ["2", "0"]
        assert await find("光合 板书清晰", viewer) == ["0"]  # words of the title and of the note
        assert await find("fast", viewer) == ["1"]
        assert await find("光", viewer) == ["2", "1", "0"]  # once each
    for role in (Role.STUDENT, Role.TUTOR, Role.MASTER, Role.ROOM):
        await store.library.put_grant("item-0", Grant(Party.PERSON, "p", True), by="o", at_ms=1)
        await store.library.put_grant("item-2", Grant(Party.PERSON, "p", True), by="o", at_ms=1)
        viewer = Viewer("p", role, "none")
        assert await find("板书", viewer) == ["2"] and await find("清晰", viewer) == []
    # Who supervises other schools does not see the item, whatever was noted.
    elsewhere = Viewer("s", Role.SUPERVISOR, "none", scopes=frozenset({"school:two"}))
    assert await find("板书", elsewhere) == []


async def test_a_note_that_was_deleted_is_not_found(store: Store, find: Find) -> None:
    await fill(store)
    await store.library.add_mark(Mark("n", "item-0", 0, "板书清晰", True, "s", "", "supervisor", 7))
    await store.library.index_words(100)
    assert await find("板书") == ["0"]
    await store.library.drop_mark("item-0", "n", 8)
    await store.library.index_words(100)
    assert await find("板书") == [] and await find("光合作用") == ["0"]


async def test_the_list_shows_what_the_rules_show(store: Store, find: Find) -> None:
    """Every kind of item, to every kind of viewer: as `Holding.right` says, item by item."""
    for school in ("one", "two"):
        rooms = (ClassRoom(ClassId("c"), "1班", school=school),)
        await store.save_lesson(Lesson(LessonId(f"in-{school}"), "", rooms))
    grants = (
        (),
        (Grant(Party.PERSON, "p", False),),
        (Grant(Party.SCHOOL, "two", True),),
        (Grant(Party.SCHOOL, "one", False), Grant(Party.PERSON, "p", True)),
        (Grant(Party.DISTRICT, "east", True), Grant(Party.CLASS, "c", False)),
    )
    kinds = list(product(("in-one", "in-two"), Visibility, ("", "east"), grants))
    await store.library.keep([facts(n, "", "ready", kind[0]) for n, kind in enumerate(kinds)], 1)
    for number, (_, visibility, district, said) in enumerate(kinds):
        item = f"item-{number}"
        await store.library.change(item, {"visibility": visibility, "district": district}, 2)
        for grant in said:
            await store.library.put_grant(item, grant, by="o", at_ms=3)
    holdings = {f"{n}": await store.library.holding(f"item-{n}") for n in range(len(kinds))}
    scopes = ((), ("school:one",), ("school:two", "district:east"), ("district:west",), ("district:*",))
    for role, scope, lesson in product(
        (Role.STUDENT, Role.SUPERVISOR, Role.ORGANIZER), scopes, ("in-one", "x")
    ):
        viewer = Viewer("p", role, lesson, "c" if role is Role.STUDENT else "", frozenset(scope))
        seen = {name for name, holding in holdings.items() if holding and holding.right(viewer)}
        assert set(await find(viewer=viewer, limit=100)) == seen, viewer


async def test_a_deleted_item_is_not_listed(store: Store, find: Find) -> None:
    await fill(store)
    assert await find("唐诗") == ["5"]
    await store.library.delete("item-5", at_ms=9, by="o", reason="x")
    assert await find("唐诗") == [] and await find() == list("43210")
    await store.library.keep([facts(5, "唐诗")], 10)
    assert await find() == list("43210")


async def test_another_server_of_the_same_database_sees_changes(
    store: Store, open_store: Callable[..., Awaitable[Store]]
) -> None:
    await fill(store)
    other = await open_store()
    assert (await other.library.search(Choice(ORGANIZER))).total == 6
    await store.library.keep([facts(7, "新课")], 100)
    await store.library.index_words(100)
    assert [item.id for item in (await other.library.search(Choice(ORGANIZER), "新课")).items] == ["item-7"]


async def test_a_change_is_seen_though_a_much_later_one_came_before_the_next_look(
    store: Store, open_store: Callable[..., Awaitable[Store]]
) -> None:
    await fill(store)
    other = await open_store()
    assert (await other.library.search(Choice(ORGANIZER))).total == 6
    await store.library.keep([facts(0, "改名")], 1_000)
    await store.library.keep([facts(9, "新课")], 1_000_000)
    titles = [item.title for item in (await other.library.search(Choice(ORGANIZER))).items]
    assert (titles[0], titles[-1]) == ("新课", "改名")


async def test_a_change_is_seen_though_the_clock_was_set_back(
    store: Store, open_store: Callable[..., Awaitable[Store]]
) -> None:
    await fill(store)
    await store.library.keep([facts(9, "新课")], 10_000_000)
    other = await open_store()
    assert (await other.library.search(Choice(ORGANIZER))).total == 7
    await store.library.keep([facts(10, "更新")], 5_000)
    assert (await other.library.search(Choice(ORGANIZER))).total == 8


async def test_what_changed_at_once_is_read_again_only_as_long_as_more_may_come(store: Store) -> None:
    rows = 0

    async def read(work: Callable[[Any], Awaitable[Any]]) -> Any:
        nonlocal rows
        found = await store.library._read(work)
        rows += len(found) if isinstance(found, list) else 0
        return found

    now = 0.0
    await fill(store)
    finder = Finder(read, clock=lambda: now)
    # The filling; then, as long as there may be more, what is known once more.
    for now, expected in ((0.0, 6), (1.0, 6), (3.0, 6), (6.0, 0), (9.0, 0)):
        rows = 0
        await finder.refresh()
        assert rows == expected, now
