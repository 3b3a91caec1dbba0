"""The pointer on a shared picture, from the master's socket to those who get the picture."""

from __future__ import annotations

from typing import Any

HOME = {"class_id": "class-home"}


async def lesson(door: Any, *roles: Any) -> list[Any]:
    """A live lesson with a camera of the master's, and others who have been offered it."""
    master = await door.join("master")
    await master.publish()
    await master.say("lesson.start")
    await master.settled()
    others = [await door.join(role, **claims) for role, claims in roles]
    for person in others:
        await person.expect("subscribe.offer")
    return [master, *others]


def pointers(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == "pointer"]


def counted(door: Any) -> dict[str, int]:
    return dict(door.parts.pointers.results)


async def test_everybody_who_gets_the_picture_sees_the_pointer(door: Any) -> None:
    master, tutor, student = await lesson(door, ("tutor", {}), ("student", HOME))
    await master.say("pointer.move", source="camera", x=0.123456, y=1)
    for person in (tutor, student):
        told = await person.expect("pointer")
        assert told == {
            "type": "pointer",
            "by": "master-1",
            "person": "master-1",
            "source": "camera",
            "x": 0.1235,
            "y": 1.0,
        }
    assert pointers(await master.settled()) == [], "who points has seen it already"
    assert counted(door) == {"told": 1}


async def test_a_class_that_does_not_get_the_picture_sees_no_pointer(door: Any) -> None:
    master, _ = await lesson(door, ("tutor", {}))
    student = await door.join("student", **HOME)
    await master.say("phase.set", phase="break")
    await master.settled()
    await student.settled()
    await master.say("pointer.move", source="camera", x=0.5, y=0.5)
    await master.settled()
    assert pointers(await student.settled()) == []


async def test_only_who_may_point_points(door: Any) -> None:
    _, tutor, student = await lesson(door, ("tutor", {}), ("student", HOME))
    for person in (tutor, student):
        await person.say("pointer.move", person="master-1", source="camera", x=0.5, y=0.5)
        assert (await person.refusal())["kind"] == "role-may-not"
    await student.say("pointer.move", source="everything", x=0.5, y=0.5)
    assert (await student.refusal())["kind"] == "source-unknown"
    assert counted(door) == {}


async def test_a_move_outside_of_the_picture_is_none(door: Any) -> None:
    (master,) = await lesson(door)
    for x in (-0.1, 1.1, "left", None):
        await master.say("pointer.move", source="camera", x=x, y=0.5)
        assert (await master.refusal())["kind"] == "malformed"


async def test_more_than_a_page_sends_is_lost_and_counted(door: Any) -> None:
    master, tutor = await lesson(door, ("tutor", {}))
    for step in range(20):
        await master.say("pointer.move", source="camera", x=step / 20, y=0.5)
    await master.settled()
    told = pointers(await tutor.settled())
    assert len(told) == counted(door)["told"] < 20
    assert counted(door)["told"] + counted(door)["too_fast"] == 20


async def test_a_picture_that_is_not_there_is_pointed_at_in_vain(door: Any) -> None:
    (master,) = await lesson(door)
    await master.say("pointer.move", source="screen", x=0.5, y=0.5)
    assert pointers(await master.settled()) == []
    assert counted(door) == {"no_picture": 1}


async def test_a_pointer_is_not_counted_among_the_messages(door: Any) -> None:
    """A client that comes back is told what it missed, and never where somebody once pointed."""
    master, _ = await lesson(door, ("tutor", {}))
    student, welcome = await door.enter("student", **HOME)
    await student.expect("subscribe.offer")
    before = student.last_seq
    await master.say("pointer.move", source="camera", x=0.5, y=0.5)
    await student.expect("pointer")
    await student.socket.close()
    hello = {"resume": welcome["resume"], "last_seq": before}
    again, resumed = await door.enter("student", hello=hello, **HOME)
    assert resumed["resumed"]
    assert pointers(await again.settled()) == []
