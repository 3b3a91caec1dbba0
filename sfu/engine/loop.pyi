"""One native thread that binds an engine to sockets."""

from ..params import PacketPriority
from .engine import Engine

class Loop:
    def __init__(
        self,
        engine: Engine,
        hosts: list[str],
        port: int,
        *,
        answer_limit_s: float = 10.0,
        priority: PacketPriority = "normal",
    ) -> None:
        """Binds UDP and TCP on every host (1 to 16 IPv4 or IPv6 literals; "0.0.0.0" and "::" allowed) and the
        same port number; port 0 takes a free one that both protocols can have. The UDP socket of hosts[i] is
        channel i. answer_limit_s: a TCP connection that was sent nothing for so long is closed. priority:
        what the thread asks of the system when it starts (priority.pyx).

        Raises OSError with the address in its text (address in use, ...), ValueError for a host that is no
        literal."""
    @property
    def port(self) -> int: ...
    def start(self) -> None:
        """Once; RuntimeError after that."""
    def stop(self) -> None:
        """Stops and joins the thread, closes every socket; counters can still be read. Idempotent."""
    def open_local(self) -> tuple[int, bytes]:
        """A socketpair (AF_UNIX, SOCK_SEQPACKET): file descriptor for the other process, address of our end.

        The descriptor is the caller's to close, blocks, and is not inherited unless told. OSError when there
        are 256 already."""
    def priority(self) -> PacketPriority:
        """Once started: what the system permitted."""
    def now_us(self) -> int:
        """The loop's clock: CLOCK_MONOTONIC in microseconds."""
    def cpu_seconds(self) -> float:
        """CPU time of the thread so far."""
    def sockets(self) -> dict[str, int]:
        """Open sockets by kind: udp, tcp_listening, tcp, local."""
    def counters(self) -> dict[str, int]:
        """What the sockets refused or gave up on, by name (drops.pxd); names never change."""
    def pretend_gso_refused(self, error: int) -> None:
        """For tests: from now on as if the kernel refused UDP_SEGMENT with this errno."""
