from __future__ import annotations

from classroom.limits import Rate, TokenBucket


def test_a_burst_then_the_long_run() -> None:
    bucket = TokenBucket(Rate(burst=3, per_second=0.5), now=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(11.9)
    assert bucket.take(12.0)
    assert not bucket.take(12.0)


def test_waiting_gives_no_more_than_the_burst() -> None:
    bucket = TokenBucket(Rate(burst=2, per_second=1.0), now=0.0)
    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    bucket = TokenBucket(Rate(burst=2, per_second=1.0), now=10.0)
    assert bucket.take(5.0)
    assert bucket.take(5.0)
    assert not bucket.take(5.0)
