"""While many datagrams come they are taken together, and a few at once."""

from __future__ import annotations

from sfu.engine.moderation import Moderation

SECOND_US = 1_000_000


def rests(moderation: Moderation, per_second: int, since_us: int, before: int = 0) -> list[int]:
    """A look each millisecond, for half a second."""
    looks = range(1, 501)
    return [moderation.rest_us(before + per_second * at // 1000, since_us + 1000 * at) for at in looks]


def test_where_nothing_comes_there_is_no_rest() -> None:
    assert set(rests(Moderation(), 0, SECOND_US)) == {0}


def test_a_lecture_is_forwarded_at_once() -> None:
    """One teacher, whose packets are some 215 a second, and the reports of a hundred."""
    assert set(rests(Moderation(), 1_500, SECOND_US)) == {0}


def test_a_key_picture_is_not_many() -> None:
    moderation = Moderation()
    moderation.rest_us(0, SECOND_US)
    assert moderation.rest_us(120, SECOND_US + 100_000) == 0


def test_many_are_taken_together_within_two_windows_and_few_as_soon_at_once() -> None:
    moderation = Moderation()
    assert rests(moderation, 0, SECOND_US)[-1] == 0
    assert set(rests(moderation, 6_000, 2 * SECOND_US)[200:]) == {500}
    assert set(rests(moderation, 300, 3 * SECOND_US, before=3_000)[200:]) == {0}


def test_many_over_a_long_time_are_few() -> None:
    moderation = Moderation()
    moderation.rest_us(0, SECOND_US)
    assert moderation.rest_us(100_000, 3600 * SECOND_US) == 0
