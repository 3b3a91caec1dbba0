"""When two codecs are the same, and who decodes what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs import (
    FORWARDED,
    H264Profile,
    canonical,
    decodes,
    forwarded,
    h264_profile,
    h264_rank,
    same_codec,
)
from sfu.params import Codec


def h264(profile: str = "42e01f", mode: str = "1") -> Codec:
    return Codec("H264", 90_000, fmtp=(("packetization-mode", mode), ("profile-level-id", profile)))


BARE_H264 = Codec("H264", 90_000)
OPUS = Codec("opus", 48_000, 2)


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("42e01f", H264Profile.CONSTRAINED_BASELINE),
        ("42C01E", H264Profile.CONSTRAINED_BASELINE),
        ("42001f", H264Profile.BASELINE),
        ("4d001f", H264Profile.MAIN),
        ("4d801f", H264Profile.CONSTRAINED_BASELINE),
        ("58c01f", H264Profile.CONSTRAINED_BASELINE),
        ("640028", H264Profile.HIGH),
        ("640c28", H264Profile.CONSTRAINED_HIGH),
        ("f4001f", None),
        ("64401f", None),
        ("42e0", None),
        ("42e01g", None),
    ],
)
def test_profiles(text: str, profile: H264Profile | None) -> None:
    assert h264_profile(h264(text)) is profile


@pytest.mark.parametrize(
    ("receiver", "stream", "expected"),
    [
        (h264("42e01f"), h264("42e028"), True),  # the level does not matter
        (h264("42e01f"), h264("42c01e"), True),
        (h264("42001f"), h264("42e01f"), True),  # a subset of Baseline
        (h264("42e01f"), h264("42001f"), False),
        (h264("64001f"), h264("42e01f"), True),
        (h264("64001f"), h264("4d001f"), True),
        (h264("4d001f"), h264("64001f"), False),
        (h264("42e01f", "0"), h264("42e01f", "1"), False),
        (BARE_H264, h264("64001f"), True),  # who says nothing takes anything
        (h264("42e01f"), BARE_H264, True),
        (h264("f4001f"), h264("42e01f"), False),
        (Codec("vp8", 90_000), Codec("VP8", 90_000), True),
        (Codec("VP8", 90_000), Codec("VP9", 90_000), False),
        (Codec("VP9", 90_000, fmtp=(("profile-id", "0"),)), Codec("VP9", 90_000), True),
        (Codec("VP9", 90_000, fmtp=(("profile-id", "2"),)), Codec("VP9", 90_000), False),
        (Codec("AV1", 90_000, fmtp=(("profile", "1"),)), Codec("AV1", 90_000), False),
        (OPUS, Codec("OPUS", 48_000, 2, (("useinbandfec", "1"),)), True),
        (OPUS, Codec("opus", 48_000, 1), False),
    ],
)
def test_who_decodes_what(receiver: Codec, stream: Codec, expected: bool) -> None:
    assert decodes(receiver, stream) is expected


def test_same_codec_is_the_stricter_relation() -> None:
    assert same_codec(h264("42e01f"), h264("42e033"))
    assert not same_codec(h264("42001f"), h264("42e01f"))


def test_single_nal_unit_mode_cannot_be_used() -> None:
    assert h264_rank(h264("42e01f", "0")) is None
    assert h264_rank(Codec("H264", 90_000, fmtp=(("profile-level-id", "42e01f"),))) is None
    ranks = [h264_rank(each) for each in (h264("42e01f"), h264("42001f"), h264("4d001f"), BARE_H264)]
    assert ranks == sorted(ranks, key=lambda rank: rank or 0)


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        (OPUS, True),
        (Codec("opus", 16_000, 2), False),
        (Codec("opus", 48_000), False),
        (Codec("PCMU", 8_000), False),
        (Codec("H264", 90_000), True),
        (h264("f4001f"), False),
        (Codec("VP9", 90_000, fmtp=(("profile-id", "7"),)), False),
        (Codec("VP8", 8_000), False),
    ],
)
def test_what_is_forwarded(codec: Codec, expected: bool) -> None:
    assert forwarded(codec) is expected


words = st.text(alphabet="0123456789abcdefghxyz-", max_size=8)
keys = st.sampled_from(
    ["profile-level-id", "packetization-mode", "profile-id", "profile", "stereo", "useinbandfec", "x-mine"]
)


def random_codec(name: str, fmtp: list[tuple[str, str]]) -> Codec:
    known = FORWARDED[name]
    return Codec(known.name.swapcase(), known.clock_rate, known.channels, tuple(fmtp))


codecs = st.builds(
    random_codec, st.sampled_from(sorted(FORWARDED)), st.lists(st.tuples(keys, words), max_size=4)
)


@given(codecs)
def test_canonical_codecs_are_stable_and_decodable(codec: Codec) -> None:
    once = canonical(codec)
    assert canonical(once) == once
    assert forwarded(once)
    if forwarded(codec):
        assert decodes(once, codec)
    assert all(key != "x-mine" for key, _ in once.fmtp)


@pytest.mark.parametrize(
    ("level", "named"), [("0a", "1f"), ("1f", "1f"), ("20", "28"), ("29", "33"), ("3e", "33")]
)
def test_few_levels_are_named(level: str, named: str) -> None:
    assert canonical(h264("42e0" + level)).parameter("profile-level-id") == "42e0" + named
