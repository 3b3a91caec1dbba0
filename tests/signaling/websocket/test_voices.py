"""A circle of many microphones: a line for each of the loudest, whoever that is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, Phase
from sfu.params import Codec, Kind, MediaParameters, PayloadFormat
from signaling.messages import StreamState, SubscribeOffer
from signaling.publications import LivePublication
from signaling.sources import Circle
from signaling.subscribing import MAX_PICTURES, Subscriber

QA = "qa"
MICROPHONE = {"0": "microphone"}


@pytest_asyncio.fixture
async def classes(door: Any) -> Any:
    """Two classes, each among itself."""
    rooms = tuple(ClassRoom(ClassId(name), name, at_home=True) for name in ("one", "two"))
    await door.parts.store.save_lesson(Lesson(LessonId(QA), QA, rooms, phase=Phase.LOCAL_QA, recorded=False))
    return door


async def member(door: Any, person: str, class_id: str = "one", *, speaks: bool = True) -> Any:
    found = await door.join("student", person=person, lesson=QA, class_id=class_id)
    if speaks:
        await found.publish(MICROPHONE)
    return found


async def begin(door: Any) -> None:
    master = await door.join("master", lesson=QA)
    await master.say("lesson.start")
    await master.settled()


def microphones(door: Any) -> dict[str, Any]:
    """Person -> the SFU's publication."""
    return {live.person: live.publication for live in door.parts.publications.of_lesson(QA)}


def voices(offer: dict[str, Any]) -> list[dict[str, Any]]:
    return [stream for stream in offer["streams"] if stream["source"] == "voice"]


async def test_a_hundred_microphones_are_four_lines_and_one_offer(classes: Any) -> None:
    await begin(classes)
    for number in range(3):
        await member(classes, f"p{number}")
    listener = await member(classes, "listener", speaks=False)
    offer = await listener.expect("subscribe.offer")
    await listener.answer(offer)
    # At once: one by one they would wait at the door, each for others to come with.
    await asyncio.gather(*(member(classes, f"p{number}") for number in range(3, 100)))
    assert "subscribe.offer" not in {message["type"] for message in await listener.settled()}
    lines = voices(offer)
    assert [(stream["person"], stream["kind"]) for stream in lines] == [("", "audio")] * 4
    assert len({stream["mid"] for stream in lines}) == len(offer["streams"]) == 4
    (slots,) = (transport.slots for transport in classes.sfu.transports if transport.slots)
    assert [slot.place for slot in slots] == [0, 1, 2, 3]
    groups = {publication.grouped for publication in microphones(classes).values()}
    assert groups == {(slots[0].group, False, 4)}


async def test_each_line_says_whose_voice_it_carries(classes: Any) -> None:
    await begin(classes)
    one, two = await member(classes, "p1"), await member(classes, "p2", speaks=False)
    second = await two.expect("subscribe.offer")
    await two.publish(MICROPHONE)
    offers = [await one.expect("subscribe.offer"), second]
    for each, offer in zip((one, two), offers, strict=True):
        await each.answer(offer)
        await each.settled()
    sent = microphones(classes)
    group = sent["p1"].grouped[0]
    classes.sfu.on_places(group, (sent["p1"].id, None, sent["p2"].id, 99))
    mids = [[stream["mid"] for stream in voices(offer)] for offer in offers]
    assert (await one.expect("speakers"))["lines"] == {mids[0][2]: "p2"}  # nobody gets the own voice back
    assert (await two.expect("speakers"))["lines"] == {mids[1][0]: "p1"}
    slots = [slot for transport in classes.sfu.transports for slot in transport.slots]
    assert {slot.party for slot in slots} == {sent["p1"].party, sent["p2"].party}
    late = await member(classes, "p3", speaks=False)
    lines = voices(await late.expect("subscribe.offer"))
    assert (await late.expect("speakers"))["lines"] == {lines[0]["mid"]: "p1", lines[2]["mid"]: "p2"}
    await two.say("leave")
    await two.closed()
    assert (await one.expect("speakers")).get("lines", {}) == {}


async def test_classes_are_circles_of_their_own(classes: Any) -> None:
    await begin(classes)
    here, _ = await member(classes, "p1"), await member(classes, "p2")
    there, _ = await member(classes, "q1", "two"), await member(classes, "q2", "two")
    for each in (here, there):
        await each.expect("subscribe.offer")
        await each.settled()
    sent = microphones(classes)
    groups = {person: publication.grouped[0] for person, publication in sent.items()}
    assert groups["p1"] == groups["p2"] != groups["q1"] == groups["q2"]
    classes.sfu.on_speakers(groups["q1"], frozenset({sent["q1"].id}))
    assert (await there.expect("speakers"))["people"] == ["q1"]
    assert "speakers" not in {message["type"] for message in await here.settled()}


async def test_whom_nobody_is_routed_to_takes_no_place(classes: Any) -> None:
    await begin(classes)
    alone = await member(classes, "p1")
    sent = microphones(classes)["p1"]
    apart = sent.grouped
    assert apart[1]
    classes.sfu.on_speakers(apart[0], frozenset({sent.id}))
    assert (await alone.expect("speakers"))["people"] == ["p1"]
    other = await member(classes, "p2", speaks=False)
    await other.expect("subscribe.offer")
    assert sent.grouped[0] != apart[0] and not sent.grouped[1]
    await other.say("leave")
    await other.closed()
    await alone.settled()
    assert sent.grouped == apart


# --- one receiving connection by itself ---------------------------------------------------------------------


@dataclass
class Page:
    offers: list[SubscribeOffer] = field(default_factory=list)
    due: list[Callable[[], None]] = field(default_factory=list)

    def offer(self, message: SubscribeOffer) -> None:
        self.offers.append(message)

    def sent(self, message: StreamState) -> None: ...
    def held(self, mids: tuple[str, ...]) -> None: ...
    def refuse(self, problem: Any, request: str) -> None:
        raise AssertionError(problem)

    def receiving(self) -> None: ...
    def call_later(self, _delay_s: float, callback: Callable[[], None]) -> Any:
        self.due.append(callback)
        return self

    def cancel(self) -> None: ...

    def offered(self) -> SubscribeOffer:
        self.due.pop()()
        assert not self.due
        return self.offers[-1]


def camera(number: int, transport: Any) -> LivePublication:
    parameters = MediaParameters(Kind.VIDEO, "0", (PayloadFormat(Codec("VP8", 90_000), 96),))
    return LivePublication(QA, f"p{number}", "camera", transport.publish(parameters), f"camera{number}")


async def test_who_changes_circles_keeps_the_lines(door: Any, answer_of: Any) -> None:
    page = Page()
    subscriber = Subscriber(
        door.sfu, client=page, decodable=(), call_later=page.call_later, discard=lambda _: None
    )
    subscriber.release()
    subscriber.want([], circles=[Circle("stage", 1, 7, 2)])
    first = page.offered()
    subscriber.answer(first.version, answer_of(first.sdp))
    slots = door.sfu.transports[-1].slots
    assert [(slot.group, slot.place, slot.party, slot.loudest) for slot in slots] == [
        (1, 0, 7, 2),
        (1, 1, 7, 2),
    ]
    subscriber.want([], circles=[Circle("class one", 2, 7, 2)])
    assert not page.due
    assert [(slot.group, slot.closed) for slot in slots] == [(2, False)] * 2
    mids = [stream.mid for stream in first.streams]
    assert subscriber.heard({"stage": ("a", "b"), "class one": ("c", "")}) == {mids[0]: "c"}
    subscriber.want([], circles=[Circle("class one", 2, 7, 2), Circle("stage", 1, 7, 2)])
    assert [stream.mid for stream in page.offered().streams] == ["0", "1", "2", "3"]
    subscriber.want([])
    assert all(slot.paused for slot in slots), "parked, for the next circle"
    assert not subscriber.heard({"stage": ("a", "b"), "class one": ("c", "")})
    subscriber.want([], circles=[Circle("stage", 1, 7, 2)])
    assert [(slot.group, slot.paused, slot.closed) for slot in slots] == [(1, False, False)] * 2


async def test_more_pictures_than_a_connection_carries_leave_room_for_sound(
    door: Any, answer_of: Any
) -> None:
    page, sender = Page(), door.sfu.create_transport(on_state=lambda _: None)
    subscriber = Subscriber(
        door.sfu, client=page, decodable=(), call_later=page.call_later, discard=lambda _: None
    )
    subscriber.release()
    cameras = [camera(number, sender) for number in range(60)]
    subscriber.want(cameras)
    offer = page.offered()
    assert [stream.person for stream in offer.streams] == [f"p{number}" for number in range(MAX_PICTURES)]
    subscriber.answer(offer.version, answer_of(offer.sdp))
    subscriber.want(cameras[10:], circles=[Circle("stage", 1, 7, 4)])
    streams = page.offered().streams
    assert sum(stream.source == "voice" for stream in streams) == 4
    assert {stream.person for stream in streams if stream.kind == "video"} == {
        live.person for live in cameras[10 : 10 + MAX_PICTURES]
    }
