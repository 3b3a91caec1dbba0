# The engine's objects. Plain structs, owned by the engine, touched only under its lock.
#
#   transport 1--* publication 1--* layer (one RTP stream received, with its cache)
#   transport 1--* subscription *--1 publication
#
# Who frees whom: removing a transport removes its subscriptions and publications; removing a publication removes the
# subscriptions to it. A group of microphones lives as long as it has voices or slots; a slot is a subscription whose
# publication changes (slots.pyx), and goes with it. Nothing else owns anything.
from libc.stdint cimport int8_t, int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.address cimport address_t
from sfu.engine.bandwidth cimport bandwidth_t
from sfu.engine.cache cimport cache_t
from sfu.engine.consent cimport consent_t
from sfu.engine.counters cimport COUNTER_COUNT
from sfu.engine.dependency cimport structure_t
from sfu.engine.descriptor cimport MAX_SPATIAL, MAX_TEMPORAL
from sfu.engine.events cimport events_t
from sfu.engine.gcm cimport gcm_t
from sfu.engine.layers cimport selector_t
from sfu.engine.lock cimport lock_t
from sfu.engine.munger cimport drops_t, numbers_t
from sfu.engine.nack cimport nack_t
from sfu.engine.outbound cimport outbound_t
from sfu.engine.pacer cimport pacer_t
from sfu.engine.payload cimport codec_t
from sfu.engine.reception cimport reception_t
from sfu.engine.rhythm cimport rhythm_t
from sfu.engine.rtp cimport EXT_KINDS, MAX_EXTENSION_ID, TAG_BYTES
from sfu.engine.speakers cimport mix_t, slot_t, voice_t
from sfu.engine.table cimport table_t
from sfu.engine.twcc cimport twcc_t

cdef enum:
    MAX_LAYERS = 4              # simulcast: three are usual
    MAX_FORMATS = 4             # codecs of one m-line: opus and red, or one video codec
    MAX_STREAMS = 64            # SSRCs one transport may send us
    MAX_ADDRESSES = 8           # validated addresses of one transport; the oldest is forgotten
    MAX_PUBLICATIONS = 32       # per transport
    MAX_SUBSCRIPTIONS = 512     # per transport: a discussion of 300 rooms, and their pictures that are shown
    # Packets of one picture publication that wait to be forwarded: all fit its cache (511 more of 1,460 bytes and a
    # descriptor of 255 are less than VIDEO_ARENA), so that none of them is overwritten while it waits.
    GATHERED = 512
    GATHERED_SOUND = 64
    LOT = 64                    # packets that are forwarded together
    SENT_HISTORY = 512          # (20 bytes each) packets per video subscription that can be asked for again: 3 s at 1.5 Mbit/s
    VIDEO_ARENA = 1048576       # bytes per video layer: 5 s at 1.5 Mbit/s
    VIDEO_SLOTS = 1024
    AUDIO_ARENA = 65536
    AUDIO_SLOTS = 256
    MAX_PAYLOAD = 1460          # larger media packets would fit no path's MTU once protected

    # Who gets a place is heard from the beginning: the packets since the first loud one, and two before it (the breath before
    # a plosive); at most so many, which is as long as a louder voice has to wait for its place.
    PRE_ROLL = 10
    PRE_ROLL_US = 45000
    # A frame's packets are gathered so that they leave in one burst, but never longer than this.
    GATHER_US = 1000
    REPORT_US = 1000000         # RTCP SR and RR (RFC 3550, 6.2: at most 5 % of the bandwidth; this is far below)
    # Reports fall due on a grid, those of many transports together, and the thread is not woken for them alone before they
    # are late: where media flows it is awake anyway, and where none does there is hardly anything to report.
    REPORT_GRAIN_US = 50000
    REPORT_PATIENCE_US = 500000
    REPAIR_US = 5000            # how finely NACK and keyframe repeats are timed
    KEYFRAME_REPEAT_US = 500000  # one PLI each, until a keyframe arrives
    # A new subscriber need not wait for the next repeat, four times in a row and then once a second: so a storm of joins
    # costs the others at most three keyframes a second, 1 Mbit/s at 40 kB each. From the second on they lie apart, so that
    # they suffice for all whom a change of routes reaches one after the other in 0.3 s.
    HURRY_GAP_US = 100000
    HURRY_US = 1000000
    HURRIES = 4
    KEYFRAME_PATIENCE_US = 20000000  # a publisher that never answers is left alone after that
    SHED_KEYFRAME_US = 2000000  # how often one slow stream may ask a publisher for a keyframe
    DEFAULT_RTT_US = 80000
    RESEND_GAP_US = 10000       # the same packet is not sent again sooner
    RESEND_TRIES = 6
    STUN_PER_SECOND = 100       # per transport; a full ICE check list with retransmissions is about 50
    MAX_PADDING = 16            # bytes put behind a packet so that it has its neighbours' size
    STRANGERS = 64              # SSRCs of nobody's that are remembered per transport
    RESTART_US = 1000000        # a publisher may begin anew under another SSRC this often: it costs a fresh cache
    LAYER_SILENT_US = 2000000   # a layer without packets for so long is not chosen
    # One that stands still while a sibling goes on has been stopped by its sender (whose uplink does not carry it any more).
    # So many pictures of the sibling, so that a slower layer is not taken for a stopped one.
    SIBLING_PICTURES = 4
    SIBLING_SILENT_US = 400000
    SIBLING_BACK_US = 1000000   # it goes on without a keyframe: chosen again after so long without such a pause

cdef struct tag_t:              # a MID or RID
    uint8_t length
    uint8_t text[TAG_BYTES]

cdef struct format_t:
    codec_t codec
    uint8_t payload_type
    int16_t rtx_payload_type    # -1: none
    bint nack

cdef struct layer_t:
    publication_t *publication
    uint8_t index
    bint started
    tag_t rid
    uint32_t ssrc               # 0: not known yet
    uint32_t rtx_ssrc
    reception_t reception
    nack_t nack
    cache_t cache
    int64_t opened_us           # when it began under this SSRC
    int64_t last_us             # arrival of the last packet
    uint32_t behind             # pictures of its siblings since its last packet
    bint silent                 # stands still while they go on
    int64_t back_us             # since when it goes on again; 0: it does not
    int64_t keyframe_us         # arrival of the last keyframe's start; 0 for none
    int64_t keyframe_sequence   # its first packet
    uint32_t keyframe_timestamp
    int64_t wanted_us           # since when a keyframe is wanted; 0 for not
    int64_t asked_us            # last PLI
    bint hurried                # the wanted one is for a new subscriber
    int64_t hurry_us            # how far ahead of time new subscribers have had keyframes; see want_keyframe_now
    uint64_t keyframes
    uint64_t nacks
    uint64_t plis
    uint64_t repaired
    int64_t frame_highest       # latest frame number, unwrapped; negative: none yet
    uint8_t spatial_count       # spatial layers since the last keyframe
    uint64_t layer_bytes[MAX_SPATIAL][MAX_TEMPORAL]     # payload bytes received of each layer inside the stream
    structure_t *structure      # dependency descriptor: templates of the last keyframe; NULL: none seen
    bint attended               # in the engine's list of layers that need repair
    layer_t *attended_next
    layer_t *attended_previous

cdef struct gathered_t:
    int64_t sequence
    uint8_t layer

cdef struct publication_t:
    uint32_t id
    transport_t *transport
    bint video
    bint reduced                # its sender takes feedback that stands alone (RFC 5506)
    bint announced              # PUBLICATION_STARTED was sent
    tag_t mid
    uint32_t clock_rate
    format_t formats[MAX_FORMATS]
    uint32_t format_count
    layer_t *layers
    uint32_t layer_count
    subscription_t **subscriptions
    uint32_t subscription_count
    uint32_t subscription_capacity
    voice_t *voice              # its place in a group of microphones; NULL: in none
    gathered_t *gathered        # a ring: what is to be forwarded, oldest first
    uint32_t gathered_room      # power of two
    uint32_t gathered_first
    uint32_t gathered_count
    # Pictures (forward.pyx): the oldest so many go out now, and the first so many of the subscriptions have them.
    uint32_t in_work            # 0: none
    uint32_t served
    bint ready                  # what is behind the lot in work can be forwarded
    int64_t gather_until_us     # or from then on
    # What it leaves in one burst with (coalesce.pyx).
    rhythm_t rhythm             # of its packets of sound, or of its pictures
    uint32_t even_size          # of the latest picture's packets; 0: they are many, or differ
    bint held                   # what was gathered waits for the other
    publication_t *carrier      # the picture with which this sound goes along; NULL: none
    publication_t *rider        # the sound that goes along with this picture; NULL: none
    bint queued                 # in the engine's list of publications with gathered packets
    publication_t *queued_next
    publication_t *queued_previous

cdef struct sent_t:             # how one sent packet maps back, and what its plain repeat must look like
    uint32_t sequence           # low bits of the layer's sequence
    uint32_t resent_ms          # engine time of the last repeat; 0: never
    uint32_t send_time          # abs-send-time that was written (24 bits)
    uint16_t transport_sequence
    uint8_t check               # next bits of the out sequence, so that a stale entry is not taken for a fresh one
    uint8_t tries
    uint8_t padding             # bytes of RTP padding
    uint8_t with_mid
    uint8_t marker
    uint8_t filler              # an empty packet in the place of this one
    uint16_t picture            # number of its frame as sent

cdef struct out_format_t:
    int16_t payload_type        # -1: not taken by this subscriber
    int16_t rtx_payload_type    # -1: repeats are sent as they were
    bint nack

cdef struct subscription_t:
    # What each packet needs, in as few cache lines as it takes (ahead.pxd).
    transport_t *transport
    publication_t *publication
    selector_t *selector        # NULL until the stream turns out to have layers inside
    drops_t *drops              # NULL until something is left out
    sent_t *sent                # SENT_HISTORY, by out sequence; NULL until the first packet
    # Rewriting: out = in + offset (+ drops) for packets of the current layer from first_in on.
    int64_t offset
    int64_t first_in
    int64_t highest_out
    uint64_t packets
    uint64_t bytes              # payload bytes, as sender reports count them
    int64_t last_sent_us
    int64_t shed_us             # a stream was too slow for a picture then: waits for a keyframe; 0: not
    uint32_t ssrc
    uint32_t timestamp_offset
    uint32_t last_timestamp     # as sent, of highest_out
    uint32_t frame_timestamp    # as received, of the picture that was sent or left out last
    uint8_t frame_layer         # and of which encoding
    int8_t layer                # being sent; -1: waiting to start or to start again
    uint8_t wanted_layer        # encoding of a simulcast
    uint8_t wanted_spatial      # layers inside the stream; ALL_LAYERS: all
    uint8_t wanted_temporal
    bint paused
    bint started                # something was sent
    bint heard                  # a report block came back: the peer knows the SSRC, MID can be left out
    bint keeps_history
    bint between_pictures       # highest_out ended one
    uint32_t publication_index  # place in publication.subscriptions
    out_format_t formats[MAX_FORMATS]
    numbers_t numbers
    # And what it does not.
    uint32_t id
    uint32_t transport_index    # place in transport.subscriptions
    slot_t *slot                # it carries whoever has a place in a group; NULL: always the same publication
    uint32_t rtx_ssrc
    tag_t mid
    int8_t last_layer           # the last one that was sent; -1: none yet
    int64_t first_out
    int64_t repeatable_from     # numbers before it can no longer be sent again to the bit
    uint32_t timestamp_push     # of timestamp_offset: what keeps time from going back at a switch
    bint queued_anew            # a keyframe that it will go on with waits for its turn (pacer.pyx)
    int64_t shed_asked_us       # when a keyframe was last asked for because of that
    uint64_t frames_shed
    int64_t created_us          # or first wanted, when it was made to stand by
    int64_t first_frame_us      # from then to the first keyframe (or sound) sent; -1: not yet
    int64_t rtx_sequence        # next of the RTX stream, unwrapped
    uint64_t resent
    uint64_t nacks
    uint64_t plis
    uint64_t reported_packets   # packets when the last sender report went out
    uint32_t report_ntp_mid     # middle bits of the last sender report's NTP time
    int64_t report_us
    uint8_t fraction_lost
    uint32_t jitter
    int64_t cumulative_lost
    int64_t rtt_us              # 0: not known yet

cdef struct stream_t:           # what an SSRC that arrives on a transport is
    uint32_t ssrc
    bint repair                 # RTX of that layer
    layer_t *layer

cdef struct transport_t:
    # What each packet to it needs, in as few cache lines as it takes (ahead.pxd).
    address_t address           # the selected pair
    bint has_address
    bint keyed
    bint plain
    uint8_t send_ids[EXT_KINDS]                   # extension_t -> id, 0 for none
    uint16_t transport_sequence  # next transport-wide number towards this peer
    gcm_t gcm                   # protects RTP in place of srtp_out where the profile is an AEAD
    bandwidth_t *bandwidth      # of its downlink; NULL where nobody could report on it
    pacer_t *pacer              # NULL while the link is not thin
    uint64_t packets_out
    uint64_t bytes_out
    # And what it does not.
    uint32_t id
    address_t ufrag             # key in the ufrag table; all zeros for none
    address_t addresses[MAX_ADDRESSES]
    uint32_t address_count
    void *srtp_in
    void *srtp_out
    uint32_t ssrc               # of our own RTCP towards this peer
    uint8_t receive_kinds[MAX_EXTENSION_ID + 1]   # id -> extension_t
    publication_t *publications[MAX_PUBLICATIONS]
    uint32_t publication_count
    subscription_t **subscriptions
    uint32_t subscription_count
    uint32_t subscription_capacity
    stream_t *streams           # allocated with the first publication
    uint32_t stream_count
    uint32_t *strangers         # SSRCs seen and nobody's (strangers.pyx); allocated with the first
    uint8_t stranger_count
    uint8_t stranger_next       # the oldest, once there are STRANGERS
    bint transport_cc           # we owe this peer transport-wide feedback
    twcc_t twcc
    uint32_t twcc_media_ssrc
    bint feedback_listed        # in the engine's list of transports with feedback to come
    transport_t *feedback_next
    int64_t stun_window_us
    uint32_t stun_count
    consent_t consent
    int64_t address_us          # when the selected pair last showed that the peer is there, or was selected
    int64_t heard_us            # last packet or check that was authentic; Python's checks are not counted
    int64_t remb_bps            # last REMB of this peer; 0 for none
    bint paced_listed           # in the engine's list of transports that pace or probe
    transport_t *paced_next
    uint64_t packets_in
    uint64_t bytes_in
    int64_t rtt_us              # the smallest of its subscriptions' latest; 0: not known
    # Circular list of transports in the order of their next report.
    int64_t report_due_us
    transport_t *report_next
    transport_t *report_previous

cdef struct engine_t:
    lock_t lock
    int64_t now_us              # of the latest input or tick
    uint32_t send_time          # abs-send-time of now_us
    uint64_t random             # state of the generator for SSRCs and sequence numbers
    table_t by_address
    table_t by_ufrag
    transport_t *reports        # head of the report list: due first
    layer_t *attended           # layers with missing packets or a wanted keyframe
    int64_t repair_due_us       # next look at them; -1 for none
    transport_t *feedback       # transports with transport-wide feedback to come
    transport_t *paced          # transports that pace or probe
    int64_t pace_due_us         # next look at them; -1 for none
    publication_t *queued       # publications with gathered packets: whose turn it is first
    publication_t *queued_last
    mix_t *mixes                # groups of microphones
    outbound_t out
    events_t events
    uint64_t counters[COUNTER_COUNT]
    uint8_t *drained            # without a loop: datagrams that wait for drain()
    uint64_t drained_bytes
    uint64_t drained_capacity
    void *close                 # close_fn
    void *close_context
    uint64_t cache_bytes
    uint32_t transport_count
    uint32_t publication_count
    uint32_t subscription_count
