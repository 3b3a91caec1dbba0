"""Where a datagram came from or goes to, as opaque bytes that compare and hash like the address itself."""

UDP: int
"""Channels 0..15 are the UDP sockets of the loop, in the order they were bound; higher numbers are TCP
connections and local sockets, one each, never used twice while anybody may still know the old one."""

def pack_address(host: str, port: int, channel: int = 0) -> bytes: ...
def unpack_address(address: bytes) -> tuple[str, int, int]:
    """host, port, channel; an IPv4-mapped IPv6 address comes back as IPv4."""

def is_udp(address: bytes) -> bool: ...
