# What goes back: RTCP of both directions, requests for packets and keyframes, reports.
from libc.stdint cimport uint8_t, uint32_t

from sfu.engine.model cimport engine_t, layer_t, publication_t, subscription_t, transport_t

# A compound packet, decrypted.
cdef void receive_rtcp(engine_t *e, transport_t *t, const uint8_t *data, uint32_t length) noexcept nogil
# Somebody needs a keyframe of this layer: asked for at once if the last request is not too recent, and again until it comes.
cdef void want_keyframe(engine_t *e, layer_t *layer) noexcept nogil
# The same for a subscriber that is new and cannot use the keyframe that has just come: asked for at once, within limits.
cdef void want_keyframe_now(engine_t *e, subscription_t *s) noexcept nogil
# A keyframe for a subscriber that does not get the layer it could get; nothing where it does.
cdef void seek_layer(engine_t *e, subscription_t *s) noexcept nogil
# Missing packets and wanted keyframes that are due; transport-wide feedback; sender and receiver reports.
cdef void repair(engine_t *e) noexcept nogil
cdef void feed_back(engine_t *e) noexcept nogil
cdef void report(engine_t *e) noexcept nogil
