"""Where on the item's clock a track's media belongs: RTP time, sender reports and arrival, together.

RTP time alone drifts (a sound card is 50 ppm off: 20 s in 1 h 44 has been seen with worse ones) and does not
notice that a capture stood still; arrival alone jitters; sender reports alone trust a stranger's wall clock.
So:

- What arrives can be late but never early. The least of (arrival - media time) over a window is the best
  guess of the constant between the two clocks; that is a `Minimum`.
- Sender reports tie RTP time to the sender's wall clock, which all its tracks share: sound and picture are
  placed against each other by it, and only the constant between that wall clock and ours comes from arrival
  (`SenderClock`, one for all tracks of a sender, over a long window because it has no reason to move).
- A track keeps one offset from RTP time to the item's clock. It follows the target by at most SLEW of the
  time that passed, which nobody hears; by FAST_SLEW while the error is one that people notice, as behind a
  beginning whose first packets all came late. Only an error of more than STEP_US is a stall or jump, and is
  made in one step.

The offset changes only where a fragment begins, and the fragment before is stretched to fit: drift never
makes a hole and never splits a file. All times are microseconds; arrival is on the item's clock.
"""

from __future__ import annotations

from collections import deque

SLEW = 0.005
"""5 ms per second: hundred times the worst drift of a clock, a tenth of what changes a pitch audibly."""
FAST_SLEW = 0.04
"""A packet of sound per fragment, heard as a click at most: the least of the evils, for some seconds."""
NOTICED_US = 40_000
"""Sound before picture is seen from 45 ms on, behind it from 125 (ITU-R BT.1359)."""
DEADBAND_US = 4_000
"""Errors this small are the jitter of the guess itself."""
STEP_US = 700_000
"""More than the delay that a home line builds up; less than a stall that anybody would accept as sync
error."""
STALL_US = 500_000
"""No packet for so long: what comes next may be a burst of the old or a new beginning."""
SETTLE_US = 400_000
"""After a stall wait so long before placing: a burst has drained, and a new beginning has been seen to be
one."""
REPORT_INTERVAL_US = 6_000_000
"""Senders report every 5 s (RFC 3550, 6.2). The reports that reach us meanwhile are carried on by the
server from the sender's last one, which may be from before a stall of its capture."""
ARRIVAL_WINDOW_US = 3_000_000
CLOCK_WINDOW_US = 60_000_000
BUCKETS = 6
MAX_REPORT_RATE_ERROR = 0.05
"""A sender report that claims a clock 5 % off is wrong (seen after a change of source)."""


class Minimum:
    """Least value of a sliding window of time, in a few buckets."""

    def __init__(self, window_us: int) -> None:
        self._bucket_us = window_us // BUCKETS
        self._buckets: deque[tuple[int, float]] = deque(maxlen=BUCKETS)
        self.value: float | None = None

    def add(self, value: float, now_us: int) -> None:
        bucket = now_us // self._bucket_us
        if self._buckets:
            bucket = max(bucket, self._buckets[-1][0])  # reordered just over a bucket's edge
        if self._buckets and self._buckets[-1][0] == bucket:
            if value >= self._buckets[-1][1]:
                return
            self._buckets.pop()
        while self._buckets and self._buckets[0][0] <= bucket - BUCKETS:
            self._buckets.popleft()
        self._buckets.append((bucket, value))
        self.value = min(least for _, least in self._buckets)

    def restart(self) -> None:
        """Forgets the window but not the value."""
        self._buckets.clear()


class SenderClock:
    """The constant between one sender's wall clock and the item's clock."""

    def __init__(self) -> None:
        self._minimum = Minimum(CLOCK_WINDOW_US)

    @property
    def offset_us(self) -> float | None:
        """Item clock minus sender's clock."""
        return self._minimum.value

    def observe(self, sender_us: float, arrival_us: int) -> None:
        self._minimum.add(arrival_us - sender_us, arrival_us)

    def restart(self) -> None:
        self._minimum.restart()


class Timeline:
    """Of one RTP stream. `timestamp` arguments are unwrapped."""

    def __init__(self, clock_rate: int, clock: SenderClock) -> None:
        self._us_per_tick = 1_000_000 / clock_rate
        self._clock = clock
        self._arrival = Minimum(ARRIVAL_WINDOW_US)
        self._report: tuple[float, int] | None = None
        """(sender's wall clock, timestamp) of the latest sender report."""
        self._reported_us = 0
        self._last_arrival_us: int | None = None
        self._resumed_us = 0
        self._offset_us: float | None = None
        self._placed_us = 0.0
        self.error_us = 0.0
        """Target minus what was used, at the last placement: the sync error."""
        self.steps = 0

    def observe(self, timestamp: int, arrival_us: int) -> None:
        """Every packet in order of arrival, retransmissions left out."""
        if self._last_arrival_us is None or arrival_us - self._last_arrival_us > STALL_US:
            self._resumed_us = arrival_us
            self._arrival.restart()
        self._last_arrival_us = arrival_us
        self._arrival.add(arrival_us - timestamp * self._us_per_tick, arrival_us)
        if self._report is not None:
            self._clock.observe(self._sender_us(timestamp), arrival_us)

    def report(self, sender_us: int, timestamp: int) -> None:
        """A sender report: the sender's wall clock at an RTP timestamp."""
        if self._report is not None:
            elapsed = (timestamp - self._report[1]) * self._us_per_tick
            wall = sender_us - self._report[0]
            if abs(wall - elapsed) > STEP_US + MAX_REPORT_RATE_ERROR * abs(elapsed):
                self._clock.restart()
        self._report = (sender_us, timestamp)
        self._reported_us = self._last_arrival_us or 0

    def settled(self, now_us: int) -> bool:
        """Whether enough has arrived since the last stall to place what follows it."""
        return self._last_arrival_us is not None and now_us - self._resumed_us >= SETTLE_US

    def place(self, timestamp: int) -> int:
        """Item clock at which media with this timestamp begins. Never called with an earlier timestamp
        than before."""
        raw_us = timestamp * self._us_per_tick
        target = self._target(timestamp) - raw_us
        if self._offset_us is None:
            self._offset_us = target
        self.error_us = target - self._offset_us
        if abs(self.error_us) >= STEP_US:
            self._offset_us = target
            self.steps += 1
        elif abs(self.error_us) > DEADBAND_US:
            rate = FAST_SLEW if abs(self.error_us) > NOTICED_US else SLEW
            most = rate * max(0.0, raw_us - self._placed_us)
            self._offset_us += max(-most, min(most, self.error_us))
        self._placed_us = raw_us
        return round(raw_us + self._offset_us)

    def _target(self, timestamp: int) -> float:
        assert self._arrival.value is not None, "placed before anything arrived"
        by_arrival = timestamp * self._us_per_tick + self._arrival.value
        offset = self._clock.offset_us
        if self._report is None or offset is None:
            return by_arrival
        by_report = self._sender_us(timestamp) + offset
        if abs(by_report - by_arrival) >= STEP_US and self._report_may_be_stale():
            return by_arrival
        return by_report

    def _report_may_be_stale(self) -> bool:
        """It tells of the time before the last stall, as far as we know."""
        assert self._last_arrival_us is not None
        recent = self._last_arrival_us - self._resumed_us < REPORT_INTERVAL_US
        return recent or self._reported_us < self._resumed_us

    def _sender_us(self, timestamp: int) -> float:
        assert self._report is not None
        return self._report[0] + (timestamp - self._report[1]) * self._us_per_tick
