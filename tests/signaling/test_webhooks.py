"""The dispatcher: order, repetition, patience, and one's trouble costing nobody else."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from classroom.model import LessonId
from classroom.store.outbox import StoreUnavailable
from classroom.store.reader import StoredEvent
from classroom.store.webhooks import Delivery, Webhook
from signaling.webhook_signature import new_secret, verify
from signaling.webhooks import DELAYS_S, GIVE_UP_S, Answer, Dispatcher, delay_s

TURNS = 30
SECRET = new_secret()


class HandClock:
    """Moves when told."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, int, Any]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def unix_ms(self) -> int:
        return 1_800_000_000_000 + round(self._now * 1000)

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        timer = HandTimer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        until = self._now + seconds
        await turn()
        while self._timers and self._timers[0][0] <= until:
            self._now, _, timer = heapq.heappop(self._timers)
            timer.callback()
            await turn()
        self._now = until


class HandTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback

    def cancel(self) -> None:
        self.callback = lambda: None


async def turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class MemoryOutbox:
    def __init__(self) -> None:
        self.hooks: dict[str, Webhook] = {}
        self.queue: dict[str, list[tuple[str, StoredEvent]]] = {}
        self.on_news: Callable[[], None] = lambda: None
        self.away = False

    def put(self, name: str) -> None:
        self.hooks[name] = Webhook(name, f"http://{name}", SECRET, None, ())
        self.queue[name] = []

    def add(self, lesson: str, *numbers: int) -> None:
        for queue in self.queue.values():
            queue += [(lesson, StoredEvent(number, 1, 0, "k", None, {})) for number in numbers]
        self.on_news()

    async def waiting(self) -> tuple[Webhook, ...]:
        self._check()
        found = [hook for hook in self.hooks.values() if self.queue[hook.id] and hook.suspended_ms is None]
        return tuple(sorted(found, key=lambda hook: hook.due_ms))

    async def next_delivery(self, webhook_id: str, after: str, limit: int) -> Delivery | None:
        self._check()
        lessons = sorted({lesson for lesson, _ in self.queue[webhook_id]})
        if not lessons:
            return None
        chosen = next((lesson for lesson in lessons if lesson > after), lessons[0])
        found = [event for lesson, event in self.queue[webhook_id] if lesson == chosen]
        return Delivery(LessonId(chosen), tuple(found[:limit]))

    async def delivered(self, webhook_id: str, delivery: Delivery) -> None:
        self._check()
        gone = {event.seq for event in delivery.events}
        self.queue[webhook_id] = [
            (lesson, event)
            for lesson, event in self.queue[webhook_id]
            if lesson != delivery.lesson_id or event.seq not in gone
        ]
        self.hooks[webhook_id] = replace(
            self.hooks[webhook_id], attempts=0, due_ms=0, failing_since_ms=None, error=""
        )

    async def failed(self, webhook_id: str, *, now_ms: int, due_ms: int, error: str) -> None:
        hook = self.hooks[webhook_id]
        since_ms = hook.failing_since_ms or now_ms
        self.hooks[webhook_id] = replace(
            hook, attempts=hook.attempts + 1, due_ms=due_ms, failing_since_ms=since_ms, error=error
        )

    async def suspend(self, webhook_id: str, *, now_ms: int, error: str) -> None:
        self.queue[webhook_id] = []
        self.hooks[webhook_id] = replace(self.hooks[webhook_id], suspended_ms=now_ms, error=error)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("away")


class Receivers:
    """Answers as told: 200 until `answers` says otherwise; those that `hang` do not answer."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.heard: list[tuple[str, str, list[int]]] = []
        self.answers: dict[str, Answer] = {}
        self.hangs: set[str] = set()

    async def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        name = url.removeprefix("http://")
        assert verify(
            SECRET,
            *(headers[f"webhook-{part}"] for part in ("id", "timestamp", "signature")),
            body,
            self.clock.unix_ms() // 1000,
        )
        message = msgspec.json.decode(body)
        assert message["webhook"] == name
        self.heard.append((name, message["lesson"], [event["id"] for event in message["events"]]))
        if name in self.hangs:
            await asyncio.Event().wait()
        return self.answers.get(name, Answer(200))


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


@pytest.fixture
def outbox() -> MemoryOutbox:
    outbox = MemoryOutbox()
    outbox.put("a")
    return outbox


@pytest.fixture
def receivers(hand_clock: HandClock) -> Receivers:
    return Receivers(hand_clock)


@pytest.fixture
def counts() -> list[str]:
    return []


@pytest_asyncio.fixture
async def dispatcher(
    outbox: MemoryOutbox, hand_clock: HandClock, receivers: Receivers, counts: list[str]
) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(outbox, hand_clock, receivers, counts.append, chance=lambda: 0.5)
    dispatcher.start()
    yield dispatcher
    await dispatcher.close()


async def test_told_at_once_in_order_and_lesson_by_lesson(
    dispatcher: Dispatcher, outbox: MemoryOutbox, receivers: Receivers, counts: list[str]
) -> None:
    await turn()
    outbox.add("L", *range(1, 251))
    outbox.add("M", 1)
    await turn()
    assert [(lesson, len(numbers)) for _, lesson, numbers in receivers.heard] == [
        *(("L", 100), ("M", 1), ("L", 100), ("L", 50))
    ]
    numbers = [number for _, lesson, told in receivers.heard if lesson == "L" for number in told]
    assert numbers == list(range(1, 251))
    outbox.add("M", 2)
    await turn()
    assert receivers.heard[-1] == ("a", "M", [2])
    assert counts == ["taken"] * 5


async def test_tried_again_ever_later_until_it_is_taken(
    dispatcher: Dispatcher,
    outbox: MemoryOutbox,
    receivers: Receivers,
    hand_clock: HandClock,
    counts: list[str],
) -> None:
    receivers.answers["a"] = Answer(0, "refused")
    outbox.add("L", 1)
    await turn()
    for tries, delay in enumerate((*DELAYS_S, DELAYS_S[-1]), 1):
        assert len(receivers.heard) == tries
        assert outbox.hooks["a"].error == "refused"
        await hand_clock.advance(delay - 0.1)
        assert len(receivers.heard) == tries
        await hand_clock.advance(0.11)
    outbox.add("L", 2)
    await turn()
    assert receivers.heard[-1][2] == [1], "what is new waits with the rest"
    receivers.answers.clear()
    await hand_clock.advance(DELAYS_S[-1])
    assert receivers.heard[-1][2] == [1, 2]
    assert (outbox.hooks["a"].attempts, outbox.queue["a"]) == (0, [])
    assert counts[-1] == "taken" and set(counts[:-1]) == {"failed"}


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
async def test_nothing_but_a_yes_is_a_yes(
    dispatcher: Dispatcher, outbox: MemoryOutbox, receivers: Receivers, status: int
) -> None:
    receivers.answers["a"] = Answer(status)
    outbox.add("L", 1)
    await turn()
    assert (len(outbox.queue["a"]), outbox.hooks["a"].error) == (1, f"HTTP {status}")


async def test_a_receiver_that_is_gone_is_not_told_any_more(
    dispatcher: Dispatcher, outbox: MemoryOutbox, receivers: Receivers, counts: list[str]
) -> None:
    receivers.answers["a"] = Answer(410)
    outbox.add("L", 1)
    await turn()
    assert outbox.hooks["a"].suspended_ms is not None
    outbox.add("L", 2)
    await turn()
    assert len(receivers.heard) == 1
    assert counts == ["suspended"]


async def test_given_up_after_a_weekend(
    dispatcher: Dispatcher, outbox: MemoryOutbox, receivers: Receivers, hand_clock: HandClock
) -> None:
    receivers.answers["a"] = Answer(500)
    outbox.add("L", 1)
    await hand_clock.advance(GIVE_UP_S - 1)
    assert outbox.hooks["a"].suspended_ms is None
    await hand_clock.advance(2 * DELAYS_S[-1])
    assert outbox.hooks["a"].suspended_ms is not None
    assert 70 < len(receivers.heard) < 85


async def test_one_that_hangs_holds_up_nobody_else(
    dispatcher: Dispatcher, outbox: MemoryOutbox, receivers: Receivers
) -> None:
    outbox.put("b")
    receivers.hangs.add("a")
    outbox.add("L", 1)
    await turn()
    outbox.add("L", 2)
    await turn()
    assert [(name, told) for name, _, told in receivers.heard if name == "b"] == [("b", [1]), ("b", [2])]
    assert len([name for name, *_ in receivers.heard if name == "a"]) == 1


async def test_what_was_not_answered_is_told_by_the_next_server(
    dispatcher: Dispatcher, outbox: MemoryOutbox, receivers: Receivers, hand_clock: HandClock
) -> None:
    receivers.hangs.add("a")
    outbox.add("L", 1)
    await turn()
    await dispatcher.close()
    receivers.hangs.clear()
    again = Dispatcher(outbox, hand_clock, receivers)
    again.start()
    await turn()
    await again.close()
    assert receivers.heard == [("a", "L", [1])] * 2


async def test_the_database_is_away_for_a_while(
    dispatcher: Dispatcher, outbox: MemoryOutbox, receivers: Receivers, hand_clock: HandClock
) -> None:
    outbox.away = True
    outbox.add("L", 1)
    await hand_clock.advance(60)
    assert receivers.heard == []
    outbox.away = False
    await hand_clock.advance(10)
    assert receivers.heard == [("a", "L", [1])]


async def test_taken_but_not_noted_is_told_again(
    dispatcher: Dispatcher, outbox: MemoryOutbox, receivers: Receivers, hand_clock: HandClock
) -> None:
    """At least once: the answer came, and then the database was away."""
    receivers.hangs.add("a")
    outbox.add("L", 1)
    await turn()
    await dispatcher.close()
    receivers.hangs.clear()
    send = receivers.__call__

    async def send_then_cut(url: str, body: bytes, headers: dict[str, str]) -> Answer:
        outbox.away = True
        return await send(url, body, headers)

    again = Dispatcher(outbox, hand_clock, send_then_cut)
    again.start()
    await turn()
    again._send, outbox.away = send, False
    await hand_clock.advance(10)
    await again.close()
    assert [told for *_, told in receivers.heard] == [[1], [1], [1]]
    assert outbox.queue["a"] == []


def test_delays_grow_and_are_up_to_chance() -> None:
    assert [delay_s(attempts, 0.5) for attempts in (1, 2, 99)] == [5.0, 30.0, 3600.0]
    assert (delay_s(1, 0.0), delay_s(1, 1.0)) == (4.5, 5.5)
