"""When the next packet of sound, or the next picture, is expected; the packet path's code, for tests."""

class Rhythm:
    """Times are microseconds, later than 0."""

    def came(self, now_us: int) -> None: ...
    def expects(self, now_us: int, within_us: int) -> bool:
        """Whether the next one is to be expected within so long, and the stream steady enough to say so."""
    @property
    def due_us(self) -> int:
        """-1: nothing is known of it."""
