"""Watched spans: whatever is reported in whatever order, what is kept is in order, bounded and complete."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.library.spans import JOIN_MS, MAX_REPORTED, MAX_SPANS, BadSpans, checked, merged, total_ms

HOUR_MS = 3_600_000
SPANS = st.lists(
    st.tuples(st.integers(0, HOUR_MS), st.integers(0, 60_000)).map(lambda one: (one[0], one[0] + one[1])),
    max_size=40,
)


@given(SPANS)
def test_merged_spans_are_in_order_and_apart(spans: list[tuple[int, int]]) -> None:
    found = merged(spans)
    assert all(start <= end for start, end in found)
    assert all(after[0] - before[1] > JOIN_MS for before, after in itertools.pairwise(found))


@given(SPANS)
def test_nothing_that_was_watched_is_lost(spans: list[tuple[int, int]]) -> None:
    found = merged(spans)
    assert all(any(a <= start and end <= b for a, b in found) for start, end in spans)
    assert total_ms(found) >= max((end - start for start, end in spans), default=0)


@given(SPANS, SPANS)
def test_it_does_not_matter_in_which_reports_they_come(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    at_once = merged([*one, *other])
    assert merged([*merged(one), *other]) == merged([*merged(other), *one]) == at_once
    assert merged(at_once) == at_once


def test_beyond_the_limit_the_closest_are_joined() -> None:
    spans = [(10_000 * n, 10_000 * n + 1_000) for n in range(MAX_SPANS)]
    found = merged([*spans, (5_001, 6_000)])
    assert len(found) == MAX_SPANS
    assert found[0] == (0, 1_000)
    assert found[1] == (5_001, 11_000)


@given(SPANS, st.integers(0, HOUR_MS))
def test_a_report_is_cut_at_the_end_of_the_item(spans: list[tuple[int, int]], duration_ms: int) -> None:
    inside = [span for span in spans if span[0] <= duration_ms + JOIN_MS]
    assert all(0 <= start < end <= duration_ms for start, end in checked(inside, duration_ms))


@pytest.mark.parametrize(
    "spans",
    [
        [(5, 4)],
        [(-1, 4)],
        [(10_000 + JOIN_MS + 1, 20_000)],
        [(0, 1)] * (MAX_REPORTED + 1),
    ],
)
def test_what_cannot_have_been_watched_is_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(BadSpans):
        checked(spans, 10_000)
