"""Whose checks the packet thread answers by itself, and who has been silent for how long. Times are the
engine's, in microseconds; an id that is gone is a KeyError."""

from .engine import Engine

def answer_checks(engine: Engine, transport: int, password: str, priority: int, nominated: bool) -> None:
    """From now on checks of the selected address under this password are answered without asking (RFC 7675),
    as long as they say nothing new: the same PRIORITY, and USE-CANDIDATE only when `nominated`. Ends with
    `set_address`, `set_ufrag`, or when the address is gone. ValueError for a password of more than 32
    bytes."""

def heard(engine: Engine, transport: int) -> tuple[int, int, int]:
    """When something authentic last came from the peer (a packet, or a check answered here); the last check
    that was answered here; the last of those with USE-CANDIDATE. 0: none."""

def silent(engine: Engine, since_us: int) -> tuple[list[int], int]:
    """Transports with keys from whose peers nothing authentic came since then, as `heard` has it; and when
    the peer spoke that has been silent for longest of all (now, where there is none)."""
