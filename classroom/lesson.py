"""A lesson as it goes on: one task and one inbox; nobody else touches its state.

Whatever happens to a lesson is a job in the inbox of its room: somebody comes, goes or asks for something, a
timer is due, the server closes. The room's task takes one at a time, has it done (`membership`, `handlers`),
and tells everybody (`LessonCore.settle`) before it takes the next. Those who come right behind each other are
let in one by one and told of together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from classroom.clock import Clock, Timer
from classroom.commands import (
    Command,
    FromOffice,
    ReportLead,
    ReportQuality,
    ReportRecording,
    ServerCommand,
)
from classroom.core import LessonCore, Observer
from classroom.events import CommandRefused, LeaveCause, Snapshot
from classroom.handlers import handle
from classroom.inbox import Inbox
from classroom.membership import everybody_out, join, leave, snapshot
from classroom.model import Attendee, ChatEntry, ChatId, ClassStatus, Hand, Lesson, Person, PersonId
from classroom.office import carry_out
from classroom.restart import restore
from classroom.rules.reasons import Reason, Refused
from classroom.switchboard import Line, Member
from classroom.talk import quiz_handlers, voice_handlers
from classroom.talk.commands import DeleteChat
from classroom.talk.quiz import Quiz
from classroom.talk.state import Restored

__all__ = ["LessonRoom", "Member", "Observer"]

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_LOOK_UPS = 32
"""Of old messages at the same time, by all moderators: each is one question to the database."""

FindChat = Callable[[ChatId], Awaitable[ChatEntry | None]]
"""None: there is no such message (any more), or it cannot be looked up now. Does not raise."""

JOBS_IN_A_ROW = 32
"""Then everything else has its turn: when a thousand come at once, nobody waits for the last of them."""


@dataclass(frozen=True, slots=True)
class _Join:
    person: Person
    member: Member
    done: asyncio.Future[tuple[Snapshot | None, Line]]
    shown: bool
    """A snapshot is wanted."""


@dataclass(frozen=True, slots=True)
class _Leave:
    person: PersonId
    member: Member
    cause: LeaveCause
    done: asyncio.Future[None] | None


@dataclass(frozen=True, slots=True)
class _Ask:
    command: Command
    done: asyncio.Future[None] | None
    looked_up: bool = False
    """The database has been asked for what the room does not know."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A timer of the core."""

    callback: Callable[[], None]
    done: None = None


@dataclass(frozen=True, slots=True)
class _Close:
    done: asyncio.Future[None]


_Job = _Join | _Leave | _Ask | _Due | _Close


class LessonRoom:
    """Opened by a Directory. All methods are to be called on the event loop's thread."""

    def __init__(
        self,
        lesson: Lesson,
        *,
        clock: Clock,
        observers: Iterable[Observer] = (),
        chat: Iterable[ChatEntry] = (),
        restored: Restored = Restored(),  # noqa: B008 - a value
        find_chat: FindChat | None = None,
    ) -> None:
        """chat: what was said before, oldest first; restored: what else was there; find_chat: looks up what
        was said too long ago to be in `chat`. Call `start` next."""
        self._clock = clock
        self._inbox: Inbox[_Job] = Inbox()
        self._core = LessonCore(lesson, clock, self._later, observers, chat, restored)
        self._find_chat = find_chat
        self._looking_up: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._commands = 0
        self._refused = 0
        self._faults = 0

    def start(self, people: Iterable[Person] = (), hands: Iterable[Hand] = ()) -> None:
        """people, hands: of a lesson that goes on after the server went: they keep their places for a
        minute, to come back to."""
        restore(self._core, people, hands)
        quiz_handlers.resume(self._core)
        voice_handlers.resume(self._core)
        self._task = asyncio.create_task(self._run(), name=f"lesson {self.lesson.id}")

    @property
    def lesson(self) -> Lesson:
        """As it is now."""
        return self._core.lesson

    @property
    def people(self) -> tuple[Attendee, ...]:
        """Everybody in the lesson, in the order they first came; supervisors are not among them."""
        return tuple(self._core.roster.everybody())

    @property
    def classes(self) -> tuple[ClassStatus, ...]:
        """In the lesson's order."""
        return self._core.roster.statuses()

    @property
    def hands(self) -> tuple[Hand, ...]:
        """In the order they went up."""
        return tuple(self._core.hands)

    @property
    def quizzes(self) -> tuple[Quiz, ...]:
        """In the order in which they were opened."""
        return tuple(self._core.talk.quizzes.values())

    @property
    def empty(self) -> bool:
        """Nobody is in, supervisors neither, no place is kept, and nothing is to be done."""
        return not (len(self._core.roster) or len(self._core.lines) or len(self._inbox))

    def misses(self, person: PersonId) -> bool:
        """Somebody who leads: their media are waited for."""
        return person in self._core.lead.silent

    @property
    def closed(self) -> bool:
        return self._core.closed

    def counters(self) -> dict[str, int]:
        return {
            "commands": self._commands,
            "commands_refused": self._refused,
            "inbox_refused": self._inbox.refused,
            "faults": self._faults,
        }

    def elapsed_ms(self) -> int:
        """The lesson clock: ms since the lesson went live, 0 before."""
        return self._core.elapsed_ms()

    def unix_ms(self) -> int:
        """Unix time by which this lesson goes, whatever the wall clock is set to meanwhile."""
        return self._core.clock.unix_ms()

    async def join(self, person: Person, member: Member) -> Snapshot:
        """Lets a person in. The member's routes come before this returns, its events from when the caller
        next waits: they continue the snapshot. A person who is in already is taken over by the new
        connection: the old member is dismissed, its tracks are gone, hands and place stay. Raises Refused
        (and tells the observers)."""
        shown = await self._come(person, member, shown=True)
        assert shown is not None, "a snapshot was asked for"
        return shown

    async def enter(self, person: Person, member: Member) -> None:
        """The same for who shows nothing of the lesson, and needs no snapshot."""
        await self._come(person, member, shown=False)

    async def _come(self, person: Person, member: Member, *, shown: bool) -> Snapshot | None:
        done: asyncio.Future[tuple[Snapshot | None, Line]] = asyncio.get_running_loop().create_future()
        if not self._offer(_Join(person, member, done, shown), person.id):
            raise Refused(self._no_room())
        try:
            found, line = await done
        except asyncio.CancelledError:
            self._inbox.put(_Leave(person.id, member, LeaveCause.LOST, None))
            raise
        line.release_routes()
        asyncio.get_running_loop().call_soon(line.release_events)
        return found

    async def leave(self, person_id: PersonId, member: Member, cause: LeaveCause = LeaveCause.LEFT) -> None:
        """Takes the member out, unless it has been replaced or dismissed meanwhile. Its tracks go with it.
        LOST keeps the place for a minute."""
        if self.closed:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.put(_Leave(person_id, member, cause, done))
        await done

    async def ask(self, command: Command) -> None:
        """Has a command carried out and waits for it. Raises Refused."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._offer_command(command, done):
            raise Refused(self._no_room())
        await done

    def post(self, command: Command) -> bool:
        """Hands a command over without waiting; a refusal comes to the actor's member as CommandRefused.
        False: the inbox is full (for this actor, or at all) or the room closed, nothing will be done: answer
        BUSY."""
        return self._offer_command(command, None)

    async def close(self) -> None:
        """Dismisses everybody with cause SERVER and ends the task. The lesson's state stays as it is."""
        if self._task is None:
            return
        if not self.closed:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._inbox.put(_Close(done))
            await done
        await self._task
        await asyncio.gather(*self._looking_up, return_exceptions=True)

    # --- the way in
    # -------------------------------------------------------------------------------------------

    def _offer_command(self, command: Command, done: asyncio.Future[None] | None) -> bool:
        job = _Ask(command, done)
        if isinstance(command, ServerCommand):
            self._inbox.put(job)
            return not self.closed
        return self._offer(job, command.actor)

    def _offer(self, job: _Job, sender: PersonId) -> bool:
        return not self.closed and self._inbox.offer(job, sender)

    def _no_room(self) -> Reason:
        return Reason.CLOSED if self.closed else Reason.BUSY

    def _later(self, when: float, callback: Callable[[], None]) -> Timer:
        return self._clock.call_at(when, lambda: self._inbox.put(_Due(callback)))

    # --- the task
    # ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        done = 0
        while not self.closed:
            job = await self._inbox.take()
            # A class that comes in together is told of, and told what it receives, once.
            together = (
                [job, *self._inbox.take_more(_Join, JOBS_IN_A_ROW)] if isinstance(job, _Join) else [job]
            )
            self._do(together)
            before, done = done, done + len(together)
            if before // JOBS_IN_A_ROW != done // JOBS_IN_A_ROW:
                await asyncio.sleep(0)
        while len(self._inbox):
            job = await self._inbox.take()
            _answer(job, Refused(Reason.CLOSED) if isinstance(job, _Join | _Ask) else None)

    def _do(self, jobs: Sequence[_Job]) -> None:
        answers = [self._guarded(job, partial(self._carry_out, job)) for job in jobs]
        fault = self._guarded(jobs[-1], self._core.settle)
        for job, answer in zip(jobs, answers, strict=True):
            self._tell(job, answer if fault is None else fault)

    def _guarded(self, job: _Job, do: Callable[[], T]) -> T | Refused:
        try:
            return do()
        except Exception:
            # A fault of ours. It costs who asked this one answer; the lesson goes on for everybody else.
            self._faults += 1
            log.exception("x lesson %s: fault in %s", self.lesson.id, type(job).__name__)
            return Refused(Reason.INTERNAL)

    def _tell(self, job: _Job, answer: Any) -> None:
        if isinstance(answer, Refused) and self._looks_up(job, answer.reason):
            return
        if isinstance(answer, Refused):
            self._tell_refusal(job, answer.reason)
        _answer(job, answer)

    def _carry_out(self, job: _Job) -> Any:
        """What is to be answered: a result, or Refused."""
        try:
            return _JOBS[type(job)](self, job)
        except Refused as refused:
            self._refused += 1
            return refused

    def _tell_refusal(self, job: _Job, reason: Reason) -> None:
        """To who does not wait for an answer."""
        if isinstance(job, _Ask) and job.done is None and not isinstance(job.command, ServerCommand):
            self._core.lines.deliver(job.command.actor, CommandRefused(job.command, reason))

    def _looks_up(self, job: _Job, reason: Reason) -> bool:
        """Whether the command comes in again, with a message that is too old for the room to know: it is
        looked up beside the room's task, which waits for no database."""
        if reason is not Reason.CHAT_UNKNOWN or not isinstance(job, _Ask) or job.looked_up:
            return False
        if self._find_chat is None or len(self._looking_up) >= MAX_LOOK_UPS:
            return False
        assert isinstance(job.command, DeleteChat), "nothing else names a message"
        task = asyncio.create_task(self._look_up(job.command, job.done, self._find_chat))
        self._looking_up.add(task)
        task.add_done_callback(self._looking_up.discard)
        return True

    async def _look_up(self, command: DeleteChat, done: asyncio.Future[None] | None, find: FindChat) -> None:
        try:
            command = replace(command, found=await find(command.chat))
        finally:
            job = _Ask(command, done, looked_up=True)
            if self.closed:
                _answer(job, Refused(Reason.CLOSED))
            else:
                self._inbox.put(job)

    def _join(self, job: _Join) -> tuple[Snapshot | None, Line] | None:
        if job.done.cancelled():
            return None
        line = join(self._core, job.person, job.member)
        return snapshot(self._core, line) if job.shown else None, line

    def _leave(self, job: _Leave) -> None:
        leave(self._core, job.person, job.member, job.cause)

    def _ask(self, job: _Ask) -> None:
        self._commands += 1
        if isinstance(job.command, ReportRecording):
            self._core.change_recording(job.command.state)
        elif isinstance(job.command, ReportQuality):
            self._core.roster.reached(job.command.person, job.command.quality)
        elif isinstance(job.command, FromOffice):
            carry_out(self._core, job.command)
        elif isinstance(job.command, ReportLead):
            self._core.lead.report(self._core, job.command)
        else:
            handle(self._core, job.command)

    def _due(self, job: _Due) -> None:
        job.callback()

    def _close(self, _job: _Close) -> None:
        everybody_out(self._core, LeaveCause.SERVER)
        self._core.closed = True


def _answer(job: _Job, result: Any) -> None:
    """To who waits for it, if anybody does (still)."""
    if job.done is None or job.done.done():
        return
    if isinstance(result, Refused):
        job.done.set_exception(result)
    else:
        job.done.set_result(result)


_JOBS: Mapping[type[_Job], Callable[[LessonRoom, Any], Any]] = {
    _Join: LessonRoom._join,
    _Leave: LessonRoom._leave,
    _Ask: LessonRoom._ask,
    _Due: LessonRoom._due,
    _Close: LessonRoom._close,
}
