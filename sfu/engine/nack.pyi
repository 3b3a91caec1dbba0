"""What is missing of one received RTP stream, and when to ask for it; the packet path's code, for tests."""

class NackList:
    """Sequence numbers are unwrapped ones, except where `due` returns 16 bits; times are microseconds."""

    def received(self, sequence: int, now_us: int) -> int:
        """1: was missing and has come; 0: in order or known; -1: the list overflowed and was emptied."""
    def due(self, now_us: int, rtt_us: int) -> list[int]:
        """At most 64 sequence numbers to ask for now. rtt_us <= 0: not known."""
    def deadline(self, rtt_us: int) -> int:
        """When `due` will have something to do; -1 for never."""
    def forget_before(self, sequence: int) -> None: ...
    @property
    def missing(self) -> list[int]: ...
    @property
    def given_up(self) -> int:
        """Packets no longer asked for, since the beginning."""
    @property
    def measured_us(self) -> int:
        """Smoothed time from asking to getting; 0 before the first."""
