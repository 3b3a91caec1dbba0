"""Every parser of the project with what it promises: one kind of error, and results that make sense.

A target takes bytes. Raising anything, which includes AssertionError, is a finding.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Callable
from dataclasses import replace

from recorder import index, ledger, media_lines
from recorder import rtp as recorder_rtp
from recorder.boxes import BadBoxError, fragment_times, samples, timescale, top_level
from recorder.control import Format
from recorder.depacketize import Payload, make_depacketizer
from sfu import negotiate
from sfu.engine.address import pack_address
from sfu.engine.arrivals import parse_feedback
from sfu.engine.bandwidth import BandwidthEstimator
from sfu.engine.dependency import DependencyReader
from sfu.engine.descriptor import read_descriptor
from sfu.engine.payload import begins_keyframe, find_primary
from sfu.engine.rtcp import parse_compound
from sfu.engine.rtp import parse_rtp
from sfu.engine.stun import answer_check
from sfu.ice import IceAgent, StunError
from sfu.params import Candidate, Fingerprint, IceParameters, LocalParameters
from signaling import codec, jsep, sdpfrag
from signaling.problems import Problem
from signaling.sdp import SdpError
from signaling.sdp_parser import parse as parse_sdp

from .corpus import split

ICE = IceParameters("tongke00", "password-of-24-characters")
"""What the examples of STUN messages are signed with."""
LOCAL = LocalParameters(
    ICE,
    (Fingerprint("sha-256", ":".join(["AB"] * 32)),),
    (Candidate("192.0.2.1", 7000, "udp", 2_130_706_431, "1"),),
)
RTP_KINDS = {id: id for id in range(1, 9)}
VIDEO_CODECS = ("H264", "VP8", "VP9", "AV1")
CLOCK_RATES = dict.fromkeys(VIDEO_CODECS, 90_000) | {"opus": 48_000, "red": 48_000}


def exact(data: bytes) -> memoryview:
    """Memory that ends where the data ends: AddressSanitizer sees who reads on."""
    return memoryview(array("B", data))


# --- the engine's -------------------------------------------------------------------------------------


def rtp(data: bytes) -> None:
    found = parse_rtp(data, RTP_KINDS)
    assert found is None or len(found["payload"]) <= len(data) - 12


def rtcp(data: bytes) -> None:
    packets, _ = parse_compound(exact(data))
    assert sum(4 + len(packet["body"]) for packet in packets) <= len(data)


def transport_feedback(data: bytes) -> None:
    """A sequence of reports, with packets sent between them, of which they may tell or not."""
    estimator = BandwidthEstimator(0)
    now_us, sequence = 0, 0
    for report in split(data):
        parse_feedback(report)
        for _ in range(20):
            estimator.sent(sequence & 0xFFFF, 1200, now_us)
            sequence, now_us = sequence + 1, now_us + 1000
        estimator.feedback(report, now_us)
        estimator.probe(now_us)
        assert 0 <= estimator.bps < 1e12
        now_us += 50_000


def dependency_descriptor(data: bytes) -> None:
    reader = DependencyReader()
    for packet in split(data):
        found = reader.read(exact(packet))
        assert found is None or (0 <= found["spatial"] < 8 and 0 <= found["temporal"] < 8)


def payload_descriptor(data: bytes) -> None:
    for name in VIDEO_CODECS:
        found = read_descriptor(name, exact(data))
        assert 0 <= found["spatial"] < 8 and 0 <= found["temporal"] < 8
        begins_keyframe(name, exact(data))
    primary = find_primary(exact(data))
    assert primary is None or primary[0] < len(data)


def stun(data: bytes) -> None:
    """What the packet thread answers, Python answers in the same words."""
    agent = IceAgent(ICE)
    answered = answer_check(exact(data), pack_address("192.0.2.9", 5000), ICE.pwd.encode())
    with contextlib.suppress(StunError):
        check = agent.receive(data, b"address", ("192.0.2.9", 5000), udp=True, now=1.0)
        assert answered is None or answered == check.response


# --- signaling's --------------------------------------------------------------------------------------


def sdp(data: bytes) -> None:
    """Read, written and read again; answered as if it were an offer of each kind."""
    text = data.decode("utf-8", "replace")
    try:
        description = parse_sdp(text)
    except SdpError:
        return
    assert parse_sdp(str(description)) == description
    try:
        offer = jsep.read_offer(text)
        chosen = {}
        for section in offer.sections:
            answered = negotiate.answer_publication(section.parameters()) if section.kind else None
            if answered is not None:
                chosen[section.mid] = answered
        parse_sdp(jsep.answer_publish(offer, LOCAL, chosen))
    except (SdpError, negotiate.NegotiationError):
        return


def sdp_fragment(data: bytes) -> None:
    try:
        fragment = sdpfrag.parse(data.decode("utf-8", "replace"))
    except sdpfrag.FragmentError:
        return
    answer = sdpfrag.answer(LOCAL, fragment)
    assert answer.count("a=ice-pwd:") == answer.count("\r\na=ice-ufrag:") == 1


def websocket_message(data: bytes) -> None:
    with contextlib.suppress(Problem):
        codec.decode(data.decode("utf-8", "replace"))


# --- the recorder's -----------------------------------------------------------------------------------


def recorder_packet(data: bytes) -> None:
    with contextlib.suppress(recorder_rtp.BadPacketError):
        packet = recorder_rtp.parse_rtp(data)
        recorder_rtp.unwrap_rtx(packet, 1, 96)
    with contextlib.suppress(recorder_rtp.BadPacketError):
        recorder_rtp.parse_rtcp(data)


def depacketizer(codec_name: str) -> Callable[[bytes], None]:
    def push_all(data: bytes) -> None:
        made = make_depacketizer(
            Format(payload_type=96, codec=codec_name, clock_rate=CLOCK_RATES[codec_name], fmtp={})
        )
        assert made is not None
        whole = Payload(b"", 0, False, 0, False)
        for number, packet in enumerate(split(data)):
            marker = bool(packet and packet[-1] & 1)
            for frame in made.push(
                replace(
                    whole, data=packet, timestamp=3000 * (number // 2), marker=marker, lost=number % 7 == 6
                )
            ):
                assert frame.data

    return push_all


def boxes(data: bytes) -> None:
    for read in (top_level, timescale, fragment_times, lambda fragment: list(samples(fragment))):
        with contextlib.suppress(BadBoxError):
            read(data)


def part_file(data: bytes) -> None:
    lines, valid = media_lines.rebuild_index(data, 0)
    assert 0 <= valid <= len(data)
    assert all(line.offset + line.length <= valid for line in lines if isinstance(line, index.Fragment))


def index_lines(data: bytes) -> None:
    for decode in (index.decode, ledger.decode):
        _, valid = decode(data)
        assert 0 <= valid <= len(data)
    ledger.decode_header(data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "rtp": rtp,
    "rtcp": rtcp,
    "transport_feedback": transport_feedback,
    "dependency_descriptor": dependency_descriptor,
    "payload_descriptor": payload_descriptor,
    "stun": stun,
    "sdp": sdp,
    "sdp_fragment": sdp_fragment,
    "websocket_message": websocket_message,
    "recorder_packet": recorder_packet,
    **{f"depacketize_{name.lower()}": depacketizer(name) for name in CLOCK_RATES},
    "boxes": boxes,
    "part_file": part_file,
    "index_lines": index_lines,
}
TEXT = frozenset({"sdp", "sdp_fragment", "websocket_message", "index_lines"})
"""Targets whose examples are text, and mutated as such."""
