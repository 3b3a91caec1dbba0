"""Layers and frame numbers, by hand-made payload descriptors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.engine.descriptor import read_descriptor

NOTHING = {"layered": False, "picture": None, "tl0": None, "key": None, "references": None}
TABLE: list[tuple[str, str, str, dict[str, Any]]] = [
    ("VP8", "10 00", "no extension", NOTHING),
    ("VP8", "90 80 12 00", "picture id of a byte, no layers", {"layered": False, "picture": 0x12}),
    ("VP8", "90 80 92 34 00", "picture id of two bytes", {"picture": 0x1234, "begins": True}),
    (
        "VP8",
        "90 f0 92 34 07 a5 00",
        "all of it",
        {"layered": True, "picture": 0x1234, "tl0": 7, "temporal": 2, "sync": True, "key": 5},
    ),
    (
        "VP8",
        "80 e0 92 34 07 40 00",
        "T without K",
        {"temporal": 1, "sync": False, "key": None, "begins": False},
    ),
    ("VP8", "90 20 c0 00", "T without a picture id", {"layered": False, "temporal": 3}),
    ("VP8", "90 f0 92 34 07", "cut short", NOTHING),
    ("VP8", "90 80 92", "picture id cut short", NOTHING),
    ("VP9", "08 82", "nothing but flags", NOTHING | {"begins": True}),
    ("VP9", "8c 12 82", "picture id", {"picture": 0x12, "layered": False, "begins": True, "ends": True}),
    (
        "VP9",
        "a8 92 34 32 07 82",
        "not flexible: TL0PICIDX",
        {"layered": True, "temporal": 1, "sync": True, "spatial": 1, "tl0": 7, "references": None},
    ),
    (
        "VP9",
        "f0 92 34 40 03 05 08 82",
        "flexible: distances",
        {"layered": True, "temporal": 2, "predicted": True, "references": [1, 2, 4], "tl0": None},
    ),
    ("VP9", "f0 92 34 40 03 05 07 01", "four distances", NOTHING),
    ("VP9", "f0 92 34 40 03", "distances cut short", NOTHING),
    ("VP9", "b0 92 34 0e 82", "a spatial layer that does not exist", {"layered": False}),
    ("H264", "65 b8", "another codec", NOTHING),
    ("VP8", "", "nothing", NOTHING),
    ("VP9", "", "nothing", NOTHING),
]


@pytest.mark.parametrize(
    ("codec", "payload", "expected"), [pytest.param(a, b, d, id=f"{a} {c}") for a, b, c, d in TABLE]
)
def test_descriptors(codec: str, payload: str, expected: dict[str, Any]) -> None:
    found = read_descriptor(codec, bytes.fromhex(payload))
    assert {key: found[key] for key in expected} == expected


@given(st.sampled_from(["VP8", "VP9"]), st.binary(max_size=16))
@settings(max_examples=1000, deadline=None)
def test_never_reads_past_the_end(guarded: Callable[[bytes], memoryview], codec: str, payload: bytes) -> None:
    found = read_descriptor(codec, guarded(payload))
    assert found["spatial"] < 8 and found["temporal"] < 8
    assert found["picture"] is None or found["picture"] < 1 << 15


@given(st.sampled_from(["VP8", "VP9"]), st.integers(0, 255), st.binary(max_size=8))
@settings(max_examples=1000, deadline=None)
def test_never_reads_past_the_end_of_long_ones(
    guarded: Callable[[bytes], memoryview], codec: str, flags: int, rest: bytes
) -> None:
    read_descriptor(codec, guarded(bytes([flags | 0x80, 0xF0]) + rest))
