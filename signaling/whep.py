"""WHEP (draft-ietf-wish-whep): a player watches by one POST.

`POST /whep/{lesson}?source=NAME`, bearer token of anybody who may receive. The viewer is a member of the
lesson's room under the token's role, so the floor decides what it may see; out of that it takes one picture
and one sound:

- without a name the master's: a camera or an encoder before a screen, and the sound of the same person;
- `camera`, `screen`: with `microphone` and `screen_audio`; `NAME`: an encoder's `NAME.video` and
  `NAME.audio`; a full source name: that track alone.

Nothing there yet: 409 with Retry-After, as the draft asks (not 503: the server is well). WHEP has no
renegotiation, so a viewer keeps the tracks that it began with: they pause while the floor withholds them,
and when the last one has ended the session ends, and the player comes back for the next.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from aiohttp import web

from classroom.events import LeaveCause
from classroom.floor import Priority, Route
from classroom.model import ClassId, LessonState, Person, PersonId, Role, source_kind
from sfu import negotiate
from sfu.params import Kind
from sfu.sfu import Sfu
from sfu.transport import Subscription
from signaling import jsep, sdp
from signaling.access import admit
from signaling.auth import Claims
from signaling.http_session import HttpSession, HttpSessions
from signaling.jsep import OfferedTrack
from signaling.keys import PUBLICATIONS, SFU
from signaling.problems import Problem
from signaling.publications import Cause, LivePublication, PublicationRegistry
from signaling.sdp import MediaSection, SessionDescription
from signaling.session_resource import (
    RETRY_AFTER_S,
    SDP,
    SessionResource,
    open_room,
    read_text,
    refusals_as_problems,
)

log = logging.getLogger(__name__)


_PAIRS: Final = {"camera": ("camera", "microphone"), "screen": ("screen", "screen_audio")}
_OVER: Final = frozenset({LessonState.ENDED, LessonState.CANCELLED})


class Choice(NamedTuple):
    """What one viewer watches; None: there is no such track."""

    video: Route | None
    audio: Route | None


def choose(routes: Sequence[Route], stage: Sequence[PersonId], name: str) -> Choice:
    """Out of what the floor gives a viewer, what `?source=` asks for."""
    if not name:
        return _masters(routes, stage)
    video_source, audio_source = _PAIRS.get(name, (f"{name}.video", f"{name}.audio"))
    video = next(
        (route for route in routes if route.source in {video_source, name} and _is_video(route)), None
    )
    sounds = [route for route in routes if route.source in {audio_source, name} and not _is_video(route)]
    if video is not None:
        sounds = [route for route in sounds if route.person == video.person]
    return Choice(video, sounds[0] if sounds else None)


def _masters(routes: Sequence[Route], stage: Sequence[PersonId]) -> Choice:
    routes = [route for route in routes if route.person not in stage]
    pictures = [route for route in routes if route.priority in {Priority.CAMERA, Priority.SCREEN}]
    video = max(pictures, key=lambda route: route.priority, default=None)
    sounds = [route for route in routes if route.priority is Priority.AUDIO]
    if video is not None:
        sounds = [route for route in sounds if route.person == video.person]
    sounds.sort(key=lambda route: route.source == "screen_audio")
    return Choice(video, sounds[0] if sounds else None)


def _is_video(route: Route) -> bool:
    return source_kind(route.source).media is Kind.VIDEO


class Viewer:
    """What one session watches: hears the floor and the registry."""

    def __init__(self, session: HttpSession) -> None:
        self.routes: tuple[Route, ...] = ()
        self._session = session
        self._tracks: dict[str, Subscription] = {}
        """By the name that the classroom has for the publication."""
        session.on_route = self.route

    def watch(self, live: LivePublication, subscription: Subscription) -> None:
        self._tracks[live.name] = subscription

    def route(self, routes: tuple[Route, ...]) -> None:
        self.routes = routes
        allowed = {route.publication for route in routes}
        for name, subscription in self._tracks.items():
            subscription.pause(name not in allowed)

    def publication_added(self, live: LivePublication) -> None:
        pass

    def publication_removed(self, live: LivePublication, cause: Cause) -> None:
        if self._tracks.pop(live.name, None) is not None and not self._tracks:
            self._session.end(LeaveCause.LEFT)


class Whep:
    """The endpoint of one application."""

    def __init__(self) -> None:
        self.sessions = HttpSessions()
        self._resource = SessionResource("/whep", self.sessions, self._post)

    def add_routes(self, app: web.Application) -> None:
        self._resource.add_routes(app)

    async def _post(self, request: web.Request) -> web.Response:
        claims = admit(request, "whep")
        source = request.query.get("source", "")
        sfu, registry = request.app[SFU], request.app[PUBLICATIONS]
        async with refusals_as_problems(request):
            room = await open_room(request)
            if room.lesson.state not in _OVER and not registry.of_lesson(room.lesson.id):
                # Before the room is asked, so that a player that waits makes no coming and going.
                raise _nothing_to_watch(source)
            offer = jsep.read_offer(await read_text(request, SDP, sdp.MAX_LENGTH))
            wanted = receiving(offer)
            remote = jsep.remote_parameters(offer)
            session = HttpSession(sfu, room, person_of(claims), remote, claims)
            self.sessions.add(session)
            with session.ends_on_error():
                tracks = await _subscribe(session, sfu, registry, wanted, source)
                answer = jsep.answer_watch(offer, session.transport.local, tracks)
        log.info(
            "< %s watches %s as %s by transport %d",
            *(session.id[:6], room.lesson.id, claims.person, session.transport.id),
        )
        return self._resource.created(request, session, answer)


def person_of(claims: Claims) -> Person:
    class_id = ClassId(claims.class_id) if claims.class_id else None
    return Person(PersonId(claims.person), claims.name, Role(claims.role), class_id)


async def _subscribe(
    session: HttpSession,
    sfu: Sfu,
    registry: PublicationRegistry,
    wanted: Mapping[Kind, MediaSection],
    source: str,
) -> dict[str, OfferedTrack]:
    """Joins the room and takes what is asked for: mid -> track."""
    viewer = Viewer(session)
    stop_listening = registry.listen(viewer, session.room.lesson.id)
    session.on_close = lambda _cause: stop_listening()
    session.connect()
    await session.room.enter(session.person, session)
    lesson = session.room.lesson
    choice = choose(viewer.routes, [member.person for member in lesson.stage], source)
    tracks: dict[str, OfferedTrack] = {}
    for route, kind in ((choice.audio, Kind.AUDIO), (choice.video, Kind.VIDEO)):
        live = registry.named(route.publication) if route else None
        section = wanted.get(kind)
        if live is None or section is None:
            continue
        parameters = negotiate.answer_subscription(
            live.publication.parameters,
            section.parameters(),
            ssrc=sfu.allocate_ssrc(),
            rtx_ssrc=sfu.allocate_ssrc(),
        )
        viewer.watch(live, session.subscribe(live.publication, parameters))
        tracks[section.mid] = OfferedTrack(parameters, stream=live.person, track=live.source)
    if not tracks:
        raise _nothing_to_watch(source)
    return tracks


def receiving(offer: SessionDescription) -> dict[Kind, MediaSection]:
    """The first m-line of each kind on which the client receives. Problem bad-direction: there is none."""
    wanted: dict[Kind, MediaSection] = {}
    for section in offer.sections:
        if section.kind is not None and not section.rejected and section.direction.receives:
            wanted.setdefault(section.kind, section)
    if not wanted:
        raise Problem("bad-direction", reason="a=recvonly")
    return wanted


def _nothing_to_watch(source: str) -> Problem:
    return Problem(
        "nothing-to-watch",
        headers={"Retry-After": str(RETRY_AFTER_S)},
        detail_kind="source" if source else "",
        source=source[:64],
    )
