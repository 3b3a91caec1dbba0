"""Following a peer whose packets come from another of its addresses.

Theory of operation. A browser that loses its network goes on over another pair at once, but says so only with its next
check of that pair: up to 2.5 s later, in which it hears nothing from us, and after 3 s without feedback it all but stops
sending. An address here has answered for itself by ICE (Python adds no other), and the packet is authentic and no replay:
so it is the peer, who can be reached there and wants media, as RFC 7675 asks. When the selected address has said nothing
for FOLLOW_US, media follows the packets, as libwebrtc does where it is controlled; Python is told, and who nominates has
the last word. The pause keeps what was late on the old way from turning us back.
"""

from libc.stdint cimport int64_t

from sfu.engine.address cimport same_address
from sfu.engine.consent cimport consent_forget
from sfu.engine.counters cimport DROP_EVENT_QUEUE
from sfu.engine.events cimport EVENT_MOVED, events_push

cdef enum:
    FOLLOW_US = 250000      # twelve packets of sound; feedback of who only receives comes ten times a second


cdef void go_to(engine_t *e, transport_t *t, const address_t *address) noexcept nogil:
    t.address = address[0]
    t.has_address = True
    t.address_us = e.now_us
    consent_forget(&t.consent)


cdef void heard_from(engine_t *e, transport_t *t, const address_t *source) noexcept nogil:
    t.heard_us = e.now_us
    if t.has_address and same_address(&t.address, source):
        t.address_us = e.now_us
    elif e.now_us - t.address_us >= FOLLOW_US and not t.plain:
        go_to(e, t, source)
        if events_push(&e.events, EVENT_MOVED, t.id, 0, source, NULL, 0) < 0:
            e.counters[<int>DROP_EVENT_QUEUE] += 1
