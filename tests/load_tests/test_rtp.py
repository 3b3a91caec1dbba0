"""What the publishing bot writes is read by aiortc; what aiortc writes is read by the bot."""

from __future__ import annotations

import struct

import pytest
from aiortc import rtp as aiortc_rtp
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpReceiveParameters

from load_tests.rtp import (
    ABS_SEND_TIME,
    EXTENSIONS,
    MID,
    TRANSPORT_CC,
    BadRtcp,
    KeyframeRequest,
    Nack,
    Stream,
    TransportSequence,
    feedback,
)


@pytest.fixture
def stream() -> Stream:
    return Stream(
        0xDEADBEEF, 102, "1", {MID: 1, ABS_SEND_TIME: 2, TRANSPORT_CC: 3}, TransportSequence(), 65_535
    )


def extensions_map() -> aiortc_rtp.HeaderExtensionsMap:
    known = aiortc_rtp.HeaderExtensionsMap()
    extensions = [RTCRtpHeaderExtensionParameters(id=i, uri=uri) for i, uri in enumerate(EXTENSIONS, 1)]
    known.configure(RTCRtpReceiveParameters(headerExtensions=extensions))
    return known


def test_packets_are_read_by_another_implementation(stream: Stream) -> None:
    packets = [stream.packet(b"payload", 0x1_0000_0001, marker, 3.25) for marker in (False, True)]
    first, second = (aiortc_rtp.RtpPacket.parse(packet, extensions_map()) for packet in packets)
    assert (first.sequence_number, second.sequence_number) == (65_535, 0)
    assert (first.marker, second.marker) == (0, 1)
    assert (first.timestamp, first.ssrc, first.payload_type) == (1, 0xDEADBEEF, 102)
    assert first.payload == b"payload"
    assert first.extensions.mid == "1"
    assert first.extensions.abs_send_time == int(3.25 * 2**18)
    assert (stream.packets, stream.octets) == (2, 14)
    # aiortc does not read the transport-wide number: it is the last element, id 3, two bytes.
    assert [packet[12:].index(b"\x31") > 0 for packet in packets] == [True, True]
    assert stream.transport_sequence.next == 2


def test_no_extension_negotiated_none_written() -> None:
    packet = Stream(1, 111, "0", {}, TransportSequence()).packet(b"x", 0, False, 0.0)
    assert packet == struct.pack("!BBHII", 0x80, 111, 0, 0, 1) + b"x"


def test_sender_report_is_read_by_another_implementation(stream: Stream) -> None:
    stream.packet(b"12345", 0, False, 0.0)
    (report,) = aiortc_rtp.RtcpPacket.parse(stream.sender_report(77, 1.5))
    assert report.ssrc == 0xDEADBEEF
    info = report.sender_info
    assert (info.rtp_timestamp, info.packet_count, info.octet_count) == (77, 1, 5)
    assert info.ntp_timestamp == int((2_208_988_800 + 1.5) * 2**32)


def test_reads_keyframe_requests_and_nacks() -> None:
    report = aiortc_rtp.RtcpRrPacket(ssrc=1, reports=[])
    pli = aiortc_rtp.RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=42)
    fir = aiortc_rtp.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=struct.pack("!IBxxx", 43, 9))
    nack = aiortc_rtp.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=42, lost=[65_520, 65_521, 65_535])
    compound = b"".join(bytes(packet) for packet in (report, pli, fir, nack))
    assert list(feedback(compound)) == [
        KeyframeRequest(42),
        KeyframeRequest(43),
        Nack(42, (65_520, 65_521, 65_535)),
    ]


def test_nack_masks_count_on_across_the_wrap() -> None:
    packet = struct.pack("!BBHIIHH", 0x81, 205, 3, 1, 42, 65_535, 0x8001)
    assert list(feedback(packet)) == [Nack(42, (65_535, 0, 15))]


@pytest.mark.parametrize("garbage", [b"\x00", b"\x80\xc8\x00\x05short", b"\x80\xc9\x00\x00\x12\x34"])
def test_garbage_raises_its_one_error(garbage: bytes) -> None:
    with pytest.raises(BadRtcp):
        list(feedback(garbage))
