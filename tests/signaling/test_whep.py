"""WHEP: one POST watches, within what the floor gives, and ends with what it watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from classroom.commands import CancelLesson, EndLesson, FromOffice
from classroom.floor import Priority, Route
from classroom.model import PersonId, Publication, Role, Source
from sfu.params import TransportState
from signaling.sdp_parser import parse
from signaling.whep import Choice, choose

WHEP = "/whep/optics"
Offer = Callable[[str], str]


async def watch(door: Any, offer: str, role: str = "student", query: str = "", **who: str) -> Any:
    headers = door.headers(role, **({"class_id": "1"} if role in {"student", "tutor"} else {}), **who)
    return await door.client.post(WHEP + query, data=offer, headers=headers)


async def publish(
    door: Any, offer: Offer, query: str = "", role: str = "encoder", name: str = "ffmpeg_whip"
) -> Any:
    response = await door.client.post("/whip/optics" + query, data=offer(name), headers=door.headers(role))
    assert response.status == 201
    return response


async def kind_of(response: Any) -> tuple[int, str]:
    assert response.content_type == "application/problem+json"
    document = await response.json()
    return response.status, document["type"].removeprefix("/problems/")


@pytest.mark.parametrize("name", ["aiortc_watch", "chromium_watch"])
async def test_a_viewer_gets_the_masters_picture_and_sound(door: Any, offer: Offer, name: str) -> None:
    await publish(door, offer, role="master", name="chromium_publish")
    response = await watch(door, offer(name))
    assert response.status == 201
    assert response.headers["Location"].startswith(WHEP + "/")
    answer = parse(await response.text())
    offered = parse(offer(name))
    assert [section.direction for section in answer.sections] == ["sendonly", "sendonly"]
    assert {stream for section in answer.sections for stream, _ in section.msids} == {"master"}
    for section, asked in zip(answer.sections, offered.sections, strict=True):
        numbers = {payload.payload_type for payload in asked.formats}
        assert section.formats[0].payload_type in numbers
    publisher, viewer = door.sfu.transports
    watched = {subscription.publication.id for subscription in viewer.subscriptions}
    assert watched == {publication.id for publication in publisher.publications}


async def test_nothing_is_there_yet(door: Any, offer: Offer) -> None:
    response = await watch(door, offer("aiortc_watch"))
    assert await kind_of(response) == (409, "nothing-to-watch")
    assert int(response.headers["Retry-After"]) > 0
    await publish(door, offer, "?start=no")
    response = await watch(door, offer("aiortc_watch"))
    assert await kind_of(response) == (409, "nothing-to-watch")
    assert int(response.headers["Retry-After"]) > 0
    await door.until(lambda: len(door.sfu.open()) == 1)


async def test_a_source_is_asked_for_by_name(door: Any, offer: Offer) -> None:
    await publish(door, offer, "?name=hall")
    await publish(door, offer, "?name=board")
    await watch(door, offer("aiortc_watch"), query="?source=board")
    board = door.sfu.transports[1]
    assert all(s.publication.transport is board for s in door.sfu.transports[2].subscriptions)
    response = await watch(door, offer("aiortc_watch"), query="?source=window")
    assert await kind_of(response) == (409, "nothing-to-watch")
    assert "window" in (await response.json())["detail"]


async def test_who_may_watch(door: Any, offer: Offer) -> None:
    await publish(door, offer)
    for role in ("master", "tutor", "supervisor", "organizer"):
        assert (await watch(door, offer("aiortc_watch"), role)).status == 201
    assert await kind_of(await watch(door, offer("aiortc_watch"), "encoder")) == (403, "role-not-allowed")
    response = await door.client.post(WHEP, data=offer("aiortc_watch"))
    assert await kind_of(response) == (401, "token-missing")


async def test_offers_that_cannot_be_taken(door: Any, offer: Offer) -> None:
    await publish(door, offer)
    assert await kind_of(await watch(door, "hello")) == (400, "not-sdp")
    other = offer("aiortc_watch").replace("H264/90000", "H265/90000")
    assert await kind_of(await watch(door, other)) == (422, "no-common-codec")
    sending = offer("aiortc_watch").replace("a=recvonly", "a=sendonly")
    assert await kind_of(await watch(door, sending)) == (400, "bad-direction")
    await door.until(lambda: len(door.sfu.open()) == 1)
    assert door.publications.count() == 2


async def test_a_viewer_of_sound_alone(door: Any, offer: Offer) -> None:
    await publish(door, offer)
    text = offer("aiortc_watch")
    only_audio = text.split("m=video")[0].replace("BUNDLE 0 1", "BUNDLE 0")
    response = await watch(door, only_audio)
    assert response.status == 201
    assert [s.parameters.kind for s in door.sfu.transports[1].subscriptions] == ["audio"]


async def test_the_session_ends_with_what_it_watches(door: Any, offer: Offer) -> None:
    published = await publish(door, offer)
    watched = await watch(door, offer("aiortc_watch"))
    assert len(door.sfu.open()) == 2
    await door.client.delete(published.headers["Location"], headers=door.headers("encoder"))
    await door.until(lambda: not door.sfu.open())
    response = await door.client.delete(watched.headers["Location"], headers=door.headers("student"))
    assert response.status == 404


async def test_delete_and_patch(door: Any, offer: Offer) -> None:
    await publish(door, offer)
    watched = await watch(door, offer("aiortc_watch"))
    location = watched.headers["Location"]
    headers = door.headers("student")
    fragment = headers | {
        "Content-Type": "application/trickle-ice-sdpfrag",
        "If-Match": watched.headers["ETag"],
    }
    assert (await door.client.patch(location, data="a=end-of-candidates", headers=fragment)).status == 204
    assert (await door.client.delete(location, headers=headers)).status == 200
    assert len(door.sfu.open()) == 1
    assert door.sfu.transports[1].state is TransportState.CLOSED


async def test_a_lost_viewer_leaves_nothing_behind(door: Any, offer: Offer) -> None:
    await publish(door, offer)
    await watch(door, offer("aiortc_watch"))
    door.sfu.transports[1].turn(TransportState.FAILED, "consent_expired")
    await door.until(lambda: len(door.sfu.open()) == 1)


async def test_the_floor_can_withhold_and_give_again(door: Any, offer: Offer) -> None:
    await publish(door, offer)
    await watch(door, offer("aiortc_watch"))
    (session,) = door.whep.sessions
    routes = session.on_route.__self__.routes
    session.route(routes[:1])
    paused = {s.parameters.kind: s.paused for s in door.sfu.transports[1].subscriptions}
    assert paused == {"audio": False, "video": True}
    session.route(routes)
    assert not any(s.paused for s in door.sfu.transports[1].subscriptions)


async def test_a_lesson_that_is_over(door: Any, offer: Offer) -> None:
    await publish(door, offer, role="master")
    await watch(door, offer("aiortc_watch"))
    await door.room.ask(EndLesson(PersonId("master")))
    await door.until(lambda: not door.sfu.open())
    assert await kind_of(await watch(door, offer("aiortc_watch"))) == (410, "lesson-ended")


async def test_a_lesson_that_was_cancelled_says_why(door: Any, offer: Offer) -> None:
    cancel = CancelLesson(PersonId("office"), "雾霾红色预警")
    await door.room.ask(FromOffice(Role.ORGANIZER, cancel))
    door.store.reason = "雾霾红色预警"
    response = await watch(door, offer("aiortc_watch"))
    assert await kind_of(response) == (410, "lesson-cancelled")
    assert "雾霾红色预警" in (await response.json())["detail"]


# --- the choice ---------------------------------------------------------------------------------------------


def route(person: str, source: str, priority: Priority) -> Route:
    return Route(PersonId(person), Source(source), Publication(f"{person}/{source}"), priority)


CAMERA = route("li", "camera", Priority.CAMERA)
VOICE = route("li", "microphone", Priority.AUDIO)
SCREEN = route("li", "screen", Priority.SCREEN)
FILM = route("li", "screen_audio", Priority.AUDIO)
HALL = route("encoder:hall", "hall.video", Priority.CAMERA)
HALL_SOUND = route("encoder:hall", "hall.audio", Priority.AUDIO)
PUPIL = route("ming", "camera", Priority.STAGE)
PUPIL_VOICE = route("ming", "microphone", Priority.AUDIO)
CLASS = route("wang", "camera", Priority.WALL)
STAGE = (PersonId("ming"),)
EVERYTHING = (PUPIL_VOICE, FILM, VOICE, HALL_SOUND, SCREEN, CAMERA, HALL, PUPIL, CLASS)


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [
        ("", CAMERA, VOICE),
        ("camera", CAMERA, VOICE),
        ("screen", SCREEN, FILM),
        ("hall", HALL, HALL_SOUND),
        ("hall.video", HALL, None),
        ("hall.audio", None, HALL_SOUND),
        ("microphone", None, PUPIL_VOICE),
        ("window", None, None),
    ],
)
def test_choice_by_name(name: str, video: Route | None, audio: Route | None) -> None:
    assert choose(EVERYTHING, STAGE, name) == Choice(video, audio)


@pytest.mark.parametrize(
    ("routes", "video", "audio"),
    [
        ((), None, None),
        ((HALL_SOUND, HALL), HALL, HALL_SOUND),
        ((FILM, VOICE, SCREEN), SCREEN, VOICE),
        ((PUPIL_VOICE, VOICE, PUPIL), None, VOICE),
        ((PUPIL_VOICE, PUPIL, CLASS), None, None),
        ((PUPIL_VOICE, CAMERA), CAMERA, None),
    ],
)
def test_choice_of_the_masters(routes: Any, video: Route | None, audio: Route | None) -> None:
    assert choose(routes, STAGE, "") == Choice(video, audio)
