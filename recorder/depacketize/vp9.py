"""VP9 over RTP (RFC 9628). Of a stream with spatial layers the lowest is taken: it stands alone, whole
and in step."""

from __future__ import annotations

from recorder.depacketize.assembler import VideoAssembler
from recorder.depacketize.bits import BitReader
from recorder.depacketize.frame import BadPayloadError, CodecConfig


def _skip_scalability(reader: BitReader) -> None:
    """Scalability structure: RFC 9628, 4.2.1."""
    layers = reader.read(3) + 1
    sizes, groups = reader.read(1), reader.read(1)
    reader.read(3)
    if sizes:
        reader.read(32 * layers)
    if groups:
        for _ in range(reader.read(8)):
            reader.read(4)
            references = reader.read(2)
            reader.read(2 + 8 * references)


def split(data: bytes) -> tuple[int, bool, bytes]:
    """(spatial layer, first packet of a layer frame, rest of the payload). Raises BadPayloadError."""
    reader = BitReader(data[:256])
    before = len(data[:256]) * 8
    has_id, predicted, layers, flexible, begins, _end, scalability, _z = (reader.read(1) for _ in range(8))
    if has_id:
        reader.read(15 if reader.read(1) else 7)
    spatial = 0
    if layers:
        reader.read(4)
        spatial = reader.read(3)
        reader.read(1)
        if not flexible:
            reader.read(8)
    if flexible and predicted:
        for _ in range(3):
            if not reader.read(8) & 1:
                break
    if scalability:
        _skip_scalability(reader)
    return spatial, bool(begins), data[(before - reader.left) // 8 :]


def parse_header(data: bytes) -> tuple[bool, int, int, int]:
    """(keyframe, profile, width, height) of an uncompressed header; the size is 0 unless it is a keyframe
    (VP9 bitstream specification, 6.2). Raises BadPayloadError."""
    reader = BitReader(data[:32])
    if reader.read(2) != 2:
        raise BadPayloadError("VP9 frame without its marker")
    profile = reader.read(1) | reader.read(1) << 1
    if profile == 3:
        reader.read(1)
    if reader.read(1) or reader.read(1):
        return False, profile, 0, 0
    reader.read(2)
    if reader.read(24) != 0x498342:
        raise BadPayloadError("VP9 keyframe without its sync code")
    if profile >= 2:
        reader.read(1)
    if reader.read(3) != 7:
        reader.read(1)
        if profile & 1:
            reader.read(3)
    elif profile & 1:
        reader.read(1)
    return True, profile, reader.read(16) + 1, reader.read(16) + 1


class Vp9Depacketizer(VideoAssembler):
    def __init__(self, clock_rate: int) -> None:
        super().__init__()
        self._clock_rate = clock_rate
        self._config: CodecConfig | None = None
        self._pieces: list[bytes] = []

    def take(self, data: bytes) -> None:
        spatial, begins, rest = split(data)
        if spatial:
            return
        if not begins and not self._pieces:
            raise BadPayloadError("VP9 picture without a start")
        self._pieces.append(rest)

    def complete(self) -> tuple[bytes, bool, CodecConfig | None]:
        data = b"".join(self._pieces)
        if not data:
            return data, False, self._config
        keyframe, profile, width, height = parse_header(data)
        if keyframe:
            depth = 10 if profile >= 2 else 8
            rfc6381 = f"vp09.{profile:02}.10.{depth:02}"
            self._config = CodecConfig("vp9", rfc6381, self._clock_rate, width=width, height=height)
        return data, keyframe, self._config

    def discard(self) -> None:
        self._pieces = []
