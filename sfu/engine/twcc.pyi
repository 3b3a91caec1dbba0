"""Arrival times of one transport's packets -> transport-wide feedback; the packet path's code, for tests."""

class TwccReceiver:
    """Times are microseconds of one monotonic clock."""

    def received(self, sequence: int, now_us: int) -> None: ...
    def deadline(self) -> int:
        """When a report will be due; -1 while there is nothing to report."""
    def report(self, now_us: int, *, room: int = 1200, ssrc: int = 0, media_ssrc: int = 0) -> bytes:
        """One feedback packet of at most `room` (up to 2048) bytes, or b"" while none is due."""
