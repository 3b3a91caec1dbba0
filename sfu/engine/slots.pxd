# Who listens to a group of microphones: one stream for each place, whoever has it.
from libc.stdint cimport uint32_t

from sfu.engine.model cimport engine_t, subscription_t
from sfu.engine.speakers cimport mix_t, slot_t

# The group of that number; begins with its first voice or slot. NULL: out of memory.
cdef mix_t *group_find(engine_t *e, uint32_t group, uint32_t loudest) noexcept nogil
# It ends with the last of both.
cdef void group_forget_if_empty(engine_t *e, mix_t *m) noexcept nogil

# `s`, a subscription to m.rest, carries from now on who has that place; its formats stand in s.slot. -1: out of memory.
cdef int slot_open(subscription_t *s, mix_t *m, uint32_t place, uint32_t party) noexcept nogil
# The same stream carries that place of another group. -1: out of memory, nothing changed.
cdef int slot_tune(engine_t *e, subscription_t *s, mix_t *m) noexcept nogil
# Its subscription has been taken out of its lists.
cdef void slot_free(engine_t *e, slot_t *slot) noexcept nogil
# The place has a new voice, or none.
cdef void slots_follow(mix_t *m, uint32_t place) noexcept nogil
