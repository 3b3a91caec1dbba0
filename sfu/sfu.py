"""The only control door of the media plane."""

from __future__ import annotations

from typing import Any

from .params import Candidate, Fingerprint, SfuConfig
from .transport import LocalTransport, StateCallback, Transport


class Sfu:
    """One media port, one packet thread, and the transports on it. All calls from the event loop's thread."""

    @classmethod
    async def start(cls, config: SfuConfig) -> Sfu:
        """Binds the port, starts the packet thread. OSError when the port is in use or an address is not ours;
        CertificateError when the certificate file cannot be used."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        raise NotImplementedError

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """UDP first, then TCP, for each media address."""
        raise NotImplementedError

    @property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        raise NotImplementedError

    def create_transport(self, *, on_state: StateCallback | None = None) -> Transport:
        """on_state is called in the event loop, never from inside the call that causes it."""
        raise NotImplementedError

    def create_local_transport(self, *, on_state: StateCallback | None = None) -> LocalTransport:
        raise NotImplementedError

    def allocate_ssrc(self) -> int:
        """1..2**32-1, never twice in the life of this server."""
        raise NotImplementedError

    def counters(self) -> dict[str, int]:
        """The engine's counters and ours, by name; all only grow."""
        raise NotImplementedError

    def stats(self, transport: Transport | LocalTransport) -> dict[str, Any]:
        """{"transport": {...}, "publications": {id: {...}}, "subscriptions": {id: {...}}}, keys as in webrtc-stats."""
        raise NotImplementedError

    def census(self) -> dict[str, int]:
        """Live objects by kind (transports, publications, subscriptions, tasks, timers, sockets): for leak tests and
        gauges. After everything was closed, what it was before."""
        raise NotImplementedError

    def cpu_seconds(self) -> float:
        """CPU time of the packet thread."""
        raise NotImplementedError

    async def close(self) -> None:
        """Closes every transport, stops the thread, gives the port back. Idempotent."""
        raise NotImplementedError
