"""The verdict on a participant's lines: the table of limits, and the patience with which it is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sfu.allocator import StreamState
from sfu.engine.snapshot import SAMPLE
from sfu.params import Quality, QualityReason
from sfu.quality import (
    BETTER_AFTER_S,
    LINE,
    NONE,
    STATES,
    WORSE_AFTER_S,
    Finding,
    Rows,
    code,
    finding,
    look,
    update,
    verdicts,
)
from sfu.quality import judge as judge_rows
from sfu.quality import worse as worse_rows

FAIR, POOR = Quality.FAIR, Quality.POOR
GOOD = Finding(Quality.GOOD)
LOSS = Finding(FAIR, QualityReason.LOSS_DOWN)
BAD_LOSS = Finding(POOR, QualityReason.LOSS_DOWN)
DELAY = Finding(FAIR, QualityReason.DELAY)


def row(kind: np.dtype[np.void], **values: Any) -> Rows:
    """One row, what is not named is 0."""
    made = np.zeros(1, kind)
    for name, value in values.items():
        made[name] = value
    return made


def line(**values: float) -> Rows:
    return row(LINE, **values)


def judge(lines: Rows, state: StreamState = StreamState.OK, reported_frozen_s: float = 0.0) -> Finding:
    states = np.array([STATES.index(state)], np.uint8)
    return finding(int(judge_rows(lines, states, np.array([reported_frozen_s]))[0]))


def worse(one: Finding, other: Finding) -> Finding:
    codes = [np.array([code(each)], np.int16) for each in (one, other)]
    return finding(int(worse_rows(*codes)[0]))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, GOOD),
        ({"loss_down": 0.019, "loss_up": 0.019, "round_trip_s": 0.24, "jitter_s": 0.049}, GOOD),
        ({"loss_down": 0.02}, LOSS),
        ({"loss_down": 0.08}, BAD_LOSS),
        ({"loss_up": 0.05}, Finding(FAIR, QualityReason.LOSS_UP)),
        ({"loss_up": 0.5}, Finding(POOR, QualityReason.LOSS_UP)),
        ({"round_trip_s": 0.25}, DELAY),
        ({"round_trip_s": 0.6}, Finding(POOR, QualityReason.DELAY)),
        ({"jitter_s": 0.05}, Finding(FAIR, QualityReason.JITTER)),
        ({"jitter_s": 0.15}, Finding(POOR, QualityReason.JITTER)),
        ({"frozen_s": 1.0}, GOOD),
        ({"frozen_s": 2.0}, Finding(FAIR, QualityReason.FROZEN)),
        ({"frozen_s": 3.0}, Finding(POOR, QualityReason.FROZEN)),
        ({"silent_s": 2.9}, GOOD),
        ({"silent_s": 3.0, "loss_up": 1.0}, Finding(POOR, QualityReason.INTERRUPTED)),
        ({"loss_down": 0.03, "round_trip_s": 0.7}, Finding(POOR, QualityReason.DELAY)),
        ({"loss_down": 0.1, "frozen_s": 5.0}, BAD_LOSS),
    ],
)
def test_limits(values: dict[str, float], found: Finding) -> None:
    assert judge(line(**values)) == found


def test_everybody_is_judged_alone() -> None:
    lines = np.concatenate([line(), line(loss_down=0.05), line(silent_s=9.0), line(round_trip_s=0.3)])
    states, frozen = np.array([1, 0, 1, 0], np.uint8), np.zeros(4)
    found = [finding(int(each)).reason for each in judge_rows(lines, states, frozen)]
    assert found == [
        QualityReason.BANDWIDTH,
        QualityReason.LOSS_DOWN,
        QualityReason.INTERRUPTED,
        QualityReason.DELAY,
    ]
    assert [len(each) for each in (judge_rows(lines[:0], states[:0], frozen[:0]), verdicts(0))] == [0, 0]


@pytest.mark.parametrize(
    ("state", "level"),
    [(StreamState.OK, None), (StreamState.REDUCED, FAIR), (StreamState.PAUSED, POOR)],
)
def test_what_does_not_fit_has_bandwidth_as_reason(state: StreamState, level: Quality | None) -> None:
    assert judge(line(), state) == (Finding(level, QualityReason.BANDWIDTH) if level else GOOD)
    # The loss of a link that is full is explained by its being full.
    assert judge(line(loss_down=0.03), StreamState.REDUCED).reason is QualityReason.BANDWIDTH


@pytest.mark.parametrize(("seconds", "level"), [(0.4, Quality.GOOD), (0.5, FAIR), (2.0, POOR)])
def test_what_the_page_itself_saw_standing_still(seconds: float, level: Quality) -> None:
    assert judge(line(), reported_frozen_s=seconds).level is level


def looks(lines: Rows, *samples: dict[str, Any], expected: bool = False) -> Rows:
    for sample in samples:
        lines = look(lines, row(SAMPLE, **sample), 1.0, np.array([expected]))
    return lines


def test_one_bad_second_is_smoothed() -> None:
    assert judge(looks(line(), {"lost_down": 0.04}, {}, {})) == GOOD
    assert judge(looks(line(), *[{"lost_down": 0.04}] * 3)) == LOSS


def test_silence_counts_only_where_something_must_come() -> None:
    nothing = [{"sent": 0, "received": 0}] * 4
    assert judge(looks(line(), *nothing)) == GOOD
    assert judge(looks(line(), *nothing, expected=True)).reason is QualityReason.INTERRUPTED
    unanswered, answered = [{"sent": 50, "received": 0}] * 4, {"sent": 50, "received": 1}
    assert judge(looks(line(), answered, *unanswered)).reason is QualityReason.INTERRUPTED
    assert judge(looks(line(), answered, *unanswered, answered)) == GOOD
    # Who never said anything of what it gets is not missed.
    assert judge(looks(line(), *unanswered)) == GOOD


def test_standing_still_is_counted_in_a_row() -> None:
    still, moving = {"stalled": 1, "received": 1}, {"stalled": 0, "received": 1}
    assert looks(line(), still, still)["frozen_s"] == 2.0
    assert looks(line(), still, still, moving, still)["frozen_s"] == 1.0


def test_the_worse_of_two_lines_counts() -> None:
    assert worse(LOSS, BAD_LOSS) == BAD_LOSS
    assert worse(BAD_LOSS, LOSS) == BAD_LOSS
    assert worse(LOSS, DELAY) == LOSS


def shown(*found: Finding) -> list[Finding]:
    """One finding a second: each change of what is shown."""
    verdict, changes = verdicts(1), []
    for now, each in enumerate(found):
        if update(verdict, float(now), np.array([code(each)], np.int16))[0]:
            assert verdict["shown"][0] != NONE
            changes.append(finding(int(verdict["shown"][0])))
    return changes


@pytest.mark.parametrize(
    ("found", "changes"),
    [
        ([GOOD], []),
        ([GOOD] * 3, [GOOD]),
        ([GOOD] * 20, [GOOD]),
        ([GOOD] * 3 + [BAD_LOSS] + [GOOD] * 9, [GOOD]),
        ([GOOD] * 3 + [BAD_LOSS] * 3, [GOOD, BAD_LOSS]),
        # Only as bad as the best meanwhile.
        ([GOOD] * 3 + [BAD_LOSS, LOSS, BAD_LOSS], [GOOD, LOSS]),
        # Better only after a while, and only as good as the worst meanwhile.
        ([BAD_LOSS] * 3 + [GOOD] * 8, [BAD_LOSS]),
        ([BAD_LOSS] * 3 + [GOOD] * 9, [BAD_LOSS, GOOD]),
        ([BAD_LOSS] * 3 + [GOOD] * 4 + [LOSS] + [GOOD] * 4, [BAD_LOSS, LOSS]),
        ([BAD_LOSS] * 3 + [GOOD] * 5 + [BAD_LOSS] + [GOOD] * 8, [BAD_LOSS]),
        # Another reason is no emergency.
        ([LOSS] * 3 + [DELAY] * 8, [LOSS]),
        ([LOSS] * 3 + [DELAY] * 9, [LOSS, DELAY]),
        ([LOSS] * 3 + [DELAY] * 4 + [BAD_LOSS] * 3, [LOSS, BAD_LOSS]),
    ],
)
def test_patience(found: list[Finding], changes: list[Finding]) -> None:
    assert shown(*found) == changes


def test_a_flapping_line_is_not_told() -> None:
    assert (WORSE_AFTER_S, BETTER_AFTER_S) == (2.0, 8.0)
    assert shown(*[GOOD, BAD_LOSS] * 30) == [GOOD]
    assert shown(*([GOOD] * 3 + [BAD_LOSS, BAD_LOSS, GOOD] * 20)) == [GOOD]
