"""Where keyframes begin, by hand-made payloads of each format."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.engine.payload import begins_keyframe, find_primary

H264 = [
    ("67 42c01f", True, "SPS"),
    ("68 ce3c80", False, "PPS alone"),
    ("65 b8", True, "IDR slice"),
    ("61 e0", False, "other slice"),
    ("06 05", False, "SEI"),
    ("78 0004 6742c01f 0002 68ce", True, "STAP-A with SPS first"),
    ("78 0002 09f0 0002 6742", True, "STAP-A with a delimiter before the SPS"),
    ("78 0002 0605 0002 65b8", True, "STAP-A with SEI and IDR"),
    ("78 0002 68ce 0002 61e0", False, "STAP-A of other things"),
    ("78 0002 0605 0009 65b8", False, "STAP-A with a size past the end"),
    ("78 0000 65b8", False, "STAP-A with an empty unit"),
    ("78 00", False, "STAP-A cut short"),
    ("7c 85 b8", True, "FU-A, first fragment of an IDR slice"),
    ("7c 05 b8", False, "FU-A, middle of it"),
    ("7c 45 b8", False, "FU-A, end of it"),
    ("7c 81 e0", False, "FU-A, first fragment of another slice"),
    ("7c", False, "FU-A cut short"),
    ("", False, "nothing"),
]
VP8 = [
    ("10 00", True, "S, partition 0, P=0"),
    ("10 01", False, "inter frame"),
    ("00 00", False, "not the start of a partition"),
    ("11 00", False, "partition 1"),
    ("90 80 12 00", True, "picture id of one byte"),
    ("90 80 92 34 00", True, "picture id of two bytes"),
    ("90 80 92 34 01", False, "picture id of two bytes, inter frame"),
    ("90 f0 92 34 07 e0 00", True, "picture id, TL0PICIDX, TID and KEYIDX"),
    ("90 20 e0 00", True, "TID only"),
    ("90 f0 92 34 07 e0", False, "no payload"),
    ("90 80", False, "picture id missing"),
    ("90", False, "extension missing"),
    ("10", False, "header only"),
    ("", False, "nothing"),
]
VP9 = [
    ("08 82", True, "B, not predicted"),
    ("48 82", False, "P"),
    ("00 82", False, "not the first packet of the frame"),
    ("88 12 82", True, "picture id of one byte"),
    ("a8 92 34 00 07 82", True, "picture id of two bytes, lowest layer"),
    ("a8 92 34 02 07 82", False, "spatial layer 1"),
    ("a8 12 20 07 82", True, "temporal layer 1, spatial layer 0"),
    ("a8 92 34", False, "layer missing"),
    ("88", False, "picture id missing"),
    ("08", False, "no payload"),
    ("", False, "nothing"),
]
AV1 = [
    ("18 0a 0b00", True, "N bit"),
    ("98 0a 0b00", False, "goes on with a fragment"),
    ("10 0a 0b", True, "one element, a sequence header"),
    ("10 32 0b", False, "one element, a frame"),
    ("20 02 32aa 0a 0b", True, "two elements, the second a sequence header"),
    ("00 02 32aa 02 0a0b", True, "elements with lengths"),
    ("00 02 32aa 02 320b", False, "elements with lengths, frames"),
    ("00 09 0a", False, "length past the end"),
    ("00 80808080808080 0a", False, "length without end"),
    ("00 00 0a", False, "empty element"),
    ("10", False, "no element"),
    ("", False, "nothing"),
]
TABLE = [
    pytest.param(codec, bytes.fromhex(payload), begins, id=f"{codec} {what}")
    for codec, rows in (("H264", H264), ("VP8", VP8), ("VP9", VP9), ("AV1", AV1))
    for payload, begins, what in rows
]


@pytest.mark.parametrize(("codec", "payload", "begins"), TABLE)
def test_keyframes(codec: str, payload: bytes, begins: bool) -> None:
    assert begins_keyframe(codec, payload) is begins
    assert begins_keyframe(codec.lower(), payload) is begins


@pytest.mark.parametrize("codec", ["opus", "red", "PCMU", ""])
def test_other_codecs_have_no_keyframes(codec: str) -> None:
    assert not begins_keyframe(codec, b"\x67\x42\xc0\x1f")


@given(st.sampled_from(["H264", "VP8", "VP9", "AV1", "opus"]), st.binary(max_size=40))
@settings(max_examples=1000, deadline=None)
def test_never_reads_past_the_end(guarded: Callable[[bytes], memoryview], codec: str, payload: bytes) -> None:
    begins_keyframe(codec, guarded(payload))


@given(st.binary(max_size=12))
@settings(max_examples=500, deadline=None)
def test_never_reads_past_the_end_of_an_aggregate(
    guarded: Callable[[bytes], memoryview], rest: bytes
) -> None:
    begins_keyframe("H264", guarded(b"\x78\x00\x02\x06\x05" + rest))
    begins_keyframe("VP8", guarded(b"\x90\xf0" + rest))
    begins_keyframe("VP9", guarded(b"\xa8" + rest))
    begins_keyframe("AV1", guarded(b"\x00" + rest))


@pytest.mark.parametrize(("codec", "payload", "begins"), TABLE)
def test_truncations(
    guarded: Callable[[bytes], memoryview], codec: str, payload: bytes, begins: bool
) -> None:
    for end in range(len(payload)):
        begins_keyframe(codec, guarded(payload[:end]))


@pytest.mark.parametrize(
    ("payload", "primary"),
    [
        ("6f aabb", (1, 111)),
        ("ef 0f00 02 6f 1122 aabb", (7, 111)),
        ("ef 0f00 02 ef 0780 01 6f 1122 33 aabb", (12, 111)),
        ("ef 0f00 02 6f 1122", None),  # an empty primary block
        ("ef 0f00 03 6f 1122", None),  # a block past the end
        ("ee 0f00 02 6f 1122 aabb", None),  # blocks of several types
        ("ef 0f00", None),
        ("ef 0f00 00" * 20 + "6f aa", None),
        ("", None),
    ],
)
def test_primary_block_of_red(payload: str, primary: tuple[int, int] | None) -> None:
    assert find_primary(bytes.fromhex(payload)) == primary


@given(st.binary(max_size=40))
@settings(max_examples=500, deadline=None)
def test_red_never_reads_past_the_end(guarded: Callable[[bytes], memoryview], payload: bytes) -> None:
    find_primary(guarded(payload))
    find_primary(guarded(b"\xef\x0f\x00\x02" * 3 + payload))
