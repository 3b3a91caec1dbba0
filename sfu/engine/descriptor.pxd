# What a video packet says about the frame it belongs to, one form for all codecs.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.payload cimport codec_t

cdef enum:
    MAX_SPATIAL = 4             # spatial layers that are told apart; AV1 (its specification, 6.7.5) has no more
    MAX_TEMPORAL = 8            # three bits in every payload format
    MAX_REFERENCES = 8          # AV1 has seven reference frames, VP9 three

cdef struct descriptor_t:
    bint layered                # the fields about layers are valid; else the packet is needed by everybody
    bint begins                 # first packet of its frame (of its spatial layer's frame)
    bint ends                   # last packet of it
    bint sync                   # VP8 Y, VP9 U: the frame needs only lower temporal layers
    bint opens                  # VP9 U: what follows needs no higher temporal layer of before
    bint predicted              # VP9 P: predicted from earlier pictures
    bint idle                   # VP9 Z: upper spatial layers of the picture do without it
    bint closes_up              # VP8: numbers of frames that are left out must not be missed
    bint referring              # `references` are given (dependency descriptor, VP9 in flexible mode)
    bint targeted               # `targets` are given (dependency descriptor)
    uint8_t spatial
    uint8_t temporal
    uint8_t reference_count
    uint16_t references[MAX_REFERENCES]     # how many frames back
    uint64_t targets            # decode target indications, two bits each, those of target 0 lowest
    # Numbers that are rewritten: where they stand in the payload (0: nowhere) and what they are.
    uint8_t picture_at
    bint picture_wide           # 15 bits, else 7
    uint8_t tl0_at
    uint8_t key_at              # VP8: the byte whose low five bits are KEYIDX
    uint16_t picture            # picture id, or the dependency descriptor's frame number
    uint8_t picture_bits        # 7, 15 or 16; 0: the frame has no number
    uint8_t tl0
    uint8_t key
    int64_t frame               # the same as `picture`, unwrapped by the receiver of the stream

# Fills all but `frame`. What is cut short or has no layers is not `layered`; nothing past length is read.
cdef void descriptor_read(descriptor_t *d, codec_t codec, const uint8_t *payload, uint32_t length) noexcept nogil
# The number as an unwrapped one near `highest` (negative: the first of its stream).
cdef int64_t descriptor_unwrap(const descriptor_t *d, int64_t highest) noexcept nogil
