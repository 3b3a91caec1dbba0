"""RTP and RTCP on the media socket."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.rtp import (
    BadPacketError,
    Goodbye,
    RtpPacket,
    SenderReport,
    build_nack,
    build_pli,
    is_rtcp,
    parse_rtcp,
    parse_rtp,
    unwrap_rtx,
)

HEADER = struct.pack("!BBHII", 0x80, 0x80 | 96, 7, 1234, 99)


def test_headers_of_every_shape():
    plain = RtpPacket(99, 96, 7, 1234, True, b"media")
    assert parse_rtp(HEADER + b"media") == plain
    with_sources = b"\x82" + HEADER[1:] + bytes(8) + b"media"
    assert parse_rtp(with_sources) == plain
    extended = b"\x90" + HEADER[1:] + struct.pack("!HH", 0xBEDE, 2) + bytes(8) + b"media"
    assert parse_rtp(extended) == plain
    padded = b"\xa0" + HEADER[1:] + b"media" + b"\0\0\3"
    assert parse_rtp(padded) == plain


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        HEADER[:-1],
        b"\x40" + HEADER[1:],
        b"\x8f" + HEADER[1:],
        b"\x90" + HEADER[1:] + b"\xbe\xde",
        b"\x90" + HEADER[1:] + b"\xbe\xde\xff\xff",
        b"\xa0" + HEADER[1:] + b"\x00",
        b"\xa0" + HEADER[1:] + b"\xff",
    ],
)
def test_what_is_no_rtp_is_refused(bad):
    with pytest.raises(BadPacketError):
        parse_rtp(bad)


def test_a_retransmission_is_unwrapped():
    rtx = RtpPacket(5, 97, 1, 1234, False, b"\x00\x07media")
    assert unwrap_rtx(rtx, 99, 96) == RtpPacket(99, 96, 7, 1234, False, b"media")
    assert unwrap_rtx(RtpPacket(5, 97, 1, 1234, False, b""), 99, 96) is None
    with pytest.raises(BadPacketError):
        unwrap_rtx(RtpPacket(5, 97, 1, 1234, False, b"\x00"), 99, 96)


def test_sender_reports_and_goodbyes_are_read_from_a_compound():
    ntp = (2_208_988_800 + 1_700_000_000 << 32) + (1 << 31)
    report = struct.pack("!BBHIQIII", 0x80, 200, 6, 99, ntp, 555, 1, 2)
    description = struct.pack("!BBHI", 0x81, 202, 2, 99) + bytes(4)
    goodbye = struct.pack("!BBHI", 0x81, 203, 1, 99)
    assert parse_rtcp(report + description + goodbye) == [
        SenderReport(99, 1_700_000_000_500_000, 555),
        Goodbye(99),
    ]


@given(st.binary(max_size=100))
def test_garbage_raises_only_the_one_error(data):
    for parse in (parse_rtp, parse_rtcp):
        try:
            parse(data)
        except BadPacketError:
            continue


@given(st.sets(st.integers(0, 3000), max_size=80), st.integers(0, 65_535))
def test_a_nack_names_what_is_missing(offsets, start):
    missing = [(start + offset) & 0xFFFF for offset in sorted(offsets)]
    nack = build_nack(1, 99, missing)
    assert is_rtcp(nack) and struct.unpack_from("!HII", nack, 2) == (len(nack) // 4 - 1, 1, 99)
    named = set()
    for first, mask in struct.iter_unpack("!HH", nack[12:]):
        named |= {first} | {(first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1}
    assert named == set(missing)


def test_a_nack_stays_small_and_a_pli_is_as_long_as_it_is():
    assert len(build_nack(1, 99, range(0, 60_000, 20))) <= 12 + 400
    assert build_pli(1, 99) == bytes.fromhex("81ce00020000000100000063")
