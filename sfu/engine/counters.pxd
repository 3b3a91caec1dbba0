# Every packet that is given up on has a name here (RFC numbers where one decides).
from libc.stdint cimport uint64_t

cdef enum counter_t:
    DATAGRAMS_IN
    BYTES_IN
    STUN_IN
    STUN_ANSWERED               # checks that said nothing new; the rest is Python's
    DTLS_IN
    RTP_IN
    RTCP_IN
    RTP_OUT
    RTX_OUT
    RTCP_OUT
    NACK_OUT                    # sequence numbers asked of publishers
    NACK_IN                     # sequence numbers asked by subscribers
    NACK_SERVED
    KEYFRAME_ASKED              # PLI sent to publishers
    KEYFRAME_WANTED             # PLI and FIR from subscribers, and new subscriptions
    KEYFRAMES_IN
    REPAIRED                    # packets that arrived by RTX or as late repeats
    DROP_EMPTY
    DROP_UNKNOWN_PROTOCOL       # first byte outside RFC 7983
    DROP_STUN_MALFORMED
    DROP_STUN_UNKNOWN_UFRAG
    DROP_STUN_RATE
    DROP_DTLS_UNKNOWN_ADDRESS
    DROP_MEDIA_UNKNOWN_ADDRESS
    DROP_MEDIA_BEFORE_KEYS
    DROP_SRTP_AUTHENTICATION
    DROP_SRTP_REPLAY
    DROP_SRTP_OTHER
    DROP_SRTCP
    DROP_RTP_MALFORMED
    DROP_RTP_UNKNOWN_STREAM
    DROP_RTP_UNKNOWN_PAYLOAD
    DROP_RTP_DUPLICATE
    DROP_RTP_TOO_LARGE
    DROP_RTX_MALFORMED
    DROP_RTCP_MALFORMED
    DROP_NACK_UNKNOWN           # asked for what was never sent, or is out of the cache
    DROP_NACK_RATE
    DROP_PROTECT
    DROP_EVENT_QUEUE
    DROP_NO_ADDRESS             # nowhere to send to yet
    DROP_NACK_BANDWIDTH         # repeats that would take more than their share of a downlink
    PADDING_OUT                 # packets to probe with
    DROP_FEEDBACK_MALFORMED     # transport-wide feedback
    DROP_FRAME_PACED            # pictures left out because a thin link would carry them too late
    DROP_FRAME_SLOW_STREAM      # pictures left out because a TCP connection would carry them too late
    DROP_LAYER                  # not forwarded to a subscriber: a layer above the one it gets
    DROP_SILENCED               # not forwarded: not among the loudest of its group
    FILLERS_OUT                 # empty packets under numbers that stayed free
    DEPENDENCY_UNREADABLE       # dependency descriptors that make no sense, or came before their structure
    COUNTER_COUNT
