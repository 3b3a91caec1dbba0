"""The recorder process as the server sees it: started, fed, watched, and started again.

The server's state is the whole truth: which lessons are recorded and which publications belong to them. A
process gets it told from the beginning, so a new one is as good as the old one. Each process has a local
transport and subscriptions of its own; when it dies they go with it, and the next is running within
RESTART_S. The items it had open are gone on with: it finds their files as they were left.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from recorder.control import (
    Control,
    EndCause,
    Format,
    FromRecorder,
    ItemClose,
    ItemClosed,
    ItemOpen,
    ItemState,
    Ready,
    RemovalCause,
    Shutdown,
    Status,
    TrackClose,
    TrackMute,
    TrackOpen,
)
from recorder.link import SILENT_S, Link, LocalSubscription, LocalTransport, Spawned
from recorder.signing import LedgerKey
from recorder.storage import Storage
from recorder.unfinished import Unfinished, wall_clock_ms
from sfu.params import Encoding, MediaParameters, PayloadFormat

logger = logging.getLogger(__name__)

RESTART_S = 0.1
"""Between a death and the next start, and doubled each time up to MAX_RESTART_S while processes die young."""
MAX_RESTART_S = 1.5
"""With the start of Python itself a recorder is back within 2 s, whatever kills it."""
SPARE_AFTER_S = 5.0
"""A second process waits from then on, started in advance: the start of Python takes half a second of a quiet
machine, and many of a busy one. Not at once: a lesson's beginning has enough to do."""
REJOIN_S = 120.0
"""For the lessons of a server that died to go on. Their people are back within seconds, if they come back."""
CLOSE_S = 10.0
"""For the process to finish its files when the server ends."""
LOCK_S = 10.0
"""For the recorder of a server that just died to finish its files before we take the library over."""

RecordingState = Literal["on", "failing"]
StateCallback = Callable[[str, RecordingState, str], None]
"""(lesson id, state, reason); reason is a stable word, empty when on: `disk_full`, `disk_error`,
`process`."""


class LibraryInUseError(OSError):
    """Another server records into this data directory."""


class Publication(Protocol):
    @property
    def parameters(self) -> MediaParameters: ...
    @property
    def transport(self) -> Any: ...


class MediaPlane(Protocol):
    """The part of `sfu.sfu.Sfu` that the recorder needs."""

    def create_local_transport(self) -> LocalTransport: ...
    def allocate_ssrc(self) -> int: ...


@dataclass(slots=True)
class _Source:
    """A publication to be recorded."""

    publication: Publication
    person: str
    source: str
    ssrc: int = 0
    """Under which the process now gets it; 0: not subscribed."""
    subscription: LocalSubscription | None = None


@dataclass(slots=True)
class _Lesson:
    item: ItemOpen | None = None
    """None: not live yet."""
    sources: list[_Source] = field(default_factory=list)
    muted: set[tuple[str, str]] = field(default_factory=set)
    state: tuple[RecordingState, str] | None = None


class RecorderSupervisor:
    """Runs `python -m recorder`, restarts it whenever it dies, and tells it what to record.

    All calls from the event loop's thread; none blocks, and none raises because recording fails: a lesson
    goes on without it and `on_state` says so.
    """

    def __init__(
        self,
        sfu: MediaPlane,
        data_dir: Path,
        on_state: StateCallback,
        unix_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """unix_ms: the clock by which lessons begin, which may be another than the system's."""
        self._sfu = sfu
        self._library = data_dir / "library"
        self._on_state = on_state
        self._unix_ms = unix_ms
        self._lessons: dict[str, _Lesson] = {}
        self._closing: dict[str, ItemClose] = {}
        """Items whose end the process has not confirmed."""
        self._openings: dict[str, ItemOpen] = {}
        """Of the same items: a new process must open them before it can close them."""
        self._link: Link | None = None
        self._spare: Spawned | None = None
        self._unfinished: Unfinished | None = None
        self._beside: set[asyncio.Task[None]] = set()
        """What is done beside the recording: starting a spare, closing what was left open."""
        self._task: asyncio.Task[None] | None = None
        self._lock: IO[bytes] | None = None
        self._nothing_open = asyncio.Event()
        self._nothing_open.set()
        self._something_to_record = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ready = False
        self._restarts = 0
        self._status = Status()
        self._past: Counter[str] = Counter()
        """What the processes before this one counted."""

    # --- life -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Mends items that an earlier server left open, then starts the process. Lessons that go on within
        REJOIN_S go on in the same items; the others are closed then.

        Raises LibraryInUseError when another server records into this data directory, other OSError when the
        library cannot be written.
        """
        self._library.mkdir(parents=True, exist_ok=True)
        self._lock = await self._take_lock()
        signer = LedgerKey.open(self._library.parent)
        self._unfinished = Unfinished(Storage(self._library), signer, self._unix_ms)
        await asyncio.to_thread(self._unfinished.find)
        self._task = asyncio.create_task(self._keep_running(), name="recorder")
        self._do_beside(self._close_unfinished())

    async def close(self) -> None:
        """Ends all items, waits until their files are finished (at most CLOSE_S), and ends the process."""
        for lesson_id in list(self._lessons):
            self._end(lesson_id, "server")
        for beside in self._beside:
            beside.cancel()
        if self._unfinished is not None:
            await asyncio.to_thread(self._unfinished.close_all)
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._nothing_open.wait()
            self._stopping.set()
            if self._link is not None:
                self._link.send(Shutdown())
            await self._join(self._task)
        if self._spare is not None:
            await self._spare.end()
        if self._lock is not None:
            self._lock.close()

    def _do_beside(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _close_unfinished(self) -> None:
        await asyncio.sleep(REJOIN_S)
        assert self._unfinished is not None
        await asyncio.to_thread(self._unfinished.close_all)

    async def _join(self, task: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.shield(task)
        except TimeoutError:
            task.cancel()
            await asyncio.wait([task])

    # --- what to record -------------------------------------------------------------------------------------

    def lesson_started(self, lesson_id: str, title: str, started_ms: int) -> str:
        """Begins an item, or goes on with the one that a server which died left open; returns its id. Again
        for a lesson that is being recorded: nothing, the same id."""
        lesson = self._lessons.setdefault(lesson_id, _Lesson())
        if lesson.item is None:
            unfinished = self._unfinished.take(lesson_id) if self._unfinished is not None else None
            lesson.item = unfinished or _new_item(lesson_id, title, started_ms, self._unix_ms())
            self._nothing_open.clear()
            self._something_to_record.set()
            if self._link is not None:
                self._tell_lesson(lesson)
            if self._ready or self._restarts:
                self._set_state(lesson_id, "on" if self._ready else "failing", "process")
        return lesson.item.item

    def lesson_ended(self, lesson_id: str) -> None:
        self._end(lesson_id, "ended")

    def publication_added(
        self, lesson_id: str, publication: Publication, person_id: str, source: str
    ) -> None:
        """Records the publication from now on; before `lesson_started` it is remembered, and recorded
        from then on."""
        lesson = self._lessons.setdefault(lesson_id, _Lesson())
        added = _Source(publication, person_id, source)
        lesson.sources.append(added)
        if self._link is not None and lesson.item is not None:
            self._tell_source(lesson, added)

    def publication_removed(
        self, lesson_id: str, publication: Publication, cause: RemovalCause = "left"
    ) -> None:
        """Before or right after the publication is closed. Unknown ones are ignored."""
        lesson = self._lessons.get(lesson_id)
        if lesson is None:
            return
        for source in [s for s in lesson.sources if s.publication is publication]:
            lesson.sources.remove(source)
            if source.ssrc and self._link is not None:
                self._link.send(TrackClose(ssrc=source.ssrc, cause=cause))
            _unsubscribe(source)
        if lesson.item is None and not lesson.sources:
            del self._lessons[lesson_id]

    def publication_muted(self, lesson_id: str, person_id: str, source: str, muted: bool) -> None:
        """For the ledger: what is missing from now on is no fault."""
        lesson = self._lessons.get(lesson_id)
        if lesson is None:
            return
        (lesson.muted.add if muted else lesson.muted.discard)((person_id, source))
        if lesson.item is not None and self._link is not None:
            self._link.send(TrackMute(item=lesson.item.item, person=person_id, source=source, muted=muted))

    def item_of(self, lesson_id: str) -> str | None:
        """Id of the item being recorded for the lesson."""
        lesson = self._lessons.get(lesson_id)
        return lesson.item.item if lesson is not None and lesson.item is not None else None

    def counters(self) -> dict[str, int]:
        """For `/metrics`: what all processes so far have counted, and their restarts; all only grow."""
        total = self._past.copy()
        total.update(self._status.counters)
        return {**total, "restarts": self._restarts}

    def waiting_bytes(self) -> int:
        """Recorded, but not on the disk yet."""
        return self._status.waiting_bytes

    def _end(self, lesson_id: str, cause: EndCause) -> None:
        lesson = self._lessons.pop(lesson_id, None)
        if lesson is None:
            return
        for source in lesson.sources:
            _unsubscribe(source)
        if lesson.item is not None:
            close = ItemClose(item=lesson.item.item, cause=cause, ended_us=_monotonic_us())
            self._closing[lesson.item.item] = close
            self._openings[lesson.item.item] = lesson.item
            if self._link is not None:
                self._link.send(close)

    # --- telling it -----------------------------------------------------------------------------------------

    def _tell_all(self) -> None:
        for item, close in self._closing.items():
            self._send(self._openings[item])
            self._send(close)
        for lesson in self._lessons.values():
            if lesson.item is not None:
                self._tell_lesson(lesson)

    def _tell_lesson(self, lesson: _Lesson) -> None:
        assert lesson.item is not None
        self._send(lesson.item)
        for person, source in lesson.muted:
            self._send(TrackMute(item=lesson.item.item, person=person, source=source, muted=True))
        for added in lesson.sources:
            self._tell_source(lesson, added)

    def _tell_source(self, lesson: _Lesson, source: _Source) -> None:
        assert lesson.item is not None and self._link is not None
        parameters = source.publication.parameters
        ssrc = self._sfu.allocate_ssrc()
        # Told before subscribed: the process knows the SSRC when its first packet comes.
        self._send(
            TrackOpen(
                item=lesson.item.item,
                person=source.person,
                source=source.source,
                kind=parameters.kind.value,
                ssrc=ssrc,
                formats=[_format(each) for each in _recorded(parameters)],
                clock=str(source.publication.transport.id),
            )
        )
        try:
            source.subscription = self._link.transport.subscribe(
                source.publication, _as_received(parameters, ssrc)
            )
        except (
            Exception
        ) as error:  # whatever is wrong with one publication must not end the others' recording
            logger.warning("x recording of a publication refused: %s", error)
            self._send(TrackClose(ssrc=ssrc, cause="server"))
            return
        source.ssrc = ssrc

    def _send(self, message: Control) -> None:
        assert self._link is not None
        self._link.send(message)

    # --- the process ----------------------------------------------------------------------------------------

    async def _keep_running(self) -> None:
        pause_s = RESTART_S
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await self._run_once()
            except OSError as error:
                logger.error("x recorder cannot be started: %s", error)
            if self._stopping.is_set():
                return
            self._restarts += 1
            for lesson_id, lesson in self._lessons.items():
                if lesson.item is not None:
                    self._set_state(lesson_id, "failing", "process")
            lived = time.monotonic() - began > SILENT_S
            pause_s = RESTART_S if lived else min(2 * pause_s, MAX_RESTART_S)
            await asyncio.sleep(0.0 if lived and self._spare is not None else pause_s)

    async def _run_once(self) -> None:
        """One process from its start to its end."""
        spawned, self._spare = self._spare, None
        if spawned is None:
            spawned = await Spawned.start(self._library, self._lock)
        transport = self._sfu.create_local_transport()
        try:
            link = await spawned.attach(transport)
        except BaseException:
            transport.close()
            raise
        self._link, self._ready = link, False
        self._do_beside(self._start_spare())
        try:
            self._tell_all()
            if self._stopping.is_set():  # while the process was being started there was nobody to tell
                link.send(Shutdown())
            await link.listen(self._heard)
        finally:
            self._link, self._ready = None, False
            for lesson in self._lessons.values():
                for source in lesson.sources:
                    _unsubscribe(source)
            transport.close()
            self._past.update(self._status.counters)
            self._status = Status()
            code = await link.end()
            logger.log(
                logging.INFO if self._stopping.is_set() else logging.ERROR, "- recorder ended with %s", code
            )

    async def _start_spare(self) -> None:
        """Once there is something to lose."""
        await self._something_to_record.wait()
        await asyncio.sleep(SPARE_AFTER_S)
        if self._spare is None and not self._stopping.is_set():
            try:
                self._spare = await Spawned.start(self._library, self._lock)
            except OSError as error:
                logger.error("x a spare recorder cannot be started: %s", error)

    def _heard(self, message: FromRecorder) -> None:
        match message:
            case Ready(pid=pid):
                self._ready = True
                logger.info("- recorder runs as process %d", pid)
                for lesson_id, lesson in self._lessons.items():
                    if lesson.item is not None:
                        self._set_state(lesson_id, "on", "")
            case ItemState(item=item, state=state, reason=reason):
                for lesson_id, lesson in self._lessons.items():
                    if lesson.item is not None and lesson.item.item == item:
                        self._set_state(lesson_id, state, reason)
            case ItemClosed(item=item):
                self._closing.pop(item, None)
                self._openings.pop(item, None)
                if not self._closing and not any(lesson.item for lesson in self._lessons.values()):
                    self._nothing_open.set()
            case Status():
                self._status = message

    def _set_state(self, lesson_id: str, state: RecordingState, reason: str) -> None:
        lesson = self._lessons[lesson_id]
        told = (state, "" if state == "on" else reason)
        if lesson.state != told:
            lesson.state = told
            self._on_state(lesson_id, *told)

    async def _take_lock(self) -> IO[bytes]:
        """Held by us and inherited by the process: two writers of one library would destroy it."""
        lock = (self._library / ".lock").open("ab")
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.close()
                    raise LibraryInUseError(f"another server records into {self._library}") from None
                await asyncio.sleep(0.1)
            else:
                return lock


def _unsubscribe(source: _Source) -> None:
    if source.subscription is not None:
        source.subscription.close()
    source.subscription, source.ssrc = None, 0


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000


def _new_item(lesson_id: str, title: str, started_ms: int, now_ms: int) -> ItemOpen:
    return ItemOpen(
        item=_item_id(lesson_id, started_ms),
        lesson=lesson_id,
        title=title,
        started_ms=started_ms,
        started_us=_monotonic_us() - (now_ms - started_ms) * 1000,
    )


def _item_id(lesson_id: str, started_ms: int) -> str:
    """Names a directory: readable, sorted by time, never used twice."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", lesson_id).strip("-")[:40] or "lesson"
    started = datetime.fromtimestamp(started_ms / 1000, UTC)
    return f"{name}-{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _format(offered: PayloadFormat) -> Format:
    codec = offered.codec
    return Format(
        payload_type=offered.payload_type,
        rtx_payload_type=offered.rtx_payload_type,
        codec=codec.name,
        clock_rate=codec.clock_rate,
        channels=codec.channels,
        fmtp=dict(codec.fmtp),
    )


def _recorded(parameters: MediaParameters) -> tuple[PayloadFormat, ...]:
    """Without RED: its first copy is what is recorded, which comes unpacked to who did not take it."""
    return tuple(each for each in parameters.formats if each.codec == parameters.codec)


def _as_received(parameters: MediaParameters, ssrc: int) -> MediaParameters:
    """The publication as the process gets it: its own payload types, lost packets repeated as they were,
    no header extensions (nobody reads them there)."""
    formats = tuple(
        PayloadFormat(f.codec, f.payload_type, None, frozenset({"nack", "nack pli"}))
        for f in _recorded(parameters)
    )
    return MediaParameters(parameters.kind, "", formats, (), (Encoding(ssrc=ssrc),))
