"""Which encodings a publisher is to send."""

from __future__ import annotations

from sfu.layer_demand import OFF_AFTER_S, LayerDemand


def test_everything_at_first_then_only_what_is_wanted_and_the_lowest() -> None:
    demand = LayerDemand(3)
    assert not demand.update([2], 0.0)
    assert demand.update([2], OFF_AFTER_S)
    assert demand.active == {0, 2}


def test_on_at_once_off_after_a_while() -> None:
    demand = LayerDemand(3)
    demand.update([], 0.0)
    demand.update([], OFF_AFTER_S)
    assert demand.active == {0}
    assert demand.update([1])
    assert demand.active == {0, 1}
    assert not demand.update([2, 1][1:], 10.0)
    assert demand.update([2])
    assert not demand.update([2], 11.0)  # the one that is left goes off later
    assert demand.active == {0, 1, 2}
    assert demand.update([2], 11.0 + OFF_AFTER_S)
    assert demand.active == {0, 2}


def test_who_changes_their_mind_in_time_switches_nothing() -> None:
    demand = LayerDemand(2)
    for second in range(20):
        assert not demand.update([second // 3 % 2], float(second))


def test_an_index_beyond_the_last_means_the_best() -> None:
    demand = LayerDemand(2)
    demand.update([7], 0.0)
    demand.update([7], OFF_AFTER_S)
    assert demand.active == {0, 1}
    single = LayerDemand(0)
    assert not single.update([], 0.0) and not single.update([7], OFF_AFTER_S)
