"""Live lessons that were left behind end by themselves, on record; nobody who is in is sent out for it."""

from __future__ import annotations

from typing import Any

from classroom.commands import EndLesson, FromOffice
from classroom.model import LessonId, LessonState, PersonId, Role
from classroom.rules.ending import EndCause, EndLimits
from signaling.keys import DIRECTORY, STORE
from signaling.lesson_ender import LessonEnder

DEMO = LessonId("demo")
AT_ONCE, NEVER = EndLimits(1, 1), EndLimits(0, 0)


async def test_a_lesson_that_everybody_left_ends(door: Any) -> None:
    store, directory = door.app[STORE], door.app[DIRECTORY]
    room = await directory.open_room(DEMO)
    ender = LessonEnder(store, directory, AT_ONCE)
    master = await door.join("master")
    await master.say("lesson.start")
    await master.settled()
    await store.flush()
    # Somebody is in, and there is no planned end.
    assert await ender.look() == {}
    await room.ask(FromOffice(Role.ORGANIZER, EndLesson(PersonId(""), "empty", if_empty=True)))
    assert room.lesson.state is LessonState.LIVE
    await master.say("leave")
    await master.closed()
    await door.parts.background.finish(30)
    await store.flush()
    assert await LessonEnder(store, directory, NEVER).look() == {}
    assert await ender.look() == {DEMO: EndCause.EMPTY}
    assert room.lesson.state is LessonState.ENDED
    await store.flush()
    events = await store.events(DEMO, kinds=("lesson.state",))
    assert events[-1].body == {"state": "ended", "reason": "empty"}
    assert await ender.look() == {}


async def test_a_lesson_that_is_long_over_ends_whoever_is_in(door: Any) -> None:
    store, directory = door.app[STORE], door.app[DIRECTORY]
    plan = {"title": "光", "starts_ms": 1, "ends_ms": 2, "classes": []}
    headers = {"Authorization": f"Bearer {door.token('organizer')}"}
    async with door.http.put(door.url("/api/v1/lessons/late"), json=plan, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
    encoder = await door.join("master", lesson="late")
    await encoder.say("lesson.start")
    await encoder.settled()
    await store.flush()
    assert await LessonEnder(store, directory, EndLimits(1, 0)).look() == {}
    assert await LessonEnder(store, directory, AT_ONCE).look() == {LessonId("late"): EndCause.OVERRUN}
    while (await encoder.next())["type"] != "bye":
        pass
    await store.flush()
    events = await store.events(LessonId("late"), kinds=("lesson.state",))
    assert events[-1].body == {"state": "ended", "reason": "overrun"}
