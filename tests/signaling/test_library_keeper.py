"""How often the files of an item that grows are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from classroom.store.library import News
from classroom.store.library_items import ItemFacts
from recorder import index, ledger
from recorder.item import header_path, index_path, ledger_path
from recorder.library import Library, write_summary
from signaling.library_keeper import LIVE_AGAIN_LEAST_S, LIVE_AGAIN_S, LibraryKeeper

START_MS = 1_760_000_000_000
HOUR_US = 3_600_000_000


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def unix_ms(self) -> int:
        return START_MS + int(self.seconds * 1000)


class Shelf:
    """The library in the database."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def states(self) -> dict[str, str]:
        return {}

    async def refresh(self) -> None: ...

    async def keep(self, facts: Sequence[ItemFacts], now_ms: int) -> None:
        self.kept += [one.state for one in facts]

    async def news(self) -> News:
        return News(words=False, deletions=False)


class Database:
    def __init__(self) -> None:
        self.library = Shelf()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """With an item that has begun."""
    library = Library(tmp_path)
    header = ledger.Header(id="i1", lesson="l1", title="光", started_ms=START_MS)
    library.storage.replace(header_path("i1"), ledger.encode(header))
    return library


def grow(library: Library, us: int) -> None:
    """Gives the item a track that long."""
    added = ledger.TrackAdded(track="t0", person="m", source="camera", kind="video", at_us=0)
    library.storage.replace(ledger_path("i1"), ledger.encode(added))
    part = index.Part(part=0, init=8, codec="avc1.42e01f", timescale=90_000)
    ticks = us * 90_000 // 1_000_000
    whole = index.Fragment(part=0, offset=8, length=1, time=0, duration=ticks, keyframe=True)
    library.storage.replace(index_path("i1", "t0"), index.encode(part) + index.encode(whole))


async def test_what_is_long_is_read_seldom_and_its_end_is_seen_at_once(
    library: Library, tmp_path: Path
) -> None:
    clock, database = Clock(), Database()
    grow(library, HOUR_US)
    keeper = LibraryKeeper(library, cast(Any, database), tmp_path, cast(Any, clock))
    for clock.seconds in (0.0, 2.0, 10.0, LIVE_AGAIN_S - 1):
        await keeper.look()
    assert database.library.kept == ["live"]
    clock.seconds = LIVE_AGAIN_S
    await keeper.look()
    assert database.library.kept == ["live", "live"]
    entries = library.storage.read(ledger_path("i1"))
    library.storage.replace(
        ledger_path("i1"), entries + ledger.encode(ledger.Ended(at_us=HOUR_US, cause="ended"))
    )
    write_summary(library.storage, "i1")
    clock.seconds += 2.0
    await keeper.look()
    assert database.library.kept == ["live", "live", "ready"]


async def test_what_has_just_begun_is_read_every_few_seconds(library: Library, tmp_path: Path) -> None:
    clock, database = Clock(), Database()
    grow(library, 20_000_000)
    keeper = LibraryKeeper(library, cast(Any, database), tmp_path, cast(Any, clock))
    for clock.seconds in (0.0, 2.0, 4.0, LIVE_AGAIN_LEAST_S, LIVE_AGAIN_LEAST_S + 2):
        await keeper.look()
    assert database.library.kept == ["live", "live"]
