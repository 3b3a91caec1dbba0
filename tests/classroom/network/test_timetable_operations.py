"""What an operation makes of lessons, and when it can be undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.model import LessonId, LessonState, PersonId
from classroom.network.catalogue import OfferState
from classroom.network.model import Path, PlaceId
from classroom.network.series import Series
from classroom.network.timetable_operations import (
    UNDO_MS,
    BadOperation,
    Change,
    Operation,
    OperationFault,
    OperationKind,
    Slot,
    Standing,
    Step,
    UndoRefusal,
    UndoRefused,
    cancelled,
    changed,
    check_span,
    check_undo,
    checked_reason,
    moved_online,
)

BERLIN = "Europe/Berlin"
L1, L2 = LessonId("l1"), LessonId("l2")
HOUR_MS = 3_600_000


def ms(*wall: int, zone: str = BERLIN) -> int:
    return round(datetime(*wall, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[arg-type]


def slot(starts_ms: int = 10 * HOUR_MS, **change: object) -> Slot:
    made = Slot("Light", starts_ms, starts_ms + HOUR_MS, "li", "Li", "", OfferState.OPEN)
    return replace(made, **change)  # type: ignore[arg-type]


def operation(kind: OperationKind = OperationKind.CANCEL, **change: object) -> Operation:
    made = Operation("op", kind, Path("/c/"), PlaceId("c"), "haze", 1_000, PersonId("o"))
    return replace(made, **change)  # type: ignore[arg-type]


def wall(unix_ms: int, zone: str = BERLIN) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def test_a_series_keeps_its_time_by_the_clock() -> None:
    series = Series(date(2026, 10, 19), date(2026, 11, 2), time(9, 0), 45, (1,))
    found = series.times(BERLIN)
    assert [wall(starts) for starts, _ in found] == [datetime(2026, 10, day, 9) for day in (19, 26)] + [
        datetime(2026, 11, 2, 9)
    ]
    # The clocks went back in between: that week had an hour more.
    assert found[1][0] - found[0][0] == 7 * 24 * HOUR_MS + HOUR_MS
    assert all(ends - starts == 45 * 60_000 for starts, ends in found)


def test_a_time_that_the_clocks_leave_out_is_later() -> None:
    [(starts, _)] = Series(date(2026, 3, 29), date(2026, 3, 29), time(2, 30), 30, (7,)).times(BERLIN)
    assert wall(starts) == datetime(2026, 3, 29, 3, 30)


def test_every_other_week_without_holidays() -> None:
    skipped = frozenset({date(2026, 9, 16)})
    series = Series(date(2026, 9, 2), date(2026, 10, 14), time(8), 40, (3, 5), 2, skipped)
    assert [wall(each).date().isoformat()[5:] for each, _ in series.times(BERLIN)] == [
        *("09-02", "09-04", "09-18", "09-30", "10-02", "10-14")
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"last": date(2026, 9, 1)}, OperationFault.SERIES),
        ({"last": date(2030, 9, 1)}, OperationFault.SERIES),
        ({"weekdays": ()}, OperationFault.SERIES),
        ({"weekdays": (8,)}, OperationFault.SERIES),
        ({"every_weeks": 0}, OperationFault.SERIES),
        ({"minutes": 0}, OperationFault.TIMES),
        ({"weekdays": (6,), "last": date(2026, 9, 4)}, OperationFault.NOTHING),
        ({"weekdays": (1, 2, 3, 4, 5, 6, 7), "last": date(2027, 9, 1)}, OperationFault.TOO_MANY),
    ],
)
def test_series_that_are_none(change: dict[str, object], fault: OperationFault) -> None:
    series = Series(date(2026, 9, 2), date(2026, 9, 30), time(8), 40, (3,))
    with pytest.raises(BadOperation) as refused:
        replace(series, **change).times(BERLIN)  # type: ignore[arg-type]
    assert refused.value.fault is fault


@given(
    first=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    at=st.times(),
    zone=st.sampled_from([BERLIN, "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]),
    every=st.integers(1, 3),
)
def test_lessons_of_a_series_are_in_order_and_on_their_days(
    first: date, at: time, zone: str, every: int
) -> None:
    at = at.replace(tzinfo=None, fold=0, microsecond=0)
    last = date.fromordinal(first.toordinal() + 100)
    times = Series(first, last, at, 45, (first.isoweekday(),), every).times(zone)
    assert times == sorted(times)
    for number, (starts, _) in enumerate(times):
        at_clock = wall(starts, zone)
        assert (at_clock.date() - first).days == number * 7 * every
        # A gap of an hour at the most, once in a while.
        assert (at_clock - datetime.combine(at_clock.date(), at)).total_seconds() in (0, 1800, 3600)


def test_all_that_follow_move_by_the_clock() -> None:
    slots = {L1: slot(ms(2026, 10, 19, 9)), L2: slot(ms(2026, 10, 26, 9))}
    moved = Change(starts_ms=ms(2026, 10, 20, 10, 30))
    steps = changed(slots, L1, moved, BERLIN)
    assert [wall(step.after.starts_ms) for step in steps] == [
        datetime(2026, 10, 20, 10, 30),
        datetime(2026, 10, 27, 10, 30),
    ]
    assert all(step.after.ends_ms - step.after.starts_ms == HOUR_MS for step in steps)


def test_what_is_not_named_stays() -> None:
    change = Change(title=" Lenses ", master="wu", master_name="Wu", room="301")
    [step] = changed({L1: slot()}, L1, change, BERLIN)
    assert step.after == slot(title="Lenses", master="wu", master_name="Wu", room="301")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (Change(), OperationFault.NOTHING),
        (Change(title="Light"), OperationFault.NOTHING),
        (Change(title=" "), OperationFault.WORDS),
        (Change(room="x" * 81), OperationFault.WORDS),
        (Change(ends_ms=10 * HOUR_MS), OperationFault.TIMES),
        (Change(ends_ms=40 * HOUR_MS), OperationFault.TIMES),
    ],
)
def test_changes_that_are_none(change: Change, fault: OperationFault) -> None:
    with pytest.raises(BadOperation) as refused:
        changed({L1: slot()}, L1, change, BERLIN)
    assert refused.value.fault is fault


def test_reasons_and_spans() -> None:
    assert checked_reason(" haze ") == "haze"
    for text in ("", " ", "x" * 301, "a\nb"):
        with pytest.raises(BadOperation):
            checked_reason(text)
    check_span(1, 2)
    for from_ms, until_ms in ((2, 2), (2, 1), (0, 32 * 24 * HOUR_MS)):
        with pytest.raises(BadOperation):
            check_span(from_ms, until_ms)


CANCELLED = Step(L1, slot(), cancelled(slot()))
ONLINE = Step(L1, slot(online={"c": False}), moved_online(slot(online={"c": False})))
LATER = Step(L1, slot(), slot(11 * HOUR_MS))


def refusal(
    step: Step, now_ms: int = 2_000, kind: OperationKind = OperationKind.CANCEL, **found: object
) -> UndoRefusal | None:
    standing = replace(Standing(step.after, LessonState.SCHEDULED), **found)  # type: ignore[arg-type]
    try:
        check_undo(operation(kind), [step], {L1: standing}, now_ms)
    except UndoRefused as refused:
        return refused.refusal
    return None


def test_what_can_be_undone() -> None:
    assert refusal(CANCELLED, lesson_state=LessonState.CANCELLED) is None
    assert refusal(ONLINE, kind=OperationKind.ONLINE) is None
    assert refusal(LATER, kind=OperationKind.CHANGE) is None
    # Who has enrolled since for a lesson that is where it was loses nothing.
    assert refusal(ONLINE, kind=OperationKind.ONLINE, enrolled_since=1) is None


def test_what_cannot_be_undone() -> None:
    assert refusal(CANCELLED, 1_000 + UNDO_MS) is UndoRefusal.LATE
    assert refusal(ONLINE, slot=slot(online={"c": False})) is UndoRefusal.CHANGED
    assert refusal(LATER, slot=slot(12 * HOUR_MS)) is UndoRefusal.CHANGED
    assert refusal(LATER, kind=OperationKind.CHANGE, enrolled_since=1) is UndoRefusal.ENROLLED
    assert refusal(ONLINE, lesson_state=LessonState.LIVE) is UndoRefusal.BEGUN
    assert refusal(CANCELLED, settled=True) is UndoRefusal.SETTLED
    short = Step(L1, slot(1), cancelled(slot(1)))
    late = replace(operation(), made_ms=HOUR_MS)
    with pytest.raises(UndoRefused) as refused:
        check_undo(late, [short], {L1: Standing(short.after, LessonState.CANCELLED)}, HOUR_MS + 1)
    assert (refused.value.refusal, refused.value.title) == (UndoRefusal.BEGUN, "Light")
    with pytest.raises(UndoRefused):
        check_undo(operation(undone_ms=1_500), [CANCELLED], {}, 2_000)
    new = Step(L1, cancelled(slot()), slot())
    assert refusal(new, kind=OperationKind.SERIES, enrolled_since=1) is UndoRefusal.ENROLLED


@given(
    titles=st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3),
    hours=st.integers(1, 20),
)
def test_the_way_back_leads_to_what_was(titles: list[str], hours: int) -> None:
    slots = {LessonId(str(n)): slot((10 + n) * HOUR_MS, title=title) for n, title in enumerate(titles)}
    first = next(iter(slots))
    steps = changed(slots, first, Change(starts_ms=(10 + hours) * HOUR_MS), "UTC")
    assert {step.lesson: step.back().after for step in steps} == slots
