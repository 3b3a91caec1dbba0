"""The one door to the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import URL, Connection, delete, insert, update
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from classroom.attendance import KINDS, Report, attendance
from classroom.clock import Clock, SteadyClock, SystemClock, Uptime, system_uptime, unknown_uptime
from classroom.events import Fact
from classroom.model import ChatEntry, ChatId, ClassId, Hand, Lesson, LessonId, LessonState, Person, PersonId
from classroom.roll import Pupil
from classroom.store import devices, people, reader, roll_reader, tables, talk_reader
from classroom.store.catalogue import CatalogueStore
from classroom.store.devices import ClassLesson, Device
from classroom.store.engine import BUSY_TIMEOUT_S, is_foreign_file, make_engine, reason
from classroom.store.in_use import Closed, InUse
from classroom.store.ledger import Ledger
from classroom.store.lesson_rows import insert_lesson, lesson_row
from classroom.store.library import LibraryStore
from classroom.store.migrate import SchemaError, upgrade
from classroom.store.network import NetworkStore
from classroom.store.outbox import StoreUnavailable, Webhooks
from classroom.store.quality_recovery import recover_quality
from classroom.store.recovery import recover
from classroom.store.rows import class_row
from classroom.store.server_clock import server_clock
from classroom.store.transactions import Transactions, transactions
from classroom.store.webhooks import count
from classroom.store.writer import StoreHealth, Writer
from classroom.talk.quiz import Quiz
from classroom.talk.state import Restored

__all__ = ["LessonRecord", "Store", "StoreHealth", "StoreUnavailable"]

log = logging.getLogger(__name__)

T = TypeVar("T")

CLOSING_S = 5.0
"""For what is queued to be written at the end: a database that has not come back by then has lost it."""
WRITING_S = 1.0
"""For a change to be on the disk before it is answered for."""
OPENING_S = 5.0
"""For what is still to be written of a lesson before its room is opened again."""


BACK_SOON_S = 600.0
"""A server that was away for longer than a break has lost its people; for less, their places are kept."""


@dataclass(frozen=True, slots=True)
class LessonRecord:
    """What a room begins with."""

    lesson: Lesson
    chat: tuple[ChatEntry, ...]
    """The latest, oldest first."""
    talk: Restored
    people: tuple[Person, ...] = ()
    """Who was in when the server went, and may be back in a moment."""
    hands: tuple[Hand, ...] = ()
    """Raised then, in order."""


class Store:
    """Made by `open`. An Observer of every room."""

    def __init__(
        self,
        engine: AsyncEngine,
        transact: Transactions,
        clock: SteadyClock,
        on_health: Callable[[StoreHealth], None] | None = None,
        uptime: Callable[[], Uptime] = unknown_uptime,
    ) -> None:
        self._engine = engine
        self._transact = transact
        self.clock = clock
        """By which all lessons of this server go, and go on after a restart."""
        self._ledger = Ledger()
        self._closed = False
        self._in_use = InUse()
        self.webhooks = Webhooks(self._read, self._change, self._ledger)
        self.library = LibraryStore(self._read, self._change, self._look, self._write)
        self.network = NetworkStore(self._read, self._change, self._look)
        self.catalogue = CatalogueStore(self._read, self._change, self._look)
        self._writer = Writer(
            transact, self._ledger, clock, on_health or (lambda health: None), self.webhooks.written, uptime
        )

    @classmethod
    async def open(
        cls,
        url: str | URL,
        *,
        clock: Clock | None = None,
        uptime: Callable[[], Uptime] | None = None,
        on_health: Callable[[StoreHealth], None] | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Store:
        """Connects, migrates, closes what a crash left open, starts the writer.

        url: as SQLAlchemy's, with an async driver; `engine.sqlite_url(path)` makes one. clock, uptime: the
        system's, if none are given; of another clock no uptime is known. on_health: called when writing
        begins to fail and when it works again. Raises StoreUnavailable."""
        try:
            if is_foreign_file(url):
                raise StoreUnavailable("file is not a database")
            engine = make_engine(url, busy_timeout_s)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StoreUnavailable(f"cannot use this database URL: {error}") from error
        clock, uptime = clock or SystemClock(), uptime or (unknown_uptime if clock else system_uptime)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(upgrade)
                steady = await server_clock(connection, clock, uptime())
                closed = await recover(connection)
                webhooks = await count(connection)
                seconds = await recover_quality(connection)
        except (SQLAlchemyError, SchemaError, OSError) as error:
            await engine.dispose()
            raise _unavailable(error) from error
        if closed:
            log.info("- store: closed %d presences that a crash had left open", closed)
        if seconds:
            log.info("- store: %d seconds of the quality record, noted before a crash, are in it", seconds)
        store = cls(engine, transactions(engine, busy_timeout_s), steady, on_health, uptime)
        store._ledger.webhooks = webhooks
        store._writer.start()
        return store

    @property
    def health(self) -> StoreHealth:
        return self._writer.health

    def observe(self, fact: Fact) -> None:
        """Queues a fact to be written; never waits."""
        self._writer.add(fact)

    async def tell(self, fact: Fact) -> None:
        """The same of a lesson whose room may be closed: its stream goes on. Raises StoreUnavailable."""
        if not self._ledger.knows(fact.lesson_id):
            last = await self._read(lambda connection: reader.last_event(connection, fact.lesson_id))
            if not self._ledger.knows(fact.lesson_id):
                self._ledger.begin(fact.lesson_id, last + 1)
        self.observe(fact)

    async def flush(self) -> None:
        """Waits until everything observed so far is written, however long the database is away."""
        await self._writer.flush()

    async def written(self) -> None:
        """Waits until everything observed so far is written, but not for a database that is away: what waits
        for it is not lost unless the server goes as well."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WRITING_S):
                await self._writer.flush()

    async def close(self) -> None:
        """Writes what is queued (for at most 5 s), waits for who reads (as long), then closes. Idempotent.
        What is asked afterwards raises StoreUnavailable."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._writer.flush()
        except TimeoutError:
            log.error("x store: closed with %d facts unwritten", self.health.queued)
        await self._writer.stop()
        await self.network.close()
        if left := await self._in_use.close(CLOSING_S):
            log.error("x store: closed with %d still at work", left)
        await self._engine.dispose()

    # --- lessons
    # ----------------------------------------------------------------------------------------------

    async def lesson(self, lesson_id: LessonId) -> Lesson | None:
        """As it was last written. Raises StoreUnavailable, as all that read."""
        return await self._read(lambda connection: reader.lesson(connection, lesson_id))

    async def lessons(self) -> tuple[Lesson, ...]:
        """By id."""
        return await self._read(reader.lessons)

    async def presence(self, lesson_id: LessonId) -> tuple[reader.Presence, ...]:
        """Who was in a lesson, from when to when, in the order they came."""
        return await self._read(lambda connection: reader.presence(connection, lesson_id))

    async def events(
        self, lesson_id: LessonId, after: int = 0, *, kinds: Collection[str] = (), limit: int = reader.PAGE
    ) -> tuple[reader.StoredEvent, ...]:
        """The lesson's stream after that number; of `kinds` only, if there are any."""
        return await self._read(lambda connection: reader.events(connection, lesson_id, after, kinds, limit))

    def last_event_now(self, lesson_id: LessonId) -> int:
        """The number of the latest event of a lesson whose room is open, written or still to be; 0: none.
        Asked together with the room it is the event up to which the room's state goes."""
        return self._ledger.last(lesson_id)

    async def last_event(self, lesson_id: LessonId) -> int:
        """The same of any lesson."""
        if self._ledger.knows(lesson_id):
            return self._ledger.last(lesson_id)
        return await self._read(lambda connection: reader.last_event(connection, lesson_id))

    async def attendance(self, lesson: Lesson, now_ms: int) -> tuple[Report, dict[PersonId, str]]:
        """Who was in a lesson, and what they are called; everything that is known by now."""
        await self._flush_soon()

        found, names = await self._read(lambda connection: _comings(connection, lesson.id))
        registers = await self._read(lambda connection: roll_reader.registers(connection, lesson.id))
        # A day of a thousand people takes a tenth of a second: not of those who are in a lesson.
        return await asyncio.to_thread(attendance, lesson, found, now_ms, registers), names

    async def known_people(self, after: str = "", limit: int = reader.PAGE) -> tuple[people.KnownPerson, ...]:
        """Whom the server knows by name, by id after that one."""
        return await self._read(lambda connection: people.listed(connection, after, limit))

    async def known_person(self, person: PersonId) -> people.KnownPerson | None:
        return await self._read(lambda connection: people.find(connection, person))

    async def name_person(self, person: PersonId, name: str) -> bool:
        """Says what somebody is called. True: nobody of this id was known."""
        return await self._change(lambda connection: people.put(connection, person, name))

    async def registers(self, lesson_id: LessonId) -> dict[ClassId, tuple[Pupil, ...]]:
        """Who sits where in the classes of a lesson that have a register."""
        await self._flush_soon()
        return await self._read(lambda connection: roll_reader.registers(connection, lesson_id))

    async def add_device(self, device: Device) -> None:
        """A room device that was paired."""
        await self._change(lambda connection: devices.add(connection, device))

    async def device(self, device: PersonId) -> Device | None:
        return await self._read(lambda connection: devices.find(connection, device))

    async def devices(self, after: str = "", limit: int = reader.PAGE) -> tuple[Device, ...]:
        """By id after that one; revoked ones too."""
        return await self._read(lambda connection: devices.listed(connection, after, limit))

    async def revoke_device(self, device: PersonId, by: PersonId, at_ms: int) -> bool:
        """False: there is none, or it was revoked before."""
        return await self._change(lambda connection: devices.revoke(connection, device, by, at_ms))

    async def revoked_devices(self, since_ms: int) -> frozenset[str]:
        """Ids of those revoked from that time on."""
        return await self._read(lambda connection: devices.revoked_since(connection, since_ms))

    async def lessons_of_device(self, device: Device) -> tuple[ClassLesson, ...]:
        """Of its class, those that are not over."""
        return await self._read(lambda connection: devices.lessons_of(connection, device))

    async def quality(self, lesson_id: LessonId) -> tuple[reader.PersonQuality, ...]:
        """How well everybody was reached in a lesson, by person id."""
        return await self._read(lambda connection: reader.quality(connection, lesson_id))

    async def quality_of(
        self, lesson_id: LessonId, person: PersonId, after_ms: int = 0
    ) -> tuple[reader.StoredPeriod, ...]:
        """How well one person was reached, second by second, after that time; at most an hour."""
        return await self._read(lambda connection: reader.quality_of(connection, lesson_id, person, after_ms))

    async def chat_entry(self, lesson_id: LessonId, chat: ChatId) -> ChatEntry | None:
        """One message, however old; None when there is none, or it was deleted."""
        return await self._read(lambda connection: talk_reader.chat_entry(connection, lesson_id, chat))

    async def quizzes(self, lesson_id: LessonId) -> tuple[Quiz, ...]:
        """Of a lesson, with answers and tallies, in the order in which they were opened."""
        return await self._read(lambda connection: talk_reader.quizzes(connection, lesson_id))

    async def begin_room(self, lesson_id: LessonId) -> LessonRecord | None:
        """What the room of a lesson begins with; from now on its facts may be observed. None: no such
        lesson."""
        await self._flush_soon()
        found = await self.lesson(lesson_id)
        if found is None:
            return None
        chat = await self._read(lambda connection: talk_reader.latest_chat(connection, lesson_id))
        talk = await self._read(lambda connection: talk_reader.restored(connection, lesson_id))
        rolls = await self._read(lambda connection: roll_reader.rolls(connection, found))
        if not self._ledger.knows(lesson_id):
            last = await self._read(lambda connection: reader.last_event(connection, lesson_id))
            self._ledger.begin(lesson_id, last + 1)
        if found.state is LessonState.LIVE:
            self.clock.not_before(
                await self._read(lambda connection: reader.last_told(connection, lesson_id))
            )
        since_ms = self.clock.unix_ms() - round(1000 * BACK_SOON_S)
        people = await self._read(lambda connection: reader.kept_places(connection, lesson_id, since_ms))
        hands = await self._read(lambda connection: reader.raised_hands(connection, lesson_id))
        return LessonRecord(found, chat, replace(talk, rolls=rolls), people, hands)

    async def begin_closed(self, lesson_ids: Collection[LessonId]) -> dict[LessonId, Lesson]:
        """Lessons whose rooms are closed, and stay so until their facts were observed: from now on they may
        be. Those that there are."""
        await self._flush_soon()
        found = await self._read(lambda connection: reader.lessons(connection, lesson_ids))
        if strange := [each.id for each in found if not self._ledger.knows(each.id)]:
            last = await self._read(lambda connection: reader.last_events(connection, strange))
            for lesson_id in strange:
                self._ledger.begin(lesson_id, last.get(lesson_id, 0) + 1)
        return {each.id: each for each in found}

    async def state_reason(self, lesson_id: LessonId) -> str:
        """What was said when the lesson came into the state in which it is. Empty: nothing."""
        await self._flush_soon()
        return await self._read(lambda connection: reader.state_reason(connection, lesson_id))

    async def save_lesson(self, lesson: Lesson) -> None:
        """Makes or changes a lesson and its classes; not one whose room is open. Raises StoreUnavailable."""
        row = lesson_row(lesson)
        rooms = [class_row(lesson.id, position, room) for position, room in enumerate(lesson.classes)]
        at = tables.lessons.c.id == lesson.id

        async def save(connection: AsyncConnection) -> None:
            changed = await connection.execute(update(tables.lessons).where(at).values(row))
            if not changed.rowcount:
                await connection.execute(insert(tables.lessons).values(id=lesson.id, **row))
            await connection.execute(delete(tables.classes).where(tables.classes.c.lesson_id == lesson.id))
            if rooms:
                await connection.execute(insert(tables.classes), rooms)

        await self._change(save)

    async def add_lesson(self, lesson: Lesson) -> bool:
        """Makes a lesson; False: there is one of this id. Raises StoreUnavailable."""
        try:
            with self._at_work():
                async with self._engine.begin() as connection:
                    await insert_lesson(connection, lesson)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, IntegrityError):
                return False
            raise
        return True

    async def _flush_soon(self) -> None:
        try:
            async with asyncio.timeout(OPENING_S):
                await self._writer.flush()
        except TimeoutError:
            raise StoreUnavailable(self.health.error) from None

    async def _change(self, change: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        with self._at_work():
            async with self._engine.begin() as connection:
                return await change(connection)

    async def _write(self, work: Callable[[Connection], None]) -> None:
        """What is written every few seconds: in SQLite by the writer's thread, in one hop for all of it."""
        with self._at_work():
            await self._transact(work)

    async def _read(self, query: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        with self._at_work():
            async with self._engine.connect() as connection:
                return await query(connection)

    async def _look(self, query: Callable[[Connection], T]) -> T:
        """What is asked every other second: in SQLite one hop to a thread, where `_read` takes a dozen."""
        with self._at_work():
            return await self._transact.look(query)

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Raises StoreUnavailable, whatever the reason."""
        try:
            with self._in_use.at_work():
                yield
        except Closed:
            raise StoreUnavailable("closed") from None
        except (SQLAlchemyError, OSError) as error:
            raise _unavailable(error) from error


async def _comings(
    connection: AsyncConnection, lesson_id: LessonId
) -> tuple[list[reader.StoredEvent], dict[PersonId, str]]:
    """What attendance is made of: who came and went, page by page, and their names."""
    found: list[reader.StoredEvent] = []
    while page := await reader.events(connection, lesson_id, found[-1].seq if found else 0, KINDS):
        found += page
    return found, await reader.names(connection, lesson_id)


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(reason(error))
