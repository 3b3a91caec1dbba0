"""All transports with their streams at one moment, and what went on between two moments."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .engine import Engine

SAMPLE: np.dtype[np.void]
"""What one transport did in the time between two snapshots. Fractions are 0..1, times seconds.

    transport
    received_bps   from the peer, RTP and RTCP with their headers, as received
    sent_bps
    received       packets from the peer
    sent
    lost_up        of what the peer sent, by gaps in its sequence numbers, before repair
    missing_up     the same after repair; what is still being asked for counts as missing
    lost_down      of what we sent, by the peer's transport-wide feedback or receiver reports, before repair
    repaired_down  packets sent again, of what we sent
    round_trip_s   0: not known
    jitter_up_s    the worst of the peer's streams (RFC 3550, A.8)
    jitter_down_s  the worst of our streams, as the peer reported it
    estimate_bps   what the downlink carries; 0: not known
    videos         video subscriptions that are not paused
    stalled        those of them that got nothing although their publisher sent: they wait for a keyframe
    shed           pictures left out because the link would have carried them too late
    layer          being sent of the largest video; -1: none, or it waits for a keyframe
    wanted         of that video; -1: there is none
"""

class StreamTotals(NamedTuple):
    """A publication or a subscription; counters since it began."""

    id: int
    publication: int
    """Its own id for a publication."""
    outgoing: bool
    """A subscription."""
    video: bool
    paused: bool
    layer: int
    """Publication: the highest encoding that is active; subscription: being sent, -1 while it waits."""
    wanted: int
    """Publication: the highest there is; subscription: the highest of those there are that it is to get."""
    packets: int
    bytes: int
    """Of payload."""
    expected: int
    """Publication: packets by its sequence numbers; subscription: packets of the publication that came in."""
    repaired: int
    """Publication: of `packets`, those that came as repeats; subscription: sent again."""
    nacks: int
    plis: int
    keyframes: int
    shed: int
    stalls: int
    """How often `since` found that it had got nothing although its publisher sent."""
    first_s: float
    """Subscription: from when it was to get something until its first packet left; -1: none did."""
    lost: float
    """Fraction that the peer reported last; of subscriptions."""
    jitter_s: float
    round_trip_s: float
    """0: not known."""

class StatsSnapshot:
    now: float
    """When it was made."""
    def __init__(self, engine: Engine, now: float) -> None:
        """now: seconds of any monotonic clock."""
    def __len__(self) -> int:
        """Transports."""
    def since(self, before: StatsSnapshot) -> NDArray[np.void]:
        """Rows of SAMPLE in the order of the transports, of each that was there in both; empty when no time
        has passed. To be called once, with the one before: it goes on counting that one's `stalls`."""
    def streams(self, transport: int) -> list[StreamTotals]:
        """Publications, then subscriptions; empty for a transport that is not there."""
