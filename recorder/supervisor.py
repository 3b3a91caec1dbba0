"""The recorder process as the server sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from recorder.control import RemovalCause
from sfu.params import MediaParameters

RecordingState = Literal["on", "failing"]
StateCallback = Callable[[str, RecordingState, str], None]
"""(lesson id, state, reason); reason is a stable word (`disk_full`, `process`, ...), empty when on."""


class LocalSubscription(Protocol):
    def close(self) -> None: ...


class LocalTransport(Protocol):
    """What `Sfu.create_local_transport` gives: plain RTP over a socketpair."""

    @property
    def peer_fd(self) -> int: ...
    def subscribe(self, publication: Publication, parameters: MediaParameters) -> LocalSubscription: ...
    def close(self) -> None: ...


class Publication(Protocol):
    @property
    def parameters(self) -> MediaParameters: ...


class MediaPlane(Protocol):
    """The part of `sfu.sfu.Sfu` that the recorder needs."""

    def create_local_transport(self) -> LocalTransport: ...
    def allocate_ssrc(self) -> int: ...


class RecorderSupervisor:
    """Runs `python -m recorder`, restarts it whenever it dies, and tells it what to record.

    All calls from the event loop's thread; none blocks, and none raises because recording fails: a lesson goes on
    without it and `on_state` says so.
    """

    def __init__(self, sfu: MediaPlane, data_dir: Path, on_state: StateCallback) -> None:
        raise NotImplementedError

    async def start(self) -> None:
        """Closes items that an earlier server left open, then starts the process.

        Raises LibraryInUse when another server records into this data directory.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Ends all items, waits until their files are finished (at most 10 s), and ends the process."""
        raise NotImplementedError

    def lesson_started(self, lesson_id: str, title: str, started_ms: int) -> str:
        """Begins an item; returns its id. Again for a lesson that is being recorded: nothing, the same id."""
        raise NotImplementedError

    def lesson_ended(self, lesson_id: str) -> None:
        raise NotImplementedError

    def publication_added(
        self, lesson_id: str, publication: Publication, person_id: str, source: str
    ) -> None:
        """Records the publication from now on. Before `lesson_started` it is remembered and recorded from then on."""
        raise NotImplementedError

    def publication_removed(
        self, lesson_id: str, publication: Publication, cause: RemovalCause = "left"
    ) -> None:
        """Must come before or right after the publication is closed."""
        raise NotImplementedError

    def publication_muted(self, lesson_id: str, person_id: str, source: str, muted: bool) -> None:
        """For the ledger: what is missing from now on is no fault."""
        raise NotImplementedError

    def item_of(self, lesson_id: str) -> str | None:
        """Id of the item being recorded for the lesson."""
        raise NotImplementedError

    def counters(self) -> dict[str, int]:
        """For `/metrics`: restarts, recordings, and what the process counts."""
        raise NotImplementedError
