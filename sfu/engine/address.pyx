"""Addresses as opaque bytes for Python, as three words for the engine."""

import ipaddress

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy, memset

UDP = 0

cdef bytes V4_PREFIX = b"\0" * 10 + b"\xff\xff"


cdef bytes address_to_bytes(const address_t *a):
    return PyBytes_FromStringAndSize(<const char *>a, sizeof(address_t))


cdef int address_from_bytes(object value, address_t *a) except -1:
    if not isinstance(value, bytes) or len(value) != sizeof(address_t):
        raise ValueError("an address is made by pack_address")
    memcpy(a, PyBytes_AS_STRING(value), sizeof(address_t))
    return 0


def pack_address(str host, int port, unsigned int channel=0):
    cdef address_t a
    cdef bytes ip
    if not 0 <= port <= 65535:
        raise ValueError(f"{port} is not a port")
    memset(&a, 0, sizeof(a))
    if host:
        parsed = ipaddress.ip_address(host)
        ip = V4_PREFIX + parsed.packed if parsed.version == 4 else parsed.packed
        memcpy(a.ip, PyBytes_AS_STRING(ip), 16)
    a.port = <uint16_t>port
    a.channel = channel
    return address_to_bytes(&a)


def unpack_address(bytes address):
    cdef address_t a
    address_from_bytes(address, &a)
    parsed = ipaddress.IPv6Address(address[:16])
    mapped = parsed.ipv4_mapped
    return str(mapped if mapped is not None else parsed), a.port, a.channel


def is_udp(bytes address):
    cdef address_t a
    address_from_bytes(address, &a)
    return a.channel < FIRST_STREAM_CHANNEL
