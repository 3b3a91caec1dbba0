"""WHIP (RFC 9725): an encoder, or a master without the page, publishes by one POST.

`POST /whip/{lesson}?name=NAME`, bearer token of role encoder or master. Who publishes is somebody in the
lesson's room like everybody else:

- a master's token without a name: the master in person, who sends `camera` and `microphone`;
- with a name, or an encoder's token (whose name is then the default): an encoder that sends `NAME.video` and
  `NAME.audio` on the master's behalf. The floor treats both alike.

Going on air starts a lesson that is not live yet, so that an encoder is enough to give one; `?start=no`
leaves that to somebody else, so that pictures can be checked before the bell.

An offer is taken whole or not at all (RFC 9725, 4.4.3), and has at most one track of each kind (4.4.2).

A track that a moderator takes down is no longer received; a session without any is over, as its encoder
learns from close_notify. Sending anew is a new POST, and its owner's to do; who is to stay out is removed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from classroom.commands import Publish, StartLesson
from classroom.events import LeaveCause
from classroom.lesson import LessonRoom
from classroom.model import (
    CAMERA,
    MICROPHONE,
    LessonState,
    Person,
    PersonId,
    Publication,
    Role,
    Source,
    encoder_source,
)
from sfu import negotiate
from sfu.params import Kind, MediaParameters
from signaling import jsep, sdp
from signaling.access import admit
from signaling.auth import Claims
from signaling.http_session import HttpSession, HttpSessions
from signaling.keys import PUBLICATIONS, SFU
from signaling.problems import Problem
from signaling.publications import LEDGER, LivePublication, PublicationRegistry
from signaling.sdp import SessionDescription
from signaling.session_resource import SDP, SessionResource, open_room, read_text, refusals_as_problems

log = logging.getLogger(__name__)

MAX_NAME: Final = 48
"""Characters: `encoder:NAME` is a person's id, of at most 64."""
_BEFORE_LIVE: Final = frozenset({LessonState.SCHEDULED, LessonState.OPEN})


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes, and what its tracks are called."""

    person: Person
    video: Source
    audio: Source

    def source(self, kind: Kind) -> Source:
        return self.video if kind is Kind.VIDEO else self.audio


def publisher_of(claims: Claims, name: str) -> Publisher:
    """Whom the token and `?name=` make. Problem source-unknown for a name that cannot be one."""
    if claims.role == "master" and not name:
        person = Person(PersonId(claims.person), claims.name, Role.MASTER)
        return Publisher(person, CAMERA, MICROPHONE)
    name = name or claims.name or "encoder"
    if len(name) > MAX_NAME:
        raise Problem("source-unknown")
    try:
        video, audio = encoder_source(name, Kind.VIDEO), encoder_source(name, Kind.AUDIO)
    except ValueError as error:
        raise Problem("source-unknown") from error
    # The name is the identity: a second encoder of this name is refused by the room, whatever its token.
    return Publisher(Person(PersonId(f"encoder:{name}"), name, Role.ENCODER), video, audio)


def choose_tracks(offer: SessionDescription) -> dict[str, MediaParameters]:
    """What we take of an offer, by mid. Problem no-media, bad-direction, one-track-each, no-common-codec."""
    chosen: dict[str, MediaParameters] = {}
    for section in offer.sections:
        if section.kind is None or section.rejected:
            continue
        if not section.direction.sends:
            raise Problem("bad-direction", reason=f"a=mid:{section.mid}: a={section.direction}")
        if any(taken.kind is section.kind for taken in chosen.values()):
            raise Problem("one-track-each")
        chosen[section.mid] = negotiate.answer_publication(section.parameters())
    if not chosen:
        raise Problem("no-media", reason="m=audio, m=video")
    return chosen


class Whip:
    """The endpoint of one application."""

    def __init__(self) -> None:
        self.sessions = HttpSessions()
        self._resource = SessionResource("/whip", self.sessions, self._post)

    def add_routes(self, app: web.Application) -> None:
        self._resource.add_routes(app)

    async def _post(self, request: web.Request) -> web.Response:
        claims = admit(request, "whip")
        publisher = publisher_of(claims, request.query.get("name", ""))
        async with refusals_as_problems(request):
            room = await open_room(request)
            _check_free(request.app[PUBLICATIONS], room, publisher)
            offer = jsep.read_offer(await read_text(request, SDP, sdp.MAX_LENGTH))
            chosen = choose_tracks(offer)
            remote = jsep.remote_parameters(offer)
            session = HttpSession(request.app[SFU], room, publisher.person, remote, claims)
            self.sessions.add(session)
            with session.ends_on_error():
                await _publish(session, request.app[PUBLICATIONS], publisher, chosen)
                if request.query.get("start", "yes") != "no":
                    await _start_lesson(room, publisher.person)
                answer = jsep.answer_publish(offer, session.transport.local, chosen)
        log.info("< %s publishes in %s as %s", session.id[:6], room.lesson.id, publisher.person.role)
        return self._resource.created(request, session, answer)


def _check_free(registry: PublicationRegistry, room: LessonRoom, publisher: Publisher) -> None:
    """Refused before the room is asked: joining would throw the first sender out."""
    for source in (publisher.video, publisher.audio):
        if registry.get(room.lesson.id, publisher.person.id, source):
            raise Problem("source-taken", source=source)


async def _publish(
    session: HttpSession,
    registry: PublicationRegistry,
    publisher: Publisher,
    chosen: dict[str, MediaParameters],
) -> None:
    """Joins the room and makes every track known to the SFU, the registry and the room."""
    lives: list[LivePublication] = []

    def withdraw(cause: LeaveCause) -> None:
        for live in lives:
            registry.remove(live, LEDGER[cause])

    def stop(source: Source) -> None:
        for live in [live for live in lives if live.source == source]:
            lives.remove(live)
            registry.remove(live, LEDGER[LeaveCause.REMOVED])
            live.publication.close()
        if not lives:
            session.end(LeaveCause.REMOVED)

    session.on_close = withdraw
    session.on_stopped = stop
    session.connect()
    await session.room.enter(publisher.person, session)
    for parameters in chosen.values():
        publication = session.publish(parameters)
        source = publisher.source(parameters.kind)
        leads = publisher.person.role is Role.MASTER
        live = registry.add(session.room.lesson.id, publisher.person.id, source, publication, leads=leads)
        lives.append(live)
        await session.room.ask(Publish(publisher.person.id, source, Publication(live.name)))


async def _start_lesson(room: LessonRoom, person: Person) -> None:
    if room.lesson.state in _BEFORE_LIVE:
        await room.ask(StartLesson(person.id))
