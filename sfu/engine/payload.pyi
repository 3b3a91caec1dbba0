"""What the forwarding must know of a codec's payload (RFC 6184, 7741, 9628, AV1); for tests and tools."""

from typing_extensions import Buffer

def begins_keyframe(codec: str, payload: Buffer) -> bool:
    """Whether a decoder can start with the frame whose first packet carries this payload. codec: an encoding
    name as registered, without regard to case; False for whatever is not H264, VP8, VP9 or AV1."""

def find_primary(payload: Buffer) -> tuple[int, int] | None:
    """(where it begins, payload type) of the primary block of a RED payload (RFC 2198); None where there is
    none, or it is empty."""
