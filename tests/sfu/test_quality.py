"""The verdict on a participant's lines: the table of limits, and the patience with which it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from sfu.allocator import StreamState
from sfu.engine.snapshot import LinkSample
from sfu.params import Quality, QualityReason
from sfu.quality import BETTER_AFTER_S, GOOD, WORSE_AFTER_S, Finding, Line, Verdict, judge, worse

FAIR, POOR = Quality.FAIR, Quality.POOR
LOSS = Finding(FAIR, QualityReason.LOSS_DOWN)
BAD_LOSS = Finding(POOR, QualityReason.LOSS_DOWN)
DELAY = Finding(FAIR, QualityReason.DELAY)


@pytest.mark.parametrize(
    ("line", "found"),
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
def test_limits(line: dict[str, float], found: Finding) -> None:
    assert judge(Line(**line)) == found


@pytest.mark.parametrize(
    ("state", "level"),
    [(StreamState.OK, None), (StreamState.REDUCED, FAIR), (StreamState.PAUSED, POOR)],
)
def test_what_does_not_fit_has_bandwidth_as_reason(state: StreamState, level: Quality | None) -> None:
    assert judge(Line(), state) == (Finding(level, QualityReason.BANDWIDTH) if level else GOOD)
    # The loss of a link that is full is explained by its being full.
    assert judge(Line(loss_down=0.03), StreamState.REDUCED).reason is QualityReason.BANDWIDTH


@pytest.mark.parametrize(("seconds", "level"), [(0.4, Quality.GOOD), (0.5, FAIR), (2.0, POOR)])
def test_what_the_page_itself_saw_standing_still(seconds: float, level: Quality) -> None:
    assert judge(Line(), reported_frozen_s=seconds).level is level


def looks(line: Line, *samples: dict[str, Any], expected: bool = False) -> Line:
    for sample in samples:
        line.look(LinkSample(**sample), 1.0, expected=expected)
    return line


def test_one_bad_second_is_smoothed() -> None:
    assert judge(looks(Line(), {"lost_down": 0.04}, {}, {})) == GOOD
    assert judge(looks(Line(), *[{"lost_down": 0.04}] * 3)) == LOSS


def test_silence_counts_only_where_something_must_come() -> None:
    nothing = [{"sent": 0, "received": 0}] * 4
    assert judge(looks(Line(), *nothing)) == GOOD
    assert judge(looks(Line(), *nothing, expected=True)).reason is QualityReason.INTERRUPTED
    unanswered, answered = [{"sent": 50, "received": 0}] * 4, {"sent": 50, "received": 1}
    assert judge(looks(Line(), answered, *unanswered)).reason is QualityReason.INTERRUPTED
    assert judge(looks(Line(), answered, *unanswered, answered)) == GOOD
    # Who never said anything of what it gets is not missed.
    assert judge(looks(Line(), *unanswered)) == GOOD


def test_standing_still_is_counted_in_a_row() -> None:
    still, moving = {"stalled": 1, "received": 1}, {"stalled": 0, "received": 1}
    assert looks(Line(), still, still).frozen_s == 2.0
    assert looks(Line(), still, still, moving, still).frozen_s == 1.0


def test_the_worse_of_two_lines_counts() -> None:
    assert worse(LOSS, BAD_LOSS) == BAD_LOSS
    assert worse(BAD_LOSS, LOSS) == BAD_LOSS
    assert worse(LOSS, DELAY) == LOSS


def shown(*found: Finding) -> list[Finding]:
    """One finding a second: each change of what is shown."""
    verdict, changes = Verdict(), []
    for now, each in enumerate(found):
        if verdict.update(float(now), each):
            assert verdict.shown is not None
            changes.append(verdict.shown)
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
