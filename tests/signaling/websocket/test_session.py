"""One participant over the WebSocket: in, publishing, receiving, out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from classroom.floor import Priority
from sfu.allocator import StreamState
from sfu.params import TransportState
from signaling import keys
from signaling.config import Config
from signaling.sdp_parser import parse


async def test_welcome_says_who_i_am_and_what_goes_on(door: Any) -> None:
    _, welcome = await door.enter("master", name="Li")
    assert welcome["me"]["name"] == "Li"
    assert welcome["me"]["role"] == "master"
    assert welcome["lesson"]["id"] == "demo"
    assert {room["id"] for room in welcome["lesson"]["classes"]} >= {"class-1", "class-2"}
    assert {"camera", "microphone", "screen"} <= set(welcome["may_publish"])
    assert welcome["heartbeat_s"] == 15


async def test_published_tracks_reach_a_class_in_one_offer(door: Any) -> None:
    _, tutor, offer = await door.live()
    assert (offer["version"], offer["fresh"]) == (1, True)
    assert {(s["source"], s["kind"]) for s in offer["streams"]} == {
        ("camera", "video"),
        ("microphone", "audio"),
    }
    assert {stream["person"] for stream in offer["streams"]} == {"master-1"}
    await tutor.answer(offer)
    await tutor.settled()
    assert door.sfu.transports[-1].remote is not None
    assert door.sfu.transports[-1].kinds == ["audio", "video"]


async def test_a_newcomer_is_offered_what_is_there_with_the_welcome(door: Any) -> None:
    await door.live()
    student = await door.join("student", class_id="class-1")
    offer = await student.next()
    assert (offer["type"], offer["version"], offer["fresh"]) == ("subscribe.offer", 1, True)
    assert {stream["person"] for stream in offer["streams"]} == {"master-1"}


async def test_media_waits_for_the_answer(door: Any) -> None:
    await door.live()
    assert door.sfu.transports[-1].live == []


async def test_changes_wait_for_the_answer_in_flight(door: Any) -> None:
    master, tutor, first = await door.live()
    await master.publish({"1": "camera"})
    assert "subscribe.offer" not in {message["type"] for message in await tutor.settled()}
    await tutor.answer(first)
    second = await tutor.expect("subscribe.offer")
    assert second["version"] == 2
    assert "fresh" not in second
    assert len(second["streams"]) == 1


async def test_what_is_not_sent_any_more_stops_at_once(door: Any) -> None:
    master, tutor, first = await door.live()
    await tutor.answer(first)
    await tutor.settled()
    await master.publish({"0": "microphone"})
    offer = await tutor.expect("subscribe.offer")
    assert [stream["source"] for stream in offer["streams"]] == ["microphone"]
    assert "a=inactive" in offer["sdp"]
    assert door.sfu.transports[-1].kinds == ["audio"]


async def test_released_line_is_used_again(door: Any) -> None:
    master, tutor, first = await door.live()
    await tutor.answer(first)
    for tracks in ({"0": "microphone"}, {"0": "microphone", "1": "screen"}):
        await master.publish(tracks)
        offer = await tutor.expect("subscribe.offer")
        await tutor.answer(offer)
    assert {stream["source"] for stream in offer["streams"]} == {"microphone", "screen"}
    assert offer["sdp"].count("m=video") == 1


async def test_leaving_takes_everything_away(door: Any) -> None:
    master, tutor, first = await door.live()
    await tutor.answer(first)
    await master.say("leave")
    await master.closed()
    gone = await tutor.expect("subscribe.offer")
    assert gone["streams"] == []
    await tutor.say("leave")
    await tutor.closed()
    await door.parts.background.finish(10)
    assert door.sfu.open == []
    assert door.parts.publications.count() == 0


async def test_failed_sending_connection_takes_its_tracks_down(door: Any) -> None:
    master = await door.join("master")
    await master.publish()
    door.sfu.transports[0].become(TransportState.FAILED)
    assert door.parts.publications.count() == 0
    await master.publish()
    assert door.parts.publications.count() == 2


async def test_other_peer_connection_takes_the_place_of_the_first(door: Any) -> None:
    master = await door.join("master")
    await master.publish()
    await master.offer({"1": "camera"}, "chromium_publish.sdp")
    await master.expect("publish.answer")
    await door.parts.background.finish(10)
    assert len(door.sfu.open) == 1
    assert [live.source for live in door.parts.publications.of_lesson("demo")] == ["camera"]


@pytest.mark.parametrize("ending", [TransportState.FAILED, TransportState.CLOSED, "client"])
async def test_failed_receiving_connection_is_made_anew(door: Any, ending: TransportState | str) -> None:
    _, tutor, first = await door.live()
    await tutor.answer(first)
    await tutor.settled()
    failed = door.sfu.transports[-1]
    if isinstance(ending, TransportState):
        failed.become(ending)
    else:
        await tutor.say("subscribe.failed", reason="ice")
    again = await tutor.expect("subscribe.offer")
    assert again["fresh"] is True
    assert again["version"] > first["version"]
    assert len(again["streams"]) == 2
    assert failed.live == []
    await tutor.answer(again)
    await tutor.settled()
    assert door.sfu.transports[-1].kinds == ["audio", "video"]


async def test_a_changed_network_restarts_ice_on_the_same_connection(door: Any) -> None:
    _, tutor, first = await door.live()
    await tutor.answer(first)
    await tutor.say("subscribe.restart")
    again = await tutor.expect("subscribe.offer")
    assert "fresh" not in again
    assert again["streams"] == first["streams"]
    assert parse(again["sdp"]).sections[0].ice != parse(first["sdp"]).sections[0].ice
    await tutor.answer(again)
    await tutor.settled()
    assert door.sfu.transports[-1].kinds == ["audio", "video"]


async def test_a_restart_while_an_offer_is_in_flight_waits_for_nobody(door: Any) -> None:
    _, tutor, _ = await door.live()
    await tutor.say("subscribe.restart")
    await tutor.settled()
    assert door.sfu.transports[-1].restarts == 0


async def test_turn_credentials_come_with_the_welcome_and_again_before_they_expire(
    tmp_path: Path, open_door: Any
) -> None:
    config = Config(
        data=tmp_path / "turn", turn_urls=("turn:turn.example.org",), turn_secret="s", turn_ttl="0.2s"
    )
    async with open_door(config) as door:
        master, welcome = await door.enter("master")
        again = await master.expect("ice.servers")
    for message in (welcome, again):
        assert message["ice_servers"][0]["urls"] == ["turn:turn.example.org"]
        assert message["ice_servers"][0]["credential"]


@pytest.mark.parametrize(
    ("tracks", "kind"),
    [
        ({"1": "microphone"}, "source-not-allowed"),
        ({"1": "camera", "0": "webcam"}, "source-unknown"),
        ({"7": "camera"}, "bad-sdp"),
        ({"1": "lab.video"}, "source-not-allowed"),
    ],
)
async def test_refused_offer_changes_nothing(door: Any, tracks: dict[str, str], kind: str) -> None:
    master = await door.join("master")
    await master.publish()
    await master.offer(tracks)
    error = await master.refusal()
    assert (error["kind"], error["request"]) == (kind, "publish.offer")
    assert door.parts.publications.count() == 2


async def test_not_an_sdp(door: Any) -> None:
    master = await door.join("master")
    await master.say("publish.offer", sdp="hello", tracks=[])
    assert (await master.refusal())["kind"] == "not-sdp"
    assert door.sfu.transports == []


async def test_what_a_role_may_not_send_is_refused(door: Any) -> None:
    supervisor = await door.join("supervisor")
    await supervisor.offer({"1": "camera"})
    assert (await supervisor.refusal())["kind"] == "source-not-allowed"
    assert door.sfu.transports == []


async def test_what_cannot_be_decoded_is_not_offered(door: Any) -> None:
    tutor, _ = await door.enter("tutor", hello={"codecs": ["AV1"]})
    master = await door.join("master")
    await master.publish()
    await master.say("lesson.start")
    error = await tutor.refusal()
    assert error["kind"] == "no-common-codec"
    offer = await tutor.expect("subscribe.offer")
    assert [stream["source"] for stream in offer["streams"]] == ["microphone"]


async def test_stale_answer_means_nothing_and_a_future_one_is_refused(door: Any) -> None:
    tutor = await door.join("tutor")
    await tutor.say("subscribe.answer", version=-1, sdp="x")
    await tutor.say("subscribe.answer", version=5, sdp="x")
    error = await tutor.refusal()
    assert (error["kind"], error["request"]) == ("stale-version", "subscribe.answer")


async def test_bad_answer_is_told_and_the_connection_made_anew(door: Any) -> None:
    _, tutor, offer = await door.live()
    await tutor.say("subscribe.answer", version=offer["version"], sdp="v=0")
    assert (await tutor.refusal())["request"] == "subscribe.answer"
    again = await tutor.expect("subscribe.offer")
    assert again["fresh"] is True


async def test_an_answer_that_crosses_the_end_of_its_connection_means_nothing(door: Any) -> None:
    _, tutor, offer = await door.live()
    await tutor.say("subscribe.failed", reason="connection failed")
    await tutor.say("subscribe.answer", version=offer["version"], sdp="v=0")
    again = await tutor.expect("subscribe.offer")
    assert again["fresh"] is True


async def test_rules_of_the_lesson_are_told_in_the_language_of_the_client(door: Any) -> None:
    tutor, _ = await door.enter("tutor", hello={"language": "en-GB"})
    await tutor.say("lesson.start")
    error = await tutor.refusal()
    assert (error["kind"], error["request"]) == ("role-may-not", "lesson.start")
    assert error["title"] == "Not for this role"


async def test_chat_and_hands_go_round(door: Any) -> None:
    master, tutor = await door.join("master"), await door.join("tutor")
    await tutor.say("hand.raise", seat="12")
    assert (await master.expect("hands"))["hands"][0]["seat"] == "12"
    await master.say("chat.send", text="你好", id="m1")
    assert (await tutor.expect("chat"))["message"]["text"] == "你好"


async def test_coming_and_going_leaves_nothing_behind(door: Any) -> None:
    for turn in range(10):
        master, tutor = await door.join("master"), await door.join("tutor")
        await master.publish()
        if turn == 0:
            await master.say("lesson.start")
        offer = await tutor.expect("subscribe.offer")
        await tutor.answer(offer)
        for participant in (tutor, master):
            await participant.say("leave")
            await participant.closed()
    await door.parts.background.finish(10)
    assert (door.sfu.open, door.parts.publications.count(), len(door.app[keys.SESSIONS])) == ([], 0, 0)
    assert len(door.parts.background) == 0


async def test_recorder_hears_what_is_to_be_recorded(door: Any) -> None:
    master = await door.join("master")
    await master.publish()
    assert door.recorder.told == []
    await master.say("lesson.start")
    await master.expect("lesson")
    await master.settled()
    assert door.recorder.told[0] == ("started", "demo")
    assert set(door.recorder.told[1:]) == {
        ("added", "master-1", "camera"),
        ("added", "master-1", "microphone"),
    }
    await master.publish({"0": "microphone"})
    await master.settled()
    assert door.recorder.told[3] == ("removed", "left")
    await master.say("lesson.end")
    assert (await master.bye())["reason"] == "ended"
    assert ("ended", "demo") in door.recorder.told


async def test_a_stream_that_the_line_does_not_carry_is_said_so(door: Any) -> None:
    master, tutor, offer = await door.live()
    await tutor.answer(offer)
    await tutor.settled()
    live = door.sfu.transports[-1].live
    camera = next(each for each in live if each.parameters.kind == "video")
    assert camera.priority == Priority.CAMERA
    camera.on_state(StreamState.PAUSED)
    message = await tutor.expect("stream.state")
    mid = next(stream["mid"] for stream in offer["streams"] if stream["kind"] == "video")
    assert (message["mid"], message["state"], message["reason"]) == (mid, "paused", "bandwidth")
    # What is taken away while it is paused leaves its m-line as new.
    await master.publish({"0": "microphone"})
    assert (await tutor.expect("stream.state"))["state"] == "ok"


# --- layers and voices ------------------------------------------------------------------------------------


def sent(door: Any, kind: str) -> list[Any]:
    published = (each for transport in door.sfu.open for each in transport.publications)
    return [each for each in published if each.parameters.kind == kind and not each.closed]


async def test_the_sender_is_told_which_encodings_anybody_receives(door: Any) -> None:
    master = await door.join("master")
    await master.offer({"1": "camera"}, "chromium_simulcast.sdp")
    await master.expect("publish.answer")
    (camera,) = sent(door, "video")
    rids = [encoding.rid for encoding in camera.parameters.encodings]
    assert len(rids) == 3
    camera.on_layers(frozenset({2, 0}))
    told = await master.expect("publish.layers")
    assert (told["source"], told["active"]) == ("camera", [rids[0], rids[2]])


async def test_a_single_encoding_is_never_switched_off(door: Any) -> None:
    master = await door.join("master")
    await master.publish()
    sent(door, "video")[0].on_layers(frozenset({0}))
    assert "publish.layers" not in {message["type"] for message in await master.settled()}


async def test_who_speaks_is_told_to_those_who_hear_it(door: Any) -> None:
    master, tutor, offer = await door.live()
    student = await door.join("student", class_id="class-2")
    await tutor.answer(offer)
    await tutor.settled()
    (microphone,) = sent(door, "audio")
    group = microphone.grouped[0]
    door.sfu.on_speakers(group, frozenset({microphone.id}))
    for participant in (master, tutor, student):
        assert (await participant.expect("speakers"))["people"] == ["master-1"]
    door.sfu.on_speakers(group, frozenset({microphone.id, 99}))
    door.sfu.on_speakers(group + 1, frozenset({microphone.id}))
    for participant in (master, tutor):
        assert "speakers" not in {message["type"] for message in await participant.settled()}
    door.sfu.on_speakers(group, frozenset())
    assert (await tutor.expect("speakers"))["people"] == []


async def test_a_voice_that_is_not_received_is_not_told(door: Any) -> None:
    await door.live()
    tutor = await door.join("tutor", person="tutor-9", class_id="class-2")
    await tutor.publish()
    student = await door.join("student", person="student-9", class_id="class-1")
    voice = sent(door, "audio")[-1]
    door.sfu.on_speakers(voice.grouped[0], frozenset({voice.id}))
    assert (await tutor.expect("speakers"))["people"] == ["tutor-9"]
    assert "speakers" not in {message["type"] for message in await student.settled()}
