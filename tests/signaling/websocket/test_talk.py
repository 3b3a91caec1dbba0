"""Chat, announcements, private lines, moderation and quizzes over the WebSocket."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from classroom.model import LessonState, Phase, Role
from classroom.rules.permissions import refusal
from classroom.talk.events import TalkEvent
from signaling import messages_talk, views_talk
from signaling.problems import Problem


async def test_a_classs_chat_is_for_the_class(door: Any) -> None:
    master, near, far = (
        await door.join("master"),
        await door.join("student"),
        await door.join("student", person="far", class_id="class-2"),
    )
    await near.say("chat.send", text="hi", scope="class")
    message = (await master.expect("chat"))["message"]
    assert (message["scope"], message["class_id"], message["text"]) == ("class", "class-1", "hi")
    await master.say("chat.send", text="to all")
    assert (await far.expect("chat"))["message"]["text"] == "to all"


async def test_a_private_line_in_writing(door: Any) -> None:
    master, tutor, student = await door.join("master"), await door.join("tutor"), await door.join("student")
    await tutor.say("chat.send", text="help", scope="private")
    message = (await master.expect("chat"))["message"]
    assert (message["scope"], message["tutor"]) == ("private", "tutor-1")
    await master.say("chat.send", text="coming", scope="private", to="tutor-1")
    assert (await tutor.expect("chat"))["message"]["text"] == "help"
    assert (await tutor.expect("chat"))["message"]["text"] == "coming"
    assert "chat" not in {message["type"] for message in await student.settled()}


async def test_messages_are_deleted_and_chats_closed(door: Any) -> None:
    master, student = await door.join("master"), await door.join("student")
    await student.say("chat.send", text="rude")
    chat_id = (await master.expect("chat"))["message"]["id"]
    await master.say("chat.delete", chat_id=chat_id)
    assert (await student.expect("chat.deleted"))["chat_id"] == chat_id
    await master.say("chat.close", closed=True)
    assert (await student.expect("conduct"))["conduct"]["chat_closed"] is True
    await student.say("chat.send", text="more")
    error = await student.refusal()
    assert (error["kind"], error["request"]) == ("chat-closed", "chat.send")
    _, welcome = await door.enter("student", person="late")
    assert welcome["lesson"]["conduct"]["chat_closed"] is True
    assert "chat" not in welcome["lesson"]


async def test_announcements(door: Any) -> None:
    master, student = await door.join("master"), await door.join("student")
    await master.say("announce", text="课间休息")
    told = (await student.expect("announcement"))["announcement"]
    assert (told["text"], told["person"]) == ("课间休息", "master-1")
    _, welcome = await door.enter("tutor")
    assert welcome["lesson"]["talk"]["announcements"] == [told]


async def test_a_private_voice_takes_the_master_off_everybody_elses_lines(door: Any) -> None:
    master, tutor, offer = await door.live()
    student = await door.join("student")
    await student.answer(await student.expect("subscribe.offer"))
    await student.settled()
    downlink = door.sfu.transports[-1]
    assert downlink.kinds == ["audio", "video"]
    await tutor.answer(offer)
    await tutor.say("voice.call")
    (call,) = (await master.expect("voice"))["calls"]
    assert (call["tutor"], call["caller"], call.get("accepted", False)) == ("tutor-1", "tutor-1", False)
    await master.say("voice.accept", person_id="tutor-1")
    assert (await tutor.expect("voice"))["calls"][0].get("accepted", False) is False
    assert (await tutor.expect("voice"))["calls"][0]["accepted"] is True
    assert downlink.kinds == ["video"]
    await tutor.say("voice.end")
    assert (await tutor.expect("voice"))["calls"] == []
    assert downlink.kinds == ["audio", "video"]
    told = {message["type"] for message in await student.settled()}
    assert not told & {"voice", "subscribe.offer"}, "nobody else notices but by the silence"


async def test_a_mute_holds_on_the_server_until_the_owner_unmutes(door: Any) -> None:
    _, tutor, offer = await door.live()
    await tutor.publish()
    organizer = await door.join("organizer")
    await tutor.answer(offer)
    await organizer.say("moderate.mute", person_id="master-1", source="microphone")
    await organizer.settled()
    downlink = next(each for each in door.sfu.transports if each.subscriptions)
    assert downlink.kinds == ["video"]


async def test_who_is_muted_is_told_and_opens_again(door: Any) -> None:
    master, tutor, _ = await door.live()
    await tutor.publish()
    await tutor.settled()
    await master.say("moderate.mute", person_id="tutor-1", source="microphone")
    told = await tutor.expect("moderated")
    assert (told["act"], told["source"], told["by"]) == ("muted", "microphone", "master-1")
    await tutor.say("publish.mute", source="microphone", muted=False)
    await tutor.settled()
    assert door.parts.directory.rooms()[0].lesson.conduct.holds == ()


async def test_a_stopped_track_is_taken_down_at_the_media_plane(door: Any) -> None:
    master, tutor, _ = await door.live()
    await tutor.publish()
    await tutor.settled()
    await master.say("moderate.stop", person_id="tutor-1", source="camera")
    assert (await tutor.expect("moderated"))["act"] == "stopped"
    sent = next(each for each in reversed(door.sfu.transports) if each.publications)
    assert [publication.closed for publication in sent.publications] == [False, True]
    await tutor.publish()
    await tutor.settled()
    assert not sent.publications[-1].closed
    await master.say("moderate.release", person_id="tutor-1", source="camera")
    assert (await master.refusal())["kind"] == "source-not-held"


async def test_who_is_removed_hears_bye_and_is_not_let_in_again(door: Any) -> None:
    master, student = await door.join("master"), await door.join("student")
    await master.say("moderate.remove", person_id="student-1")
    bye = await student.bye()
    assert (bye["reason"], bye.get("retry", False)) == ("removed", False)
    assert (await master.expect("removed"))["people"] == [{"person": "student-1", "name": "student"}]
    again = await door.socket()
    await again.say("hello", token=door.token("student", class_id="class-1"), language="en")
    error = await again.refusal()
    assert error["kind"] == "removed"
    assert (await again.bye())["reason"] == "refused"
    await master.say("moderate.readmit", person_id="student-1")
    await master.expect("removed")
    await door.join("student")


async def test_the_lock_and_what_pupils_may_do(door: Any) -> None:
    master, student = await door.join("master"), await door.join("student")
    await master.say("lesson.lock", locked=True)
    assert (await student.expect("conduct"))["conduct"]["locked"] is True
    late = await door.socket()
    await late.say("hello", token=door.token("student", class_id="class-1", person="late"))
    assert (await late.refusal())["kind"] == "lesson-locked"
    await master.say("allow", chat=False, hand=False, unmute=False, screen=True)
    allow = (await student.expect("conduct"))["conduct"]["allow"]
    assert allow == {"chat": False, "hand": False, "unmute": False, "screen": True}
    await student.say("hand.raise")
    assert (await student.refusal())["kind"] == "hand-not-allowed"
    await student.say("chat.send", text="x")
    assert (await student.refusal())["kind"] == "chat-not-allowed"


async def test_a_quiz_from_opening_to_showing(door: Any) -> None:
    master, tutor, student = await door.join("master"), await door.join("tutor"), await door.join("student")
    await master.say("lesson.start")
    await master.say(
        "quiz.open", kind="single", question="2 + 2?", options=["3", "4"], correct=[1], seconds=60
    )
    asked = (await student.expect("quiz"))["quiz"]
    assert (asked["question"], asked["options"], "correct" in asked) == ("2 + 2?", ["3", "4"], False)
    assert asked["closes_ms"] - asked["opened_ms"] == 60_000
    await student.say("quiz.answer", quiz_id=asked["id"], choices=[1])
    assert (await student.expect("quiz"))["quiz"]["choices"] == [1]
    await tutor.say("quiz.tally", quiz_id=asked["id"], counts=[4, 38])
    result = (await master.expect("quiz.result"))["result"]
    while result["answered"] < 43:
        result = (await master.expect("quiz.result"))["result"]
    assert result["counts"] == [4, 39]
    assert result["classes"] == [{"class_id": "class-1", "counts": [4, 39], "answered": 43, "tallied": 42}]
    await master.say("quiz.close")
    closed = (await student.expect("quiz"))["quiz"]
    assert closed["closed"] is True
    assert "result" not in closed
    await master.say("quiz.show", quiz_id=asked["id"], shown=True)
    shown = (await student.expect("quiz"))["quiz"]
    assert (shown["result"]["counts"], shown["correct"]) == ([4, 39], [1])
    await student.say("quiz.answer", quiz_id=asked["id"], choices=[0])
    assert (await student.refusal())["kind"] == "quiz-closed"
    _, welcome = await door.enter("student", person="late")
    assert welcome["lesson"]["talk"]["quizzes"][0]["result"]["answered"] == 43


# --- every message ------------------------------------------------------------------------------------------

SAMPLES: dict[str, dict[str, Any]] = {
    "chat.send": {"text": "hi"},
    "chat.delete": {"chat_id": "none"},
    "chat.close": {"closed": True},
    "announce": {"text": "x"},
    "voice.call": {"to": "nobody"},
    "voice.accept": {},
    "voice.end": {},
    "moderate.mute": {"person_id": "nobody", "source": "camera"},
    "moderate.stop": {"person_id": "nobody", "source": "camera"},
    "moderate.release": {"person_id": "nobody", "source": "camera"},
    "moderate.remove": {"person_id": "nobody"},
    "moderate.readmit": {"person_id": "nobody"},
    "lesson.lock": {"locked": False},
    "allow": {"chat": True, "hand": True, "unmute": True, "screen": False},
    "quiz.open": {"kind": "true_false"},
    "quiz.answer": {"quiz_id": "none", "choices": [0]},
    "quiz.tally": {"quiz_id": "none", "counts": [1, 2]},
    "quiz.close": {},
    "quiz.show": {"quiz_id": "none", "shown": True},
}
CLIENT = {kind.__struct_config__.tag: kind for kind in get_args(messages_talk.TalkClientMessage)}
ROLES = [role for role in Role if role is not Role.ENCODER]


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_say_what_is_the_table(door: Any, role: Role) -> None:
    """Every message by every role, before the lesson is live: refused as the one table says, or not for
    that."""
    participant = await door.join(role.value)
    for kind, fields in SAMPLES.items():
        command = views_talk.COMMANDS[CLIENT[kind]](
            "x", msgspec.convert({"type": kind, **fields}, CLIENT[kind])
        )
        expected = refusal(type(command), role, LessonState.OPEN, Phase.LECTURE)
        await participant.say(kind, **fields)
        if kind == "chat.delete" and expected is None:
            # Of a message that the room does not know the database is asked.
            assert (await participant.refusal())["kind"] == "chat-unknown"
            continue
        # The first pong says that the message was read, the second that the room has had its turn.
        heard = [*await participant.settled(), *await participant.settled()]
        errors = [message for message in heard if message["type"] == "error"]
        assert all(error["request"] == kind for error in errors), kind
        kinds = [error["kind"] for error in errors]
        if expected is not None:
            assert kinds == [Problem.of_rule(expected).kind], (role, kind)
        else:
            assert not {"role-may-not", "lesson-not-live"} & set(kinds), (role, kind)


def test_all_messages_have_a_sample_a_command_and_a_name_for_refusals() -> None:
    assert set(SAMPLES) == set(CLIENT)
    assert set(views_talk.COMMANDS) == set(CLIENT.values())
    assert set(views_talk.REQUESTS.values()) == set(CLIENT)
    made = {
        type(views_talk.COMMANDS[kind]("x", msgspec.convert({"type": tag, **SAMPLES[tag]}, kind))): tag
        for tag, kind in CLIENT.items()
    }
    assert made == dict(views_talk.REQUESTS)


def test_all_events_of_talk_have_a_message() -> None:
    assert set(get_args(TalkEvent)) <= set(views_talk.EVENTS)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("chat.send", {"text": "x" * 2001}),
        ("chat.send", {"text": "x", "scope": "everywhere"}),
        ("moderate.mute", {"person_id": "x"}),
        ("quiz.open", {"kind": "essay"}),
        ("quiz.open", {"kind": "single", "options": ["x" * 201, "y"]}),
        ("quiz.open", {"kind": "single", "options": [str(n) for n in range(11)]}),
        ("quiz.open", {"kind": "single", "question": "x" * 501}),
        ("quiz.open", {"kind": "single", "seconds": 3601}),
        ("quiz.answer", {"quiz_id": "x", "choices": [-1]}),
        ("quiz.answer", {"quiz_id": "x", "choices": [10]}),
        ("quiz.tally", {"quiz_id": "x", "counts": [501]}),
        ("quiz.tally", {"quiz_id": "x", "counts": [-1]}),
        ("allow", {"chat": True}),
    ],
)
async def test_what_is_not_a_message_is_said_so(door: Any, kind: str, fields: dict[str, Any]) -> None:
    master = await door.join("master")
    await master.say(kind, **fields)
    error = await master.refusal()
    assert (error["kind"], error["request"]) == ("malformed", kind)


async def test_results_stay_with_the_lesson(door: Any) -> None:
    master, student = await door.join("master"), await door.join("student")
    await master.say("lesson.start")
    await master.say("quiz.open", kind="true_false", question="Is it?", correct=[0])
    quiz = (await student.expect("quiz"))["quiz"]
    await student.say("quiz.answer", quiz_id=quiz["id"], choices=[0])
    await student.expect("quiz")

    async def kept(role: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {door.token(role)}"}
        async with door.http.get(door.url("/api/v1/lessons/demo/quizzes"), headers=headers) as response:
            return response.status, await response.json(content_type=None)

    status, body = await kept("organizer")
    assert (status, body["quizzes"][0]["closed_ms"]) == (200, 0)
    await master.say("lesson.end")
    await master.bye()
    await door.parts.store.flush()
    _, body = await kept("master")
    (found,) = body["quizzes"]
    assert (found["question"], found["correct"], found["options"]) == ("Is it?", [0], ["", ""])
    assert found["closed_ms"] > found["opened_ms"]
    assert found["result"] == {
        "counts": [1, 0],
        "answered": 1,
        "classes": [{"class_id": "class-1", "counts": [1, 0], "answered": 1}],
    }
    assert (await kept("student"))[0] == 403
