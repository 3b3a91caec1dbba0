"""One participant of a lesson over the WebSocket: longer than a connection, shorter than a lesson.

Theory of operation. A session is a member of the lesson's room and owns two peer connections and an outbox.
WebSocket connections come and go: `attach` and `detach`. Without one, the session stays for `resume_s`:
others see no leave, media goes on, what is to be said waits in the outbox. Then, or for any other reason, it
ends exactly once (`end`).

Everything happens in the event loop's thread by plain calls: the client's messages from the one task that
reads its socket (`handle`), the lesson's events from its room (`deliver`, `route`), the media plane's by
callbacks. Nothing here waits; what must be waited for (a transport's closing, leaving the room) is handed to
`Background`.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from classroom import commands, events
from classroom.directory import Directory, UnknownLesson
from classroom.events import LeaveCause
from classroom.floor import Route
from classroom.lesson import LessonRoom
from classroom.model import (
    ClassId,
    LessonId,
    Person,
    PersonId,
    Publication,
    Role,
    SourceKind,
    parse_source,
)
from classroom.rules.reasons import Refused
from classroom.store.store import Store, StoreUnavailable
from classroom.talk.events import Act, CalledToOrder
from sfu.quality import REPORT_LASTS_S, Finding
from sfu.sfu import Sfu
from sfu.transport import Transport
from signaling import asking, catalogue, messages, messages_floor, turn, views, views_roll, views_talk
from signaling.auth import JOIN_LINK_S, Claims, Tokens
from signaling.background import Background
from signaling.broadcast import Broadcast
from signaling.codec import Encoded, encode_once, type_of
from signaling.config import Config
from signaling.message import ServerMessage
from signaling.messages import Bye, ClientMessage
from signaling.messages_pointer import PointerMove
from signaling.metrics import DoorMetrics
from signaling.outbox import Outbox
from signaling.pointers import Pointers
from signaling.problems import Problem
from signaling.publications import LEDGER, LivePublication, PublicationRegistry
from signaling.publishing import Publisher
from signaling.quality_watch import Lines
from signaling.refusals import entry_problem
from signaling.sources import Circle
from signaling.speakers import Circles, Speakers, Voices
from signaling.subscribing import Subscriber

log = logging.getLogger(__name__)

SESSION_ID_BYTES: Final = 9
RESUME_TOKEN_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Services:
    """What every session needs of the house."""

    sfu: Sfu
    directory: Directory
    store: Store
    publications: PublicationRegistry
    config: Config
    metrics: DoorMetrics
    background: Background
    speakers: Speakers
    tokens: Tokens
    pointers: Pointers
    broadcast: Broadcast = field(default_factory=Broadcast)


class Connection(Protocol):
    """The WebSocket of a session, if it has one at the moment."""

    def wake(self) -> None:
        """The outbox has something to say."""

    def flash(self, frame: bytes, behind: int) -> None:
        """Writes a whole frame that is worth nothing later, when `behind` is 0 and the client keeps up."""

    def finish(self, bye: Bye | None) -> None:
        """Says what is left, then good-bye, and closes."""

    def supersede(self) -> None:
        """A newer connection has the session: says so, and nothing else, and closes."""


class Session:
    def __init__(self, services: Services, claims: Claims, hello: messages.Hello) -> None:
        loop = asyncio.get_running_loop()
        self.id = secrets.token_urlsafe(SESSION_ID_BYTES)
        self.resume_token = secrets.token_urlsafe(RESUME_TOKEN_BYTES)
        self.claims = claims
        self.language = catalogue.match(hello.language) or catalogue.DEFAULT
        self.outbox = Outbox()
        self.ended = False
        self.replaced = False
        """Ended, because the same person came in anew."""
        self.heard = 0
        """Messages of the client, over all its connections."""
        self._services = services
        self._began = loop.time()
        self._received = False
        self._connection: Connection | None = None
        self._room: LessonRoom | None = None
        self._me: events.Snapshot | None = None
        self._may_publish: frozenset[SourceKind] = frozenset()
        self._on_end: list[Callable[[Session], None]] = []
        self._speaking: tuple[list[str], dict[str, str]] = ([], {})
        """As the client was told: people, and whose voice each line carries."""
        self._circles: Circles = {}
        """Of the microphones that this participant is routed to."""
        self._pictures: Mapping[str, int] = {}
        """Names of all publications that this participant is routed to, with their priorities."""
        self._voices: frozenset[str] = frozenset()
        """Whose microphones they are."""
        self._publisher = Publisher(
            services.sfu,
            services.publications,
            lesson=claims.lesson,
            person=claims.person,
            leads=claims.role == "master",
            owner=self,
            discard=self._discard,
        )
        self._subscriber = Subscriber(
            services.sfu,
            client=self,
            decodable=frozenset(hello.codecs),
            call_later=loop.call_later,
            discard=self._discard,
        )
        self._role = Role(claims.role)
        self._hand = services.pointers.hand(claims.lesson, claims.person, self._role, loop.time())
        self._muted: set[str] = set()
        self._frozen = (0.0, 0.0, 0)
        """When the page last said that pictures had stood still, and for how long (s); in all (ms)."""
        self._away: asyncio.TimerHandle | None = None
        self._refresh: asyncio.TimerHandle | None = None
        self._expiry = self._expire_at(claims.exp)

    def __str__(self) -> str:
        return f"session {self.id} {self.claims.lesson}/{self.claims.person}"

    @property
    def connected(self) -> bool:
        return self._connection is not None

    # --- its life -------------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Enters the lesson. Raises Problem; the session has ended then."""
        lesson = LessonId(self.claims.lesson)
        try:
            self._room = await self._services.directory.open_room(lesson)
            self._me = await self._room.join(self._person(), self)
        except BaseException as error:
            self.end(None, LeaveCause.SERVER)
            if isinstance(error, UnknownLesson | Refused | StoreUnavailable):
                raise await entry_problem(error, lesson, self._services.store) from error
            raise
        self._may_publish = self._me.may_publish
        self.on_end(_ending(self._services.speakers.listen(self.claims.lesson, self._heard)))
        self.on_end(_ending(self._services.pointers.watch(self.claims.lesson, self)))
        log.debug("- %s joined as %s", self, self.claims.role)  # the room has said so

    def attach(self, connection: Connection, *, resumed: bool) -> None:
        """The connection that the client has now; the welcome is the first it says."""
        assert self._me is not None
        if self._connection is not None:
            self._connection.supersede()
        if self._away is not None:
            self._away.cancel()
            self._away = None
        self._connection = connection
        self.outbox.push_urgent(self._welcome(self._me, resumed=resumed))
        self._refresh_later()
        self._subscriber.release()
        connection.wake()

    def detach(self, connection: Connection) -> None:
        """That connection is lost. The session waits for another one."""
        if connection is not self._connection or self.ended:
            return
        self._connection = None
        self._subscriber.hold()
        resume_s = self._services.config.resume_s
        self._away = asyncio.get_running_loop().call_later(resume_s, self._not_back)
        log.info("- %s lost its connection, kept for %g s", self, resume_s)

    def renew(self, claims: Claims) -> None:
        """The client came back with a token that may last longer."""
        self._expiry.cancel()
        self.claims = claims
        self._expiry = self._expire_at(claims.exp)

    def end(self, bye: Bye | None, cause: LeaveCause = LeaveCause.LEFT) -> None:
        """The one way out: media stops, the lesson is told, the client hears bye. Idempotent."""
        if self.ended:
            return
        self.ended, self.replaced = True, cause is LeaveCause.REPLACED
        log.info("- %s ended (%s)", self, bye.reason if bye else cause)
        for timer in (self._expiry, self._away, self._refresh):
            if timer is not None:
                timer.cancel()
        self._publisher.close(LEDGER[cause])
        self._subscriber.close()
        self._services.speakers.follow(self.claims.lesson, self._circles, {})
        if self._room is not None:
            leaving = self._room.leave(PersonId(self.claims.person), self, cause)
            self._services.background.start(leaving, f"leave {self.id}")
        for listener in self._on_end:
            listener(self)
        if self._connection is not None:
            self._connection.finish(bye)

    def on_end(self, listener: Callable[[Session], None]) -> None:
        self._on_end.append(listener)

    # --- the client's messages ------------------------------------------------------------------------------

    def handle(self, message: ClientMessage) -> None:
        """One message. What it may not do is answered by an `error`; a fault of ours ends this session
        alone."""
        try:
            _HANDLERS[type(message)](self, message)
        except Problem as problem:
            self.refuse(problem, type_of(message))
        except Exception:
            log.exception("x %s: fault of ours in %s", self, type_of(message))
            self.refuse(Problem("internal"), type_of(message))
            self.end(Bye(reason="protocol", retry=True), LeaveCause.SERVER)

    def refuse(self, problem: Problem, request: str) -> None:
        document = problem.document(self.language)
        self._say(
            messages.Error(kind=problem.kind, title=document.title, detail=document.detail, request=request)
        )

    def _again_hello(self, _: messages.Hello) -> None:
        raise Problem("malformed", reason="hello was said before")

    def _ping(self, message: messages.Ping) -> None:
        self.outbox.acknowledge(message.seq)
        self.outbox.push_urgent(messages.Pong(id=message.id, server_ms=self._unix_ms(), heard=self.heard))
        self._wake()

    def _publish_offer(self, message: messages.PublishOffer) -> None:
        answer = self._publisher.offer(message.sdp, message.tracks, self._may_publish)
        self._say(messages.PublishAnswer(sdp=answer))

    def _candidate(self, _: messages.PublishCandidate | messages.SubscribeCandidate) -> None:
        """A lite agent learns the peer's address from its checks (RFC 8445, 2.5)."""

    def _publish_mute(self, message: messages.PublishMute) -> None:
        try:
            source = parse_source(message.source)
        except ValueError as error:
            raise Problem("source-unknown") from error
        (self._muted.add if message.muted else self._muted.discard)(source)
        self._publisher.stir()
        self._post(commands.Mute(self._actor, source, message.muted))

    def _subscribe_answer(self, message: messages.SubscribeAnswer) -> None:
        self._subscriber.answer(message.version, message.sdp)

    def _subscribe_failed(self, _: messages.SubscribeFailed) -> None:
        self._subscriber.failed()

    def _subscribe_restart(self, _: messages.SubscribeRestart) -> None:
        self._subscriber.restart()

    def _quality_report(self, message: messages.QualityReport) -> None:
        ms, now = message.frozen_ms, asyncio.get_running_loop().time()
        self._frozen = (now, ms / 1000, self._frozen[2] + ms)
        self._subscriber.stir()

    def _pointer_move(self, message: PointerMove) -> None:
        self._hand.move(message, asyncio.get_running_loop().time())

    def _ask(self, message: ClientMessage) -> None:
        self._post(asking.command(message, self._actor))

    def _leave(self, _: messages.Leave) -> None:
        self.end(None, LeaveCause.LEFT)

    # --- the lesson's events (classroom.lesson.Member) ------------------------------------------------------

    def deliver(self, event: events.Event) -> None:
        """What the lesson tells this member."""
        if not self.ended:
            _EVENTS[type(event)](self, event)

    def route(self, routes: tuple[Route, ...]) -> None:
        """What this member receives from now on."""
        if self.ended:
            return
        circles = {str(route.publication): route.circle for route in routes if route.circle}
        self._services.speakers.follow(self.claims.lesson, self._circles, circles)
        self._circles = circles
        self._voices = frozenset(str(route.person) for route in routes if route.circle)
        found = (self._services.publications.named(each.publication) for each in routes if not each.circle)
        # One that is gone from the registry will be gone from the routes in a moment.
        priorities = {str(route.publication): int(route.priority) for route in routes}
        self._pictures = priorities
        heard = [self._circle(name) for name in sorted(set(circles.values()))]
        self._subscriber.want((live for live in found if live is not None), priorities, heard)

    def prepare(self, standby: tuple[Route, ...]) -> None:
        """What this member may receive from one moment to the next."""
        if not self.ended:
            found = (
                self._services.publications.named(each.publication) for each in standby if not each.circle
            )
            self._subscriber.prepare(live for live in found if live is not None)

    def _lesson_changed(self, event: events.LessonChanged) -> None:
        self._may_publish = event.may_publish
        me = self._myself
        self._tell(event, me.class_id, lambda: views.lesson_changed(event, me))

    def _roster_changed(self, event: events.RosterChanged) -> None:
        self._tell(event, None, lambda: views.roster_changed(event))

    def _hands_changed(self, event: events.HandsChanged) -> None:
        self._tell(event, None, lambda: views.hands_changed(event))

    def _talked(self, event: events.Event) -> None:
        self._tell(event, None, lambda: views_talk.EVENTS[type(event)](event))

    def _called_to_order(self, event: CalledToOrder) -> None:
        if event.act is Act.STOPPED:
            self._publisher.stop(event.source, "policy")
        self._talked(event)

    def _stage_changed(self, event: events.StageChanged) -> None:
        self._tell(event, None, lambda: views.stage_changed(event))

    def _roll_changed(self, event: events.RollChanged) -> None:
        self._say(views_roll.roll_changed(event))

    def _noticed(self, event: events.Noticed) -> None:
        self._tell(event, self.language, lambda: views.notice(event, self.language))

    def _look_changed(self, event: events.LookChanged) -> None:
        self._say(messages_floor.LookChanged(class_id=event.class_id))

    def _class_went_online(self, event: events.ClassWentOnline) -> None:
        now = time.time()
        token = self._services.tokens.issue_join(lesson=self.claims.lesson, class_id=event.room.id, now=now)
        expires_at = int(now + JOIN_LINK_S)
        self._say(messages_floor.ClassLinks(class_id=event.room.id, token=token, expires_at=expires_at))

    def _command_refused(self, event: events.CommandRefused) -> None:
        if isinstance(event.command, commands.Publish):
            self._publisher.withdraw(event.command.publication, "policy")
        self.refuse(Problem.of_rule(event.reason), asking.REQUESTS.get(type(event.command), ""))

    def _dismissed(self, event: events.Dismissed) -> None:
        self.end(_BYES[event.cause], event.cause)

    # --- the media's events (publishing.Owner, subscribing.Client) ------------------------------------------

    def published(self, live: LivePublication) -> bool:
        source = parse_source(live.source)
        self._muted.discard(source)  # the room refused to mute what was not there yet
        return self._room is not None and self._room.post(
            commands.Publish(self._actor, source, Publication(live.name))
        )

    def unpublished(self, live: LivePublication) -> None:
        if self._room is not None and not self.ended:
            self._room.post(commands.Unpublish(self._actor, Publication(live.name)))

    def layers_wanted(self, source: str, rids: list[str]) -> None:
        self._say(messages.PublishLayers(source=source, active=rids))

    def _circle(self, name: str) -> Circle:
        speakers, lesson = self._services.speakers, self.claims.lesson
        group, party = speakers.group(lesson, name), speakers.party(lesson, self.claims.person)
        return Circle(name, group, party, speakers.loudest)

    def _heard(self, voices: Voices) -> None:
        """Who speaks, as far as this member hears them: of others it need not know."""
        speaking: list[str] = []
        if voices.speaking:
            known = {*self._subscriber.people, *self._voices, self.claims.person}
            speaking = sorted(voices.speaking & known)
        heard = self._subscriber.heard(voices.places) if voices.places else {}
        lines = {mid: person for mid, person in heard.items() if person != self.claims.person}
        told = (speaking, lines)
        if told != self._speaking:
            self._speaking = told
            self._say(messages.Speakers(people=speaking, lines=lines))

    def offer(self, message: messages.SubscribeOffer) -> None:
        self._say(message)
        self._heard(self._services.speakers.voices(self.claims.lesson))  # there may be new lines

    def sent(self, message: messages.StreamState) -> None:
        self._say(message)

    def held(self, mids: tuple[str, ...]) -> None:
        self._say(_held(mids))

    def receiving(self) -> None:
        if not self._received:
            self._received = True
            elapsed_s = asyncio.get_running_loop().time() - self._began
            self._services.metrics.media_started("websocket", elapsed_s)

    # --- pointers (pointers.Watcher) ------------------------------------------------------------------------

    def sees(self, publication: str) -> bool:
        return publication in self._pictures

    def flash(self, frame: bytes) -> None:
        if self._connection is not None:
            self._connection.flash(frame, self.outbox.waiting)

    # --- its lines, looked at once a second (quality_watch.Participant) -------------------------------------

    @property
    def room(self) -> LessonRoom | None:
        return self._room

    @property
    def person_id(self) -> PersonId:
        return PersonId(self.claims.person)

    @property
    def role(self) -> Role:
        return self._role

    def lines(self, now: float) -> Lines:
        at, frozen_s, ever_ms = self._frozen
        up = self._publisher.transport
        return (
            up,
            self._subscriber.transport,
            up is not None and not self._muted.issuperset(self._publisher.sources),
            frozen_s if now - at < REPORT_LASTS_S else 0.0,
            ever_ms,
        )

    def quality(self, found: Finding) -> None:
        self._say(views.quality_changed(found))

    # --- inside ---------------------------------------------------------------------------------------------

    @property
    def _myself(self) -> Person:
        """As the lesson knows this member."""
        assert self._me is not None, "events come after the snapshot"
        return self._me.me.person

    @property
    def _actor(self) -> PersonId:
        return PersonId(self.claims.person)

    def _person(self) -> Person:
        class_id = ClassId(self.claims.class_id) if self.claims.class_id else None
        return Person(self._actor, self.claims.name or self.claims.role, Role(self.claims.role), class_id)

    def _welcome(self, joined: events.Snapshot, *, resumed: bool) -> messages.Welcome:
        assert self._room is not None
        return messages.Welcome(
            session=self.id,
            resume=self.resume_token,
            resumed=resumed,
            me=views.person_view(joined.me),
            lesson=views.lesson_view(self._room.lesson, joined.me.person)
            if resumed
            else views.snapshot_view(joined),
            heartbeat_s=max(1, round(self._services.config.heartbeat_s)),
            may_publish=views.may_publish_view(self._may_publish),
            server_ms=self._unix_ms(),
            heard=self.heard,
            ice_servers=self._ice_servers(),
        )

    def _unix_ms(self) -> int:
        """By the lesson's clock: pages count its time from this and the lesson's beginning."""
        assert self._room is not None, "a member says this"
        return self._room.unix_ms()

    def _ice_servers(self) -> list[messages.IceServer]:
        return turn.ice_servers(self._services.config, self.id)

    def _refresh_later(self) -> None:
        """Fresh TURN credentials in time, counted from those of the welcome."""
        if self._refresh is not None:
            self._refresh.cancel()
        if (delay_s := turn.refresh_s(self._services.config)) is not None:
            self._refresh = asyncio.get_running_loop().call_later(delay_s, self._refresh_due)

    def _refresh_due(self) -> None:
        self._say(messages.IceServersChanged(ice_servers=self._ice_servers()))
        self._refresh_later()

    def _tell(self, event: events.Event, key: Hashable, make: Callable[[], ServerMessage]) -> None:
        """What all with the same key are told in the same words."""
        self._say(self._services.broadcast.words(event, key, make))

    def _say(self, message: ServerMessage | Encoded) -> None:
        if self.ended:
            return
        self.outbox.push(message)
        if self.outbox.overflowed and self._connection is not None:
            self.end(Bye(reason="slow", retry=True), LeaveCause.LOST)
        self._wake()

    def _wake(self) -> None:
        if self._connection is not None:
            self._connection.wake()

    def _post(self, command: commands.PersonCommand) -> None:
        if self._room is None or not self._room.post(command):
            raise Problem("busy")

    def _not_back(self) -> None:
        self.end(None, LeaveCause.LOST)

    def _expired(self) -> None:
        self.end(Bye(reason="expired"), LeaveCause.LEFT)

    def _expire_at(self, unix_s: int) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(max(0.0, unix_s - time.time()), self._expired)

    def _discard(self, transport: Transport) -> None:
        self._services.background.start(transport.close(), f"close transport {transport.id}")


def _ending(stop: Callable[[], None]) -> Callable[[Session], None]:
    return lambda _: stop()


@functools.lru_cache(maxsize=256)
def _held(mids: tuple[str, ...]) -> Encoded:
    """The same few for a whole lesson."""
    return encode_once(messages.StreamsHeld(mids=list(mids)))


_BYES: Final[dict[LeaveCause, Bye]] = {
    LeaveCause.REPLACED: Bye(reason="replaced"),
    LeaveCause.ENDED: Bye(reason="ended"),
    LeaveCause.SERVER: Bye(reason="shutdown", retry=True),
    LeaveCause.REMOVED: Bye(reason="removed"),
    LeaveCause.MOVED: Bye(reason="moved", retry=True),
}

_HANDLERS: Final[dict[type, Callable[[Session, Any], None]]] = {
    messages.Hello: Session._again_hello,
    messages.Ping: Session._ping,
    messages.PublishOffer: Session._publish_offer,
    messages.PublishCandidate: Session._candidate,
    messages.PublishMute: Session._publish_mute,
    messages.SubscribeAnswer: Session._subscribe_answer,
    messages.SubscribeCandidate: Session._candidate,
    messages.SubscribeFailed: Session._subscribe_failed,
    messages.SubscribeRestart: Session._subscribe_restart,
    messages.QualityReport: Session._quality_report,
    PointerMove: Session._pointer_move,
    messages.Leave: Session._leave,
    **dict.fromkeys(asking.ASKING, Session._ask),
}

_EVENTS: Final[dict[type, Callable[[Session, Any], None]]] = {
    events.LessonChanged: Session._lesson_changed,
    events.RosterChanged: Session._roster_changed,
    events.HandsChanged: Session._hands_changed,
    **dict.fromkeys(views_talk.EVENTS, Session._talked),
    CalledToOrder: Session._called_to_order,
    events.StageChanged: Session._stage_changed,
    events.RollChanged: Session._roll_changed,
    events.Noticed: Session._noticed,
    events.LookChanged: Session._look_changed,
    events.ClassWentOnline: Session._class_went_online,
    events.CommandRefused: Session._command_refused,
    events.Dismissed: Session._dismissed,
}
