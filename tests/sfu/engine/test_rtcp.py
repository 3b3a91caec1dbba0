"""RTCP against byte vectors from the RFCs, against aiortc where it is right, and against garbage."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.engine import rtcp

SENDER = 0x11223344
MEDIA = 0xAABBCCDD
Guarded = Callable[[bytes], memoryview]
fuzz = settings(max_examples=300, deadline=None)

BLOCK: rtcp.ReportBlock = {
    "ssrc": MEDIA,
    "fraction_lost": 64,
    "cumulative_lost": -3,
    "highest_sequence": 0x00012345,
    "jitter": 77,
    "last_sr": 0x9ABCDEF0,
    "delay_since_last_sr": 65536,
}


def one(data: bytes) -> rtcp.RtcpPacket:
    packets, complete = rtcp.parse_compound(data)
    assert complete
    (packet,) = packets
    return packet


def lost_of(packet: rtcp.RtcpPacket) -> list[int]:
    """RFC 4585, 6.2.1."""
    lost = []
    body = packet["body"]
    for i in range(0, len(body), 4):
        pid = int.from_bytes(body[i : i + 2])
        blp = int.from_bytes(body[i + 2 : i + 4])
        lost += [pid, *((pid + 1 + bit) & 0xFFFF for bit in range(16) if blp >> bit & 1)]
    return lost


# --- bytes by hand -------------------------------------------------------------------------------------


def test_pli_is_twelve_bytes() -> None:
    assert rtcp.build_pli(SENDER, MEDIA).hex() == "81ce000211223344aabbccdd"


def test_fir_names_its_target_in_the_entry() -> None:
    assert rtcp.build_fir(SENDER, MEDIA, 9).hex() == "84ce00041122334400000000aabbccdd09000000"


def test_nack_packs_a_bitmask_of_the_following_sixteen() -> None:
    # 100 and 101 and 116 in one pair, 117 begins the next
    assert (
        rtcp.build_nack(1, 2, [100, 101, 116, 117]).hex()
        == "81cd0004" + "00000001" + "00000002" + "00648001" + "00750000"
    )


def test_remb_has_six_bits_of_exponent() -> None:
    assert rtcp.build_remb(1, 0x3FFFF, [7])[16:].hex() == "01" + "03ffff" + "00000007"
    assert rtcp.build_remb(1, 0x40000, [7])[16:].hex() == "01" + "060000" + "00000007"


def test_cname_is_padded_with_at_least_one_zero() -> None:
    assert rtcp.build_sdes_cname(1, b"ab").hex() == "81ca0003" + "00000001" + "01026162" + "00000000"
    assert rtcp.build_sdes_cname(1, b"a").hex() == "81ca0002" + "00000001" + "01016100"


def test_bye_without_a_source() -> None:
    packet = one(bytes.fromhex("80cb0000"))
    assert (packet["type"], packet["ssrc"], packet["body"]) == (203, 0, b"")


def test_padding_is_taken_off() -> None:
    packet = one(bytes.fromhex("a1cd0003" + "00000001" + "00000002" + "00000004"))
    assert packet["body"] == b""


def test_transport_wide_feedback_is_told_from_nack() -> None:
    data = bytes.fromhex("8fcd0005" + "00000001" + "00000002" + "00010001" + "00000a00" + "20010400")
    packet = one(data)
    assert (packet["type"], packet["count"], packet["ssrc"], packet["media_ssrc"]) == (205, 15, 1, 2)


# --- against aiortc ------------------------------------------------------------------------------------


def test_sender_report_is_read_by_aiortc() -> None:
    (packet,) = RtcpPacket.parse(rtcp.build_sr(SENDER, 0xE1234567_89ABCDEF, 90000, 10, 12000))
    assert isinstance(packet, RtcpSrPacket)
    assert packet.ssrc == SENDER
    assert packet.sender_info.ntp_timestamp == 0xE1234567_89ABCDEF
    assert packet.sender_info.rtp_timestamp == 90000
    assert (packet.sender_info.packet_count, packet.sender_info.octet_count) == (10, 12000)


def test_receiver_report_is_read_by_aiortc_and_by_us() -> None:
    data = rtcp.build_rr(SENDER, [BLOCK, {**BLOCK, "ssrc": 5}])
    (packet,) = RtcpPacket.parse(data)
    assert isinstance(packet, RtcpRrPacket)
    first = packet.reports[0]
    assert (first.ssrc, first.fraction_lost, first.packets_lost) == (MEDIA, 64, -3)
    assert (first.highest_sequence, first.jitter, first.lsr, first.dlsr) == (0x12345, 77, 0x9ABCDEF0, 65536)
    assert one(data)["report_blocks"] == [BLOCK, {**BLOCK, "ssrc": 5}]


def test_report_of_aiortc_is_read_by_us() -> None:
    block = RtcpReceiverInfo(
        ssrc=MEDIA, fraction_lost=1, packets_lost=-2, highest_sequence=3, jitter=4, lsr=5, dlsr=6
    )
    packet = one(bytes(RtcpRrPacket(ssrc=9, reports=[block])))
    assert packet["ssrc"] == 9
    assert packet["report_blocks"][0]["cumulative_lost"] == -2


def test_sdes_and_bye_are_read_by_aiortc() -> None:
    sdes, bye = RtcpPacket.parse(rtcp.build_sdes_cname(SENDER, b"tongke") + rtcp.build_bye(SENDER))
    assert isinstance(sdes, RtcpSdesPacket)
    assert sdes.chunks[0].ssrc == SENDER
    assert sdes.chunks[0].items == [(1, b"tongke")]
    assert isinstance(bye, RtcpByePacket)
    assert bye.sources == [SENDER]


@given(st.lists(st.integers(0, 60000), min_size=1, max_size=64, unique=True))
@settings(max_examples=100, deadline=None)
def test_nack_is_read_by_aiortc(lost: list[int]) -> None:
    (packet,) = RtcpPacket.parse(rtcp.build_nack(SENDER, MEDIA, sorted(lost)))
    assert isinstance(packet, RtcpRtpfbPacket)
    assert packet.lost == sorted(lost)


@given(st.integers(0, 65535), st.lists(st.integers(1, 40), max_size=63))
@settings(max_examples=100, deadline=None)
def test_nack_goes_round_the_end_of_the_numbers(first: int, steps: list[int]) -> None:
    lost = [first]
    for step in steps:
        lost.append((lost[-1] + step) & 0xFFFF)
    assert lost_of(one(rtcp.build_nack(SENDER, MEDIA, lost))) == lost


@given(st.integers(0, 2**63 - 1))
@settings(max_examples=100, deadline=None)
def test_remb_keeps_eighteen_bits(bits_per_second: int) -> None:
    data = rtcp.build_remb(SENDER, bits_per_second, [1, 2])
    remb = one(data)["remb"]
    assert remb <= bits_per_second
    assert bits_per_second - remb <= bits_per_second >> 17
    (packet,) = RtcpPacket.parse(data)
    assert isinstance(packet, RtcpPsfbPacket)
    assert unpack_remb_fci(packet.fci) == (remb, [1, 2])


# --- malformed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("three bytes", "81ce00"),
        ("version 1", "41ce000211223344aabbccdd"),
        ("length past the end", "81ce000911223344aabbccdd"),
        ("padding of nothing", "a1cd000300000001" + "00000002" + "00000000"),
        ("padding longer than the packet", "a1cd000300000001" + "00000002" + "00000010"),
        ("padding over the SSRCs", "a1cd000300000001" + "00000002" + "00000008"),
        ("feedback without media SSRC", "81ce000100000001"),
        ("receiver report without SSRC", "80c90000"),
        ("bye that promises a source", "81cb0000"),
    ],
)
def test_malformed_ends_the_walk(why: str, data: str) -> None:
    packets, complete = rtcp.parse_compound(rtcp.build_bye(1) + bytes.fromhex(data) + rtcp.build_bye(2))
    assert not complete, why
    assert [packet["ssrc"] for packet in packets] == [1]


def test_report_blocks_are_no_more_than_there_are() -> None:
    data = bytearray(rtcp.build_rr(SENDER, [BLOCK]))
    data[0] |= 31
    assert one(bytes(data))["report_blocks"] == [BLOCK]


@pytest.mark.parametrize(
    "fci",
    ["52454d42010404", "52454d4202040400" + "00000001", "52454d42" + "00ffffff", "00000000" + "00040400"],
    ids=["short", "fewer SSRCs than said", "overflows", "another application"],
)
def test_not_a_remb(fci: str) -> None:
    body = bytes.fromhex(fci)
    body += bytes(-len(body) % 4)
    data = bytes([0x8F, 206, 0, 2 + len(body) // 4]) + bytes(8) + body
    packet = one(data)
    assert packet.get("remb", 0) == 0


VALID = b"".join(
    [
        rtcp.build_sr(SENDER, 1 << 40, 2, 3, 4),
        rtcp.build_rr(SENDER, [BLOCK] * 2),
        rtcp.build_sdes_cname(SENDER, b"name"),
        rtcp.build_nack(SENDER, MEDIA, [1, 2, 30]),
        rtcp.build_remb(SENDER, 10**6, [1, 2, 3]),
        rtcp.build_fir(SENDER, MEDIA, 1),
        rtcp.build_bye(SENDER),
    ]
)


@given(st.binary(max_size=200))
@fuzz
def test_never_reads_past_random_bytes(guarded: Guarded, data: bytes) -> None:
    rtcp.parse_compound(guarded(data))


@given(st.integers(0, 3), st.integers(200, 207), st.integers(0, 31), st.binary(max_size=100))
@fuzz
def test_never_reads_past_plausible_bytes(
    guarded: Guarded, padding: int, packet_type: int, count: int, body: bytes
) -> None:
    body += bytes(-len(body) % 4)
    header = bytes([0x80 | (padding & 1) << 5 | count, packet_type, 0, len(body) // 4])
    rtcp.parse_compound(guarded(header + body))


def test_never_reads_past_a_truncated_compound(guarded: Guarded) -> None:
    for end in range(len(VALID)):
        rtcp.parse_compound(guarded(VALID[:end]))


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=6))
@fuzz
def test_never_reads_past_a_damaged_compound(guarded: Guarded, damage: list[tuple[int, int]]) -> None:
    data = bytearray(VALID)
    for at, value in damage:
        data[at] = value
    rtcp.parse_compound(guarded(bytes(data)))
