"""Statistics of one received RTP stream, for receiver reports; the packet path's own code, for tests."""

from .rtcp import ReportBlock

class Reception:
    """Times are microseconds of one monotonic clock."""

    def __init__(self, ssrc: int, clock_rate: int) -> None: ...
    def packet(
        self, sequence: int, timestamp: int, payload_bytes: int, now_us: int, *, repaired: bool = False
    ) -> int:
        """The unwrapped sequence number."""
    def sender_report(self, ntp: int, rtp_timestamp: int, now_us: int) -> None: ...
    def report(self, now_us: int) -> ReportBlock:
        """Ends the interval that fraction_lost is about."""
    @property
    def lost(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
