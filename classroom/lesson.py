"""A lesson as it goes on: one task and one inbox; nobody else touches its state."""

from __future__ import annotations

from typing import Protocol

from classroom.clock import Clock
from classroom.commands import Command
from classroom.events import Event, Fact, LeaveCause, Snapshot
from classroom.floor import Route
from classroom.model import ChatEntry, Lesson, Person, PersonId


class Member(Protocol):
    """One connection of one person; implemented at the door. Neither call may block, raise, or call back into the room
    other than by `post`."""

    def deliver(self, event: Event) -> None: ...
    def route(self, routes: tuple[Route, ...]) -> None:
        """All that this member receives from now on, most important first. Called only when it changed; the first time
        right after joining, before `join` returns, if it is not empty."""


class Observer(Protocol):
    """Hears every fact of a lesson, in order; must not block or raise."""

    def observe(self, fact: Fact) -> None: ...


class LessonRoom:
    """Made by a Directory. All methods are to be called on the event loop's thread."""

    def __init__(
        self,
        lesson: Lesson,
        *,
        clock: Clock,
        observers: tuple[Observer, ...] = (),
        chat: tuple[ChatEntry, ...] = (),
    ) -> None: ...

    @property
    def lesson(self) -> Lesson:
        """As it is now."""
        raise RuntimeError

    async def join(self, person: Person, member: Member) -> Snapshot:
        """Lets a person in. Events for the member come after the snapshot and continue it. A person who is in already
        is taken over by the new connection (the old member is dismissed, its tracks are gone).
        Raises Refused (and tells the observers)."""
        raise RuntimeError

    async def leave(self, person_id: PersonId, member: Member, cause: LeaveCause = LeaveCause.LEFT) -> None:
        """Takes the member out, unless it has been replaced or dismissed meanwhile. Its tracks are gone with it."""

    async def ask(self, command: Command) -> None:
        """Has a command carried out and waits for it. Raises Refused."""

    def post(self, command: Command) -> bool:
        """Hands a command over without waiting; a refusal comes to the actor's member as CommandRefused. False: the
        inbox is full (for this actor, or at all), nothing will be done: answer BUSY."""
        raise RuntimeError

    async def close(self) -> None:
        """Dismisses everybody with cause SERVER and ends the task. The lesson's state stays as it is."""
