"""The Python face of the engine: checks what it is given, takes the lock, calls the machine.

The lock and the GIL. A control call takes the engine's lock only while it holds the GIL, by trying; where the packet
thread has it, the call gives the GIL up, waits for the lock to come free (lock.pyx), and tries again. So nobody ever holds the
lock while waiting for the GIL, and the packet thread never waits for Python.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from sfu.engine.address cimport address_from_bytes, address_t, address_to_bytes, same_address
from sfu.engine.consent cimport consent_forget
from sfu.engine.core cimport (
    close_fn,
    core_bind,
    core_deadline,
    core_input,
    core_settle,
    core_tick,
    core_unlock,
)
from sfu.engine.counters cimport COUNTER_COUNT
from sfu.engine.events cimport events_list, events_take
from sfu.engine.describe cimport checked, describe_publication, describe_subscription, group_numbered, slot_new
from sfu.engine.downlink cimport downlink_goal, downlink_open
from sfu.engine.feedback cimport seek_layer, want_keyframe, want_keyframe_now
from sfu.engine.follow cimport go_to
from sfu.engine.gcm cimport gcm_open
from sfu.engine.layers cimport ALL_LAYERS
from sfu.engine.lock cimport lock_try, lock_wait
from sfu.engine.lifecycle cimport (
    engine_delete,
    engine_new,
    engine_random,
    publication_delete,
    publication_join,
    publication_leave,
    publication_new,
    subscription_delete,
    subscription_new,
    transport_delete,
    transport_forget_address,
    transport_learn_address,
    transport_new,
)
from sfu.engine.model cimport (
    MAX_FORMATS,
    MAX_LAYERS,
    engine_t,
    publication_t,
    subscription_t,
    transport_t,
)
from sfu.engine.outbound cimport DATAGRAM_BYTES, outbound_commit, outbound_flush, outbound_reserve
from sfu.engine.pacer cimport pacer_forget, pacer_held
from sfu.engine.rtp cimport EXT_KINDS, MAX_EXTENSION_ID
from sfu.engine.slots cimport group_forget_if_empty, slot_tune
from sfu.engine.speakers cimport MAX_LOUDEST, mix_t
from sfu.engine.srtp cimport session_pointer
from sfu.engine.stun cimport ufrag_key
from sfu.engine.table cimport table_get, table_put, table_remove
from sfu.engine.stats cimport stats_of_publication, stats_of_subscription, stats_of_transport
from sfu.engine.twcc cimport twcc_init
from sfu.engine.write cimport set_send_ids

from sfu.engine.stats import outbound_counters
from sfu.engine.counters import COUNTER_NAMES
from sfu.engine.events import Event, EventKind
from sfu.engine.rtp import EXTENSION_KINDS

DEFAULT_LOUDEST = 4


cdef int leave_queue(subscription_t *s) noexcept:
    if s.transport.pacer != NULL:
        pacer_forget(s.transport.pacer, s)
        s.queued_anew = False
    return 0


cdef class Engine:
    def __cinit__(self, *, seed=0):
        self.transports = {}
        self.publications = {}
        self.subscriptions = {}
        self.sessions = {}
        self.state = engine_new(seed)
        core_bind(self.state, NULL, NULL, NULL, NULL)

    def __dealloc__(self):
        engine_delete(<engine_t *>self.state)

    cdef engine_t *lock(self) noexcept:
        cdef engine_t *e = <engine_t *>self.state
        cdef uint32_t turn
        while not lock_try(&e.lock, &turn):
            with nogil:
                lock_wait(&e.lock, turn)
        return e

    cdef int unlock(self) except -1:
        """Sends what the call has written, and gives the lock back."""
        outbound_flush(&(<engine_t *>self.state).out)
        core_unlock(self.state)
        return 0

    cdef int new_id(self) noexcept:
        self.last_id += 1
        return self.last_id

    cdef transport_t *transport(self, int id) except NULL:
        return <transport_t *><size_t>self.transports[id]

    cdef publication_t *publication(self, int id) except NULL:
        return <publication_t *><size_t>self.publications[id]

    cdef subscription_t *subscription(self, int id) except NULL:
        return <subscription_t *><size_t>self.subscriptions[id]

    # --- sans-IO edge -----------------------------------------------------------------------------------------------

    def input(self, bytes datagram, bytes address, int64_t now_us):
        cdef uint8_t buffer[65536]
        cdef address_t source
        address_from_bytes(address, &source)
        if len(datagram) > 65535:
            raise ValueError("a datagram has at most 65,535 bytes")
        memcpy(buffer, <const char *>datagram, len(datagram))
        cdef engine_t *e = self.lock()
        core_input(e, &source, buffer, <uint32_t>len(datagram), now_us)
        core_settle(e, now_us)
        core_unlock(e)

    def tick(self, int64_t now_us):
        cdef engine_t *e = self.lock()
        core_tick(e, now_us)
        core_unlock(e)

    def drain(self):
        cdef engine_t *e = self.lock()
        cdef list found = []
        cdef uint64_t at = 0
        cdef uint32_t size
        while core_settle(e, e.now_us):
            pass
        while at < e.drained_bytes:
            memcpy(&size, e.drained + at + sizeof(address_t), 4)
            found.append(
                (
                    (<const char *>(e.drained + at + sizeof(address_t) + 4))[:size],
                    address_to_bytes(<address_t *>(e.drained + at)),
                )
            )
            at += sizeof(address_t) + 4 + size
        e.drained_bytes = 0
        core_unlock(e)
        return found

    def next_deadline_us(self):
        cdef engine_t *e = self.lock()
        cdef int64_t due = core_deadline(e)
        core_unlock(e)
        return due

    # --- to Python --------------------------------------------------------------------------------------------------

    def event_fd(self):
        return (<engine_t *>self.state).events.fd

    def events(self):
        cdef uint64_t lost = 0
        cdef engine_t *e = self.lock()
        cdef uint32_t used = events_take(&e.events, &lost)
        core_unlock(e)
        return events_list(&e.events, used, lost)

    def counters(self):
        cdef uint64_t counts[COUNTER_COUNT]
        cdef engine_t *e = self.lock()
        memcpy(counts, e.counters, sizeof(counts))
        found = outbound_counters(
            e.out.packets, e.out.bytes, e.out.calls, e.out.bursts_sent, e.out.dropped, e.out.gso_off
        )
        core_unlock(e)
        found.update({name: counts[i] for i, name in enumerate(COUNTER_NAMES)})
        return found

    def census(self):
        cdef engine_t *e = self.lock()
        found = {
            "transports": e.transport_count,
            "publications": e.publication_count,
            "subscriptions": e.subscription_count,
            "addresses": e.by_address.count,
            "ufrags": e.by_ufrag.count,
            "cache_bytes": e.cache_bytes,
        }
        core_unlock(e)
        return found

    # --- transports -------------------------------------------------------------------------------------------------

    def add_transport(self, *, str ufrag=""):
        cdef engine_t *e = self.lock()
        cdef transport_t *t
        try:
            t = transport_new(e, self.new_id())
            if t == NULL:
                raise MemoryError
            self.transports[t.id] = <size_t>t
        finally:
            self.unlock()
        try:
            if ufrag:
                self.set_ufrag(t.id, ufrag)
        except ValueError:
            self.remove_transport(t.id)
            raise
        return t.id

    def set_ufrag(self, int transport, str ufrag):
        cdef bytes raw = ufrag.encode()
        cdef address_t key
        cdef engine_t *e = self.lock()
        cdef transport_t *t
        try:
            t = self.transport(transport)
            if ufrag_key(<const uint8_t *><const char *>raw, <uint32_t>len(raw), &key) < 0:
                raise ValueError("a ufrag has 1 to 23 bytes")
            if table_get(&e.by_ufrag, &key) != NULL:
                raise ValueError("this ufrag is another transport's")
            if t.ufrag.ip[0]:
                table_remove(&e.by_ufrag, &t.ufrag)
            if table_put(&e.by_ufrag, &key, t) < 0:
                raise MemoryError
            t.ufrag = key
            consent_forget(&t.consent)
        finally:
            self.unlock()

    def set_address(self, int transport, bytes address):
        self.learn_address(transport, address, True)

    def add_address(self, int transport, bytes address):
        self.learn_address(transport, address, False)

    cdef int learn_address(self, int transport, bytes address, bint selected) except -1:
        cdef address_t a
        cdef engine_t *e
        cdef transport_t *t
        address_from_bytes(address, &a)
        e = self.lock()
        try:
            t = self.transport(transport)
            if selected:
                go_to(e, t, &a)
            if transport_learn_address(e, t, &a) < 0:
                raise MemoryError
        finally:
            self.unlock()
        return 0

    def set_keys(self, int transport, inbound, outbound, *, bytes aead_key=b""):
        cdef void *rx = session_pointer(inbound)
        cdef void *tx = session_pointer(outbound)
        cdef transport_t *t
        self.lock()
        try:
            t = self.transport(transport)
            t.srtp_in = rx
            gcm_open(&t.gcm, aead_key)
            t.srtp_out = tx
            t.plain = False
            self.sessions[transport] = (inbound, outbound)
            self.open_media(t)
        finally:
            self.unlock()

    def set_plain(self, int transport):
        cdef transport_t *t
        self.lock()
        try:
            t = self.transport(transport)
            t.plain = True
            self.open_media(t)
        finally:
            self.unlock()

    cdef int open_media(self, transport_t *t) except -1:
        """Keyframes for those that have been waiting for the keys."""
        cdef uint32_t i
        cdef subscription_t *s
        t.keyed = True
        t.heard_us = (<engine_t *>self.state).now_us
        for i in range(t.subscription_count):
            s = t.subscriptions[i]
            if s.publication.video and not s.paused:
                want_keyframe_now(<engine_t *>self.state, s)
        return 0

    def set_receive_extensions(self, int transport, dict ids):
        cdef transport_t *t
        cdef uint8_t kinds[MAX_EXTENSION_ID + 1]
        memset(kinds, 0, sizeof(kinds))
        for uri, id in ids.items():
            kinds[checked(id, 1, 14, "header extension id")] = EXTENSION_KINDS.get(uri, 0)
        self.lock()
        try:
            memcpy(self.transport(transport).receive_kinds, kinds, sizeof(kinds))
        finally:
            self.unlock()

    def set_send_extensions(self, int transport, dict ids):
        cdef uint8_t table[EXT_KINDS]
        memset(table, 0, sizeof(table))
        for uri, id in ids.items():
            table[<int>EXTENSION_KINDS.get(uri, 0)] = checked(id, 1, 14, "header extension id")
        self.lock()
        try:
            set_send_ids(self.transport(transport), table)
        finally:
            self.unlock()

    def remove_transport(self, int transport):
        cdef engine_t *e = self.lock()
        cdef transport_t *t
        cdef uint32_t i
        try:
            t = self.transport(transport)
            for i in range(t.subscription_count):
                del self.subscriptions[t.subscriptions[i].id]
            for i in range(t.publication_count):
                self.forget_publication(t.publications[i])
            transport_delete(e, t)
            del self.transports[transport]
            self.sessions.pop(transport, None)
        finally:
            self.unlock()

    def send(self, bytes address, bytes datagram):
        cdef address_t to
        cdef uint8_t *at
        cdef engine_t *e
        address_from_bytes(address, &to)
        if len(datagram) > DATAGRAM_BYTES:
            raise ValueError(f"a datagram has at most {DATAGRAM_BYTES} bytes")
        e = self.lock()
        at = outbound_reserve(&e.out)
        memcpy(at, <const char *>datagram, len(datagram))
        outbound_commit(&e.out, &to, <uint32_t>len(datagram))
        self.unlock()

    def close_address(self, bytes address):
        cdef address_t a
        cdef engine_t *e
        cdef transport_t *t
        address_from_bytes(address, &a)
        e = self.lock()
        t = <transport_t *>table_get(&e.by_address, &a)
        if t != NULL:
            transport_forget_address(e, t, &a)
        if e.close != NULL:
            (<close_fn>e.close)(e.close_context, &a)
        self.unlock()

    # --- publications -----------------------------------------------------------------------------------------------

    def add_publication(
        self,
        int transport,
        *,
        str kind,
        str mid,
        uint32_t clock_rate,
        list formats,
        list encodings,
        bint transport_cc=False, bint reduced_size=False,
    ):
        cdef engine_t *e
        cdef transport_t *t
        cdef publication_t *p
        checked(len(formats), 1, MAX_FORMATS, "number of formats")
        layers = encodings or [("", 0, 0)]
        checked(len(layers), 1, MAX_LAYERS, "number of encodings")
        if kind not in ("audio", "video"):
            raise ValueError(f"{kind!r} is neither audio nor video")
        e = self.lock()
        try:
            t = self.transport(transport)
            if transport_cc and t.twcc.arrival_us == NULL and twcc_init(&t.twcc) < 0:
                raise MemoryError
            t.transport_cc |= transport_cc
            p = publication_new(e, t, self.new_id(), kind == "video", clock_rate, len(layers))
            if p == NULL:
                raise ValueError("this transport has too many publications")
            try:
                describe_publication(p, mid, formats, layers, reduced_size)
            except Exception:
                publication_delete(e, p)
                raise
            self.publications[p.id] = <size_t>p
            return p.id
        finally:
            self.unlock()

    cdef int forget_publication(self, publication_t *p) except -1:
        """Slots outlive it: they are moved away first."""
        cdef uint32_t i
        publication_leave(<engine_t *>self.state, p)
        for i in range(p.subscription_count):
            self.subscriptions.pop(p.subscriptions[i].id, None)
        del self.publications[p.id]
        return 0

    def remove_publication(self, int publication):
        cdef engine_t *e = self.lock()
        cdef publication_t *p
        try:
            p = self.publication(publication)
            self.forget_publication(p)
            publication_delete(e, p)
        finally:
            self.unlock()

    def set_group(self, int publication, int group, *, int party=0, bint always=False, int loudest=DEFAULT_LOUDEST):
        cdef engine_t *e = self.lock()
        cdef publication_t *p
        try:
            p = self.publication(publication)
            checked(group, 0, 0x7FFFFFFF, "group")
            checked(party, 0, 0x7FFFFFFF, "party")
            checked(loudest, 0, MAX_LOUDEST, "number of the loudest")
            if p.video:
                raise ValueError("only sound stands in a group")
            publication_leave(e, p)
            if group and publication_join(e, p, <uint32_t>group, <uint32_t>party, always, <uint32_t>loudest) < 0:
                raise MemoryError
        finally:
            self.unlock()

    def request_keyframe(self, int publication):
        cdef engine_t *e = self.lock()
        cdef publication_t *p
        cdef uint32_t i
        try:
            p = self.publication(publication)
            if p.video:
                for i in range(p.layer_count):
                    want_keyframe(e, &p.layers[i])
        finally:
            self.unlock()

    # --- subscriptions ----------------------------------------------------------------------------------------------

    def add_subscription(
        self,
        int transport,
        int publication,
        *,
        str mid,
        uint32_t ssrc,
        uint32_t rtx_ssrc,
        list formats,
        int layer=-1,
        bint paused=False,
    ):
        cdef engine_t *e = self.lock()
        cdef subscription_t *s
        try:
            s = subscription_new(e, self.transport(transport), self.publication(publication), self.new_id())
            if s == NULL:
                raise ValueError("this transport has too many subscriptions")
            try:
                describe_subscription(s, mid, ssrc, rtx_ssrc, formats)
                if layer >= 0 and s.publication.layer_count > 1:
                    s.wanted_layer = <uint8_t>checked(layer, 0, s.publication.layer_count - 1, "layer")
            except Exception:
                subscription_delete(e, s)
                raise
            self.subscriptions[s.id] = <size_t>s
            downlink_open(e, s.transport)
            s.paused = paused
            if s.publication.video and s.transport.keyed and not paused:
                want_keyframe_now(e, s)
            return s.id
        finally:
            self.unlock()

    def add_slot(
        self,
        int transport,
        int group,
        int place,
        *,
        str mid,
        uint32_t ssrc,
        list formats,
        int party=0,
        int loudest=DEFAULT_LOUDEST,
    ):
        cdef engine_t *e = self.lock()
        cdef subscription_t *s
        try:
            s = slot_new(e, self.transport(transport), self.new_id(), group, place, mid, ssrc, formats, party, loudest)
            self.subscriptions[s.id] = <size_t>s
            downlink_open(e, s.transport)
            return s.id
        finally:
            self.unlock()

    def tune_slot(self, int subscription, int group, *, int loudest=DEFAULT_LOUDEST):
        cdef engine_t *e = self.lock()
        cdef subscription_t *s
        cdef mix_t *m
        try:
            s = self.subscription(subscription)
            if s.slot == NULL:
                raise ValueError("only a slot can be tuned to another group")
            m = group_numbered(e, group, loudest)
            if slot_tune(e, s, m) < 0:
                group_forget_if_empty(e, m)
                raise MemoryError
        finally:
            self.unlock()

    def remove_subscription(self, int subscription):
        cdef engine_t *e = self.lock()
        try:
            subscription_delete(e, self.subscription(subscription))
            del self.subscriptions[subscription]
        finally:
            self.unlock()

    def set_paused(self, int subscription, bint paused):
        self.set_all_paused({subscription: paused})

    def set_all_paused(self, dict subscriptions):
        cdef engine_t *e = self.lock()
        cdef subscription_t *s
        cdef bint paused
        try:
            for id, value in subscriptions.items():
                s, paused = self.subscription(id), value
                if s.paused and not paused and s.publication.video:
                    s.created_us = s.created_us if s.started else e.now_us
                    want_keyframe_now(e, s)
                s.paused = paused
                s.layer = -1
                leave_queue(s)
        finally:
            self.unlock()

    def set_bandwidth_goal(self, int transport, double bps):
        cdef engine_t *e = self.lock()
        try:
            downlink_goal(e, self.transport(transport), bps)
        finally:
            self.unlock()

    def set_wanted_layer(self, int subscription, int layer, int temporal=ALL_LAYERS):
        cdef engine_t *e = self.lock()
        cdef subscription_t *s
        try:
            s = self.subscription(subscription)
            checked(temporal, 0, ALL_LAYERS, "temporal layer")
            if s.publication.layer_count > 1:
                s.wanted_layer = <uint8_t>checked(layer, 0, s.publication.layer_count - 1, "layer")
            else:
                s.wanted_spatial = <uint8_t>checked(layer, 0, ALL_LAYERS, "layer")
            s.wanted_temporal = <uint8_t>temporal
            if s.transport.pacer != NULL and s.layer > <int>s.wanted_layer:
                leave_queue(s)      # a thin link: what is too much for it goes no further
                s.layer = -1
            if s.transport.pacer == NULL or not pacer_held(s.transport.pacer, e.now_us):
                seek_layer(e, s)    # else asked for when there is room (forward.pyx, wait_turn)
        finally:
            self.unlock()

    # --- statistics -------------------------------------------------------------------------------------------------

    def transport_stats(self, int transport):
        cdef engine_t *e = self.lock()
        try:
            return stats_of_transport(e, self.transport(transport))
        finally:
            core_unlock(e)

    def publication_stats(self, int publication):
        cdef engine_t *e = self.lock()
        try:
            return stats_of_publication(e, self.publication(publication))
        finally:
            core_unlock(e)

    def subscription_stats(self, int subscription):
        cdef engine_t *e = self.lock()
        try:
            return stats_of_subscription(self.subscription(subscription))
        finally:
            core_unlock(e)
