# A packet as one subscriber gets it.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from sfu.engine.cache cimport packet_t
from sfu.engine.model cimport engine_t, layer_t, sent_t, subscription_t, transport_t

# sent: marker and padding are chosen.
cdef void send_packet(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, sent_t *sent) noexcept nogil
# An empty packet under a number that would stay free.
cdef void send_filler(engine_t *e, subscription_t *s, const packet_t *packet, int64_t sequence) noexcept nogil
# A packet that nobody needs, of about this size, to see whether it arrives: a repeat of one of the latest (the back-th) or RTP
# padding, on an RTX stream; without one, padding between two pictures.
cdef enum padding_t:
    PADDING_NO_PLACE = 0
    PADDING_SENT = 1
    PADDING_LATER = 2           # in the middle of a picture
cdef padding_t send_padding(engine_t *e, transport_t *t, uint32_t back, uint32_t size) noexcept nogil
# Ids of header extensions from now on (EXT_KINDS of them, 0 for none). A repeat of what was sent with others would have other bytes
# under the same number: there is none.
cdef void set_send_ids(transport_t *t, const uint8_t *ids) noexcept nogil
# A subscriber asks for one sequence number again.
cdef void resend(engine_t *e, subscription_t *s, uint16_t sequence) noexcept nogil
