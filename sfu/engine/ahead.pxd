# Memory asked for before its turn comes.
#
# Theory of operation. Writing a picture to hundreds of subscribers touches some 30 cache lines of each, which no near cache holds
# any more from one picture to the next, since the kernel sends in between; to wait for them cost as much as the encryption.
# So, while one subscriber is served, what those behind it need is asked for: a link further along the chain of pointers
# (subscription, transport, cipher and histories) the nearer their turn is. A request is a hint: it never faults, whatever
# the address.
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t

from sfu.engine.bandwidth cimport FLIGHT, bandwidth_t
from sfu.engine.gcm cimport gcm_t
from sfu.engine.model cimport SENT_HISTORY, publication_t, subscription_t, transport_t

cdef extern from *:
    """
    static inline void fetch(const void *at, size_t size) {
        for (size_t i = 0; i < size; i += 64)
            __builtin_prefetch((const char *)at + i);
        __asm__ volatile("");   /* else GCC finds that nothing comes of it, and leaves the calls out */
    }
    """
    void fetch(const void *at, size_t size) noexcept nogil

cdef enum:
    # Subscribers ahead. Each step is the time that two of them take, half a microsecond at least: longer than memory takes.
    SUBSCRIPTION_AHEAD = 6
    TRANSPORT_AHEAD = 4
    CIPHER_AHEAD = 2
    CIPHER_BYTES = 192          # of OpenSSL's EVP_CIPHER_CTX
    CIPHER_STATE_BYTES = 960    # and of what it holds for AES-GCM: key schedule, powers of the hash key
    SENT_BYTES = 128            # five packets' entries


cdef inline void fetch_cipher(const gcm_t *g) noexcept nogil:
    if g.context != NULL:
        fetch(g.context, CIPHER_BYTES)
        fetch(g.state, CIPHER_STATE_BYTES)


cdef inline void fetch_transport(const transport_t *t) noexcept nogil:
    fetch(t, <size_t>(<const char *>(&t.bytes_out + 1) - <const char *>t))


cdef inline void fetch_subscription(const subscription_t *s) noexcept nogil:
    fetch(s, <size_t>(<const char *>(&s.numbers + 1) - <const char *>s))


cdef inline void fetch_histories(const subscription_t *s) noexcept nogil:
    cdef const bandwidth_t *b = s.transport.bandwidth
    if s.sent != NULL:
        fetch(&s.sent[(s.highest_out + 1) & (SENT_HISTORY - 1)], SENT_BYTES)
    if b != NULL:
        fetch(&b.flight[s.transport.transport_sequence & (FLIGHT - 1)], sizeof(b.flight[0]))
        fetch(&b.sent_bytes, sizeof(b.sent_bytes))
        fetch(&b.probe, sizeof(b.probe))


cdef inline void fetch_ahead(const publication_t *p, uint32_t served) noexcept nogil:
    """While the subscriber of that number is served."""
    if served + SUBSCRIPTION_AHEAD >= p.subscription_count:
        return
    fetch_subscription(p.subscriptions[served + SUBSCRIPTION_AHEAD])
    fetch_transport(p.subscriptions[served + TRANSPORT_AHEAD].transport)
    fetch_cipher(&p.subscriptions[served + CIPHER_AHEAD].transport.gcm)
    fetch_histories(p.subscriptions[served + CIPHER_AHEAD])
