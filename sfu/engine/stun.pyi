"""Plain connectivity checks, answered without Python; see consent.pyx for which of them are."""

from typing_extensions import Buffer

def answer_check(datagram: Buffer, address: bytes, password: bytes) -> bytes | None:
    """For tests: the success response to a check from `address`, as of `address.pack_address`; None when it
    is not a plain one, or not authentic."""

def plain_check(datagram: bytes, address: bytes, ufrag: str, password: str) -> tuple[bytes, int, bool] | None:
    """The same for a check of ours by its ufrag: response, PRIORITY (0: none), and whether it nominates."""
