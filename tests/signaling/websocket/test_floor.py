"""Phases, the stage, classes and the master's line, as people at real WebSockets meet them."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.commands import ReportLead
from classroom.model import PersonId

HOME = {"class_id": "class-home"}


async def until(participant: Any, kind: str, found: Any) -> dict[str, Any]:
    """The next message of that type that is as wanted."""
    while not found(message := await participant.expect(kind)):
        pass
    result: dict[str, Any] = message
    return result


async def situation(participant: Any, word: str) -> dict[str, Any]:
    return await until(participant, "lesson", lambda m: m["floor"]["situation"] == word)


async def started(door: Any, *roles: Any) -> list[Any]:
    """A live lesson: the master who sends, and others (role, claims)."""
    master = await door.join("master")
    await master.publish()
    await master.say("lesson.start")
    return [master, *[await door.join(role, **claims) for role, claims in roles]]


async def test_the_welcome_says_what_goes_on(door: Any) -> None:
    await started(door)
    _, welcome = await door.enter("tutor")
    floor = welcome["lesson"]["floor"]
    assert floor["situation"] == "lecture"
    assert floor["settings"] == {"stage_limit": 4, "duck": False, "resume_by_click": False}
    assert welcome["lesson"]["stage"] == {}


async def test_a_phase_is_set_for_all_with_a_timer(door: Any) -> None:
    master, tutor, student = await started(door, ("tutor", {}), ("student", HOME))
    await master.say("phase.set", phase="local_qa", seconds=300)
    for person in (master, tutor, student):
        told = await situation(person, "local_qa")
        assert told["phase"] == "local_qa"
        assert told["floor"]["timer"]["seconds"] == 300
    assert "camera" in told["may_publish"], "a pupil may speak in the own class's Q&A"
    await tutor.say("phase.set", phase="lecture")
    assert (await tutor.refusal())["kind"] == "role-may-not"
    await master.say("phase.set", phase="break")
    assert "timer" not in (await situation(student, "break"))["floor"]


async def test_a_class_leaves_for_its_own_questions_and_comes_back(door: Any) -> None:
    master, tutor, student = await started(door, ("tutor", {}), ("student", HOME))
    offer = await tutor.expect("subscribe.offer")
    assert {stream["kind"] for stream in offer["streams"]} == {"audio", "video"}
    await tutor.answer(offer)
    await tutor.say("phase.class", phase="local_qa")
    told = await situation(tutor, "local_qa")
    assert told["phase"] == "lecture", "of all"
    (receiving,) = [each for each in door.sfu.transports if each.live]
    paused = {each.publication.parameters.kind.value: each.paused for each in receiving.live}
    assert paused == {"audio": True, "video": False}, "the master's sound is kept from the class"
    away = await until(master, "roster", lambda m: any(c.get("state") for c in m.get("classes", ())))
    assert {c["id"]: c.get("state") for c in away["classes"]}["class-1"] == "local_qa"
    assert (await student.expect("lesson"))["floor"]["situation"] == "lecture", "the others stay"

    await master.say("look.in", class_id="class-1")
    assert (await master.expect("look"))["class_id"] == "class-1"
    await master.say("look.in", class_id="class-2")
    assert (await master.refusal())["kind"] == "class-not-apart"
    await tutor.say("phase.class", phase=None, catch_up=True)
    assert (await situation(tutor, "catch_up"))["floor"]["class_since_ms"] >= 0
    await tutor.say("phase.class")
    await situation(tutor, "lecture")
    assert (await master.expect("look"))["class_id"] is None, "there is nothing to look into any more"


async def test_a_hand_leads_to_the_stage_once_the_pupil_agrees(door: Any) -> None:
    master, student, tutor = await started(door, ("student", HOME), ("tutor", {}))
    await student.say("hand.raise")
    hands = (await master.expect("hands"))["hands"]
    await master.say("stage.invite", hand_id=hands[0]["id"])
    asked = (await student.expect("stage"))["stage"]["invited"]
    assert [guest["person"] for guest in asked] == ["student-1"]
    assert (await tutor.expect("stage"))["stage"] == {}, "who is asked is not another class's business"
    await student.say("stage.accept")
    told = await until(student, "lesson", lambda m: "camera" in m["may_publish"])
    assert told["floor"]["situation"] == "lecture"
    up = await until(tutor, "stage", lambda m: m["stage"].get("members"))
    assert up["stage"]["members"][0]["name"] == "student"
    assert (await until(master, "hands", lambda m: not m["hands"]))["hands"] == []
    await master.say("stage.spotlight", person_id="student-1")
    assert (await until(tutor, "stage", lambda m: m["stage"].get("spotlight")))["stage"]["spotlight"]
    await student.say("stage.leave")
    assert (await until(tutor, "stage", lambda m: not m["stage"].get("members")))["stage"] == {}


async def test_a_room_with_a_device_comes_up_by_its_tutors_hand(door: Any) -> None:
    master, tutor, room = await started(door, ("tutor", {}), ("room", {}))
    await room.publish()
    await tutor.say("hand.raise", seat="12")
    hands = (await master.expect("hands"))["hands"]
    await master.say("stage.invite", hand_id=hands[0]["id"])
    (member,) = (await master.expect("stage"))["stage"]["members"]
    assert (member["person"], member["role"], member["seat"]) == ("room-1", "room", "12")
    called = await until(master, "roster", lambda m: any(c.get("called") for c in m.get("classes", ())))
    (shown,) = [c for c in called["classes"] if c["id"] == "class-1"]
    assert (shown["called"], shown["room_online"]) == (1, True)
    await tutor.say("stage.leave", person_id="room-1")
    assert (await until(master, "stage", lambda m: not m["stage"]))["stage"] == {}


async def test_the_classes_go_on_while_the_masters_line_is_lost(door: Any) -> None:
    master, tutor = await started(door, ("tutor", {"person": "demo-tutor-1"}))
    (room,) = door.parts.directory.rooms()
    room.post(ReportLead(PersonId("master-1"), flowing=False, silent_s=5.0))
    told = await situation(tutor, "take_over")
    assert told["floor"]["master"] == "lost"
    notice = await tutor.expect("notice")
    assert notice["kind"] == "master_lost"
    assert "本班老师" in notice["text"]
    await master.say("lesson.resume")
    assert (await master.refusal())["kind"] == "master-not-back"
    room.post(ReportLead(PersonId("master-1"), flowing=True))
    assert (await situation(tutor, "lecture"))["floor"].get("master") is None
    assert (await tutor.expect("notice"))["kind"] == "resumed"


async def test_a_master_whose_media_stop_is_missed_within_a_second_or_so(door: Any) -> None:
    master, tutor = await started(door, ("tutor", {}))
    (sending,) = [each for each in door.sfu.transports if each.publications]
    sending.packets = 1
    # One packet, and no more: the connection itself stands.
    assert (await situation(tutor, "take_over"))["floor"]["master"] == "lost"
    await master.publish({})
    assert (await situation(tutor, "lecture"))["floor"].get("master") is None, "who sends nothing is there"


async def test_a_class_goes_online_and_its_pupils_join_by_the_link(door: Any) -> None:
    master, tutor = await started(door, ("tutor", {}))
    await tutor.say("class.online")
    links = await tutor.expect("class.links")
    assert (await master.expect("class.links"))["class_id"] == "class-1"
    notice = await until(master, "notice", lambda m: m["kind"] == "class_online")
    assert notice["class_id"] == "class-1"

    headers = {"Authorization": f"Bearer {links['token']}"}
    url = door.url("/api/v1/join")
    people = []
    for name in ("小明", "小红"):
        async with door.http.post(url, json={"name": name}, headers=headers) as answer:
            assert answer.status == 200
            people.append(await answer.json())
    assert people[0]["person"] != people[1]["person"]
    pupil = await door.socket()
    await pupil.say("hello", token=people[0]["token"])
    me = (await pupil.expect("welcome"))["me"]
    assert (me["name"], me["role"], me["class_id"]) == ("小明", "student", "class-1")

    async with door.http.post(url, json={"name": "\x00 "}, headers=headers) as answer:
        assert answer.status == 400
    stranger = {"Authorization": f"Bearer {door.token('student')}"}
    async with door.http.post(url, json={"name": "x"}, headers=stranger) as answer:
        assert answer.status == 401, "only with a link for many"
    nobody = await door.socket()
    await nobody.say("hello", token=links["token"])
    assert (await nobody.refusal())["kind"] == "token-invalid", "the link alone is nobody"


async def test_a_link_of_a_class_that_is_in_its_room_lets_nobody_in(door: Any) -> None:
    token = door.parts.tokens.issue_join(lesson="demo", class_id="class-1", now=4e9)
    headers = {"Authorization": f"Bearer {token}"}
    async with door.http.post(door.url("/api/v1/join"), json={"name": "x"}, headers=headers) as answer:
        assert answer.status == 404


async def test_settings_are_told_and_checked(door: Any) -> None:
    (master,) = await started(door)
    await master.say("lesson.settings", stage_limit=2, duck=True)
    told = await until(master, "lesson", lambda m: m["floor"]["settings"]["duck"])
    assert told["floor"]["settings"] == {"stage_limit": 2, "duck": True, "resume_by_click": False}
    await master.say("lesson.settings", stage_limit=0)
    assert (await master.refusal())["kind"] == "malformed"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"type": "stage.accept"}, "not-invited"),
        ({"type": "class.tutor", "class_id": "class-2"}, "not-your-class"),
        ({"type": "class.tutor", "class_id": "nowhere"}, "unknown-class"),
        ({"type": "phase.class", "class_id": "class-2", "phase": "local_qa"}, "not-your-class"),
        ({"type": "phase.class", "catch_up": True}, "class-not-apart"),
        ({"type": "hand.all_down"}, "role-may-not"),
        ({"type": "stage.invite", "person_id": "master-1"}, "role-may-not"),
        ({"type": "stage.spotlight", "person_id": None}, "role-may-not"),
        ({"type": "lesson.resume"}, "role-may-not"),
        ({"type": "look.in", "class_id": "class-1"}, "role-may-not"),
    ],
)
async def test_what_a_tutor_may_not_is_refused_in_words(door: Any, message: Any, kind: str) -> None:
    _, tutor = await started(door, ("tutor", {}))
    fields = {name: value for name, value in message.items() if name != "type"}
    await tutor.say(message["type"], **fields)
    refusal = await tutor.refusal()
    assert (refusal["kind"], refusal["request"]) == (kind, message["type"])
    assert refusal["title"] and refusal["detail"]


async def test_a_supervisor_looks_in_unseen(door: Any) -> None:
    master, tutor, supervisor = await started(door, ("tutor", {}), ("supervisor", {}))
    await tutor.publish()
    await tutor.say("phase.class", phase="local_qa")
    await situation(supervisor, "lecture")
    await master.settled()
    await tutor.settled()
    before = master.last_seq, tutor.last_seq
    await supervisor.say("look.in", class_id="class-1")
    assert (await supervisor.expect("look"))["class_id"] == "class-1"
    await master.settled()
    await tutor.settled()
    assert (master.last_seq, tutor.last_seq) == before


async def test_a_tutor_takes_another_class_over_and_comes_in_anew(door: Any) -> None:
    master, tutor = await started(door, ("tutor", {"person": "demo-tutor-1"}))
    await tutor.say("class.tutor", class_id="class-2")
    bye = await tutor.bye()
    assert (bye["reason"], bye["retry"]) == ("moved", True)
    again, welcome = await door.enter("tutor", person="demo-tutor-1")
    assert welcome["me"]["class_id"] == "class-2"

    def has_tutor(message: dict[str, Any]) -> bool:
        return any(c["id"] == "class-2" and c.get("tutor_online") for c in message.get("classes", ()))

    assert await until(master, "roster", has_tutor)
    await again.say("phase.class", phase="local_qa")
    assert (await situation(again, "local_qa"))["floor"]["situation"] == "local_qa"
