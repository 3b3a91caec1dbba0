"""AV1 over RTP (AOMedia, "RTP Payload Format For AV1", 1.0): aggregated and split OBU elements.

A frame is a temporal unit in the low-overhead format with sizes in every OBU, as ISO media files want it
("AV1 Codec ISO Media File Format Binding", 2.4), without temporal delimiters.
"""

from __future__ import annotations

from recorder.depacketize.assembler import VideoAssembler
from recorder.depacketize.bits import BitReader
from recorder.depacketize.frame import BadPayloadError, CodecConfig

SEQUENCE_HEADER, TEMPORAL_DELIMITER, TILE_LIST, PADDING = 1, 2, 8, 15


def read_leb128(data: bytes, offset: int) -> tuple[int, int]:
    """(value, offset behind it): AV1 specification, 4.10.5. Raises BadPayloadError."""
    value = 0
    for index in range(5):
        if offset + index >= len(data):
            raise BadPayloadError("AV1 size cut off")
        byte = data[offset + index]
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, offset + index + 1
    raise BadPayloadError("AV1 size too long")


def write_leb128(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def split_elements(data: bytes) -> list[bytes]:
    """The OBU elements behind the aggregation header (payload format, 4.4). Raises BadPayloadError."""
    count, offset = data[0] >> 4 & 3, 1
    elements: list[bytes] = []
    while offset < len(data):
        if count and len(elements) == count - 1:
            size = len(data) - offset
        else:
            size, offset = read_leb128(data, offset)
        if size == 0 or offset + size > len(data):
            raise BadPayloadError("AV1 element cut off")
        elements.append(data[offset : offset + size])
        offset += size
    return elements


def with_size(obu: bytes) -> bytes:
    """The same OBU with `obu_has_size_field` set (AV1 specification, 5.3). Raises BadPayloadError."""
    header = 2 if obu[0] & 0x04 else 1
    if len(obu) < header:
        raise BadPayloadError("AV1 header cut off")
    if obu[0] & 0x02:
        size, start = read_leb128(obu, header)
        if start + size != len(obu):
            raise BadPayloadError("AV1 unit whose size is wrong")
        return obu
    return bytes([obu[0] | 0x02]) + obu[1:header] + write_leb128(len(obu) - header) + obu[header:]


def parse_sequence_header(obu: bytes) -> tuple[str, int, int]:
    """(RFC 6381 codec, width, height) of a sequence header OBU with a size field, for what WebRTC
    encoders write: no timing info (AV1 specification, 5.5.1). Raises BadPayloadError."""
    _, start = read_leb128(obu, 2 if obu[0] & 0x04 else 1)
    reader = BitReader(obu[start:])
    profile = reader.read(3)
    reader.read(1)
    level, tier = 8, "M"
    if reader.read(1):  # reduced_still_picture_header
        level = reader.read(5)
    else:
        if reader.read(1):
            raise BadPayloadError("AV1 sequence header with timing info")
        delay = reader.read(1)
        for point in range(reader.read(5) + 1):
            reader.read(12)
            point_level = reader.read(5)
            point_tier = "H" if point_level > 7 and reader.read(1) else "M"
            if delay and reader.read(1):
                reader.read(4)
            if point == 0:
                level, tier = point_level, point_tier
    width_bits, height_bits = reader.read(4) + 1, reader.read(4) + 1
    width, height = reader.read(width_bits) + 1, reader.read(height_bits) + 1
    return f"av01.{profile}.{level:02}{tier}.08", width, height


class Av1Depacketizer(VideoAssembler):
    def __init__(self, clock_rate: int) -> None:
        super().__init__()
        self._clock_rate = clock_rate
        self._config: CodecConfig | None = None
        self._units: list[bytes] = []
        self._open: bytearray | None = None
        """An OBU that goes on in the next packet."""
        self._keyframe = False

    def take(self, data: bytes) -> None:
        goes_on, continues, new_sequence = data[0] & 0x80, data[0] & 0x40, data[0] & 0x08
        elements = split_elements(data)
        self._keyframe = self._keyframe or bool(new_sequence)
        if bool(goes_on) != (self._open is not None):
            raise BadPayloadError("AV1 fragment that does not fit")
        for index, element in enumerate(elements):
            if self._open is not None:
                self._open += element
            else:
                self._open = bytearray(element)
            if not (continues and index == len(elements) - 1):
                unit, self._open = bytes(self._open), None
                self._add(unit)

    def complete(self) -> tuple[bytes, bool, CodecConfig | None]:
        if self._open is not None:
            raise BadPayloadError("AV1 fragment without an end")
        return b"".join(self._units), self._keyframe, self._config

    def discard(self) -> None:
        self._units, self._open, self._keyframe = [], None, False

    def _add(self, obu: bytes) -> None:
        kind = obu[0] >> 3 & 0x0F
        if kind in (TEMPORAL_DELIMITER, TILE_LIST, PADDING):
            return
        unit = with_size(obu)
        self._units.append(unit)
        if kind == SEQUENCE_HEADER:
            rfc6381, width, height = parse_sequence_header(unit)
            self._config = CodecConfig(
                "av1", rfc6381, self._clock_rate, width=width, height=height, parameter_sets=(unit,)
            )
