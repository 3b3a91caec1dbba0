"""All transports with their streams at one moment, and what went on between two moments."""

from typing import NamedTuple

from .engine import Engine

class LinkSample:
    """What one transport did in the time between two snapshots. Fractions are 0..1, times seconds."""

    def __init__(self, **values: float) -> None:
        """For tests: what is not named is 0."""
    transport: int
    received_bps: float
    """From the peer, RTP and RTCP with their headers, as received."""
    sent_bps: float
    received: int
    """Packets from the peer."""
    sent: int
    lost_up: float
    """Of what the peer sent, by gaps in its sequence numbers, before repair."""
    missing_up: float
    """The same after repair; what is still being asked for counts as missing."""
    lost_down: float
    """Of what we sent: by the peer's transport-wide feedback, else its receiver reports; before repair."""
    repaired_down: float
    """Packets sent again, of what we sent."""
    round_trip_s: float
    """0: not known."""
    jitter_up_s: float
    """The worst of the peer's streams (RFC 3550, A.8)."""
    jitter_down_s: float
    """The worst of our streams, as the peer reported it."""
    estimate_bps: float
    """What the downlink carries; 0: not known."""
    videos: int
    """Video subscriptions that are not paused."""
    stalled: int
    """Those of them that got nothing although their publisher sent: they wait for a keyframe."""
    shed: int
    """Pictures left out because the link would have carried them too late."""
    layer: int
    """Being sent of the largest video; -1: none, or it waits for a keyframe."""
    wanted: int

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
    def since(self, before: StatsSnapshot) -> list[LinkSample]:
        """Of each transport that was there in both; empty when no time has passed."""
    def streams(self, transport: int) -> list[StreamTotals]:
        """Publications, then subscriptions; empty for a transport that is not there."""
