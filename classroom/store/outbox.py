"""The store's door to webhooks and their outbox: `store.webhooks`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.store import webhooks
from classroom.store.ledger import Ledger
from classroom.store.webhooks import Delivery, Webhook

T = TypeVar("T")


class StoreUnavailable(Exception):  # noqa: N818 - an answer, not a fault
    """The database cannot be opened or read at the moment (locked, full, away, of a newer version)."""


class Transaction(Protocol):
    """Has something done in the database. Raises StoreUnavailable."""

    async def __call__(self, work: Callable[[AsyncConnection], Awaitable[T]], /) -> T: ...


class Look(Protocol):
    """Has something looked up that is asked again and again. Raises StoreUnavailable."""

    async def __call__(self, query: Callable[[Connection], T], /) -> T: ...


class Write(Protocol):
    """Has something written that is written again and again, in a transaction. Raises StoreUnavailable."""

    async def __call__(self, work: Callable[[Connection], None], /) -> None: ...


class Webhooks:
    """All methods raise StoreUnavailable."""

    def __init__(self, read: Transaction, change: Transaction, ledger: Ledger) -> None:
        self._read = read
        self._change = change
        self._ledger = ledger
        self.on_news: Callable[[], None] = lambda: None
        """Called when something may have come into the outbox, or somebody may be told again."""

    def written(self) -> None:
        """The writer has written."""
        if self._ledger.webhooks:
            self.on_news()

    async def listed(self) -> tuple[Webhook, ...]:
        """By id."""
        return await self._read(webhooks.listed)

    async def find(self, webhook_id: str) -> Webhook | None:
        return await self._read(lambda connection: webhooks.find(connection, webhook_id))

    async def put(self, webhook: Webhook) -> bool:
        """Makes it, or changes it and tries it again at once; it is told of what happens from now on. True:
        it is new."""
        # Before it is there: an event in between asks in vain, but none goes past it.
        self._ledger.webhooks += 1
        try:
            made = await self._change(lambda connection: webhooks.put(connection, webhook))
        finally:
            await self._count()
        self.on_news()
        return made

    async def drop(self, webhook_id: str) -> bool:
        """With all that waits for it; False: there is none."""
        dropped = await self._change(lambda connection: webhooks.drop(connection, webhook_id))
        await self._count()
        return dropped

    async def waiting(self) -> tuple[Webhook, ...]:
        """Those that something waits for, by when they are due."""
        return await self._read(webhooks.waiting)

    async def next_delivery(self, webhook_id: str, after: str, limit: int) -> Delivery | None:
        """What it is to be told next, of one lesson; after: the lesson it was last told of."""
        return await self._read(
            lambda connection: webhooks.next_delivery(connection, webhook_id, after, limit)
        )

    async def delivered(self, webhook_id: str, delivery: Delivery) -> None:
        await self._change(lambda connection: webhooks.delivered(connection, webhook_id, delivery))

    async def failed(self, webhook_id: str, *, now_ms: int, due_ms: int, error: str) -> None:
        """It is tried again when due."""
        await self._change(
            lambda connection: webhooks.failed(
                connection, webhook_id, now_ms=now_ms, due_ms=due_ms, error=error
            )
        )

    async def suspend(self, webhook_id: str, *, now_ms: int, error: str) -> None:
        """It is told nothing any more until somebody puts it anew; what waits is given up."""
        await self._change(
            lambda connection: webhooks.suspend(connection, webhook_id, now_ms=now_ms, error=error)
        )

    async def _count(self) -> None:
        self._ledger.webhooks = await self._read(webhooks.count)
