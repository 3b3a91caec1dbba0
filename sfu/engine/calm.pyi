"""Whether nothing but checks of connections and reports comes: the rule alone, for tests."""

class Calm:
    def rest_us(self, routine: int, others: int, now_us: int) -> int:
        """routine: how many answered checks of consent (RFC 7675) and RTCP packets there have been in all;
        others: how many other datagrams. For how long the UDP sockets are left alone, microseconds."""
