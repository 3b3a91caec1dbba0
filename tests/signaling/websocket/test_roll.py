"""The roll call over real WebSockets."""

from __future__ import annotations

from typing import Any

from classroom.model import LessonId

PUPILS = [{"seat": "1", "name": "张三"}, {"seat": "2", "name": "李四 🐯"}, {"seat": "3"}]


async def test_a_class_is_called(door: Any) -> None:
    master, tutor = await door.join("master"), await door.join("tutor", person="demo-tutor-1")
    await tutor.say("roll.register", pupils=PUPILS)
    told = (await tutor.expect("roll"))["roll"]
    assert (told["register"], told["total"]) == (PUPILS, 3)
    assert (await master.expect("roll"))["roll"] == {"class_id": "class-1", "total": 3}
    await tutor.say("roll.mark", mark="late", seats=["2"])
    (mark,) = (await tutor.expect("roll"))["roll"]["marks"]
    assert (mark["seat"], mark["mark"]) == ("2", "late")
    await tutor.say("roll.mark", mark="present", rest=True)
    assert {mark["seat"] for mark in (await tutor.expect("roll"))["roll"]["marks"]} == {"1", "3"}
    await tutor.say("roll.mark", mark=None, seats=["1"])
    (mark,) = (await tutor.expect("roll"))["roll"]["marks"]
    assert mark == {"seat": "1"}
    _, welcome = await door.enter("master")
    assert welcome["lesson"]["rolls"] == [{"class_id": "class-1", "present": 2, "late": 1, "total": 3}]


async def test_what_was_called_survives_a_restart(door: Any) -> None:
    tutor = await door.join("tutor", person="demo-tutor-1")
    await tutor.say("roll.register", pupils=PUPILS)
    await tutor.say("roll.mark", mark="absent", seats=["3"])
    await tutor.settled()
    await door.parts.store.flush()
    record = await door.parts.store.begin_room(LessonId("demo"))
    roll = record.talk.rolls["class-1"]
    assert [pupil.seat for pupil in roll.register] == ["1", "2", "3"]
    assert {seat: marked.mark for seat, marked in roll.seats.items()} == {"3": "absent"}


async def test_what_cannot_be_is_refused_in_words(door: Any) -> None:
    tutor = await door.join("tutor", person="demo-tutor-1")
    await tutor.say("roll.mark", mark="present", seats=["99"])
    assert (await tutor.refusal())["kind"] == "seat-unknown"
    await tutor.say("roll.register", pupils=[{"seat": "1"}, {"seat": "1"}])
    assert (await tutor.refusal())["kind"] == "register-invalid"
    await tutor.say("roll.mark", mark="asleep", seats=["1"])
    assert (await tutor.refusal())["kind"] == "malformed"
    master = await door.join("master")
    await master.say("roll.mark", mark="present", seats=["1"])
    assert (await master.refusal())["kind"] == "role-may-not"
