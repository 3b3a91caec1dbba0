"""A teacher's camera and microphone as numbers: H.264 and Opus frames of a given size, cut into RTP payloads.

Pure. The parameter sets and slice headers are real (a parser reads 1280x720 and tells key pictures from
others); the slice data is filler without meaning, as nobody on the way decodes. The filler repeats the
frame's RTP timestamp in ASCII, so that one decrypted packet at the far end tells which frame it belongs to
whatever the server did to its header. ASCII has no zero byte, so no emulation prevention is needed (H.264,
7.4.1.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

VIDEO_CLOCK_HZ = 90_000
AUDIO_CLOCK_HZ = 48_000
AUDIO_FRAME_TICKS = 960
"""20 ms."""
STAMP = re.compile(rb"<ts=([0-9a-f]{8})>")
STAMP_OCTETS = 13
FIRST_FRAGMENT, LAST_FRAGMENT = 0x80, 0x40
FU_A, STAP_A = 28, 24
NAL_IDR, NAL_SLICE, NAL_SEI, NAL_SPS, NAL_PPS = 5, 1, 6, 7, 8
USER_DATA_UNREGISTERED = 5
STAMP_UUID = bytes.fromhex("6f1d2c0b7a8e4c5d9b3af2e1d4c7b8a9")
"""Any fixed number without zero bytes: names our user data (H.264, D.1.7)."""
REFERENCE = 0x60
"""nal_ref_idc 3."""
VOICE_LEVEL, ROOM_LEVEL = 30, 100
"""-dBov."""
OPUS_TOC = 0xFC
"""One CELT frame of 20 ms, full band, stereo (RFC 6716, 3.1)."""


class BitWriter:
    """Bits, most significant first, with H.264's Exp-Golomb codes (9.1)."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def u(self, value: int, bits: int) -> BitWriter:
        self._bits += [value >> shift & 1 for shift in range(bits - 1, -1, -1)]
        return self

    def ue(self, value: int) -> BitWriter:
        return self.u(value + 1, 2 * (value + 1).bit_length() - 1)

    def trailing(self) -> bytes:
        """rbsp_trailing_bits: a one, then zeros to the byte's end."""
        return self.u(1, 1).aligned(0)

    def aligned(self, fill: int) -> bytes:
        bits = self._bits + [fill] * (-len(self._bits) % 8)
        return bytes(int("".join(map(str, bits[i : i + 8])), 2) for i in range(0, len(bits), 8))


def sequence_parameter_set(width: int = 1280, height: int = 720) -> bytes:
    """A constrained-baseline SPS, level 3.1 (H.264, 7.3.2.1.1); width and height in whole macroblocks of
    16."""
    writer = BitWriter().u(66, 8).u(0xE0, 8).u(31, 8)
    writer.ue(0).ue(0).ue(2)  # id, log2_max_frame_num - 4, pic_order_cnt_type: output order is decoding order
    writer.ue(1).u(0, 1)  # one reference frame, no gaps
    writer.ue(width // 16 - 1).ue(height // 16 - 1)
    writer.u(1, 1).u(1, 1).u(0, 1).u(0, 1)  # frames only, direct_8x8, no cropping, no VUI
    return bytes([REFERENCE | NAL_SPS]) + writer.trailing()


def picture_parameter_set() -> bytes:
    """CAVLC, one slice group, everything else off (H.264, 7.3.2.2)."""
    writer = BitWriter().ue(0).ue(0).u(0, 1).u(0, 1).ue(0).ue(0).ue(0)
    writer.u(0, 1).u(0, 2).ue(0).ue(0).ue(0)  # weighting; QP, QS and chroma offsets of 0 (se(0) is ue(0))
    writer.u(1, 1).u(0, 1).u(0, 1)  # deblocking control, no constrained intra, no redundant pictures
    return bytes([REFERENCE | NAL_PPS]) + writer.trailing()


SPS = sequence_parameter_set()
PPS = picture_parameter_set()


def stamp_message(timestamp: int) -> bytes:
    """A SEI NAL unit that holds the stamp: for the packet of the parameter sets, which has no slice data."""
    payload = STAMP_UUID + filler(timestamp, STAMP_OCTETS)
    return bytes([NAL_SEI, USER_DATA_UNREGISTERED, len(payload)]) + payload + b"\x80"


def coded_slice(timestamp: int, frame_number: int, key: bool, octets: int) -> bytes:
    """One slice NAL unit of about this size: a true header (H.264, 7.3.3) before stamped filler."""
    writer = BitWriter().ue(0).ue(7 if key else 5).ue(0).u(frame_number % 16, 4)
    if key:
        writer.ue(0)  # idr_pic_id
    header = bytes([REFERENCE | (NAL_IDR if key else NAL_SLICE)]) + writer.aligned(1)
    return header + filler(timestamp, octets - len(header))


def filler(timestamp: int, octets: int) -> bytes:
    stamp = b"<ts=%08x>" % (timestamp & 0xFFFFFFFF)
    return (stamp * (octets // len(stamp) + 1))[:octets]


def stamped_timestamp(payload: bytes) -> int | None:
    """The publisher's RTP timestamp in a decrypted payload, None when there is none."""
    found = STAMP.search(payload)
    return int(found[1], 16) if found else None


def split_evenly(octets: int, most: int) -> Iterator[int]:
    """Fragment sizes as libwebrtc makes them: as few as possible, at most one byte apart, the larger ones
    last."""
    count = -(-octets // most)
    small, larger = divmod(octets, count)
    yield from [small] * (count - larger) + [small + 1] * larger


def split_full(octets: int, most: int) -> Iterator[int]:
    """Fragment sizes as FFmpeg and GStreamer make them: full ones, then the rest."""
    whole, rest = divmod(octets, most)
    yield from [most] * whole + [rest] * (rest > 0)


FRAGMENTATION = {"even": split_evenly, "full": split_full}


def fragment(nal: bytes, most: int, split: str) -> list[bytes]:
    """A NAL unit as RTP payloads of at most `most` bytes: itself, or FU-A (RFC 6184, 5.8)."""
    if len(nal) <= most:
        return [nal]
    indicator, kind, body = (nal[0] & 0xE0) | FU_A, nal[0] & 0x1F, nal[1:]
    payloads, at = [], 0
    for size in FRAGMENTATION[split](len(body), most - 2):
        flags = (FIRST_FRAGMENT if at == 0 else 0) | (LAST_FRAGMENT if at + size == len(body) else 0)
        payloads.append(bytes([indicator, flags | kind]) + body[at : at + size])
        at += size
    return payloads


def aggregate(*nals: bytes) -> bytes:
    """STAP-A (RFC 6184, 5.7.1): how browsers send SPS and PPS."""
    units = (len(nal).to_bytes(2, "big") + nal for nal in nals)
    return bytes([REFERENCE | STAP_A]) + b"".join(units)


@dataclass(frozen=True, slots=True)
class Camera:
    """Constant bit rate with a key picture of a fixed size every `key_interval_s`, and whenever one is
    asked for."""

    bits_per_second: int = 1_500_000
    frames_per_second: int = 30
    key_interval_s: int = 2
    key_octets: int = 40_000
    payload_octets: int = 1_150
    """Most bytes of one RTP payload: with headers and tag the datagram stays below 1,200."""
    split: str = "even"

    @property
    def words(self) -> str:
        bits = f"{self.bits_per_second / 1e6:.2f}".rstrip("0").rstrip(".")
        return f"720p, {self.frames_per_second}/s, {bits} Mbit/s, Opus"

    @property
    def key_interval(self) -> int:
        """Frames from one key picture to the next."""
        return self.key_interval_s * self.frames_per_second

    @property
    def delta_octets(self) -> int:
        """Size of the other pictures, so that a whole interval has the wanted bit rate."""
        interval_octets = self.bits_per_second * self.key_interval_s // 8
        return max(100, (interval_octets - self.key_octets) // max(1, self.key_interval - 1))

    def timestamp(self, index: int) -> int:
        return index * VIDEO_CLOCK_HZ // self.frames_per_second

    def frame(self, index: int, since_key: int, timestamp: int) -> list[bytes]:
        """RTP payloads of frame `index`; `since_key` 0 makes it a key picture."""
        key = since_key == 0
        nal = coded_slice(timestamp, since_key, key, self.key_octets if key else self.delta_octets)
        payloads = fragment(nal, self.payload_octets, self.split)
        return [aggregate(SPS, PPS, stamp_message(timestamp)), *payloads] if key else payloads


@dataclass(frozen=True, slots=True)
class Microphone:
    """Opus frames of one size; with `pause_s` it talks for `talk_s`, is quiet for `pause_s`, and so on."""

    octets: int = 160
    """64 kbit/s."""
    talk_s: float = 2.0
    pause_s: float = 0.0
    offset_s: float = 0.0
    """How far into its round it begins."""

    def frame(self, timestamp: int) -> bytes:
        return bytes([OPUS_TOC]) + filler(timestamp, self.octets - 1)

    def level(self, index: int) -> int:
        """-dBov of frame `index` (RFC 6464): a voice, or a quiet room."""
        round_s = self.talk_s + self.pause_s
        at_s = (index * AUDIO_FRAME_TICKS / AUDIO_CLOCK_HZ + self.offset_s) % round_s
        return VOICE_LEVEL if at_s < self.talk_s else ROOM_LEVEL
