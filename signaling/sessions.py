"""All sessions of this server: who comes in anew, who comes back, and good-bye to all at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from classroom.events import LeaveCause
from classroom.model import LEADING
from signaling.auth import Claims, Tokens
from signaling.messages import Bye, Hello
from signaling.problems import Problem
from signaling.returns import Returns
from signaling.session import Services, Session
from signaling.turnstile import Turnstile

MAX_SESSIONS: Final = 10_000
"""A session holds two peer connections and some 100 kB: one machine's media path is full long before."""


RETURN_MS: Final = 6
"""What one who comes back costs of a processor, connection and all: so many apart, they are let in as they
come."""
MAX_SPREAD_MS: Final = 10_000
"""Longer nobody is to wait for their lesson."""


def spread_ms(sessions: int) -> int:
    """Within what time so many are to come back."""
    return min(sessions * RETURN_MS, MAX_SPREAD_MS)


class Sessions:
    def __init__(self, services: Services, tokens: Tokens) -> None:
        self._services = services
        self._tokens = tokens
        self._by_resume: dict[str, Session] = {}
        self._closing = False
        self._turnstile = Turnstile()
        self._returns = Returns()
        self.leaders: set[Session] = set()
        """Of those who lead a lesson: few, and looked at often."""
        self.strangers = 0
        """Sockets that have not been let in yet."""

    def __len__(self) -> int:
        return len(self._by_resume)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_resume.values()))

    @property
    def heartbeat_s(self) -> float:
        return self._services.config.heartbeat_s

    def waiting_messages(self) -> int:
        """Messages in all outboxes that no socket has taken yet."""
        return sum(session.outbox.waiting for session in self)

    async def enter(self, hello: Hello) -> tuple[Session, bool]:
        """The session for a hello, and whether it is resumed. Raises Problem."""
        await self._turnstile.enter()
        claims = self._tokens.verify(hello.token, time.time())
        if self._closing:
            raise Problem("shutting-down")
        if self._returns.outdated(hello.resume, hello.attempt):
            raise Problem("superseded")
        if (session := self._resumable(hello, claims)) is not None:
            self._returns.came(hello.resume, hello.attempt)
            session.renew(claims)
            return session, True
        if len(self) >= MAX_SESSIONS:
            raise Problem("busy")
        self._returns.came(hello.resume, hello.attempt)
        session = Session(self._services, claims, hello)
        self._by_resume[session.resume_token] = session
        if session.role in LEADING:
            self.leaders.add(session)
        session.on_end(self._forget)
        await session.join()
        if session.ended:
            raise Problem(self._why_ended(session))
        return session, False

    def close(self) -> None:
        """Nobody comes in any more; everybody is told to come back later, and not all at once."""
        self._closing = True
        bye = Bye(reason="shutdown", retry=True, retry_after_ms=spread_ms(len(self)))
        for session in self:
            session.end(bye, LeaveCause.SERVER)

    def _resumable(self, hello: Hello, claims: Claims) -> Session | None:
        session = self._by_resume.get(hello.resume)
        if session is None or _identity(session.claims) != _identity(claims):
            return None
        # What the client missed is no longer there: it joins afresh, and the room replaces the old session.
        return session if session.outbox.rewind(hello.last_seq) else None

    def _why_ended(self, session: Session) -> str:
        """While it was let in."""
        if self._closing:
            return "shutting-down"
        return "superseded" if session.replaced else "not-joined"

    def _forget(self, session: Session) -> None:
        self._by_resume.pop(session.resume_token, None)
        self.leaders.discard(session)
        if session.replaced:
            self._returns.replaced(session.resume_token)


def _identity(claims: Claims) -> tuple[str, str, str, str]:
    return claims.person, claims.role, claims.lesson, claims.class_id
