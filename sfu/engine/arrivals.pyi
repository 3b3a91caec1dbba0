"""Transport-wide feedback, read; the packet path's code, for tests."""

def parse_feedback(body: bytes) -> list[tuple[int, int | None]] | None:
    """body: behind the two SSRCs. [(sequence, microseconds since the reference time or None)];
    None when malformed."""
