"""RTP headers (RFC 3550, 5.1; extensions RFC 8285) as the packet path reads them; for tests."""

from typing import Any

def parse_rtp(data: bytes, kinds: dict[int, int]) -> dict[str, Any] | None:
    """kinds: header extension id -> kind (1 to 8, in the order of `extension_t`). marker, payload_type,
    sequence, timestamp, ssrc, payload, extensions (by kind); None for what is no RTP."""
