"""Whether so many datagrams come that they are taken together: the rule alone, for tests."""

class Moderation:
    def rest_us(self, datagrams: int, now_us: int) -> int:
        """datagrams: how many have come in all. For how long the UDP sockets are left alone, microseconds."""
