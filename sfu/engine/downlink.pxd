# What a peer says of its downlink -> the estimate, the pacer, and an event for Python.
from libc.stdint cimport int64_t

from sfu.engine.model cimport engine_t, transport_t
from sfu.engine.rtcp cimport rtcp_item_t

# Begins the estimation, where there will be feedback for it. Quiet when there is no memory: then nothing is adapted.
cdef void downlink_open(engine_t *e, transport_t *t) noexcept nogil
cdef void downlink_feedback(engine_t *e, transport_t *t, const rtcp_item_t *item) noexcept nogil
cdef void downlink_remb(engine_t *e, transport_t *t, int64_t bps) noexcept nogil
cdef void downlink_goal(engine_t *e, transport_t *t, double bps) noexcept nogil
