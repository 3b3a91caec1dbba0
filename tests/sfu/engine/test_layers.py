"""Which frames go out: tables of packets and verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from sfu.engine.layers import LayerSelector, encoding_for

KEY: dict[str, Any] = {"keyframe": True}
T0: dict[str, Any] = {}
T1: dict[str, Any] = {"temporal": 1}
T2: dict[str, Any] = {"temporal": 2}
SYNC: dict[str, Any] = {"sync": True}


@pytest.mark.parametrize(
    ("alive", "wanted", "chosen"),
    [
        ([1, 1, 1], 1, 1),
        ([1, 1, 0], 2, 1),
        ([1, 0, 0], 2, 0),
        ([0, 0, 1], 0, 2),
        ([0, 1, 1], 0, 1),
        ([0, 0, 0], 1, 1),
        ([1], 0, 0),
    ],
)
def test_encoding(alive: list[int], wanted: int, chosen: int) -> None:
    assert encoding_for([bool(each) for each in alive], wanted) == chosen


def run(selector: LayerSelector, rows: list[tuple[int, dict[str, Any], tuple[int, int], str]]) -> None:
    for number, (frame, packet, wanted, verdict) in enumerate(rows):
        assert selector.decide(frame, wanted=wanted, **packet) == verdict, f"row {number}: {packet}"


def test_temporal_layers_of_vp8() -> None:
    low, high = (7, 0), (7, 2)
    run(
        LayerSelector(),
        [
            (0, KEY | {"ends": False}, low, "send"),
            (1, T2 | SYNC, low, "drop"),
            (2, T1 | SYNC, low, "drop"),
            (3, T2, low, "drop"),
            (4, T0 | {"ends": False}, low, "send"),
            (5, T2 | SYNC, high, "drop"),  # T1 would be missing later
            (6, T1 | {"ends": False}, high, "drop"),  # no sync: refers to a frame that was left out
            (7, T0 | {"ends": False}, high, "send"),
            (8, T1 | SYNC | {"ends": False}, high, "send"),
            (9, T2 | {"ends": False}, high, "drop"),
            (10, T2 | SYNC | {"ends": False}, high, "send"),
            (10, T2 | SYNC | {"ends": False, "begins": False}, high, "send"),
            (11, T2 | {"ends": False}, high, "send"),
            (12, T1 | {"ends": False}, low, "drop"),  # down at once
            (11, T2 | {"ends": False, "newest": False}, low, "send"),  # late: of a frame that was sent
            (9, T2 | {"ends": False, "newest": False}, low, "drop"),  # late: of one that was not
            (13, KEY | {"ends": False}, high, "send"),
            (14, T2 | {"ends": False}, high, "send"),  # a keyframe opens everything
        ],
    )


def test_vp9_opens_what_follows() -> None:
    selector = LayerSelector()
    run(selector, [(0, KEY, (7, 0), "send"), (1, {"opens": True, "sync": True}, (7, 2), "send")])
    assert selector.decide(2, temporal=2) == "send"


def test_vp9_flexible_mode_goes_by_references() -> None:
    low, high = (7, 0), (7, 1)
    run(
        LayerSelector(),
        [
            (0, KEY, low, "send"),
            (1, T1 | {"references": [1]}, low, "drop"),
            (2, {"references": [2]}, high, "send"),
            (3, T1 | {"references": [2]}, high, "drop"),  # refers to one that was left out
            (4, {"references": [2]}, high, "send"),
            (5, T1 | {"references": [1]}, high, "send"),
            (6, {"references": [300]}, high, "send"),  # too long ago to know
        ],
    )


def test_spatial_layers_of_vp9() -> None:
    base, all_layers = (0, 7), (7, 7)

    def picture(frame: int, wanted: tuple[int, int], verdicts: list[str], **packet: Any) -> None:
        for spatial, verdict in enumerate(verdicts):
            keyframe = packet.get("keyframe", False) and spatial == 0
            predicted = not packet.get("keyframe", False) and packet.get("predicted", True)
            got = selector.decide(
                frame, spatial=spatial, keyframe=keyframe, predicted=predicted, wanted=wanted
            )
            assert got == verdict, (frame, spatial)

    selector = LayerSelector()
    picture(0, base, ["last", "drop", "drop"], keyframe=True)
    picture(1, base, ["last", "drop", "drop"])
    picture(2, all_layers, ["last", "drop", "drop"])  # not before a frame that is not predicted
    picture(3, all_layers, ["send", "send", "send"], keyframe=True)
    picture(4, all_layers, ["send", "send", "send"])
    picture(5, (1, 7), ["send", "last", "drop"])
    assert selector.sending == (1, 7)
    assert selector.decide(6, wanted=(1, 7)) == "send"
    assert selector.decide(6, spatial=1, wanted=(2, 7)) == "last"
    assert selector.decide(7, spatial=0, wanted=(2, 7)) == "send"
    assert selector.decide(7, spatial=1, wanted=(2, 7)) == "last"
    assert (
        selector.decide(7, spatial=2, predicted=False, wanted=(2, 7)) == "last"
    )  # from the layer below only


L1T3 = [(0, 0), (0, 1), (0, 2)]


def test_decode_targets_of_l1t3() -> None:
    low, high = (7, 0), (7, 7)
    run(
        LayerSelector(L1T3),
        [
            (0, KEY | {"references": [], "targets": "SSS"}, low, "last"),
            (1, T2 | {"references": [1], "targets": "--D"}, low, "drop"),
            (2, T1 | {"references": [2], "targets": "-DR"}, low, "drop"),
            (3, T2 | {"references": [1], "targets": "--D"}, high, "drop"),
            (4, {"references": [4], "targets": "SRR"}, high, "last"),
            (5, T2 | {"references": [1], "targets": "--S"}, high, "last"),
            (6, T1 | {"references": [2], "targets": "-DR"}, high, "last"),
            (7, T2 | {"references": [1], "targets": "--D"}, (7, 1), "drop"),
            (8, {"references": [4], "targets": "SSS"}, (7, 1), "last"),
            (7, T2 | {"references": [1], "targets": "--D", "newest": False}, high, "drop"),
        ],
    )


def test_decode_targets_of_two_spatial_layers_by_key() -> None:
    base, both = (0, 7), (1, 7)
    selector = LayerSelector([(0, 0), (1, 0)])
    upper = {"spatial": 1, "targets": "-S"}
    run(
        selector,
        [
            (0, KEY | {"references": [], "targets": "SS"}, base, "last"),
            (1, upper | {"references": [1]}, base, "drop"),
            (2, {"references": [2], "targets": "S-"}, both, "last"),
            (3, upper | {"references": [2]}, both, "drop"),  # its own layer was left out
            (4, KEY | {"references": [], "targets": "SS"}, both, "send"),
            (5, upper | {"references": [1]}, both, "last"),
            (6, {"references": [2], "targets": "S-"}, both, "drop"),  # of no use to the upper target
            (7, upper | {"references": [2]}, both, "last"),
        ],
    )
    assert selector.sending == (1, 0)


def test_frames_of_which_nothing_came_count_as_sent() -> None:
    run(
        LayerSelector(),
        [
            (0, KEY, (7, 0), "send"),
            (3, T0, (7, 0), "send"),
            (1, T1 | {"newest": False}, (7, 0), "drop late"),
            (2, T0 | {"newest": False}, (7, 0), "send"),
        ],
    )


def test_what_was_left_out_late_closes_nothing_up() -> None:
    selector = LayerSelector()
    selector.decide(0, keyframe=True, wanted=(7, 0))
    selector.decide(3, wanted=(7, 0))
    for _ in range(2):
        assert selector.decide(2, temporal=1, newest=False, wanted=(7, 0)) == "drop late"
    assert selector.dropped_after(0) == 0
    assert selector.decide(4, references=[2], wanted=(7, 0)) == "drop"


def test_numbers_that_jump_back_are_followed_when_the_packets_are_new() -> None:
    selector = LayerSelector()
    assert selector.decide(5000, keyframe=True) == "send"
    assert selector.decide(10, newest=False) == "drop late"
    assert selector.decide(11) == "send"
    assert selector.decide(100_000) == "send"


def test_dropped_after() -> None:
    selector = LayerSelector()
    for frame in range(10):
        selector.decide(frame, keyframe=frame == 0, temporal=frame % 2, wanted=(7, 0))
    assert [selector.dropped_after(frame) for frame in (9, 8, 7, 0)] == [0, 1, 1, 5]


def test_a_lower_target_waits_for_a_keyframe_where_what_it_needs_was_left_out() -> None:
    base, both = (0, 7), (1, 7)
    selector = LayerSelector([(0, 0), (1, 0)])
    lower, upper = {"targets": "S-"}, {"spatial": 1, "targets": "-S"}
    run(
        selector,
        [
            (0, KEY | {"references": [], "targets": "SS"}, both, "send"),
            (1, upper | {"references": [1]}, both, "last"),
            (2, lower | {"references": [2]}, both, "drop"),
            (3, upper | {"references": [2]}, both, "last"),
            (4, lower | {"references": [2]}, base, "drop"),
        ],
    )
    assert selector.waits
    # The upper one goes on until then.
    run(selector, [(5, upper | {"references": [2]}, base, "last")])
    run(selector, [(6, KEY | {"references": [], "targets": "SS"}, base, "last")])
    assert not selector.waits
    run(
        selector,
        [(7, upper | {"references": [1]}, base, "drop"), (8, lower | {"references": [2]}, base, "last")],
    )


def ksvc(selector: LayerSelector, picture: int, wanted: int, *, key: bool = False, layers: int = 3) -> str:
    """A picture of VP9 in which only a key picture's layers are predicted from each other: what becomes of
    each."""
    letters = {"send": "s", "last": "S", "drop": "-", "drop late": "."}
    return "".join(
        letters[
            selector.decide(
                picture,
                spatial=spatial,
                keyframe=key and spatial == 0,
                predicted=not key,
                idle=not key or spatial == layers - 1,
                wanted=(wanted, 7),
            )
        ]
        for spatial in range(layers)
    )


def test_vp9_leaves_out_the_lower_layers_that_the_highest_does_without() -> None:
    selector = LayerSelector()
    pictures = [ksvc(selector, 0, 2, key=True), *(ksvc(selector, number, 2) for number in range(1, 4))]
    assert pictures == ["ssS", "--S", "--S", "--S"]
    assert not selector.waits
    assert ksvc(selector, 4, 1) == "--S"
    assert selector.waits
    assert ksvc(selector, 5, 1, key=True) == "sS-"
    assert not selector.waits
    assert [ksvc(selector, 6, 1), ksvc(selector, 7, 0), ksvc(selector, 8, 0, key=True)] == [
        "-S-",
        "-S-",
        "S--",
    ]
    assert [ksvc(selector, 9, 0), ksvc(selector, 10, 2), ksvc(selector, 11, 2, key=True)] == [
        "S--",
        "S--",
        "ssS",
    ]


def test_vp9_without_a_limit_is_thinned_too() -> None:
    selector = LayerSelector()
    # Which layer is the highest is seen, and its packets carry the marker already.
    assert [ksvc(selector, 0, 7, key=True), ksvc(selector, 1, 7), ksvc(selector, 2, 7)] == [
        "sss",
        "--s",
        "--s",
    ]


def test_vp9_asks_for_a_keyframe_when_the_highest_layer_ceases() -> None:
    selector = LayerSelector()
    for number in range(3):
        ksvc(selector, number, 2, key=number == 0)
    # A few may be on their way again.
    assert [ksvc(selector, number, 2, layers=2) for number in range(3, 10)] == ["--"] * 7
    assert not selector.waits
    assert [ksvc(selector, number, 2, layers=2) for number in range(10, 13)] == ["--"] * 3
    assert selector.waits
    assert ksvc(selector, 13, 2, key=True, layers=2) == "ss"
    assert not selector.waits
    assert ksvc(selector, 14, 2, layers=2) == "-s"


def test_vp9_layers_that_are_predicted_from_each_other_stay() -> None:
    selector = LayerSelector()
    for picture in range(5):
        for spatial in range(3):
            verdict = selector.decide(
                picture, spatial=spatial, keyframe=picture == spatial == 0, idle=spatial == 2, wanted=(2, 7)
            )
            assert verdict == ("last" if spatial == 2 else "send")
