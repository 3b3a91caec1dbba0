"""Where media is put, on a clock of its own."""

import pytest

from recorder.timeline import (
    DEADBAND_US,
    NOTICED_US,
    SETTLE_US,
    SLEW,
    STEP_US,
    Minimum,
    SenderClock,
    Timeline,
)

RATE = 48_000
FRAME = 960
FRAME_US = 20_000


class Stream:
    """Sends a packet every 20 ms of its own clock and asks for a place twice a second."""

    def __init__(self, clock=None, drift=0.0, delay_us=30_000, timestamp=1_000_000):
        self.timeline = Timeline(RATE, clock or SenderClock())
        self.drift, self.delay_us = drift, delay_us
        self.first = self.timestamp = timestamp
        self.captured_us = 0.0
        self.places = []

    def run(self, seconds, jitter=lambda index: 0):
        for index in range(round(seconds * 50)):
            arrival_us = int(self.captured_us + self.delay_us + jitter(index))
            self.timeline.observe(self.timestamp, arrival_us)
            if index % 25 == 24:
                self.places.append((self.captured_us, self.timeline.place(self.timestamp)))
            self.timestamp += FRAME
            self.captured_us += FRAME_US * (1 + self.drift)

    def report(self):
        """The sender's wall clock is 1000 s ahead of the item's."""
        self.timeline.report(self.captured_us + 1_000_000_000, self.timestamp)

    @property
    def errors_us(self):
        return [placed - captured for captured, placed in self.places]


@pytest.mark.parametrize("report", [True, False])
def test_without_drift_nothing_moves(report):
    stream = Stream()
    if report:
        stream.report()
    stream.run(60, jitter=lambda index: (index * 7919) % 40_000)
    assert max(stream.errors_us) - min(stream.errors_us) <= DEADBAND_US
    assert stream.errors_us[-1] == pytest.approx(stream.delay_us, abs=DEADBAND_US)


@pytest.mark.parametrize("drift", [0.003, -0.003])
def test_drift_is_followed_slowly_and_never_stepped(drift):
    stream = Stream(drift=drift)
    stream.run(600)
    assert stream.timeline.steps == 0
    assert stream.errors_us[-1] == pytest.approx(stream.delay_us, abs=15_000)
    moves = [b - a for a, b in zip(stream.errors_us, stream.errors_us[1:], strict=False)]
    assert max(abs(move) for move in moves) <= 500_000 * (SLEW + abs(drift))


def test_two_hours_with_drifting_clocks_end_in_sync():
    """Sound and picture by clocks that are 200 ppm apart, in both directions from ours, for two hours."""
    shared = SenderClock()
    sound = Stream(shared, drift=100e-6, delay_us=30_000)
    picture = Stream(shared, drift=-100e-6, delay_us=90_000, timestamp=77)
    seed = 7919
    for minute in range(120):
        for stream in (sound, picture):
            stream.report()
            stream.run(60, jitter=lambda index: (index * seed) % 15_000)
        assert abs(sound.errors_us[-1] - picture.errors_us[-1]) <= 40_000, f"minute {minute}"
    assert sound.timeline.steps == picture.timeline.steps == 0
    assert abs(sound.errors_us[-1] - picture.errors_us[-1]) <= 40_000
    without_repair_us = 200e-6 * 7_200_000_000
    assert without_repair_us > 1_400_000, "what a listener who only counts samples would have had"


def test_a_stall_of_the_capture_is_one_step():
    stream = Stream()
    stream.report()
    stream.run(10)
    stream.captured_us += 18_000_000
    stream.run(10)
    assert stream.timeline.steps == 1
    assert stream.errors_us[-1] == pytest.approx(stream.delay_us, abs=20_000)


def test_a_burst_after_a_stall_of_the_network_moves_nothing():
    stream = Stream()
    stream.report()
    stream.run(10)
    before = stream.errors_us[-1]
    stall_us = 5_010_000
    backlog = [int(stream.captured_us + stall_us + index) for index in range(250)]
    for arrival_us in backlog:
        stream.timeline.observe(stream.timestamp, arrival_us)
        stream.timestamp += FRAME
        stream.captured_us += FRAME_US
    assert not stream.timeline.settled(backlog[-1] + SETTLE_US // 2)
    stream.run(1)
    assert stream.timeline.settled(int(stream.captured_us))
    assert stream.timeline.steps == 0
    assert stream.errors_us[-1] == pytest.approx(before, abs=DEADBAND_US)


def test_sound_and_picture_meet_through_reports_though_their_delays_differ():
    clock = SenderClock()
    sound, picture = Stream(clock, delay_us=20_000), Stream(clock, delay_us=180_000, timestamp=77)
    for _ in range(20):
        sound.report()
        picture.report()
        sound.run(1)
        picture.run(1)
    assert sound.errors_us[-1] == pytest.approx(picture.errors_us[-1], abs=2 * DEADBAND_US)


def test_a_late_beginning_is_made_up_for_within_seconds():
    """A sender whose machine had much to do at first: 300 ms, of which nobody could know at the beginning."""
    stream = Stream()
    stream.report()
    stream.run(0.5, jitter=lambda _: 300_000)
    stream.run(8)
    assert stream.errors_us[0] == pytest.approx(stream.delay_us + 300_000, abs=DEADBAND_US)
    assert stream.errors_us[-1] == pytest.approx(stream.delay_us, abs=NOTICED_US)
    assert stream.timeline.steps == 0


def test_a_report_of_a_clock_that_was_set_does_no_lasting_harm():
    stream = Stream()
    stream.report()
    stream.run(20)
    stream.timeline.report(stream.captured_us + 5_000_000_000, stream.timestamp)
    stream.run(80)
    assert stream.errors_us[-1] == pytest.approx(stream.delay_us, abs=STEP_US)


def test_the_minimum_forgets_what_left_its_window():
    minimum = Minimum(6_000_000)
    minimum.add(5, 0)
    minimum.add(9, 1_000_000)
    assert minimum.value == 5
    for second in range(2, 9):
        minimum.add(8, second * 1_000_000)
    assert minimum.value == 8
