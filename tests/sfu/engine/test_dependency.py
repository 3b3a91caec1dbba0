"""The dependency descriptor: written here bit by bit, read by the engine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.engine.dependency import DependencyReader

INDICATIONS = "-DSR"


class Bits:
    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, count: int) -> Bits:
        self.text += f"{value:0{count}b}" if count else ""
        return self

    def put_below(self, value: int, limit: int) -> Bits:
        """ns(limit)"""
        width = limit.bit_length()
        short = (1 << width) - limit
        if value < short:
            return self.put(value, width - 1)
        return self.put((value + short) >> 1, width - 1).put((value + short) & 1, 1)

    def __bytes__(self) -> bytes:
        text = self.text + "0" * (-len(self.text) % 8)
        return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


Template = tuple[int, int, str, list[int]]
"""spatial, temporal, indications, distances"""
L1T3: list[Template] = [
    (0, 0, "SSS", []),
    (0, 0, "SSS", [4]),
    (0, 1, "-DR", [2]),
    (0, 2, "--D", [1]),
]
L2T1: list[Template] = [(0, 0, "SS", []), (0, 0, "SR", [2]), (1, 0, "-S", [1]), (1, 0, "-R", [2, 1])]


def header(bits: Bits, template: int, frame: int, *, begins: bool = True, ends: bool = True) -> Bits:
    return bits.put(begins, 1).put(ends, 1).put(template, 6).put(frame, 16)


def structure(bits: Bits, templates: list[Template], *, offset: int = 0, chains: int = 0) -> Bits:
    targets = len(templates[0][2])
    bits.put(offset, 6).put(targets - 1, 5)
    for here, following in pairwise(templates):
        bits.put(0 if following[:2] == here[:2] else 1 if following[0] == here[0] else 2, 2)
    bits.put(3, 2)
    for template in templates:
        for letter in template[2]:
            bits.put(INDICATIONS.index(letter), 2)
    for template in templates:
        for distance in template[3]:
            bits.put(1, 1).put(distance - 1, 4)
        bits.put(0, 1)
    bits.put_below(chains, targets + 1)
    if chains:
        for target in range(targets):
            bits.put_below(target % chains, chains)
        for _ in range(len(templates) * chains):
            bits.put(1, 4)
    return (
        bits.put(1, 1).put(639, 16).put(359, 16).put(1279, 16).put(719, 16)
        if templates is L2T1
        else bits.put(0, 1)
    )


def keyframe(
    templates: list[Template],
    *,
    frame: int = 100,
    offset: int = 0,
    chains: int = 0,
    active: int | None = None,
) -> bytes:
    bits = header(Bits(), offset, frame).put(1, 1).put(active is not None, 1).put(0, 3)
    structure(bits, templates, offset=offset, chains=chains)
    if active is not None:
        bits.put(active, len(templates[0][2]))
    return bytes(bits)


def test_templates_of_temporal_layers() -> None:
    reader = DependencyReader()
    first = reader.read(keyframe(L1T3, chains=1))
    assert first is not None
    assert (first["frame"], first["targets"], first["references"]) == (100, "SSS", [])
    assert first["active"] == [True] * 3
    assert reader.target_layers == [(0, 0), (0, 1), (0, 2)]
    delta = reader.read(bytes(header(Bits(), 3, 101, ends=False)))
    assert delta is not None
    assert (delta["temporal"], delta["targets"], delta["references"]) == (2, "--D", [1])
    assert (delta["begins"], delta["ends"]) == (True, False)


def test_spatial_layers_with_resolutions() -> None:
    reader = DependencyReader()
    assert reader.read(keyframe(L2T1, offset=61, chains=2, active=0b01)) is not None
    assert reader.target_layers == [(0, 0), (1, 0)]
    upper = reader.read(bytes(header(Bits(), (61 + 3) % 64, 102)))
    assert upper is not None
    assert (upper["spatial"], upper["references"], upper["active"]) == (1, [2, 1], [True, False])


def test_a_frame_with_its_own_indications_and_distances() -> None:
    reader = DependencyReader()
    reader.read(keyframe(L1T3))
    bits = header(Bits(), 1, 200).put(0, 2).put(1, 1).put(1, 1).put(0, 1)
    for letter in "S-R":
        bits.put(INDICATIONS.index(letter), 2)
    bits.put(1, 2).put(15, 4).put(3, 2).put(999, 12).put(0, 2)
    found = reader.read(bytes(bits))
    assert found is not None
    assert (found["targets"], found["references"]) == ("S-R", [16, 1000])


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80", b"\x80\x00", bytes(header(Bits(), 40, 1)), keyframe(L1T3)[:6], b"\xff" * 40],
    ids=["nothing", "one byte", "two bytes", "unknown template", "structure cut short", "ones"],
)
def test_what_makes_no_sense_leaves_no_trace(data: bytes) -> None:
    reader = DependencyReader()
    reader.read(keyframe(L1T3))
    assert reader.read(data) is None
    after = reader.read(bytes(header(Bits(), 2, 103)))
    assert after is not None and after["targets"] == "-DR"


def test_nothing_is_known_before_the_structure() -> None:
    assert DependencyReader().read(bytes(header(Bits(), 0, 1))) is None


@given(st.binary(max_size=120))
@settings(max_examples=1500, deadline=None)
def test_never_reads_past_the_end(guarded: Callable[[bytes], memoryview], data: bytes) -> None:
    reader = DependencyReader()
    reader.read(guarded(b"\x80\x00\x00" + data))
    reader.read(guarded(data))


@given(st.data())
@settings(max_examples=500, deadline=None)
def test_changed_bits_of_a_structure(guarded: Callable[[bytes], memoryview], data: st.DataObject) -> None:
    original = bytearray(keyframe(L2T1, chains=2, active=3))
    for _ in range(data.draw(st.integers(1, 4))):
        original[data.draw(st.integers(0, len(original) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    reader = DependencyReader()
    found = reader.read(guarded(bytes(original)))
    if found is not None:
        assert found["spatial"] < 4 and found["temporal"] < 8 and len(found["references"]) <= 8
        for spatial, temporal in reader.target_layers:
            assert spatial < 4 and temporal < 8
