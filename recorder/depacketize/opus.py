"""Opus over RTP (RFC 7587): one packet is one frame; and Opus inside RED (RFC 2198), of which the primary
is taken."""

from __future__ import annotations

from recorder.depacketize.frame import BadPayloadError, CodecConfig, Frame, Payload

SILENCE = b"\xf8\xff\xfe"
"""20 ms of silence, CELT, mono (RFC 6716): what is put where the sender was silent (DTX) or a file has a
hole."""
SILENCE_TICKS = 960
"""At 48 kHz."""

_FRAME_TICKS = (
    *(480, 960, 1920, 2880) * 3,  # SILK
    *(480, 960) * 2,  # hybrid
    *(120, 240, 480, 960) * 4,  # CELT
)
"""48 kHz samples per frame by TOC configuration (RFC 6716, table 2)."""


def packet_ticks(data: bytes) -> int:
    """Duration in 48 kHz samples, from the TOC byte (RFC 6716, 3.1). Raises BadPayloadError."""
    if not data:
        raise BadPayloadError("empty Opus packet")
    code = data[0] & 3
    if code == 3 and len(data) < 2:
        raise BadPayloadError("Opus packet cut off")
    frames = (1, 2, 2, data[1] & 0x3F if code == 3 else 0)[code]
    ticks = _FRAME_TICKS[data[0] >> 3] * frames
    if not 0 < ticks <= 5760:
        raise BadPayloadError("Opus packet longer than 120 ms")
    return ticks


def primary_of_red(data: bytes) -> bytes:
    """The newest block of a RED payload (RFC 2198, 3). Raises BadPayloadError."""
    offset, redundant = 0, 0
    while True:
        if offset >= len(data):
            raise BadPayloadError("RED header cut off")
        if not data[offset] & 0x80:
            return data[offset + 1 + redundant :]
        if offset + 4 > len(data):
            raise BadPayloadError("RED header cut off")
        redundant += int.from_bytes(data[offset + 2 : offset + 4], "big") & 0x3FF
        offset += 4


class OpusDepacketizer:
    def __init__(self, clock_rate: int, *, red: bool = False) -> None:
        self.wants_keyframe = False
        self.frames_dropped = 0
        self.malformed = 0
        self._red = red
        self._lost = False
        self._config = CodecConfig("opus", "opus", clock_rate, channels=2)

    def push(self, payload: Payload) -> list[Frame]:
        """See Depacketizer.push."""
        self._lost = self._lost or payload.lost
        if not payload.data:
            return []
        try:
            data = primary_of_red(payload.data) if self._red else payload.data
            packet_ticks(data)
        except BadPayloadError:
            self.malformed += 1
            self._lost = True
            return []
        lost, self._lost = self._lost, False
        return [Frame(payload.timestamp, data, True, payload.arrival_us, self._config, lost)]
