"""What the control plane counts itself; the engine counts packets."""

from __future__ import annotations

from collections.abc import Mapping

COUNTERS = (
    "transports_created",
    "transports_connected",
    "transports_closed",
    "transports_failed_handshake_timeout",
    "transports_failed_handshake_failed",
    "transports_failed_fingerprint_mismatch",
    "transports_failed_no_srtp_profile",
    "transports_failed_consent_expired",
    "transports_failed_internal_error",
    "handshake_milliseconds",
    "ice_checks",
    "ice_nominations",
    "ice_moves",
    "ice_role_conflicts",
    "stun_dropped_malformed",
    "stun_dropped_unauthenticated",
    "stun_dropped_too_many",
    "dtls_dropped",
    "dtls_unsent",
    "events_for_closed",
    "events_lost",
)
"""`handshake_milliseconds`: from `connect` to the keys, summed over `transports_connected`. `dtls_dropped`:
queue full or no DTLS. `dtls_unsent`: no address to send to any more. `events_for_closed`: for a transport
that has just gone. `events_lost`: the engine's queue ran over because the event loop did not keep up."""


NOT_DROPS = frozenset({"gso_refused", "tcp_accepted"})
"""Of what the sockets count; all else is something given up."""


def socket_counters(counts: Mapping[str, int]) -> dict[str, int]:
    """What the sockets count (engine/drops.pxd), drops named as the engine names its own."""
    return {name if name in NOT_DROPS else f"drop_{name}": count for name, count in counts.items()}


class ControlCounters:
    """Counts under fixed names; a name that is not in COUNTERS is a KeyError."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(COUNTERS, 0)

    def add(self, name: str, amount: int = 1) -> None:
        self._counts[name] += amount

    def snapshot(self) -> dict[str, int]:
        return dict(self._counts)
