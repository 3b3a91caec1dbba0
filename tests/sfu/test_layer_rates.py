"""What layers cost: nominal, measured, remembered."""

from __future__ import annotations

from typing import Any

from sfu.layer_rates import AUDIO_BPS, NOMINAL_BPS, LayerRates
from sfu.params import Kind

SPATIAL, TEMPORAL = 4, 4


def layer(
    total: int, *, active: bool = True, parts: dict[tuple[int, int], int] | None = None
) -> dict[str, Any]:
    """Of `Engine.publication_stats`; parts: bytes by (spatial, temporal) layer."""
    counted = [[0] * TEMPORAL for _ in range(SPATIAL)]
    for (spatial, temporal), size in (parts or {}).items():
        counted[spatial][temporal] = size
    return {"bytes_received": total, "active": active, "layer_bytes": counted}


def ways(rates: LayerRates, **arguments: Any) -> list[tuple[int, int | None, int]]:
    return [(step.layer, step.temporal, round(step.bps)) for step in rates.steps(**arguments)]


def test_nominal_until_measured() -> None:
    assert [step.bps for step in LayerRates(Kind.VIDEO, 3).steps()] == list(NOMINAL_BPS[3])
    assert [step.bps for step in LayerRates(Kind.VIDEO, 0).steps()] == list(NOMINAL_BPS[1])
    assert [step.bps for step in LayerRates(Kind.AUDIO, 1).steps()] == [AUDIO_BPS]


def test_measured_and_remembered_while_silent() -> None:
    rates = LayerRates(Kind.VIDEO, 2)
    rates.sample(0.0, [layer(0), layer(0)])
    rates.sample(1.0, [layer(25_000), layer(100_000)])
    assert ways(rates) == [(0, None, 200_000), (1, None, 800_000)]
    rates.sample(2.0, [layer(50_000), layer(100_000, active=False)])
    rates.sample(3.0, [layer(75_000), layer(100_000, active=False)])
    assert ways(rates) == [(0, None, 200_000), (1, None, 800_000)]


def test_a_keyframe_hardly_shows() -> None:
    rates = LayerRates(Kind.VIDEO, 1)
    total = 0
    rates.sample(0.0, [layer(0)])
    for second in range(1, 30):
        total += 160_000 if second % 2 else 200_000
        rates.sample(float(second), [layer(total)])
        if second > 5:
            assert 1_300_000 < rates.steps()[0].bps < 1_580_000


def test_a_lower_layer_that_never_came_is_not_counted_on() -> None:
    rates = LayerRates(Kind.VIDEO, 3)
    rates.sample(0.0, [layer(0, active=False), layer(0, active=False), layer(0)])
    rates.sample(1.0, [layer(0, active=False), layer(0, active=False), layer(100_000)])
    assert ways(rates) == [(2, None, 800_000)]


def test_an_upper_layer_that_is_off_may_be_wished_for() -> None:
    rates = LayerRates(Kind.VIDEO, 3)
    rates.sample(0.0, [layer(0), layer(0, active=False), layer(0, active=False)])
    rates.sample(1.0, [layer(20_000), layer(0, active=False), layer(0, active=False)])
    assert [way[0] for way in ways(rates)] == [0, 1, 2]


def test_a_wish_ends_the_ladder_and_never_empties_it() -> None:
    rates = LayerRates(Kind.VIDEO, 3)
    assert [way[0] for way in ways(rates, highest=1)] == [0, 1]
    rates.sample(0.0, [layer(0, active=False), layer(0, active=False), layer(0)])
    rates.sample(1.0, [layer(0, active=False), layer(0, active=False), layer(100_000)])
    assert [way[0] for way in ways(rates, highest=0)] == [2]


def test_temporal_layers_are_steps_of_their_own() -> None:
    rates = LayerRates(Kind.VIDEO, 1)
    rates.sample(0.0, [layer(0)])
    rates.sample(1.0, [layer(100_000, parts={(0, 0): 50_000, (0, 1): 20_000, (0, 2): 30_000})])
    assert ways(rates) == [(0, 0, 400_000), (0, 1, 560_000), (7, None, 800_000)]


def test_spatial_layers_need_those_below() -> None:
    rates = LayerRates(Kind.VIDEO, 1)
    rates.sample(0.0, [layer(0)])
    rates.sample(1.0, [layer(150_000, parts={(0, 0): 25_000, (1, 0): 125_000})])
    assert ways(rates) == [(0, None, 200_000), (7, None, 1_200_000)]


def test_a_stream_that_begins_anew_costs_what_it_did() -> None:
    rates = LayerRates(Kind.VIDEO, 1)
    rates.sample(0.0, [layer(0)])
    rates.sample(1.0, [layer(100_000, parts={(0, 0): 100_000})])
    rates.sample(2.0, [layer(10, parts={(0, 0): 10})])
    assert ways(rates) == [(7, None, 800_000)]


def test_only_the_lowest_layer_is_thinned_out_in_time() -> None:
    rates = LayerRates(Kind.VIDEO, 2)
    rates.sample(0.0, [layer(0), layer(0)])
    thinned = [layer(size, parts={(0, 0): size // 2, (0, 1): size // 2}) for size in (20_000, 100_000)]
    rates.sample(1.0, thinned)
    assert ways(rates) == [(0, 0, 80_000), (0, None, 160_000), (1, None, 800_000)]


def test_who_has_all_of_a_stream_has_it_still_when_layers_turn_out_to_be_inside() -> None:
    rates = LayerRates(Kind.VIDEO, 1)
    before = rates.steps()[-1]
    rates.sample(0.0, [layer(0)])
    rates.sample(1.0, [layer(150_000, parts={(0, 0): 25_000, (1, 0): 125_000})])
    assert rates.steps()[-1].way == before.way
    assert [step.layer for step in rates.steps(highest=0)] == [0]
    assert [step.layer for step in rates.steps(highest=1)] == [0, 7]
