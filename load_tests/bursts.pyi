"""The bare sender as Python sees it (theory of operation in bursts.pyx)."""

class Bursts:
    """From this UDP socket to these IPv4 ports of one host. Raises ValueError, MemoryError."""

    def __init__(self, fd: int, host: str, ports: list[int]) -> None: ...
    def send(self, schedule: list[tuple[int, int, int]]) -> float:
        """Entries are (due in µs from now, packets, bytes of each with header, without tag). Returns the
        thread's processor time, s. Raises ValueError for what does not fit, OSError."""
