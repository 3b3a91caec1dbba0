# TCP connections (RFC 4571 framing) and local sockets (AF_UNIX, SOCK_SEQPACKET), each with a channel of its own.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.address cimport address_t
from sfu.engine.backlog cimport backlog_t
from sfu.engine.outbound cimport outbound_t
from sfu.engine.udp cimport RECEIVE_BYTES

cdef enum:
    STREAM_SLOTS = 8192         # channel = use of the slot << STREAM_SLOT_BITS | slot
    STREAM_SLOT_BITS = 13
    MAX_TCP = 4096              # connections at a time: 1,000 people behind TCP-only firewalls, three and more each
    MAX_LOCAL = 256             # local sockets: one per process fed by this one
    MAX_LISTENERS = 16
    ADDRESS_BUCKETS = 4096
    READ_BYTES = 65536

cdef enum stream_kind_t:
    STREAM_FREE = 0
    STREAM_TCP = 1
    STREAM_LOCAL = 2

cdef struct stream_t:
    stream_kind_t kind
    int fd
    uint32_t channel            # 0: the slot is free
    uint32_t uses               # of the slot
    address_t address
    int32_t next                # in the free list, the list of unanswered or of doomed streams; -1 ends
    int32_t previous
    # under the engine's lock
    bint answered               # something was sent: the engine knows this peer
    bint doomed                 # to be closed by the packet thread
    bint silent                 # the engine wanted it closed and need not be told
    int64_t accepted_us
    uint16_t bucket
    backlog_t backlog           # frames that the kernel has not taken yet
    # only the packet thread
    bint greeted                # the first frame looked like STUN
    uint32_t skip               # bytes of an oversized frame still to come
    uint32_t partial_length
    uint8_t *partial            # beginning of a frame: at most 2 + RECEIVE_BYTES - 1 bytes; NULL until needed

cdef struct streams_t:
    stream_t *slots
    int32_t free_head
    int32_t unanswered_head     # oldest first
    int32_t unanswered_tail
    int32_t doomed_head
    uint32_t tcp_count
    uint32_t local_count
    int listeners[MAX_LISTENERS]
    uint32_t listener_count
    int64_t answer_us           # a connection that was not worth an answer for so long is closed
    int64_t accept_again_us     # 0: accepting
    uint16_t *unanswered        # by hash of the address
    uint64_t seed
    int epoll_fd
    int wake_fd
    uint64_t epoll_tag          # or-ed to the channel in epoll's data
    uint64_t listener_tag
    uint8_t *scratch
    void *engine
    uint64_t *counters

cdef int streams_init(streams_t *s, void *engine, int epoll_fd, int wake_fd, uint64_t seed, uint64_t *counters) noexcept nogil  # -1: out of memory
# Closes everything; with the engine's lock, when the packet thread is gone. The engine hears of each.
cdef void streams_free(streams_t *s) noexcept nogil
# From the packet thread, without the engine's lock:
cdef void streams_ready(streams_t *s, uint32_t channel, uint32_t events) noexcept nogil
# From the packet thread, with the lock: closes what was given up.
cdef void streams_bury(streams_t *s) noexcept nogil

# From any thread, with the lock:
# Bursts first..end-1, all of one stream channel.
cdef void streams_send(streams_t *s, outbound_t *out, uint32_t first, uint32_t end) noexcept nogil
# Whether a picture may begin on its way to that stream, or had better be left out.
cdef bint streams_takes_frame(streams_t *s, const address_t *to, int64_t now_us) noexcept nogil
cdef void streams_close(streams_t *s, const address_t *address) noexcept nogil
# Takes our end of a socketpair over. 0 or -errno, and then it is still the caller's.
cdef int streams_add_local(streams_t *s, int fd, address_t *address) noexcept nogil

# For accept.pyx, with the lock:
# A fresh stream. There is always a free slot: MAX_TCP + MAX_LOCAL < STREAM_SLOTS.
cdef stream_t *streams_take_slot(streams_t *s, stream_kind_t kind, int fd) noexcept nogil
cdef void streams_drop_slot(streams_t *s, stream_t *stream) noexcept nogil
cdef int32_t streams_slot_number(const streams_t *s, const stream_t *stream) noexcept nogil
cdef int streams_watch(streams_t *s, stream_t *stream, int operation) noexcept nogil
# The packet thread will close it; silent: the engine need not be told.
cdef void streams_doom(streams_t *s, stream_t *stream, bint silent) noexcept nogil
