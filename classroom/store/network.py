"""The store's door to the course network: `store.network`.

What is done is a function of a connection and stands in the module of its noun (`network_places.add`,
`accounts.find`); here it gets its transaction: `await store.network.change(network_places.add, place, now,
by)`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.scope import Principal
from classroom.store import network_people, sign_ins
from classroom.store.outbox import Look, StoreUnavailable, Transaction

P = ParamSpec("P")
T = TypeVar("T")

MAX_NOTED: Final = 10_000
"""Sign-ins that wait to be noted, while the database is away: a district's evening. More are noted later."""
CLOSING_S: Final = 1.0
SEEN_EVERY_MS: Final = 60_000
"""Whoever asks again and again is noted once a minute: a write for each request would cost more than it."""


class NetworkStore:
    """All methods raise StoreUnavailable."""

    def __init__(self, read: Transaction, change: Transaction, look: Look) -> None:
        self._read = read
        self._change = change
        self._look = look
        self._seen: dict[str, int] = {}
        """Hash of a sign-in's secret -> when it was last used, where that is not written yet."""
        self._noting: asyncio.Task[None] | None = None

    async def read(
        self,
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Has something looked up."""
        return await self._read(lambda connection: work(connection, *arguments, **named))

    async def look(
        self, query: Callable[Concatenate[Connection, P], T], /, *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Has something looked up that is asked again and again."""
        return await self._look(lambda connection: query(connection, *arguments, **named))

    async def change(
        self,
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Has something done, wholly or not at all."""
        return await self._change(lambda connection: work(connection, *arguments, **named))

    async def principal(self, secret_hash: str, now_ms: int) -> Principal | None:
        """Who signed in with the secret of this hash; None: nobody, or no more."""
        found = await self.look(network_people.principal, secret_hash, now_ms)
        if found is None and secret_hash in self._seen and self._noting is not None:
            # They were idle for too long, unless what is just being written says otherwise.
            await asyncio.wait((self._noting,))
            found = await self.look(network_people.principal, secret_hash, now_ms)
        if found is None:
            return None
        if found.seen_ms + SEEN_EVERY_MS <= now_ms and len(self._seen) < MAX_NOTED:
            self._seen[secret_hash] = now_ms
            if self._noting is None:
                self._noting = asyncio.create_task(self._note_seen(), name="sign-ins seen")
        return found.principal

    async def _note_seen(self) -> None:
        """Whoever asks does not wait for it: it costs a commit, and is of no weight for what is asked."""
        try:
            while written := dict(self._seen):
                # A database that is being written to may miss it.
                with contextlib.suppress(StoreUnavailable):
                    await self.change(sign_ins.seen, written)
                kept = {each: at_ms for each, at_ms in self._seen.items() if at_ms > written.get(each, -1)}
                self._seen = kept
        finally:
            self._noting = None

    async def close(self) -> None:
        """Waits for what is being noted. Idempotent."""
        if self._noting is not None:
            await asyncio.wait((self._noting,), timeout=CLOSING_S)
        if self._noting is not None:
            self._noting.cancel()
