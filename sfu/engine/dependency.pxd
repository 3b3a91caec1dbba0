# The dependency descriptor header extension (AV1 RTP payload format, appendix A).
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.descriptor cimport MAX_REFERENCES, descriptor_t

cdef enum:
    MAX_TEMPLATES = 64          # A.8.2: template ids have six bits
    MAX_TARGETS = 32            # A.8.2: dt_cnt_minus_one has five
    # Decode target indications (A.8.5)
    TARGET_NOT_PRESENT = 0
    TARGET_DISCARDABLE = 1
    TARGET_SWITCH = 2
    TARGET_REQUIRED = 3

cdef struct template_t:
    uint8_t spatial
    uint8_t temporal
    uint8_t reference_count
    uint16_t references[MAX_REFERENCES]
    uint64_t targets            # two bits each

cdef struct structure_t:        # the template dependency structure in force, and the targets that are sent
    uint8_t offset
    uint8_t template_count
    uint8_t target_count
    uint8_t chain_count
    uint32_t active             # bit per decode target
    uint8_t target_spatial[MAX_TARGETS]     # highest layers of each target (A.8.3.1: decode_target_layers)
    uint8_t target_temporal[MAX_TARGETS]
    template_t templates[MAX_TEMPLATES]

# Reads one extension into `d`. `known`: the structure in force, or NULL; a structure that stands in the extension is put
# into `fresh`, and 1 is returned; 0 without one, -1 for what makes no sense (d is as if nothing had been there).
cdef int dependency_read(descriptor_t *d, structure_t *known, structure_t *fresh, const uint8_t *data, uint32_t length) noexcept nogil
