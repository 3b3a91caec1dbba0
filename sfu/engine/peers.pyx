"""The Python face of consent.pyx: who answers which checks, and who has been silent for how long."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from sfu.engine.consent cimport PASSWORD_BYTES, consent_t
from sfu.engine.core cimport core_unlock
from sfu.engine.engine cimport Engine
from sfu.engine.model cimport engine_t, transport_t


def answer_checks(Engine engine not None, int transport, str password, uint32_t priority, bint nominated):
    cdef bytes raw = password.encode()
    cdef consent_t *c
    if not 0 < len(raw) <= PASSWORD_BYTES:
        raise ValueError(f"an ICE password has 1 to {PASSWORD_BYTES} bytes here")
    engine.lock()
    try:
        c = &engine.transport(transport).consent
        memcpy(c.password, <const char *>raw, len(raw))
        c.password_length = <unsigned char>len(raw)
        c.priority = priority
        c.nominated = nominated
    finally:
        engine.unlock()


def heard(Engine engine not None, int transport):
    cdef transport_t *t
    engine.lock()
    try:
        t = engine.transport(transport)
        return t.heard_us, t.consent.checked_us, t.consent.nominated_us
    finally:
        engine.unlock()


def silent(Engine engine not None, int64_t since_us):
    cdef engine_t *e = engine.lock()
    cdef transport_t *t = e.reports
    cdef uint32_t *ids = <uint32_t *>malloc((e.transport_count + 1) * sizeof(uint32_t))
    cdef int64_t oldest_us = e.now_us
    cdef uint32_t count = 0
    cdef uint32_t i
    for i in range(e.transport_count if ids != NULL else 0):
        if t.keyed and not t.plain:
            oldest_us = min(oldest_us, t.heard_us)
            if t.heard_us < since_us:
                ids[count] = t.id
                count += 1
        t = t.report_next
    core_unlock(e)
    if ids == NULL:
        raise MemoryError
    try:
        return [ids[i] for i in range(count)], oldest_us
    finally:
        free(ids)
