"""The estimator on a simulated bottleneck: queue, rate, delay and random loss; seeded, with its own clock."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sfu.engine.bandwidth import BandwidthEstimator
from sfu.engine.twcc import TwccReceiver

SECOND = 1_000_000
MTU = 1200


@dataclass
class Bottleneck:
    """One downlink, from the estimator's packets to the feedback that comes back."""

    bps: float
    delay_us: int = 20_000
    """Each way."""
    queue_us: int = 400_000
    """A packet that would wait longer is dropped."""
    loss: float = 0.0
    seed: int = 1
    now_us: int = SECOND
    estimator: BandwidthEstimator = field(default_factory=lambda: BandwidthEstimator(SECOND))
    receiver: TwccReceiver = field(default_factory=TwccReceiver)
    sequence: int = 65_000
    free_us: float = 0
    wire: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    count: int = 0
    dropped: int = 0
    delivered_bytes: int = 0
    longest_wait_us: float = 0
    probe_bytes: int = 0
    history: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.origin_us = self.now_us

    def later(self, at_us: float, call: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.wire, (int(at_us), self.count, call))

    def send(self, size: int) -> None:
        self.estimator.sent(self.sequence & 0xFFFF, size, self.now_us)
        sequence, self.sequence = self.sequence & 0xFFFF, self.sequence + 1
        start = max(self.free_us, float(self.now_us))
        if start - self.now_us > self.queue_us:
            self.dropped += 1
            return
        self.longest_wait_us = max(self.longest_wait_us, start - self.now_us)
        self.free_us = start + 8e6 * size / self.bps
        if self.random.random() >= self.loss:
            self.later(self.free_us + self.delay_us, lambda: self._arrive(sequence, size))

    def _arrive(self, sequence: int, size: int) -> None:
        self.delivered_bytes += size
        self.receiver.received(sequence, self.now_us + 7 * SECOND)  # the peer's clock is its own

    def _feedback(self) -> None:
        while report := self.receiver.report(self.now_us + 7 * SECOND):
            padding = report[-1] if report[0] & 0x20 else 0
            body = report[12 : len(report) - padding]
            self.later(self.now_us + self.delay_us, lambda body=body: self._reported(body))  # type: ignore[misc]

    def _reported(self, body: bytes) -> None:
        assert self.estimator.feedback(body, self.now_us)

    def run(self, seconds: float, send: Callable[[Bottleneck], None], fps: int = 30) -> None:
        """`send` is called for each picture; audio goes every 20 ms, probes when they are due."""
        end = self.now_us + int(seconds * SECOND)
        frame = audio = float(self.now_us)
        while self.now_us < end:
            probe = self.estimator.deadline()
            due = min(frame, audio, self.wire[0][0] if self.wire else end, end)
            due = min(due, probe) if probe >= 0 else due
            self.now_us = max(self.now_us, math.ceil(due))
            while self.wire and self.wire[0][0] <= self.now_us:
                heapq.heappop(self.wire)[2]()
            if self.now_us >= frame:
                frame += SECOND / fps
                send(self)
                self._feedback()
                self.history.append(((self.now_us - self.origin_us) / SECOND, self.estimator.bps))
            if self.now_us >= audio:
                audio += 20_000
                self.send(120)
            while self.estimator.probe(self.now_us):
                self.probe_bytes += MTU
                self.send(MTU)


def video(bps: float, fps: int = 30) -> Callable[[Bottleneck], None]:
    def send(link: Bottleneck) -> None:
        frame(link, bps / fps / 8)

    return send


def frame(link: Bottleneck, size: float) -> None:
    while size > 0:
        link.send(int(min(size, MTU)) + 30)
        size -= MTU


def layers(*rates: float) -> Callable[[Bottleneck], None]:
    """The best layer that fits the estimate, beside 60 kbit/s of audio; none when none does."""

    def send(link: Bottleneck) -> None:
        fitting = [rate for rate in rates if rate + 60_000 <= link.estimator.bps]
        if fitting:
            frame(link, max(fitting) / 30 / 8)

    return send


def between(link: Bottleneck, start: float, end: float) -> list[float]:
    return [bps for at, bps in link.history if start <= at < end]


SIMULCAST = layers(150_000, 500_000, 1_500_000)


def test_a_fat_link_is_known_as_one_within_two_seconds() -> None:
    link = Bottleneck(bps=50e6)
    link.run(2, video(1.5e6))
    assert link.estimator.bps > 3 * link.estimator.state["send_bps"]
    assert not link.estimator.state["thin"]
    assert link.probe_bytes < 60_000


def test_nothing_is_probed_once_the_link_is_known_to_be_fat() -> None:
    link = Bottleneck(bps=50e6)
    link.run(5, video(1.5e6))
    before = link.probe_bytes
    link.run(60, video(1.5e6))
    assert link.probe_bytes == before


def test_falls_to_500_kbit_and_does_not_starve() -> None:
    link = Bottleneck(bps=20e6)
    link.estimator.set_goal(1.6e6, link.now_us)
    link.run(10, SIMULCAST)
    assert link.estimator.bps > 1.6e6
    link.bps = 500_000
    link.run(2, SIMULCAST)
    assert link.estimator.bps < 600_000
    link.run(60, SIMULCAST)
    assert all(150_000 < bps < 800_000 for bps in between(link, 14, 72))
    carried = link.delivered_bytes
    link.run(30, SIMULCAST)
    assert (link.delivered_bytes - carried) * 8 / 30 > 200_000  # the lowest layer with its sound, at least


@pytest.mark.parametrize("seed", range(4))
def test_climbs_back_within_ten_seconds(seed: int) -> None:
    link = Bottleneck(bps=20e6, seed=seed)
    link.estimator.set_goal(1.6e6, link.now_us)
    link.run(5, SIMULCAST)
    link.bps = 500_000
    link.run(20, SIMULCAST)
    link.bps = 20e6
    link.run(8, SIMULCAST)
    assert link.estimator.bps > 1.6e6


@pytest.mark.parametrize("seed", range(4))
def test_random_loss_that_repair_covers_lowers_nothing(seed: int) -> None:
    link = Bottleneck(bps=20e6, loss=0.05, delay_us=50_000, seed=seed)
    link.estimator.set_goal(1.6e6, link.now_us)
    link.run(5, SIMULCAST)
    link.run(60, SIMULCAST)
    assert min(between(link, 5, 65)) > 1.6e6


def test_heavy_loss_without_delay_lowers() -> None:
    """A policer: no queue, what is too much is thrown away."""
    link = Bottleneck(bps=20e6)
    link.run(5, video(1.5e6))
    link.bps, link.queue_us = 500_000, 20_000
    link.run(4, video(1.5e6))
    assert link.estimator.bps < 750_000


def test_a_steady_bottleneck_does_not_flap() -> None:
    """Half a megabit on a link of one: after the start the estimate never falls below what is sent."""
    link = Bottleneck(bps=1e6)
    link.run(10, video(500_000))
    link.run(60, video(500_000))
    assert min(between(link, 10, 70)) > 560_000


def test_queue_stays_short_when_the_sender_obeys() -> None:
    def obedient(link: Bottleneck) -> None:
        frame(link, max(link.estimator.bps - 60_000, 50_000) / 30 / 8)

    link = Bottleneck(bps=1e6, queue_us=2_000_000)
    link.run(20, obedient)
    link.longest_wait_us = 0
    link.run(60, obedient)
    assert link.longest_wait_us < 300_000
    average = sum(between(link, 20, 80)) / len(between(link, 20, 80))
    assert 700_000 < average < 1_050_000


def test_silence_keeps_the_estimate() -> None:
    link = Bottleneck(bps=20e6)
    link.run(5, video(1.5e6))
    before = link.estimator.bps
    link.run(60, lambda _: None)
    assert link.estimator.bps >= before * 0.99


def test_a_link_with_sound_only_is_probed_up_to_the_goal() -> None:
    link = Bottleneck(bps=20e6)
    link.estimator.set_goal(1.6e6, link.now_us)
    link.run(4, lambda _: None)
    assert link.estimator.bps >= 1.6e6


def test_a_goal_that_the_link_cannot_carry_costs_little() -> None:
    link = Bottleneck(bps=400_000)
    link.estimator.set_goal(1.6e6, link.now_us)
    link.run(60, layers(150_000, 1_500_000))
    assert link.probe_bytes * 8 / 60 < 40_000


def sending(estimator: BandwidthEstimator, bps: int, seconds: int = 2) -> None:
    for at in range(0, seconds * SECOND, 10_000):
        estimator.sent(at // 10_000 & 0xFFFF, bps // 800, at)
        if at % (SECOND // 2) == 0:
            estimator.remb(2 * bps, at)


def test_remb_below_what_is_sent_is_what_the_link_carries() -> None:
    estimator = BandwidthEstimator(0)
    sending(estimator, 2_000_000)
    estimator.remb(800_000, 2 * SECOND)
    assert estimator.bps == 800_000
    estimator.remb(1, 2 * SECOND)
    assert estimator.bps == 50_000


def test_remb_above_what_is_sent_says_that_nothing_is_in_the_way() -> None:
    """It grows to half again of what arrives, and with that no higher layer would ever fit."""
    estimator = BandwidthEstimator(0)
    sending(estimator, 200_000, seconds=10)
    estimator.remb(300_000, 10 * SECOND)
    assert estimator.bps > 620_000
    estimator.remb(2**62, 10 * SECOND)
    assert estimator.bps <= 50_000_000


def test_a_link_that_was_full_is_not_tried_again_at_once() -> None:
    estimator = BandwidthEstimator(0)
    sending(estimator, 600_000, seconds=10)
    estimator.remb(400_000, 10 * SECOND)
    for at in range(12, 18):
        estimator.remb(900_000, at * SECOND)
        assert estimator.bps == 900_000


def test_remb_before_anything_was_sent_is_worth_nothing() -> None:
    estimator = BandwidthEstimator(0)
    estimator.remb(7_000, SECOND)
    assert not estimator.state["known"]


def test_memory_is_small() -> None:
    assert BandwidthEstimator(0).state["bytes"] <= 8192
