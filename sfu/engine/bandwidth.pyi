"""Estimation of one peer's downlink; the packet path's code, for tests."""

from typing import Any

class BandwidthEstimator:
    """Times are microseconds of one monotonic clock."""

    def __init__(self, now_us: int = 0) -> None: ...
    def sent(self, sequence: int, size: int, now_us: int) -> None:
        """A packet left under this transport-wide number (16 bits); size in bytes."""
    def feedback(self, body: bytes, now_us: int) -> bool:
        """One transport-wide feedback behind its SSRCs; False: malformed, and ignored."""
    def remb(self, bps: int, now_us: int) -> None: ...
    def set_goal(self, bps: float, now_us: int) -> None:
        """What would be sent if it fitted."""
    def deadline(self) -> int:
        """When `probe` wants to be asked; -1 for never."""
    def probe(self, now_us: int) -> bool:
        """Whether a padding packet is to be sent now; after it was (`sent`), ask again."""
    @property
    def bps(self) -> float:
        """The estimate."""
    @property
    def state(self) -> dict[str, Any]: ...
