"""One native thread that binds an engine to sockets."""

from .engine import Engine

class Loop:
    def __init__(self, engine: Engine, hosts: list[str], port: int) -> None:
        """Binds UDP and TCP on every host (IPv4 or IPv6 literal; "0.0.0.0" and "::" allowed), 1 to 16 of them, and
        the same port number; port 0 takes a free one that both protocols can have. Raises OSError with the address
        in its text (address in use, ...), ValueError for a host that is no literal."""
    @property
    def port(self) -> int: ...
    def start(self) -> None:
        """Once; RuntimeError after that."""
    def stop(self) -> None:
        """Stops and joins the thread, closes every socket; counters and CPU time stay readable. Idempotent."""
    def open_local(self) -> tuple[int, bytes]:
        """A socketpair (AF_UNIX, SOCK_SEQPACKET): (file descriptor for the other process, address of our end). The
        descriptor is the caller's to close, is not inherited, and blocks. OSError when there are too many."""
    def now_us(self) -> int:
        """The loop's clock: CLOCK_MONOTONIC in microseconds."""
    def cpu_seconds(self) -> float:
        """CPU time of the thread so far."""
    def sockets(self) -> dict[str, int]:
        """Open sockets by kind: udp, tcp_listening, tcp, local."""
    def counters(self) -> dict[str, int]:
        """What the sockets refused or gave up on, by name (drops.pxd); names never change while the loop lives."""
    def pretend_gso_refused(self) -> None:
        """For tests: from now on as if the kernel refused UDP_SEGMENT."""
