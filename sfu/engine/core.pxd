# What the loop calls of an engine, in C. `engine` is `Engine.state`; it outlives the loop, which holds the Engine.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from sfu.engine.address cimport address_t
from sfu.engine.outbound cimport flush_fn, outbound_t, takes_frame_fn

# All calls below but core_lock need the lock.
cdef void core_lock(void *engine) noexcept nogil
# Whether a control call has been waiting for it.
cdef bint core_unlock(void *engine) noexcept nogil
# One datagram. It is decrypted in place; nothing of it is kept by reference. Forwarding may wait for core_settle.
cdef void core_input(void *engine, const address_t *source, uint8_t *data, uint32_t length, int64_t now_us) noexcept nogil
# After the datagrams that were read in one go: forwards what is due of them, of pictures a piece, and flushes the outbound
# bursts. True: there are more pictures to go at once, so settle again when the sockets have been read.
cdef bint core_settle(void *engine, int64_t now_us) noexcept nogil
# Timers that are due (also settles).
cdef bint core_tick(void *engine, int64_t now_us) noexcept nogil
# Whether core_tick has reports to write: they are not worth waking for, until they are late.
cdef bint core_reports_due(void *engine, int64_t now_us) noexcept nogil
# When core_tick wants to be called; -1 for never.
cdef int64_t core_deadline(void *engine) noexcept nogil
# Datagrams so far, and of them checks answered here and RTCP packets. For the packet thread, which counts them.
cdef uint64_t core_datagrams(const void *engine) noexcept nogil
cdef uint64_t core_routine(const void *engine) noexcept nogil
# A stream connection was closed by its peer or by an error.
cdef void core_address_gone(void *engine, const address_t *address) noexcept nogil
# Who sends: called back under the lock, from the loop's thread or from a control call. Also used for shutting one
# stream connection (close), and whether it keeps up (takes_frame): all may be NULL to go back to the queue that drain() empties.
ctypedef void (*close_fn)(void *context, const address_t *address) noexcept nogil
cdef void core_bind(void *engine, flush_fn flush, takes_frame_fn takes_frame, close_fn close, void *context) noexcept nogil
