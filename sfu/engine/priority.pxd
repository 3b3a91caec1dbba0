# How the packet thread stands towards others who want the processor.

cdef enum:
    PRIORITY_NORMAL
    PRIORITY_HIGH               # a nice value below 0
    PRIORITY_REALTIME           # SCHED_RR: before everything that is not real-time

# Of the calling thread: the wanted one, or the highest below it that the system permits, which is returned.
cdef int priority_take(int wanted) noexcept nogil
# The deadlines of the calling thread are kept to the microsecond.
cdef void priority_sharpen_timers() noexcept nogil
