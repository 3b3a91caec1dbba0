"""Hours of a lesson through the recorder's own parts, on a clock of its own:

    python -m load_tests.long_feed DATA ITEM LESSON HOURS

The packets of one camera and one microphone, as a server forwards them, go through `Feed` and `Spool` on to
the disk, as fast as they can be taken. At every full hour a line of JSON is written ({"hour": 1,
"rss_octets": ...}), and a line on standard input is waited for: whoever follows the item may look at it then.

What memory depends on is as in a real lesson: packets of sound, pictures that are asked for, fragments,
reports and signatures. Pictures are ten a second and small, so that eight hours take minutes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from recorder import recovery
from recorder.control import Format, ItemClose, ItemOpen, TrackOpen
from recorder.feed import Feed
from recorder.library import write_summary
from recorder.signing import LedgerKey
from recorder.spool import Spool
from recorder.storage import Storage

from .media import AUDIO_CLOCK_HZ, AUDIO_FRAME_TICKS, VIDEO_CLOCK_HZ, Camera, Microphone
from .process import memory
from .rtp import KeyframeRequest, Stream, TransportSequence, feedback

CAMERA = Camera(bits_per_second=100_000, frames_per_second=10, key_interval_s=3600, key_octets=3_000)
"""A key picture comes when one is asked for."""
STEP_US = 20_000
"""A packet of sound; every fifth time a picture."""
TICK_STEPS = 3
"""As often as the recorder wakes up for one lesson."""
WRITE_STEPS = 10
HOUR_STEPS = 3_600_000_000 // STEP_US
START_US = 1_000_000_000
VIDEO_SSRC, AUDIO_SSRC = 1001, 1002


@dataclass(slots=True)
class Sender:
    """One camera and one microphone."""

    video: Stream = field(default_factory=lambda: _stream(VIDEO_SSRC, 102))
    audio: Stream = field(default_factory=lambda: _stream(AUDIO_SSRC, 111))
    pictures: int = 0
    since_key: int = 0

    def packets(self, step: int) -> list[bytes]:
        now_s = step * STEP_US / 1e6
        sound_at = step * AUDIO_FRAME_TICKS
        found = [self.audio.packet(Microphone().frame(sound_at), sound_at, True, now_s)]
        if step % 5 == 0:
            found += self._picture(now_s)
        if step % (1_000_000 // STEP_US) == 0:
            seconds = step * STEP_US // 1_000_000
            found.append(self.audio.sender_report(seconds * AUDIO_CLOCK_HZ, seconds))
            found.append(self.video.sender_report(seconds * VIDEO_CLOCK_HZ, seconds))
        return found

    def _picture(self, now_s: float) -> list[bytes]:
        at = CAMERA.timestamp(self.pictures)
        payloads = CAMERA.frame(self.pictures, self.since_key, at)
        self.pictures += 1
        self.since_key += 1
        last = len(payloads) - 1
        return [self.video.packet(each, at, number == last, now_s) for number, each in enumerate(payloads)]


def _stream(ssrc: int, payload_type: int) -> Stream:
    return Stream(ssrc, payload_type, "", {}, TransportSequence())


def feed_hours(data: Path, item: str, lesson: str, hours: int) -> None:
    storage = Storage(data / "library")
    spool = Spool(Storage(data / "library"))
    feed = Feed(
        spool,
        lambda name: recovery.mend(storage, name),
        lambda name: write_summary(storage, name),
        LedgerKey.open(data),
    )
    started_ms = time.time_ns() // 1_000_000 - hours * 3_600_000
    feed.message(
        ItemOpen(item=item, lesson=lesson, title="", started_ms=started_ms, started_us=START_US), START_US
    )
    for opened in _tracks(item):
        feed.message(opened, START_US)
    sender = Sender()
    for step in range(hours * HOUR_STEPS):
        now_us = START_US + step * STEP_US
        for packet in sender.packets(step):
            feed.datagram(packet, now_us)
        if step % TICK_STEPS == 0:
            feed.tick(now_us)
            if _keyframe_wanted(feed):
                sender.since_key = 0
        if step % WRITE_STEPS == 0:
            spool.work()
        if (step + 1) % HOUR_STEPS == 0:
            _tell((step + 1) // HOUR_STEPS, spool)
    end_us = START_US + hours * HOUR_STEPS * STEP_US
    feed.message(ItemClose(item=item, cause="ended", ended_us=end_us), end_us)
    spool.work()


def _tracks(item: str) -> list[TrackOpen]:
    video = Format(payload_type=102, codec="H264", clock_rate=VIDEO_CLOCK_HZ)
    audio = Format(payload_type=111, codec="opus", clock_rate=AUDIO_CLOCK_HZ, channels=2)
    return [
        TrackOpen(
            item=item, person="m", source="camera", kind="video", ssrc=VIDEO_SSRC, formats=[video], clock="1"
        ),
        TrackOpen(
            item=item,
            person="m",
            source="microphone",
            kind="audio",
            ssrc=AUDIO_SSRC,
            formats=[audio],
            clock="1",
        ),
    ]


def _keyframe_wanted(feed: Feed) -> bool:
    return any(isinstance(one, KeyframeRequest) for datagram in feed.drain() for one in feedback(datagram))


def _tell(hour: int, spool: Spool) -> None:
    spool.work()
    told = {"hour": hour, "rss_octets": memory(os.getpid()).rss_octets, "refused": spool.counters["refused"]}
    print(json.dumps(told), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    feed_hours(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
