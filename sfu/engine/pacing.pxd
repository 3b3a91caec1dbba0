from sfu.engine.model cimport engine_t

# Sends what waits and is due, and probes; sets e.pace_due_us.
cdef void pace(engine_t *e) noexcept nogil
