"""The one door to the database."""

from __future__ import annotations

from dataclasses import dataclass

from classroom.events import Fact
from classroom.model import Lesson, LessonId


class StoreUnavailable(Exception):  # noqa: N818
    """The database cannot be read at the moment (locked, full, away)."""


@dataclass(frozen=True, slots=True)
class StoreHealth:
    ok: bool
    """False: the last write failed and is being tried again; lessons go on."""
    queued: int
    """Facts that wait to be written."""
    written: int
    dropped: int
    """Facts lost because the queue was full."""
    retries: int
    refused: int
    """Rows that the database would not take, whatever we do (a fault of ours; logged)."""
    error: str
    """Of the last failed write; empty when ok."""


class Store:
    @classmethod
    async def open(cls, url: str) -> Store:
        """Connects, migrates, closes what a crash left open, starts the writer. `url` as SQLAlchemy's, async driver;
        `sqlite_url(path)` makes one. Raises StoreUnavailable."""
        raise RuntimeError

    def observe(self, fact: Fact) -> None:
        """Queues a fact to be written (an Observer of every room)."""

    @property
    def health(self) -> StoreHealth:
        raise RuntimeError

    async def lesson(self, lesson_id: LessonId) -> Lesson | None:
        raise RuntimeError

    async def lessons(self) -> tuple[Lesson, ...]:
        raise RuntimeError

    async def save_lesson(self, lesson: Lesson) -> None:
        """Makes or changes a lesson and its classes (not one whose room is open)."""

    async def flush(self) -> None:
        """Waits until everything observed so far is written."""

    async def close(self) -> None:
        """Writes what is queued (for at most 5 s), then closes."""
