"""The narrowest place on the way to one peer; the packet path's code, for tests."""

class Bottleneck:
    """Times are microseconds; those of arrival may be on a clock of their own."""

    def __init__(self) -> None: ...
    def packet(self, sent_us: int, arrival_us: int, size: int) -> None:
        """One packet that arrived, in the order of sending; size in bytes."""
    @property
    def bps(self) -> float:
        """What it serves while packets wait; 0: not known."""
    @property
    def fills(self) -> bool:
        """Its queue grows, and is long already."""
    @property
    def queue_us(self) -> int:
        """How long the latest packet waited."""
