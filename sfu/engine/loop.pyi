"""One native thread that binds an engine to sockets."""

from .engine import Engine

class Loop:
    def __init__(self, engine: Engine, hosts: list[str], port: int) -> None:
        """Binds UDP and TCP on every host (IPv4 or IPv6 literal; "0.0.0.0" and "::" allowed) and the same port
        number; port 0 takes a free one that both protocols can have. Raises OSError (address in use, ...)."""
    @property
    def port(self) -> int: ...
    def start(self) -> None: ...
    def stop(self) -> None:
        """Stops and joins the thread, closes every socket. Idempotent."""
    def open_local(self) -> tuple[int, bytes]:
        """A socketpair (AF_UNIX, SOCK_SEQPACKET): (file descriptor for the other process, address of our end)."""
    def now_us(self) -> int:
        """The loop's clock: CLOCK_MONOTONIC in microseconds."""
    def cpu_seconds(self) -> float:
        """CPU time of the thread so far."""
    def sockets(self) -> dict[str, int]:
        """Open sockets by kind: udp, tcp_listening, tcp, local."""
