"""H.264 over RTP (RFC 6184): single NAL units, STAP-A and FU-A, which is all that WebRTC uses (RFC 7742).

A frame is an access unit with 4-byte lengths (ISO/IEC 14496-15). Its parameter sets make the
configuration and stand in the file's header, and in front of every keyframe once more: browsers that play
one file with pictures of several sizes keep to the first header of all (Chromium does), and take what
stands in the stream.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from recorder.depacketize.assembler import VideoAssembler
from recorder.depacketize.bits import BitReader
from recorder.depacketize.frame import BadPayloadError, CodecConfig

IDR, SPS, PPS, DELIMITER = 5, 7, 8, 9
STAP_A, FU_A = 24, 28
HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128}
"""Profiles whose SPS names a chroma format (H.264, 7.3.2.1.1)."""


@dataclass(frozen=True, slots=True)
class PictureSize:
    width: int
    height: int


def parse_sps(sps: bytes) -> PictureSize:
    """Picture size in pixels after cropping (H.264, 7.3.2.1.1). Raises BadPayloadError."""
    if len(sps) < 5:
        raise BadPayloadError("SPS cut off")
    reader = BitReader(sps[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    profile = reader.read(8)
    reader.read(16)
    reader.ue()
    chroma = _skip_high_profile(reader) if profile in HIGH_PROFILES else 1
    reader.ue()
    _skip_order_count(reader)
    reader.ue()
    reader.read(1)
    width, map_units = 16 * (reader.ue() + 1), reader.ue() + 1
    frame_only = reader.read(1)
    if not frame_only:
        reader.read(1)
    reader.read(1)
    height = 16 * map_units * (2 - frame_only)
    if reader.read(1):
        unit_x, unit_y = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1) * (2 - frame_only)
        left, right, top, bottom = (reader.ue() for _ in range(4))
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if not (0 < width <= 16384 and 0 < height <= 16384):
        raise BadPayloadError("SPS with an impossible picture size")
    return PictureSize(width, height)


def _skip_high_profile(reader: BitReader) -> int:
    chroma = reader.ue()
    if chroma == 3:
        reader.read(1)
    reader.ue()
    reader.ue()
    reader.read(1)
    if reader.read(1):
        for index in range(8 if chroma != 3 else 12):
            if reader.read(1):
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _skip_order_count(reader: BitReader) -> None:
    kind = reader.ue()
    if kind == 0:
        reader.ue()
    elif kind == 1:
        reader.read(1)
        reader.se()
        reader.se()
        count = reader.ue()
        if count > 255:
            raise BadPayloadError("SPS with too many reference offsets")
        for _ in range(count):
            reader.se()


class H264Depacketizer(VideoAssembler):
    def __init__(self, clock_rate: int, sprop: tuple[bytes, ...] = ()) -> None:
        """sprop: NAL units of `sprop-parameter-sets`, for senders that do not repeat them in the stream."""
        super().__init__()
        self._clock_rate = clock_rate
        self._sps: bytes | None = None
        self._pps: dict[int, bytes] = {}
        self._config: CodecConfig | None = None
        self._units: list[bytes] = []
        self._fragment: bytearray | None = None
        self._keyframe = False
        for unit in sprop:
            if unit:
                self._add(unit)

    def take(self, data: bytes) -> None:
        kind = data[0] & 0x1F
        if kind == FU_A:
            self._take_fragment(data)
            return
        if self._fragment is not None:
            raise BadPayloadError("fragmented NAL unit without an end")
        if kind == STAP_A:
            self._take_aggregate(data)
        elif 1 <= kind <= 23:
            self._add(data)
        else:
            raise BadPayloadError(f"NAL unit type {kind} is not used in WebRTC")

    def complete(self) -> tuple[bytes, bool, CodecConfig | None]:
        if self._fragment is not None:
            raise BadPayloadError("fragmented NAL unit without an end")
        sets = self._config.parameter_sets if self._keyframe and self._config else ()
        data = b"".join(struct.pack("!I", len(unit)) + unit for unit in (*sets, *self._units))
        return data, self._keyframe, self._config

    def discard(self) -> None:
        self._units = []
        self._fragment = None
        self._keyframe = False

    def _take_aggregate(self, data: bytes) -> None:
        offset = 1
        while offset < len(data):
            if offset + 2 > len(data):
                raise BadPayloadError("aggregate cut off")
            (size,) = struct.unpack_from("!H", data, offset)
            unit = data[offset + 2 : offset + 2 + size]
            if size == 0 or len(unit) < size:
                raise BadPayloadError("aggregate cut off")
            self._add(unit)
            offset += 2 + size

    def _take_fragment(self, data: bytes) -> None:
        if len(data) < 2:
            raise BadPayloadError("fragment cut off")
        start, end = data[1] & 0x80, data[1] & 0x40
        if start:
            self._fragment = bytearray([data[0] & 0xE0 | data[1] & 0x1F])
        elif self._fragment is None:
            raise BadPayloadError("fragment without a start")
        assert self._fragment is not None
        self._fragment += data[2:]
        if end:
            unit, self._fragment = bytes(self._fragment), None
            self._add(unit)

    def _add(self, unit: bytes) -> None:
        kind = unit[0] & 0x1F
        if kind == SPS:
            self._set_sps(unit)
        elif kind == PPS:
            self._set_pps(unit)
        elif kind != DELIMITER:
            self._units.append(unit)
            self._keyframe = self._keyframe or kind == IDR

    def _set_sps(self, unit: bytes) -> None:
        if unit == self._sps:
            return
        parse_sps(unit)
        self._sps = unit
        self._configure()

    def _set_pps(self, unit: bytes) -> None:
        identity = BitReader(unit[1:9]).ue()
        if identity > 255:
            raise BadPayloadError("PPS with an impossible number")
        if self._pps.get(identity) != unit:
            self._pps[identity] = unit
            self._configure()

    def _configure(self) -> None:
        if self._sps is None or not self._pps:
            return
        size = parse_sps(self._sps)
        self._config = CodecConfig(
            codec="h264",
            rfc6381=f"avc1.{self._sps[1:4].hex()}",
            clock_rate=self._clock_rate,
            width=size.width,
            height=size.height,
            parameter_sets=(self._sps, *(self._pps[key] for key in sorted(self._pps))),
        )
