"""Payloads into frames, and garbage into nothing."""

import struct
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.control import Format
from recorder.depacketize import Payload, make_depacketizer
from recorder.depacketize.av1 import read_leb128, split_elements, write_leb128
from recorder.depacketize.frame import BadPayloadError
from recorder.depacketize.h264 import parse_sps
from recorder.depacketize.opus import packet_ticks, primary_of_red

CODECS = {"H264": 90_000, "VP8": 90_000, "VP9": 90_000, "AV1": 90_000, "opus": 48_000, "red": 48_000}


def make(codec, **fmtp):
    return make_depacketizer(Format(payload_type=96, codec=codec, clock_rate=CODECS[codec], fmtp=fmtp))


def feed(depacketizer, payloads, timestamp=0, lost=()):
    frames = []
    for index, data in enumerate(payloads):
        marker = index == len(payloads) - 1
        frames += depacketizer.push(Payload(data, timestamp, marker, 0, index in lost))
    return frames


SPS = bytes.fromhex("6742c00dda05067e7840000003004000000f23c50aa8")
PPS = bytes.fromhex("68ce0fc8")
IDR = b"\x65" + bytes(range(200))
P = b"\x41" + bytes(50)


@pytest.fixture
def h264_sets():
    return b"\x78" + b"".join(struct.pack("!H", len(unit)) + unit for unit in (SPS, PPS))


def test_h264_single_aggregated_and_fragmented_units_make_one_access_unit(h264_sets):
    fragments = [b"\x7c\x85" + IDR[1:100], b"\x7c\x05" + IDR[100:150], b"\x7c\x45" + IDR[150:]]
    [frame] = feed(make("H264"), [h264_sets, *fragments, b"\x06supplement"])
    sets = b"".join(struct.pack("!I", len(unit)) + unit for unit in (SPS, PPS))
    units = sets + struct.pack("!I", len(IDR)) + IDR + struct.pack("!I", 11) + b"\x06supplement"
    assert frame.data == units
    assert frame.keyframe
    assert (frame.config.width, frame.config.height) == (320, 180)
    assert frame.config.rfc6381 == "avc1.42c00d"
    assert frame.config.parameter_sets == (SPS, PPS)


def test_h264_takes_parameter_sets_from_its_description():
    sets = "Z0LADdoFBn54QAAAAwBAAAAPI8UKqA==,aM4PyA==,!!"
    [frame] = feed(make("H264", **{"sprop-parameter-sets": sets}), [IDR])
    assert frame.config.width == 320


def test_after_a_loss_nothing_is_taken_until_a_keyframe(h264_sets):
    depacketizer = make("H264")
    assert len(feed(depacketizer, [h264_sets, IDR], 0)) == 1
    assert len(feed(depacketizer, [P], 3000)) == 1
    assert feed(depacketizer, [P], 9000, lost={0}) == []
    assert depacketizer.wants_keyframe
    assert feed(depacketizer, [P], 12_000) == []
    [frame] = feed(depacketizer, [h264_sets, IDR], 15_000)
    assert frame.lost_before and not depacketizer.wants_keyframe
    assert depacketizer.frames_dropped == 2


def test_a_picture_without_a_marker_ends_where_the_next_begins(h264_sets):
    depacketizer = make("H264")
    frames = []
    for timestamp, data in ((0, h264_sets), (0, IDR), (3000, P), (6000, P)):
        frames += depacketizer.push(Payload(data, timestamp, False, 0, False))
    assert [frame.timestamp for frame in frames] == [0, 3000]


def test_a_change_of_the_parameter_sets_changes_the_configuration(h264_sets):
    depacketizer = make("H264")
    [first] = feed(depacketizer, [h264_sets, IDR])
    other = PPS[:-1] + b"\xc9"
    [second] = feed(depacketizer, [SPS, other, IDR], 3000)
    assert first.config != second.config


def test_padding_is_no_picture(h264_sets):
    depacketizer = make("H264")
    assert feed(depacketizer, [b""], 0) == []
    assert len(feed(depacketizer, [h264_sets, IDR], 3000)) == 1


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"profile": "baseline"}, (320, 180)),
        ({"profile": "high"}, (1280, 720)),
        ({"profile": "high10"}, (642, 362)),
        ({"profile": "high444"}, (322, 182)),
    ],
)
def test_picture_sizes_as_x264_writes_them(options, size):
    pixels = {"high10": "yuv420p10le", "high444": "yuv444p"}.get(options["profile"], "yuv420p")
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = pixels, Fraction(1, 30)
    encoder.options = {**options, "preset": "ultrafast"}
    frame = av.VideoFrame(*size, "yuv420p").reformat(format=pixels)
    data = b"".join(bytes(p) for f in (frame, None) for p in encoder.encode(f))
    sps = next(u for u in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if u and u[0] & 0x1F == 7)
    assert (parse_sps(sps).width, parse_sps(sps).height) == size


def test_vp8_descriptors_of_every_shape():
    frame = b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 640, 360) + bytes(20)
    for descriptor in (
        b"\x10",
        b"\x90\x80\x05",
        b"\x90\x80\x85\x05",
        b"\x90\xe0\x05\x01\x02",
        b"\x90\x10\x21",
    ):
        [made] = feed(make("VP8"), [descriptor + frame[:15], b"\x00" + frame[15:]])
        assert made.data == frame and made.keyframe
        assert (made.config.width, made.config.height) == (640, 360)


def test_vp9_takes_the_lowest_of_the_spatial_layers():
    keyframe = bytes.fromhex("824983420013f00b3f") + bytes(20)
    low = b"\x2c\x00\x00" + keyframe
    high = b"\x2c\x03\x00" + bytes(30)
    depacketizer = make("VP9")
    [frame] = feed(depacketizer, [low, high])
    assert frame.data == keyframe and frame.keyframe


def test_opus_durations_by_their_first_byte():
    assert packet_ticks(b"\xf8\xff\xfe") == 960
    assert packet_ticks(b"\x08") == 960
    assert packet_ticks(b"\x19" + bytes(9)) == 5760
    assert packet_ticks(b"\xfb\x03") == 2880
    for bad in (b"", b"\xfb", b"\xfb\x00", b"\x1b\x04"):
        with pytest.raises(BadPayloadError):
            packet_ticks(bad)


def test_red_gives_its_primary_block():
    block = bytes([0x80 | 111, 0, 0, 3, 111]) + b"old" + b"\xf8\xff\xfe"
    assert primary_of_red(block) == b"\xf8\xff\xfe"
    [frame] = feed(make("red"), [block])
    assert frame.data == b"\xf8\xff\xfe"


def test_av1_elements_with_and_without_a_count():
    sized = write_leb128(3) + b"abc" + write_leb128(2) + b"de"
    assert split_elements(b"\x00" + sized) == [b"abc", b"de"]
    assert split_elements(b"\x20" + write_leb128(3) + b"abc" + b"de") == [b"abc", b"de"]


@given(st.integers(0, 2**35 - 1))
def test_leb128_round_trip(value):
    assert read_leb128(write_leb128(value), 0) == (value, len(write_leb128(value)))


@pytest.mark.parametrize("codec", CODECS)
@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.booleans()), max_size=12))
def test_garbage_never_raises(codec, packets):
    depacketizer = make(codec)
    for index, (data, marker, lost) in enumerate(packets):
        depacketizer.push(Payload(data, index // 3 * 3000, marker, 0, lost))


def test_a_codec_that_cannot_be_recorded_has_no_depacketizer():
    assert make_depacketizer(Format(payload_type=9, codec="G722", clock_rate=8000)) is None
