"""Whether strangers flood us: the rule alone, for tests."""

class Flood:
    def rest_us(self, strangers: int, now_us: int) -> int:
        """strangers: how many datagrams of theirs there have been in all. For how long the UDP sockets are
        left alone."""
