"""VP8 over RTP (RFC 7741)."""

from __future__ import annotations

import struct

from recorder.depacketize.assembler import VideoAssembler
from recorder.depacketize.frame import BadPayloadError, CodecConfig


def descriptor_length(data: bytes) -> int:
    """Bytes of the payload descriptor (RFC 7741, 4.2). Raises BadPayloadError."""
    length = 1
    if data[0] & 0x80:
        if len(data) < 2:
            raise BadPayloadError("VP8 descriptor cut off")
        extended = data[1]
        length = 2
        if extended & 0x80:
            long_id = len(data) > length and data[length] & 0x80
            length += 2 if long_id else 1
        length += bool(extended & 0x40) + bool(extended & 0x30)
    if length > len(data):
        raise BadPayloadError("VP8 descriptor cut off")
    return length


class Vp8Depacketizer(VideoAssembler):
    def __init__(self, clock_rate: int) -> None:
        super().__init__()
        self._clock_rate = clock_rate
        self._config: CodecConfig | None = None
        self._pieces: list[bytes] = []

    def take(self, data: bytes) -> None:
        begins = data[0] & 0x10 and not data[0] & 0x07
        if not begins and not self._pieces:
            raise BadPayloadError("VP8 picture without a start")
        self._pieces.append(data[descriptor_length(data) :])

    def complete(self) -> tuple[bytes, bool, CodecConfig | None]:
        data = b"".join(self._pieces)
        keyframe = bool(data) and not data[0] & 0x01
        if keyframe:
            self._configure(data)
        return data, keyframe, self._config

    def discard(self) -> None:
        self._pieces = []

    def _configure(self, data: bytes) -> None:
        """Uncompressed data chunk of a key frame: RFC 6386, 9.1."""
        if len(data) < 10 or data[3:6] != b"\x9d\x01\x2a":
            raise BadPayloadError("VP8 key frame without its start code")
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 6))
        if not width or not height:
            raise BadPayloadError("VP8 picture without a size")
        self._config = CodecConfig(
            codec="vp8", rfc6381="vp08.00.10.08", clock_rate=self._clock_rate, width=width, height=height
        )
