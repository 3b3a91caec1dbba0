"""One look a second at everybody's lines: what people are told of them, what the master's wall shows, and the
lesson's quality record (`quality_record.py`).

    media plane --snapshot, a second apart--> sample of each transport --look, judge--> finding of each person
                     finding --update--> `quality` to the person, the class to the master, a second on record

Theory of operation. All is done in one pass from one timer. The media plane compares its counters in compiled
code and hands over one array; what is kept of each participant is a row of another (ROW), and the rules work
on all rows at once (`sfu/quality.py`). One at a time, participants are only asked for their FACTS (which
connections, muted or not, which lesson), and only those whose connections have stirred since the last look
(`Sfu.on_stir`): after a second of other work the processor has forgotten everything about a participant, and
asking costs several times what it does at once.

A supervisor is told of the own line, and that is all: no class, record or figure of the lesson has a trace of
it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence, Set
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from classroom.clock import Clock, Timer
from classroom.commands import ReportQuality
from classroom.events import Fact
from classroom.model import LessonId, LessonState, PersonId, Role
from classroom.quality import PERIOD_S, Columns, Packed, pack
from sfu.allocator import StreamState
from sfu.beat import beat
from sfu.engine.snapshot import SAMPLE
from sfu.params import TransportId
from sfu.quality import (
    LEVELS,
    LINE,
    NONE,
    STATES,
    VERDICT,
    Codes,
    Finding,
    Flags,
    Samples,
    finding,
    judge,
    look,
    update,
    verdicts,
    worse,
)
from signaling.publications import PublicationRegistry
from signaling.quality_record import GATHERED, QualityRecord, Subject

if TYPE_CHECKING:
    from classroom.lesson import LessonRoom
    from sfu.engine.snapshot import StatsSnapshot
    from sfu.transport import Transport

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
SECOND_MS: Final = 1000
FORGOTTEN_MS: Final = 250
"""Of what the server saw stand still, for each second without: pages tell of it within three seconds."""
NOBODYS: Final = LessonId("")
_STATE_AT: Final = {state: at for at, state in enumerate(STATES)}

ROW: Final = np.dtype(
    [
        ("up_id", np.uint32),
        ("down_id", np.uint32),
        ("expected", np.bool_),
        ("up_state", np.uint8),
        ("down_state", np.uint8),
        ("frozen_s", np.float64),
        ("told_ms", np.int64),
        ("seen_ms", np.int64),
        ("recorded", np.bool_),
        ("phase", np.uint8),
        ("up", LINE),
        ("down", LINE),
        ("verdict", VERDICT),
        ("gathered", GATHERED),
    ]
)
"""Of one participant: FACTS, at which looks rows of the record are due, and what was found so far. `told_ms`:
the page told that pictures stood still for so long, and it is not on record yet; `seen_ms`: the server saw
it, and the page has not told of it yet."""


Lines = tuple["Transport | None", "Transport | None", bool, float, int]
"""On which the participant sends; on which it receives; whether it sends something that is not muted; how
long pictures stood still lately, as its own page counted (seconds), and since it came (ms)."""


class Participant(Protocol):
    """Somebody with lines to look at: a session of the WebSocket, of WHIP or of WHEP."""

    id: str

    @property
    def room(self) -> LessonRoom | None: ...
    @property
    def person_id(self) -> PersonId: ...
    @property
    def role(self) -> Role: ...
    def lines(self, now: float) -> Lines:
        """Its connections, and what it knows of them. Whoever knows of anything new beside the media plane
        says so (`MediaEnd.stir`)."""

    def quality(self, found: Finding) -> None:
        """What is to be shown from now on."""


class MediaPlane(Protocol):
    """What the watch needs of the Sfu."""

    on_stir: Callable[[TransportId], None] | None

    def snapshot(self) -> StatsSnapshot: ...


class Facts(NamedTuple):
    """What is asked of a participant."""

    up_id: int
    """0: there is none."""
    down_id: int
    expected: bool
    up_state: StreamState
    down_state: StreamState
    frozen_s: float
    frozen_ever_ms: int
    lesson: LessonId
    """On whose record the second is; empty: on none."""

    @property
    def ids(self) -> tuple[int, ...]:
        """Of the connections that there are."""
        return tuple(filter(None, (self.up_id, self.down_id)))


class Watched:
    """One participant, beside what ROW has."""

    __slots__ = ("facts", "hidden", "participant")

    def __init__(self, participant: Participant) -> None:
        self.participant = participant
        self.hidden = participant.role is Role.SUPERVISOR
        """Nothing of it is on record."""
        self.facts = Facts(0, 0, False, StreamState.OK, StreamState.OK, 0.0, 0, NOBODYS)


class QualityWatch:
    """Made by the composition root; `start` and `close` once each."""

    def __init__(
        self,
        sfu: MediaPlane,
        publications: PublicationRegistry,
        participants: Callable[[], Iterable[Participant]],
        observe: Callable[[Fact], None],
        clock: Clock,
    ) -> None:
        """observe: of the store."""
        self._sfu = sfu
        self._publications = publications
        self._participants = participants
        self._record = QualityRecord(observe, clock)
        self._clock = clock
        self._latest: StatsSnapshot | None = None
        self._before: StatsSnapshot | None = None
        """The one before: the last that has the lines of who has gone since."""
        self._watched: list[Watched] = []
        self._rows = np.zeros(0, ROW)
        self._subjects: list[Subject] = []
        """Both in the order of `_watched`."""
        self._places: dict[str, int] = {}
        """By the participant's id."""
        self._present: tuple[Participant, ...] = ()
        """At the latest look."""
        self._owners: dict[int, int] = {}
        """Places, by the ids of their connections."""
        self._standing: set[int] = set()
        """Places of those whose pages told of pictures that stood still, until it is too long ago."""
        self._states: dict[LessonRoom, LessonState] = {}
        """As they were when somebody there was asked."""
        self._stirred: set[TransportId] = set()
        """Since the latest look."""
        sfu.on_stir = self._stirred.add
        self._turn = 0
        self._timer: Timer | None = None

    def start(self) -> None:
        self._timer = self._clock.call_at(beat(self._clock.now(), LOOK_S), self._due)

    def close(self) -> None:
        """Hands out what has been measured so far. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for at in range(len(self._watched)):
            self._write(at, self._latest)
        self._keep_only([])
        self._present = ()

    def shown(self, lesson: str) -> dict[PersonId, Finding]:
        """What those who are in a lesson are told now, supervisors left out."""
        told = self._rows["verdict"]["shown"]
        return {
            watched.participant.person_id: finding(int(told[at]))
            for at, watched in enumerate(self._watched)
            if told[at] != NONE
            and watched.participant.role is not Role.SUPERVISOR
            and watched.participant.room is not None
            and watched.participant.room.lesson.id == lesson
        }

    def counts(self) -> dict[str, int]:
        """Participants by what they are told."""
        told = self._rows["verdict"]["shown"]
        counts = {level.value: int((told >> 8 == at).sum()) for at, level in enumerate(LEVELS)}
        return counts | {"unknown": int((told == NONE).sum())}

    # --- a look ---------------------------------------------------------------------------------------------

    def _due(self) -> None:
        self._timer = self._clock.call_at(beat(self._clock.now(), LOOK_S), self._due)
        try:
            self.look()
        except Exception:
            log.exception("x a mistake of ours while looking at lines")
            self._present = ()  # who stirred may not have been asked: the next look asks everybody

    def look(self) -> None:
        """At everybody."""
        snapshot = self._sfu.snapshot()
        before, self._before, self._latest = self._latest, self._latest, snapshot
        passed_s = snapshot.now - before.now if before else 0.0
        samples = snapshot.since(before) if before else np.empty(0, SAMPLE)
        self._turn += 1
        self._record.looked(self._publications)
        self._call_roll()
        up, down = _find(self._rows["up_id"], samples), _find(self._rows["down_id"], samples)
        found = self._judge(samples, passed_s, up, down)
        self._tell(found)
        self._keep(samples, found, up, down)

    def _judge(self, samples: Samples, passed_s: float, up: _Found, down: _Found) -> Codes:
        """What there is to say of each; NONE of who has no line."""
        rows = self._rows
        nobody = np.zeros(len(rows), np.bool_)
        found = np.full(len(rows), NONE, np.int16)
        for way, line, expected in (("up", up, rows["expected"]), ("down", down, nobody)):
            has = line.there
            if not has.any():
                continue
            rows[way][has] = look(rows[way][has], samples[line.at[has]], passed_s, expected[has])
            frozen_s = rows["frozen_s"][has] if way == "down" else np.zeros(1)
            found[has] = worse(found[has], judge(rows[way][has], rows[f"{way}_state"][has], frozen_s))
        return found

    def _tell(self, found: Codes) -> None:
        measured = np.flatnonzero(found != NONE)
        told = self._rows["verdict"][measured]
        changed = update(told, self._clock.now(), found[measured])
        self._rows["verdict"][measured] = told
        for at in measured[changed]:
            participant = self._watched[at].participant
            shown = finding(int(self._rows["verdict"]["shown"][at]))
            participant.quality(shown)
            if participant.room is not None and participant.role is not Role.SUPERVISOR:
                participant.room.post(ReportQuality(participant.person_id, shown.level))

    # --- the record -----------------------------------------------------------------------------------------

    def _keep(self, samples: Samples, found: Codes, up: _Found, down: _Found) -> None:
        rows = self._rows
        kept = rows["recorded"] & (found != NONE)
        for place in np.flatnonzero((rows["gathered"]["count"] > 0) & ~kept):
            self._write(int(place), self._before)
        at = np.flatnonzero(kept)
        if not at.size:
            return
        shown = rows["verdict"]["shown"][at]
        # Of who has one line only, that one stands for both directions.
        one, other = up.of(samples, at, instead=down), down.of(samples, at, instead=up)
        frozen = self._frozen(at, other["stalled"])
        packed = seconds(np.where(shown == NONE, found[at], shown), one, other, frozen)
        self._record.keep(self._subjects, rows["gathered"], at, packed)
        for place in at[rows["phase"][at] == self._turn % PERIOD_S]:
            self._write(int(place), self._latest)

    def _frozen(self, at: NDArray[np.intp], stalled: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Pictures that stood still in this second: those that the server saw so, else one if the page told
        of any. It tells when it is over, and also of what the server saw, to within a look: that is not put
        down twice."""
        told, seen = self._rows["told_ms"][at], self._rows["seen_ms"][at]
        both = (told > 0) & (seen > 0)
        told = np.where(both, np.maximum(told - seen - SECOND_MS, 0), told)
        seen = np.where(both, 0, seen)
        late = (stalled == 0) & (told > 0)
        self._rows["told_ms"][at] = np.where(late, np.maximum(told - SECOND_MS, 0), told)
        self._rows["seen_ms"][at] = np.where(
            stalled > 0, seen + SECOND_MS, np.maximum(seen - FORGOTTEN_MS, 0)
        )
        return np.where(late, np.uint32(1), stalled)

    def _write(self, at: int, snapshot: StatsSnapshot | None) -> None:
        """snapshot: the latest that has the lines."""
        self._record.write(self._subjects[at], self._rows["gathered"], at, snapshot)

    # --- who is there ---------------------------------------------------------------------------------------

    def _call_roll(self) -> None:
        participants = tuple(self._participants())
        others = participants != self._present  # by identity: nothing of theirs is touched for it
        if others:
            self._revise(participants)
        now = self._clock.now()
        for at in self._to_be_asked(others):
            watched = self._watched[at]
            if (room := watched.participant.room) is not None:
                self._states[room] = room.lesson.state
            facts = facts_of(watched.participant, watched.hidden, now)
            if facts != watched.facts:
                self._changed(at, watched, facts)

    def _to_be_asked(self, others: bool) -> Iterable[int]:
        """Places. others: somebody came or went; then, or when something is new, it may be about anybody."""
        stirred = self._stirred.copy()
        self._stirred.clear()
        if others or not stirred <= self._owners.keys() or self._lesson_turned():
            return range(len(self._watched))
        return sorted(self._standing.union(self._owners[each] for each in stirred))

    def _lesson_turned(self) -> bool:
        return any(room.lesson.state is not state for room, state in self._states.items())

    def _revise(self, participants: tuple[Participant, ...]) -> None:
        """Somebody came or went."""
        self._present = participants
        self._welcome([each for each in participants if each.id not in self._places])
        for each in participants:
            self._watched[self._places[each.id]].participant = each
        if len(participants) < len(self._watched):
            self._let_go({each.id for each in participants})

    def _welcome(self, newcomers: Sequence[Participant]) -> None:
        if not newcomers:
            return
        fresh = np.zeros(len(newcomers), ROW)
        fresh["verdict"] = verdicts(len(newcomers))
        fresh["phase"] = self._record.due(len(newcomers))
        self._rows = np.concatenate((self._rows, fresh))
        for participant in newcomers:
            self._places[participant.id] = len(self._watched)
            self._watched.append(Watched(participant))
            self._subjects.append(Subject(participant.person_id))
        self._record.changed()

    def _let_go(self, present: Set[str]) -> None:
        """All but those of these ids."""
        staying = []
        for at, watched in enumerate(self._watched):
            if watched.participant.id in present:
                staying.append(at)
            else:
                self._write(at, self._before)
        self._keep_only(staying)

    def _keep_only(self, places: Sequence[int]) -> None:
        self._rows = self._rows[list(places)]
        self._watched = [self._watched[at] for at in places]
        self._subjects = [self._subjects[at] for at in places]
        self._places = {each.participant.id: at for at, each in enumerate(self._watched)}
        self._owners = {id: at for at, each in enumerate(self._watched) for id in each.facts.ids}
        self._standing = {at for at, each in enumerate(self._watched) if each.facts.frozen_s}
        self._states.clear()
        self._record.changed()

    def _changed(self, at: int, watched: Watched, facts: Facts) -> None:
        row, before, subject = self._rows[at], watched.facts, self._subjects[at]
        if facts.lesson != before.lesson:
            self._write(at, self._latest)
            subject.lesson = facts.lesson
            self._record.changed()
        for way, known, now in (("up", before.up_id, facts.up_id), ("down", before.down_id, facts.down_id)):
            if now != known:
                row[f"{way}_id"] = now
                row[way] = np.zeros((), LINE)
        if facts.ids and facts.ids != subject.transports:
            self._write(at, self._before)
            subject.transports = facts.ids
        row["expected"], row["frozen_s"] = facts.expected, facts.frozen_s
        row["up_state"], row["down_state"] = _STATE_AT[facts.up_state], _STATE_AT[facts.down_state]
        row["told_ms"] = min(
            row["told_ms"] + facts.frozen_ever_ms - before.frozen_ever_ms, SECOND_MS * PERIOD_S
        )
        row["recorded"] = bool(facts.lesson)
        for id in before.ids:
            self._owners.pop(id, None)
        self._owners.update(dict.fromkeys(facts.ids, at))
        (self._standing.add if facts.frozen_s else self._standing.discard)(at)
        watched.facts = facts


def facts_of(participant: Participant, hidden: bool, now: float) -> Facts:
    up, down, sends, frozen_s, frozen_ever_ms = participant.lines(now)
    room = participant.room
    lesson = NOBODYS
    if not hidden and room is not None and (found := room.lesson).state is LessonState.LIVE:
        lesson = found.id
    return Facts(
        up.id if up is not None else 0,
        down.id if down is not None else 0,
        sends,
        up.downlink.state if up is not None else StreamState.OK,
        down.downlink.state if down is not None else StreamState.OK,
        frozen_s,
        frozen_ever_ms,
        lesson,
    )


class _Found(NamedTuple):
    """Which samples are of a column of ids."""

    at: NDArray[np.intp]
    there: Flags

    def of(self, samples: Samples, rows: NDArray[np.intp], instead: _Found) -> Samples:
        """Of these rows, those of `instead` where there is none."""
        return samples[np.where(self.there, self.at, instead.at)[rows]]


def _find(ids: NDArray[np.uint32], samples: Samples) -> _Found:
    known = samples["transport"]
    if not len(known):
        return _Found(np.zeros(len(ids), np.intp), np.zeros(len(ids), np.bool_))
    at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return _Found(at, known[at] == ids)


def seconds(shown: Codes, up: Samples, down: Samples, frozen: NDArray[np.uint32]) -> Packed:
    """What is kept of one look, a row each."""
    return pack(
        Columns(
            level=shown >> 8,
            reason=shown & 0xFF,
            up_kbps=up["received_bps"] // 1000,
            down_kbps=down["sent_bps"] // 1000,
            lost_up=up["lost_up"],
            lost_down=down["lost_down"],
            round_trip_ms=1000 * np.maximum(up["round_trip_s"], down["round_trip_s"]),
            jitter_ms=1000 * np.maximum(up["jitter_up_s"], down["jitter_down_s"]),
            estimate_kbps=down["estimate_bps"] // 1000,
            layer=down["layer"],
            frozen=frozen,
            wanted=down["wanted"],
        )
    )
