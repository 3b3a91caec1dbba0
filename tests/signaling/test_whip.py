"""WHIP: one POST publishes, whatever is wrong is told, and whatever ends it leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from yarl import URL

from classroom.commands import EndLesson
from classroom.events import LeaveCause
from classroom.model import LessonState, Person, PersonId, Role, Source
from classroom.talk.commands import StopSource
from sfu.params import Kind, TransportState
from signaling import http_session, sdpfrag
from signaling.auth import Claims
from signaling.problems import Problem
from signaling.sdp_parser import parse
from signaling.whip import publisher_of

WHIP = "/whip/optics"
Offer = Callable[[str], str]
FRAGMENT = "application/trickle-ice-sdpfrag"


class Silent:
    """A member who only is there."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.routes: tuple[Any, ...] = ()

    def deliver(self, event: Any) -> None:
        self.events.append(event)

    def route(self, routes: tuple[Any, ...]) -> None:
        self.routes = routes

    def prepare(self, standby: tuple[Any, ...]) -> None:
        pass


async def publish(door: Any, offer: str, role: str = "encoder", query: str = "", **who: str) -> Any:
    return await door.client.post(WHIP + query, data=offer, headers=door.headers(role, **who))


@pytest.mark.parametrize("name", ["ffmpeg_whip", "aiortc_publish", "chromium_publish", "chromium_simulcast"])
async def test_every_clients_offer_is_answered(door: Any, offer: Offer, name: str) -> None:
    response = await publish(door, offer(name))
    assert response.status == 201
    assert response.content_type == "application/sdp"
    assert response.headers["Location"].startswith(WHIP + "/")
    assert response.headers["ETag"].startswith('"')
    answer = parse(await response.text())
    assert [section.direction for section in answer.sections] == ["recvonly", "recvonly"]
    assert {candidate.protocol for candidate in answer.sections[0].candidates} == {"udp", "tcp"}
    kinds = [publication.parameters.kind for publication in door.sfu.transports[0].publications]
    assert sorted(kinds) == [Kind.AUDIO, Kind.VIDEO]


async def test_an_encoder_is_a_person_of_its_name_and_starts_the_lesson(door: Any, offer: Offer) -> None:
    student = Silent()
    await door.room.join(Person(PersonId("s"), "S", Role.STUDENT, "1"), student)
    await publish(door, offer("ffmpeg_whip"), query="?name=hall")
    assert door.room.lesson.state is LessonState.LIVE
    live = {(live.person, live.source) for live in door.publications.of_lesson("optics")}
    assert live == {("encoder:hall", "hall.video"), ("encoder:hall", "hall.audio")}
    await door.until(lambda: len(student.routes) == 2)


async def test_a_lesson_can_be_left_to_be_started_by_the_master(door: Any, offer: Offer) -> None:
    await publish(door, offer("ffmpeg_whip"), query="?start=no")
    assert door.room.lesson.state is LessonState.OPEN


async def test_a_master_without_a_name_sends_camera_and_microphone(door: Any, offer: Offer) -> None:
    await publish(door, offer("chromium_publish"), role="master", person="li")
    live = {(live.person, live.source) for live in door.publications.of_lesson("optics")}
    assert live == {("li", "camera"), ("li", "microphone")}


def test_names_of_publishers() -> None:
    def claims(role: Any, name: str) -> Claims:
        return Claims(person="p", role=role, lesson="optics", exp=0, name=name)

    assert publisher_of(claims("encoder", "讲台"), "").video == "讲台.video"
    assert publisher_of(claims("encoder", ""), "").audio == "encoder.audio"
    assert publisher_of(claims("master", "Li"), "board").person == Person(
        PersonId("encoder:board"), "board", Role.ENCODER
    )
    for name in ("x" * 49, "a/b", " a", "."):
        with pytest.raises(Problem) as caught:
            publisher_of(claims("encoder", ""), name)
        assert caught.value.kind == "source-unknown"


async def problem_of(response: Any) -> tuple[int, str]:
    assert response.content_type == "application/problem+json"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    document = await response.json()
    assert document["title"] and document["detail"]
    assert document["status"] == response.status
    return response.status, document["type"].removeprefix("/problems/")


@pytest.mark.parametrize(
    ("role", "first", "second"),
    [("encoder", "?name=hall", "?name=hall"), ("master", "", ""), ("master", "?name=a", "?name=a")],
)
async def test_a_second_publisher_of_the_same_name_is_refused_and_the_first_stays(
    door: Any, offer: Offer, role: str, first: str, second: str
) -> None:
    assert (await publish(door, offer("ffmpeg_whip"), role, first, person="p")).status == 201
    other = await publish(door, offer("chromium_publish"), role, second, person="p")
    assert (await problem_of(other))[0] == 409
    assert len(door.publications.of_lesson("optics")) == 2
    await door.until(lambda: len(door.sfu.open()) == 1)
    assert (await publish(door, offer("ffmpeg_whip"), "encoder", "?name=other")).status == 201


async def test_who_may_publish(door: Any, offer: Offer) -> None:
    headers = door.headers("encoder")
    missing = {key: value for key, value in headers.items() if key != "Authorization"}
    response = await door.client.post(WHIP, data=offer("ffmpeg_whip"), headers=missing)
    assert await problem_of(response) == (401, "token-missing")
    assert "Bearer" in response.headers["WWW-Authenticate"]
    garbage = headers | {"Authorization": "Bearer garbage"}
    response = await door.client.post(WHIP, data=offer("ffmpeg_whip"), headers=garbage)
    assert await problem_of(response) == (401, "token-invalid")
    expired = headers | {"Authorization": f"Bearer {door.token('encoder', ttl_s=-5)}"}
    response = await door.client.post(WHIP, data=offer("ffmpeg_whip"), headers=expired)
    assert await problem_of(response) == (401, "token-expired")
    assert "invalid_token" in response.headers["WWW-Authenticate"]
    for role in ("tutor", "student", "supervisor", "organizer"):
        assert await problem_of(await publish(door, offer("ffmpeg_whip"), role)) == (403, "role-not-allowed")
    response = await door.client.post("/whip/other", data=offer("ffmpeg_whip"), headers=headers)
    assert await problem_of(response) == (403, "wrong-lesson")
    unknown = door.headers("encoder", lesson="other")
    response = await door.client.post("/whip/other", data=offer("ffmpeg_whip"), headers=unknown)
    assert await problem_of(response) == (404, "unknown-lesson")
    assert door.sfu.transports == []


def without(text: str, *starts: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(starts))


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        (lambda _: "", 400, "not-sdp"),
        (lambda _: "hello", 400, "not-sdp"),
        (lambda text: without(text, "a=fingerprint"), 400, "no-fingerprint"),
        (lambda text: without(text, "a=ice-"), 400, "no-ice"),
        (lambda text: without(text, "m=", "a=mid", "a=group"), 400, "no-media"),
        (lambda text: text.replace("H264/90000", "H265/90000"), 422, "no-common-codec"),
        (lambda text: text.replace("opus/48000/2", "speex/16000"), 422, "no-common-codec"),
        (lambda text: text.replace("a=sendonly", "a=recvonly"), 400, "bad-direction"),
        (lambda text: text + "a=x:" + "y" * 200_000, 413, "too-large"),
    ],
)
async def test_offers_that_cannot_be_taken(
    door: Any, offer: Offer, change: Callable[[str], str], status: int, kind: str
) -> None:
    response = await publish(door, change(offer("ffmpeg_whip")))
    assert await problem_of(response) == (status, kind)
    assert door.sfu.transports == []


async def test_two_pictures_in_one_offer_are_refused(door: Any, offer: Offer) -> None:
    head, audio, video = offer("ffmpeg_whip").split("m=")
    twice = f"{head}m={audio}m={video}m={video.replace('a=mid:1', 'a=mid:2')}".replace(
        "BUNDLE 0 1", "BUNDLE 0 1 2"
    )
    assert await problem_of(await publish(door, twice)) == (422, "one-track-each")


async def test_only_sdp_is_taken(door: Any, offer: Offer) -> None:
    headers = door.headers("encoder") | {"Content-Type": "text/plain"}
    response = await door.client.post(WHIP, data=offer("ffmpeg_whip"), headers=headers)
    assert await problem_of(response) == (415, "unsupported-media-type")


async def test_options_and_get(door: Any) -> None:
    response = await door.client.options(WHIP)
    assert response.status == 200
    assert response.headers["Accept-Post"] == "application/sdp"
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert (await door.client.get(WHIP)).status == 204
    assert await problem_of(await door.client.put(WHIP)) == (405, "method-not-allowed")


async def test_a_lessons_id_may_need_quoting(door: Any, offer: Offer) -> None:
    door.directory.lesson_id = "物理 1/2"
    headers = door.headers("encoder", lesson="物理 1/2")
    path = "/whip/%E7%89%A9%E7%90%86%201%2F2"
    response = await door.client.post(URL(path, encoded=True), data=offer("ffmpeg_whip"), headers=headers)
    assert response.status == 201
    location = response.headers["Location"]
    assert location.startswith(path + "/")
    assert (await door.client.delete(URL(location, encoded=True), headers=headers)).status == 200


async def test_delete_ends_everything(door: Any, offer: Offer) -> None:
    created = await publish(door, offer("ffmpeg_whip"))
    location, headers = created.headers["Location"], door.headers("encoder")
    assert (await door.client.get(location, headers=headers)).status == 204
    other = await door.client.delete(location, headers=door.headers("master", "somebody"))
    assert await problem_of(other) == (404, "not-found")
    assert (await door.client.delete(location, headers=headers)).status == 200
    assert door.publications.of_lesson("optics") == ()
    assert door.sfu.open() == []
    assert await problem_of(await door.client.delete(location, headers=headers)) == (404, "not-found")
    assert (await publish(door, offer("ffmpeg_whip"))).status == 201


@pytest.mark.parametrize("state", [TransportState.FAILED, TransportState.CLOSED])
async def test_a_transport_that_ends_ends_the_session(door: Any, offer: Offer, state: TransportState) -> None:
    causes: list[str] = []

    class Listener:
        def publication_added(self, live: Any) -> None: ...
        def publication_removed(self, live: Any, cause: str) -> None:
            causes.append(cause)

    door.publications.listen(Listener())
    created = await publish(door, offer("ffmpeg_whip"))
    door.sfu.transports[0].turn(state, "consent_expired")
    await door.until(lambda: not door.publications.of_lesson("optics") and not door.sfu.open())
    assert causes == [{"failed": "network", "closed": "left"}[state]] * 2
    response = await door.client.delete(created.headers["Location"], headers=door.headers("encoder"))
    assert response.status == 404


async def test_the_end_of_the_lesson_ends_the_session_and_nobody_comes_after(door: Any, offer: Offer) -> None:
    await publish(door, offer("ffmpeg_whip"), "master", person="li")
    await door.room.ask(EndLesson(PersonId("li")))
    await door.until(lambda: not door.publications.of_lesson("optics") and not door.sfu.open())
    assert await problem_of(await publish(door, offer("ffmpeg_whip"))) == (410, "lesson-ended")
    await door.until(lambda: not door.sfu.open())


async def test_the_end_of_the_server_ends_all_sessions(door: Any, offer: Offer) -> None:
    for name in ("a", "b"):
        await publish(door, offer("ffmpeg_whip"), query=f"?name={name}")
    await door.client.app.shutdown()
    assert door.publications.of_lesson("optics") == ()
    assert door.sfu.open() == []


async def test_a_token_that_expires_ends_the_session(door: Any, offer: Offer) -> None:
    await publish(door, offer("ffmpeg_whip"))
    (session,) = door.whip.sessions
    left_s = session.expiry.when() - asyncio.get_running_loop().time()
    assert 50 < left_s <= 60
    session._expire()
    await door.until(lambda: not door.sfu.open() and len(door.whip.sessions) == 0)
    assert session.expiry.cancelled()


async def test_joins_are_counted(door: Any, offer: Offer) -> None:
    await publish(door, offer("ffmpeg_whip"))
    await publish(door, "hello", query="?name=b")
    door.sfu.transports[0].turn(TransportState.CONNECTED)

    def value(name: str, **labels: str) -> float | None:
        return door.metrics.registry.get_sample_value(name, labels)

    assert value("tongke_joins_total", way="whip", result="ok") == 1
    assert value("tongke_joins_total", way="whip", result="not-sdp") == 1
    assert value("tongke_media_start_seconds_count", way="whip") == 1


# --- PATCH --------------------------------------------------------------------------------------------------

CANDIDATES = (
    "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n{credentials}"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw\r\n"
    "a=end-of-candidates\r\n"
)
RESTART = CANDIDATES.format(credentials="a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n")


async def patch(door: Any, created: Any, body: str, if_match: str | None, **changes: str) -> Any:
    headers = door.headers("encoder") | {"Content-Type": FRAGMENT} | changes
    if if_match is not None:
        headers["If-Match"] = if_match
    return await door.client.patch(created.headers["Location"], data=body, headers=headers)


async def test_candidates_are_taken_under_the_right_etag(door: Any, offer: Offer) -> None:
    created = await publish(door, offer("ffmpeg_whip"))
    body = CANDIDATES.format(credentials="")
    response = await patch(door, created, body, created.headers["ETag"])
    assert response.status == 204
    assert "ETag" not in response.headers
    assert (await patch(door, created, body, f'"other", {created.headers["ETag"]}')).status == 204
    assert await problem_of(await patch(door, created, body, None)) == (428, "precondition-required")
    assert await problem_of(await patch(door, created, body, '"other"')) == (412, "precondition-failed")
    response = await patch(door, created, body, "*", **{"Content-Type": "application/sdp"})
    assert await problem_of(response) == (415, "unsupported-media-type")
    assert await problem_of(await patch(door, created, "no fragment", "*")) == (400, "bad-fragment")
    assert door.sfu.transports[0].restarts == 0


async def test_new_credentials_restart_ice(door: Any, offer: Offer) -> None:
    created = await publish(door, offer("ffmpeg_whip"))
    response = await patch(door, created, RESTART, "*")
    assert response.status == 200
    assert response.content_type == FRAGMENT
    assert response.headers["ETag"] != created.headers["ETag"]
    answer = await response.text()
    assert "a=ice-ufrag:local1\r\n" in answer
    assert "a=ice-lite\r\n" in answer
    assert answer.count("a=candidate:") == 2
    assert sdpfrag.parse(answer).mid == "0"
    assert door.sfu.transports[0].remote.ice.ufrag == "ysXw"
    # The old tag is out of date, the same credentials are no second restart.
    assert (await patch(door, created, RESTART, created.headers["ETag"])).status == 412
    assert (await patch(door, created, RESTART, response.headers["ETag"])).status == 204
    assert len(door.publications.of_lesson("optics")) == 2


def test_leave_causes_reach_the_ledger_in_its_words() -> None:
    assert http_session.LEAVE_CAUSES[TransportState.FAILED] is LeaveCause.LOST


async def test_what_a_moderator_takes_down_is_no_longer_received_and_without_any_the_session_ends(
    door: Any, offer: Offer
) -> None:
    headers = door.headers("encoder")
    made = await publish(door, offer("ffmpeg_whip"), query="?name=hall")
    master = Person(PersonId("m"), "M", Role.MASTER)
    await door.room.join(master, Silent())
    encoder = PersonId("encoder:hall")
    await door.room.ask(StopSource(master.id, encoder, Source("hall.video")))
    assert [live.source for live in door.publications.of_lesson("optics")] == ["hall.audio"]
    (transport,) = door.sfu.transports
    assert [(each.parameters.kind, each.closed) for each in transport.publications if each.closed] == [
        (Kind.VIDEO, True)
    ]
    assert transport.state is not TransportState.CLOSED, "its sound goes on"
    await door.room.ask(StopSource(master.id, encoder, Source("hall.audio")))
    await door.until(lambda: transport.state is TransportState.CLOSED)
    assert len(door.publications.of_lesson("optics")) == 0
    assert (await door.client.delete(made.headers["Location"], headers=headers)).status == 404
    assert encoder not in {attendee.id for attendee in door.room.people}
    again = await publish(door, offer("ffmpeg_whip"), query="?name=hall")
    assert again.status == 201, "sending anew is its owner's to do"
