"""Tells webhooks of events: signed, in order, at least once.

Theory of operation
-------------------
Events for webhooks wait in the outbox in the database, where they were written together with the events. One
task looks who is due, whenever something was written and when the next repetition is due, and starts a task
of its own for each: so a slow receiver delays nobody else. That task tells the oldest events of one lesson,
up to `BATCH` in one POST, then those of the next lesson, until nothing waits. Only what was answered with 2xx
leaves the outbox: after a restart the rest is told again, so a receiver may hear an event twice, and knows it
by lesson and id.

A receiver that does not answer, or not with 2xx, is tried again after `DELAYS_S`, each time later, then every
hour; the events of a lesson keep their order. After `GIVE_UP_S`, or when it answers 410 Gone, it is
suspended: it is told nothing any more until an organizer puts it anew, and what waited is given up. It can
read all of it from the stream.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import aiohttp
import msgspec

from classroom.clock import Clock
from classroom.store.outbox import StoreUnavailable
from classroom.store.webhooks import Delivery, Webhook
from signaling.bell import Bell
from signaling.events_http import EventView, event_view
from signaling.webhook_guard import Guard
from signaling.webhook_signature import headers

log = logging.getLogger(__name__)

BATCH: Final = 100
"""Events in one POST: some 20 KB."""
TIMEOUT_S: Final = 10.0
"""For an answer; a receiver takes events in and works on them later."""
DELAYS_S: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
"""After the first attempt in vain, the second, ...; then always the last. A receiver that is restarted misses
nothing, one that is ill is not trampled."""
JITTER: Final = 0.1
"""Part of a delay that is up to chance: receivers that fell ill together are not woken together."""
GIVE_UP_S: Final = 3 * 86400.0
"""A weekend."""
MAX_ERROR: Final = 200
"""Characters of what went wrong that are kept."""
DATABASE_AWAY_S: Final = 5.0
"""Until the outbox is looked at again."""
GONE: Final = 410


class WebhookMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a POST to a webhook."""

    webhook: str
    lesson: str
    events: list[EventView]
    """In order. The same event may come again: it has the same id."""


class Outbox(Protocol):
    """classroom.store.outbox.Webhooks, as far as it is needed here."""

    on_news: Callable[[], None]

    async def waiting(self) -> tuple[Webhook, ...]: ...
    async def next_delivery(self, webhook_id: str, after: str, limit: int) -> Delivery | None: ...
    async def delivered(self, webhook_id: str, delivery: Delivery) -> None: ...
    async def failed(self, webhook_id: str, *, now_ms: int, due_ms: int, error: str) -> None: ...
    async def suspend(self, webhook_id: str, *, now_ms: int, error: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a receiver."""

    status: int
    """0: none."""
    error: str = ""

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


Send = Callable[[str, bytes, dict[str, str]], Awaitable[Answer]]
"""URL, body, headers."""


def delay_s(attempts: int, chance: float) -> float:
    """Until the next attempt, after so many in vain (1: the first one). chance: 0..1."""
    delay = DELAYS_S[min(attempts, len(DELAYS_S)) - 1]
    return delay * (1 + JITTER * (2 * chance - 1))


class Dispatcher:
    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        send: Send,
        count: Callable[[str], None] = lambda result: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """count: hears of each POST's result: taken, failed, suspended."""
        self._outbox = outbox
        self._clock = clock
        self._send = send
        self._count = count
        self._chance = chance
        self._bell = Bell(clock)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._last_lesson: dict[str, str] = {}
        """By webhook: the lesson that it was last told of."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._outbox.on_news = self._bell.ring
        self._bell.ring()
        self._task = asyncio.create_task(self._run(), name="webhooks")

    async def close(self) -> None:
        """What is being told and not answered yet is told again by the next server."""
        self._outbox.on_news = lambda: None
        tasks = [*self._tasks.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._bell.quiet()
            await self._bell.heard(await self._look())

    async def _look(self) -> float | None:
        """Starts to tell those who are due; seconds until the next one is, None: nobody."""
        try:
            waiting = await self._outbox.waiting()
        except StoreUnavailable:
            return DATABASE_AWAY_S
        now_ms = self._clock.unix_ms()
        later = [webhook.due_ms for webhook in waiting if webhook.due_ms > now_ms]
        for webhook in waiting:
            if webhook.due_ms <= now_ms and webhook.id not in self._tasks:
                task = asyncio.create_task(self._tell(webhook), name=f"webhook {webhook.id}")
                self._tasks[webhook.id] = task
                task.add_done_callback(partial(self._done, webhook.id))
        return (min(later) - now_ms) / 1000 if later else None

    def _done(self, webhook_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(webhook_id, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            # What came while it was busy.
            self._bell.ring()
            return
        if not isinstance(error, StoreUnavailable):
            log.error("x webhook %s: a fault of ours", webhook_id, exc_info=error)
        self._bell.ring_in(DATABASE_AWAY_S)

    async def _tell(self, webhook: Webhook) -> None:
        """Until nothing waits, or it does not take what it is told."""
        while True:
            after = self._last_lesson.get(webhook.id, "")
            delivery = await self._outbox.next_delivery(webhook.id, after, BATCH)
            if delivery is None:
                self._last_lesson.pop(webhook.id, None)
                return
            answer = await self._post(webhook, delivery)
            if not answer.taken:
                await self._not_taken(webhook, answer)
                return
            self._count("taken")
            self._last_lesson[webhook.id] = delivery.lesson_id
            await self._outbox.delivered(webhook.id, delivery)

    async def _post(self, webhook: Webhook, delivery: Delivery) -> Answer:
        message = WebhookMessage(
            webhook=webhook.id,
            lesson=delivery.lesson_id,
            events=[event_view(event) for event in delivery.events],
        )
        first, last = delivery.events[0].seq, delivery.events[-1].seq
        body = msgspec.json.encode(message)
        message_id = f"{webhook.id}.{delivery.lesson_id}.{first}-{last}"
        signed = headers(webhook.secret, message_id, body, self._clock.unix_ms() // 1000)
        return await self._send(webhook.url, body, {"Content-Type": "application/json", **signed})

    async def _not_taken(self, webhook: Webhook, answer: Answer) -> None:
        now_ms = self._clock.unix_ms()
        error = (answer.error or f"HTTP {answer.status}")[:MAX_ERROR]
        since_ms = now_ms if webhook.failing_since_ms is None else webhook.failing_since_ms
        if answer.status == GONE or now_ms - since_ms >= GIVE_UP_S * 1000:
            log.warning("x webhook %s suspended: %s", webhook.id, error)
            self._count("suspended")
            await self._outbox.suspend(webhook.id, now_ms=now_ms, error=error)
            return
        if not webhook.attempts:
            log.warning("x webhook %s: %s; trying again", webhook.id, error)
        self._count("failed")
        wait_s = delay_s(webhook.attempts + 1, self._chance())
        due_ms = now_ms + round(wait_s * 1000)
        await self._outbox.failed(webhook.id, now_ms=now_ms, due_ms=due_ms, error=error)


def connector(guard: Guard) -> aiohttp.TCPConnector:
    """Connects to what the guard admits, and to nothing else. Every connection is made anew, so that it is
    looked at anew."""
    return aiohttp.TCPConnector(socket_factory=guard.socket, force_close=True, use_dns_cache=False)


def sender(http: aiohttp.ClientSession) -> Send:
    """By HTTP. Redirects are not followed: where events go is said once, by an organizer."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)

    async def send(url: str, body: bytes, head: dict[str, str]) -> Answer:
        try:
            async with http.post(
                url, data=body, headers=head, timeout=timeout, allow_redirects=False
            ) as response:
                return Answer(response.status)
        except aiohttp.ClientConnectorError as error:
            return Answer(0, error.strerror or str(error))
        except TimeoutError:
            return Answer(0, f"no answer within {TIMEOUT_S:.0f} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(0, str(error) or type(error).__name__)

    return send
