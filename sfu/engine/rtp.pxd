# RTP headers (RFC 3550, 5.1) and header extensions (RFC 8285), read in place.
from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum extension_t:
    EXT_NONE = 0
    EXT_MID
    EXT_RID
    EXT_REPAIRED_RID
    EXT_ABS_SEND_TIME
    EXT_TRANSPORT_CC
    EXT_AUDIO_LEVEL
    EXT_VIDEO_ORIENTATION
    EXT_DEPENDENCY
    EXT_KINDS

cdef enum:
    MAX_EXTENSION_ID = 15       # ids 1..14 of the one-byte form are what we negotiate
    TAG_BYTES = 16              # RFC 8852, RFC 8843: longest MID or RID we accept

cdef struct rtp_t:
    bint marker
    uint8_t payload_type
    uint16_t sequence
    uint32_t timestamp
    uint32_t ssrc
    const uint8_t *payload      # padding taken off
    uint32_t payload_length
    # Header extensions found, by kind; a length of 0 means absent.
    const uint8_t *extension[EXT_KINDS]
    uint8_t extension_length[EXT_KINDS]

# 0, or -1 for what is no RTP. kinds: extension_t by id, of MAX_EXTENSION_ID + 1 entries.
cdef int rtp_parse(const uint8_t *data, uint32_t length, const uint8_t *kinds, rtp_t *p) noexcept nogil
