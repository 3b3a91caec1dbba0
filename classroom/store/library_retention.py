"""How long things of the library are kept, and what is over its time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.clips import ClipState
from classroom.library.retention import ALL, Keeping, Kept, Policies, is_over
from classroom.store import library_clips
from classroom.store.library_clips import Clip
from classroom.store.library_items import ItemRecord, record
from classroom.store.library_tables import library_items, library_retention


@dataclass(frozen=True, slots=True)
class Policy:
    provider: str
    """`*`: all that have no word of their own."""
    kind: Kept
    days: int
    """0: for ever."""
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Over:
    """What is over its time."""

    items: tuple[ItemRecord, ...]
    clips: tuple[Clip, ...]


async def policies(connection: AsyncConnection) -> tuple[Policy, ...]:
    p = library_retention.c
    found = await connection.execute(select(library_retention).order_by(p.provider, p.kind))
    return tuple(Policy(row.provider, Kept(row.kind), row.days, row.by, row.at_ms) for row in found)


async def put(connection: AsyncConnection, policy: Policy) -> None:
    await drop(connection, policy.provider, policy.kind)
    row = {name: getattr(policy, name) for name in Policy.__slots__}
    await connection.execute(insert(library_retention).values(row))


async def drop(connection: AsyncConnection, provider: str, kind: Kept) -> bool:
    """False: there was none."""
    p = library_retention.c
    gone = await connection.execute(delete(library_retention).where(p.provider == provider, p.kind == kind))
    return bool(gone.rowcount)


async def over(connection: AsyncConnection, now_ms: int) -> Over:
    """What retention says is to go now; nothing that is held, or goes on."""
    words: Policies = {(one.provider, one.kind): one.days for one in await policies(connection)}
    if not any(words.values()):
        return Over((), ())
    i = library_items.c
    ready = select(library_items).where(i.state == "ready", i.hold_ms.is_(None))
    # Only of those for whom there is a word: of a hundred thousand items most may be kept for ever.
    if not words.get((ALL, Kept.LESSON), 0):
        named = [provider for (provider, kind), kept in words.items() if kind is Kept.LESSON and kept]
        ready = ready.where(i.provider.in_(named))
    items = [record(row) for row in await connection.execute(ready)]
    held = await _held(connection)
    clips = [clip for clip in await library_clips.all_of(connection) if clip.item not in held]
    return Over(
        tuple(item for item in items if is_over(words, keeping_of(item), now_ms)),
        tuple(clip for clip in clips if is_over(words, keeping_of_clip(clip), now_ms)),
    )


async def _held(connection: AsyncConnection) -> frozenset[str]:
    """A hold of an item holds its clips."""
    i = library_items.c
    found = await connection.execute(select(i.id).where(i.hold_ms.is_not(None)))
    return frozenset(row.id for row in found)


def keeping_of(item: ItemRecord) -> Keeping:
    return Keeping(
        item.provider,
        Kept.LESSON,
        item.started_ms + item.duration_ms,
        held=item.hold_ms is not None,
        live=item.state == "live",
    )


def keeping_of_clip(clip: Clip) -> Keeping:
    kind = Kept.CLIP if clip.state is ClipState.PUBLISHED else Kept.DRAFT
    return Keeping(clip.provider, kind, clip.changed_ms)
