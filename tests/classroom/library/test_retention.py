"""How long things are kept: the most precise word counts, and nothing that is held or goes on ever ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.library.retention import ALL, DAY_MS, MAX_DAYS, Keeping, Kept, days, ends_ms, is_over

POLICIES = st.dictionaries(
    st.tuples(st.sampled_from(["museum", "school", ALL]), st.sampled_from(Kept)), st.integers(0, MAX_DAYS)
)
THINGS = st.builds(
    Keeping,
    provider=st.sampled_from(["museum", "school", ""]),
    kind=st.sampled_from(Kept),
    since_ms=st.integers(0, 2**42),
    held=st.booleans(),
    live=st.booleans(),
)


@pytest.mark.parametrize(
    ("provider", "kind", "expected"),
    [
        ("museum", Kept.LESSON, 30),
        ("school", Kept.LESSON, 365),
        ("museum", Kept.CLIP, 0),
        ("school", Kept.CLIP, 0),
        ("museum", Kept.DRAFT, 7),
    ],
)
def test_the_providers_own_word_counts_before_that_for_all(provider: str, kind: Kept, expected: int) -> None:
    policies = {
        ("museum", Kept.LESSON): 30,
        (ALL, Kept.LESSON): 365,
        ("museum", Kept.CLIP): 0,
        (ALL, Kept.DRAFT): 7,
    }
    assert days(policies, provider, kind) == expected


def test_a_provider_can_keep_for_ever_what_others_delete() -> None:
    policies = {("museum", Kept.LESSON): 0, (ALL, Kept.LESSON): 1}
    assert ends_ms(policies, Keeping("museum", Kept.LESSON, 0)) is None
    assert ends_ms(policies, Keeping("school", Kept.LESSON, 5)) == 5 + DAY_MS


@given(POLICIES, THINGS, st.integers(0, 2**44))
def test_what_is_held_or_goes_on_is_never_over(
    policies: dict[tuple[str, Kept], int], thing: Keeping, now_ms: int
) -> None:
    if thing.held or thing.live:
        assert not is_over(policies, thing, now_ms)


@given(POLICIES, THINGS)
def test_it_is_over_from_its_last_moment_on_and_not_before(
    policies: dict[tuple[str, Kept], int], thing: Keeping
) -> None:
    end = ends_ms(policies, thing)
    if end is None:
        assert not is_over(policies, thing, 2**60)
    else:
        assert end - thing.since_ms == days(policies, thing.provider, thing.kind) * DAY_MS > 0
        assert is_over(policies, thing, end) and not is_over(policies, thing, end - 1)


@given(THINGS)
def test_without_a_word_things_are_kept_for_ever(thing: Keeping) -> None:
    assert ends_ms({}, thing) is None
