"""A token bucket."""

from __future__ import annotations

from signaling.rate import Bucket


def test_burst_then_rate() -> None:
    bucket = Bucket(burst=3, per_second=2, now=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(10.4)
    assert bucket.take(10.5)
    assert not bucket.take(10.5)


def test_never_holds_more_than_the_burst() -> None:
    bucket = Bucket(burst=2, per_second=1, now=0.0)
    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]
