"""AES-GCM of RFC 7714, for tests; the engine calls it in C."""

available: bool

def derive(master_key: bytes, master_salt: bytes) -> tuple[bytes, bytes]:
    """(session key, session salt) for RTP (RFC 3711, 4.3). Raises ValueError."""

class GcmSender:
    def __init__(self, key: bytes, salt: bytes) -> None:
        """A session's key of 16 or 32 bytes and salt of 12. Raises ValueError."""
    def protect(self, packet: bytes, header: int, index: int) -> bytes:
        """header: bytes of the RTP header with its extensions; index: its sequence number, unwrapped."""
