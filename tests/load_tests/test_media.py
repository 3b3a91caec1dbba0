"""The synthetic camera makes H.264 that a parser understands, of the wanted size."""

from __future__ import annotations

import io

import av
import pytest

from load_tests.media import (
    Camera,
    Microphone,
    aggregate,
    fragment,
    picture_parameter_set,
    sequence_parameter_set,
    split_evenly,
    split_full,
    stamped_timestamp,
)

START_CODE = b"\x00\x00\x00\x01"


def depacketize(payloads: list[bytes]) -> list[bytes]:
    """NAL units of one picture (RFC 6184, 5.6 to 5.8)."""
    nals: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & 0x1F
        if kind == 24:
            at = 1
            while at < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                nals.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == 28:
            if payload[1] & 0x80:
                nals.append(bytes([payload[0] & 0xE0 | payload[1] & 0x1F]))
            nals[-1] += payload[2:]
        else:
            nals.append(payload)
    return nals


def annex_b(nals: list[bytes]) -> bytes:
    return b"".join(START_CODE + nal for nal in nals)


def test_a_parser_reads_size_profile_and_key_pictures() -> None:
    camera = Camera()
    pictures = [depacketize(camera.frame(i, i % 5, camera.timestamp(i))) for i in range(10)]
    stream = b"".join(annex_b(nals) for nals in pictures)
    with av.open(io.BytesIO(stream), format="h264") as container:
        video = container.streams.video[0]
        packets = [packet for packet in container.demux(video) if packet.size]
        assert (video.codec_context.width, video.codec_context.height) == (1280, 720)
        assert video.codec_context.profile == "Constrained Baseline"
    assert [packet.is_keyframe for packet in packets] == [True, *[False] * 4] * 2


def test_a_key_interval_has_the_wanted_bit_rate() -> None:
    camera = Camera()
    frames = [camera.frame(i, i, camera.timestamp(i)) for i in range(camera.key_interval)]
    octets = sum(len(payload) for payloads in frames for payload in payloads)
    assert octets * 8 / camera.key_interval_s == pytest.approx(camera.bits_per_second, rel=0.02)
    assert sum(map(len, frames[0])) == pytest.approx(camera.key_octets, rel=0.02)
    assert max(len(payload) for payloads in frames for payload in payloads) <= camera.payload_octets


@pytest.mark.parametrize("split", ["even", "full"])
def test_fragments_give_the_nal_unit_back(split: str) -> None:
    nal = bytes([0x65]) + bytes(range(1, 256)) * 10
    payloads = fragment(nal, 300, split)
    assert max(map(len, payloads)) <= 300
    assert depacketize(payloads) == [nal]
    assert [payload[1] & 0xC0 for payload in payloads] == [0x80, *[0] * (len(payloads) - 2), 0x40]
    assert fragment(nal[:300], 300, split) == [nal[:300]]


def test_how_sizes_are_split() -> None:
    assert list(split_evenly(10, 4)) == [3, 3, 4]
    assert list(split_full(10, 4)) == [4, 4, 2]
    assert list(split_evenly(8, 4)) == list(split_full(8, 4)) == [4, 4]


def test_every_packet_of_a_picture_holds_its_timestamp() -> None:
    camera, timestamp = Camera(), 0xFFFFFFF0
    for since_key in (0, 1):
        assert {stamped_timestamp(p) for p in camera.frame(0, since_key, timestamp)} == {timestamp}
    assert stamped_timestamp(Microphone().frame(timestamp)) == timestamp
    assert len(Microphone().frame(0)) == 160
    assert stamped_timestamp(b"nothing") is None


def test_no_start_code_hides_in_a_picture() -> None:
    for nal in depacketize(Camera().frame(0, 0, 0)):
        assert b"\x00\x00" not in nal


def test_parameter_sets_are_aggregated() -> None:
    sps, pps = sequence_parameter_set(), picture_parameter_set()
    assert depacketize([aggregate(sps, pps)]) == [sps, pps]
