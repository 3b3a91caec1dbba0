"""A subscriber's sequence numbers when packets are left out; the packet path's code, for tests."""

class SequenceMap:
    """One run of a layer. Numbers are unwrapped."""

    def __init__(self, first: int, out: int) -> None:
        """The packet `first` goes out as `out`."""
    def send(self, sequence: int) -> int | None:
        """Its number out; None for one that was dropped, or is too old to tell."""
    def drop(self, sequence: int, frame: int) -> bool:
        """Leaves a packet out. False: later ones have gone out, its number stays free."""
