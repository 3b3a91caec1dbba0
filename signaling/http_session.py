"""What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) have in common: a session is one transport, one member
of a lesson, and one HTTP resource that stands for both.

Theory of operation. POST makes the session and answers 201 with Location and ETag; the resource then takes
PATCH (trickle ICE, ICE restart) and DELETE. Whatever ends first ends all three: DELETE, the peer's
close_notify, a handshake that fails, consent or a token that expires, the lesson, or the server. There is
one way to end: `end(cause)` starts it once, and who wants to be sure waits for `close`.

The ETag names the ICE session, not the HTTP resource: it changes with each ICE restart and with nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from classroom.events import CommandRefused, Dismissed, Event, LeaveCause
from classroom.talk.events import Act, CalledToOrder
from sfu.params import IceParameters, MediaParameters, RemoteParameters, TransportState
from sfu.transport import TransportClosed
from signaling import sdpfrag
from signaling.auth import Claims
from signaling.problems import Problem
from signaling.sdpfrag import IceFragment

if TYPE_CHECKING:
    from classroom.floor import Route
    from classroom.lesson import LessonRoom
    from classroom.model import Person, PersonId, Role, Source
    from sfu.quality import Finding
    from sfu.sfu import Sfu
    from sfu.transport import Publication, Subscription
    from signaling.quality_watch import Lines

log = logging.getLogger(__name__)

ANY_TAG: Final = "*"

LEAVE_CAUSES: Final = {
    TransportState.FAILED: LeaveCause.LOST,
    TransportState.CLOSED: LeaveCause.LEFT,
}


class HttpSession:
    """One publisher or viewer over HTTP; a Member of the lesson's room.

    `remote`: the peer, from its offer; `claims`: of the token that made it. `on_route` hears what the floor
    gives this member; `on_connected` is called when media can flow; `on_close` is called once when the
    session ends, before the transport is closed; `on_closed` when nothing is left of it.
    """

    def __init__(
        self, sfu: Sfu, room: LessonRoom, person: Person, remote: RemoteParameters, claims: Claims
    ) -> None:
        self.id = secrets.token_urlsafe(18)
        """Part of the resource's URL, and not to be guessed."""
        self.room = room
        self.person = person
        self.owner = claims.person
        """`sub` of the token that made it: only its bearer may change or end it."""
        self.by = claims.by
        self.expiry = asyncio.get_running_loop().call_later(claims.exp - time.time(), self._expire)
        """A credential that has run out ends what was begun with it."""
        self.etag = _new_etag()
        self.on_route: Callable[[tuple[Route, ...]], None] = _ignore_routes
        self.on_stopped: Callable[[Source], None] = _ignore_source
        """Hears that a moderator took something of this member's down."""
        self.on_close: Callable[[LeaveCause], None] = _ignore_cause
        self.on_connected: Callable[[], None] = _nothing
        self.on_closed: Callable[[], object] = _nothing
        self._remote = remote
        self._closing: asyncio.Task[None] | None = None
        self.transport = sfu.create_transport(on_state=self._transport_changed)

    @property
    def connected(self) -> bool:
        """There is no signaling beside the media."""
        return True

    @property
    def ending(self) -> bool:
        return self._closing is not None

    @contextmanager
    def ends_on_error(self) -> Iterator[None]:
        """While it is being made: whatever goes wrong, nothing of it stays."""
        try:
            yield
        except BaseException:
            self.end(LeaveCause.LEFT)
            raise

    # --- transport ----------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Starts it. Raises TransportClosed."""
        self.transport.connect(self._remote)

    def publish(self, parameters: MediaParameters) -> Publication:
        """What the peer sends. Raises TransportClosed; Problem bad-sdp for contradicting header
        extensions."""
        try:
            return self.transport.publish(parameters)
        except ValueError as error:
            raise Problem("bad-sdp", reason=str(error)) from error

    def subscribe(self, publication: Publication, parameters: MediaParameters) -> Subscription:
        """What the peer gets. Raises TransportClosed; Problem bad-sdp for contradicting header extensions."""
        try:
            return self.transport.subscribe(publication, parameters)
        except ValueError as error:
            raise Problem("bad-sdp", reason=str(error)) from error

    # --- Member -------------------------------------------------------------------------------------------

    def deliver(self, event: Event) -> None:
        if isinstance(event, Dismissed):
            self.end(event.cause)
        elif isinstance(event, CalledToOrder) and event.act is Act.STOPPED:
            self.on_stopped(event.source)
        elif isinstance(event, CommandRefused):
            log.warning("x %s %s refused: %s", self.id[:6], type(event.command).__name__, event.reason)

    def route(self, routes: tuple[Route, ...]) -> None:
        self.on_route(routes)

    def prepare(self, standby: tuple[Route, ...]) -> None:
        """There is no renegotiation: what is not asked for at once is not prepared."""

    # --- its line, looked at once a second (quality_watch.Participant) ------------------------------------

    @property
    def person_id(self) -> PersonId:
        return self.person.id

    @property
    def role(self) -> Role:
        return self.person.role

    def lines(self, now: float) -> Lines:
        """There is one connection, whatever flows on it, and no page that counts."""
        return self.transport, None, bool(self.transport.publications), 0.0, 0

    def quality(self, found: Finding) -> None:
        """There is no page to show it on; it is on record."""

    # --- the HTTP resource --------------------------------------------------------------------------------

    def patch(self, fragment: IceFragment, if_match: str) -> str | None:
        """Takes a PATCH: the body to answer after an ICE restart, None when candidates were taken.
        Problem precondition-required, precondition-failed, not-found."""
        tags = [tag.strip() for tag in if_match.split(",") if tag.strip()]
        if not tags:
            raise Problem("precondition-required")
        if ANY_TAG not in tags and self.etag not in tags:
            raise Problem("precondition-failed")
        if fragment.ice is None or fragment.ice == self._remote.ice:
            return None
        return self._restart(fragment, fragment.ice)

    def _restart(self, fragment: IceFragment, ice: IceParameters) -> str:
        remote = RemoteParameters(dtls=self._remote.dtls, ice=ice)
        try:
            self.transport.connect(remote)
        except TransportClosed as error:
            raise Problem("not-found") from error
        self._remote, self.etag = remote, _new_etag()
        log.info("- %s ICE restart", self.id[:6])
        return sdpfrag.answer(self.transport.local, fragment)

    # --- the end ------------------------------------------------------------------------------------------

    def _transport_changed(self, state: TransportState) -> None:
        if state is TransportState.CONNECTED:
            self.on_connected()
        if cause := LEAVE_CAUSES.get(state):
            log.info("- %s transport %s %s", self.id[:6], state, self.transport.failure)
            self.end(cause)

    def end(self, cause: LeaveCause) -> None:
        """Starts closing. Idempotent; for callbacks, which cannot wait."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(cause), name=f"close {self.id[:6]}")

    async def close(self, cause: LeaveCause) -> None:
        """Returns when nothing is left of the session. Idempotent."""
        self.end(cause)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    def _expire(self) -> None:
        log.info("- %s token expired", self.id[:6])
        self.end(LeaveCause.LEFT)

    async def _close(self, cause: LeaveCause) -> None:
        log.info("- %s ends: %s", self.id[:6], cause)
        self.expiry.cancel()
        try:
            self.on_close(cause)
            await self.room.leave(self.person.id, self, cause)
        finally:
            await self.transport.close()
            self.on_closed()


def _nothing() -> None:
    pass


def _ignore_routes(routes: tuple[Route, ...]) -> None:
    pass


def _ignore_source(source: Source) -> None:
    pass


def _ignore_cause(cause: LeaveCause) -> None:
    pass


def _new_etag() -> str:
    """A strong entity-tag (RFC 9110, 8.8.3), never the same twice."""
    return f'"{secrets.token_urlsafe(9)}"'


class HttpSessions:
    """The sessions of one kind, by id, until nothing is left of them. Bounded by the rooms: a person has
    one member, so a second session of the same person ends the first."""

    def __init__(self) -> None:
        self._sessions: dict[str, HttpSession] = {}

    def add(self, session: HttpSession) -> None:
        self._sessions[session.id] = session
        session.on_closed = partial(self._sessions.pop, session.id)

    def get(self, session_id: str) -> HttpSession | None:
        """None when there is no such session, or it is ending."""
        session = self._sessions.get(session_id)
        return None if session is None or session.ending else session

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[HttpSession]:
        return iter(tuple(self._sessions.values()))

    async def close(self) -> None:
        """Ends them all, when the server stops."""
        await asyncio.gather(*(session.close(LeaveCause.SERVER) for session in self))
