"""A discussion: everybody sends sound, many send a small picture, and everybody gets everybody.

A class among itself (线下答疑) with the pages' own way in: each member is one WebSocket with a connection to
send on and one to receive on; speakers have a microphone and receive nothing. They talk in turns, seeded:
some at a time, as people do, and their microphones stay open meanwhile. A teacher's picture goes to all by
WHIP; it starts the lesson. What the server forwards of many open microphones shows in the streams of sound
that arrive per member and second. Two members more listen to every packet of sound (ear.py): of whom it is,
and how late it came.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace

from ..crowd import Crowd
from ..door import Door
from ..ear import heard, lost
from ..evidence import Look, delays, percentiles_ms, window
from ..figures import Figure, Report, window_figures
from ..media import AUDIO_CLOCK_HZ, AUDIO_FRAME_TICKS, Camera, Microphone
from ..report import Machine, machine
from ..seed import DISCUSSION, DISCUSSION_CLASS
from ..sink import Sink
from ..target import Target
from ..websocket import WebSocketDoor

STAMPS_PER_SECOND = 55
MEDIA_TIMEOUT_S = 20.0
MAX_MEMBERS = 47
"""A connection carries 48 pictures at most: of each other member, and the teacher's."""
EARS = 2
ONLY_SOUND = {"0": "microphone"}
SMALL = Camera(bits_per_second=120_000, frames_per_second=15, key_octets=6_000)
TALK_S, PAUSE_S = 2.0, 8.0
"""A fifth of all talk at any time."""
AUDIO_PACKETS_PER_S = AUDIO_CLOCK_HZ / AUDIO_FRAME_TICKS


@dataclass(frozen=True, slots=True)
class DiscussionOptions:
    members: int = 24
    speakers: int = 0
    """More people, who only speak."""
    duration_s: float = 15.0
    joins_per_second: float = 4.0
    """Each join is an offer to all who are in already."""
    settle_s: float = 2.0
    seed: int = 1
    teacher: Camera = field(default_factory=lambda: Camera(bits_per_second=500_000))
    camera: Camera = SMALL


async def discussion(options: DiscussionOptions, target: Target) -> Report:
    """On a server that has `seed.discussion()`. Raises ScenarioFailed, Refused, NoSuchProcess."""
    history = int((options.duration_s + 2 * options.settle_s) * STAMPS_PER_SECOND)
    sink = Sink(options.members, history, streams=2 * options.members + 8)
    async with WebSocketDoor(target.url, ONLY_SOUND) as speakers, Crowd(target, sink) as crowd:
        token = target.token("encoder", 0, DISCUSSION)
        await crowd.publish(DISCUSSION, token, options.teacher, Microphone())
        return await crowd.beside(_measure(crowd, options, speakers))


async def _measure(crowd: Crowd, options: DiscussionOptions, speakers: Door) -> Report:
    place, chance = machine(), random.Random(options.seed)
    for number in range(options.members):
        await _enter(crowd, number, _microphone(chance), options.camera)
        await asyncio.sleep(1 / options.joins_per_second)
    for number in range(options.members, options.members + EARS):
        await crowd.listen(DISCUSSION, _token(crowd, number))
    for number in range(options.members + EARS, options.members + EARS + options.speakers):
        await crowd.publish(DISCUSSION, _token(crowd, number), None, _microphone(chance), speakers)
    # A teacher's picture without sound, and the picture of each other member; sound as it is let through.
    without_media = await crowd.media(streams=options.members, timeout_s=MEDIA_TIMEOUT_S)
    await asyncio.sleep(options.settle_s)
    start = await crowd.look()
    await asyncio.sleep(options.duration_s)
    return _report(crowd, place, options, start, await crowd.look(), without_media)


def _token(crowd: Crowd, number: int) -> str:
    return crowd.target.token("student", number, DISCUSSION, DISCUSSION_CLASS)


def _microphone(chance: random.Random) -> Microphone:
    offset_s = chance.uniform(0, TALK_S + PAUSE_S)
    return Microphone(octets=100, talk_s=TALK_S, pause_s=PAUSE_S, offset_s=offset_s)


async def _enter(crowd: Crowd, number: int, microphone: Microphone, camera: Camera) -> None:
    """One member: first sends, then receives, over the same WebSocket."""
    token = _token(crowd, number)
    await crowd.publish(DISCUSSION, token, camera, microphone, crowd.door)
    await crowd.join(DISCUSSION, token)


def _report(
    crowd: Crowd, place: Machine, options: DiscussionOptions, start: Look, end: Look, without_media: int
) -> Report:
    seen = window(start, end)
    members = len(crowd.subscribers)
    since_us = round(start.at * 1e6)
    got = delays(crowd.sink, crowd.publishers, crowd.subscribers, since_us)
    came = [each for ear in crowd.ears for each in heard(ear.packets, crowd.publishers, since_us)]
    live = percentiles_ms([each.delay_us for each in came if not each.opening])
    sounds, pictures = crowd.ears[0].tracks
    voices = _audio_packets(crowd, start, end) / AUDIO_PACKETS_PER_S / seen.duration_s / max(1, members)
    sound, picture = f"sound ({TALK_S:g} s of {TALK_S + PAUSE_S:g})", options.camera.bits_per_second // 1000
    late = [late for publisher in crowd.publishers for late in publisher.figures.lateness_us()]
    return Report(
        scenario="discussion",
        title=f"{members} members, each with {sound} and a picture of {picture} kbit/s, "
        f"and {options.speakers} who only speak",
        machine=place,
        figures=(
            Figure("members", "members", members),
            Figure("without_media", "  without all pictures", without_media),
            Figure("failed", "  failed to join", len(crowd.failures)),
            Figure("voices", "streams of sound per member", voices),
            Figure("open_microphones", "  of open microphones of others", members - 1 + options.speakers),
            Figure(
                "tracks", "  tracks offered to one who listens", f"{sounds} of sound, {pictures} pictures"
            ),
            *window_figures(seen, replace(got, audio_ms=live)),
            Figure(
                "opening_ms",
                "  where a voice begins (from memory)",
                percentiles_ms([each.delay_us for each in came if each.opening]),
                "ms",
            ),
            Figure("sound_lost", "  sound missing where it is listened to", _lost(crowd)),
            Figure("publishers_late_ms", "bots' own lateness", percentiles_ms(late), "ms"),
            *(Figure("failure", "  failure", reason) for reason in sorted(set(crowd.failures))[:3]),
        ),
    )


def _lost(crowd: Crowd) -> str:
    return f"{sum(lost(ear.packets) for ear in crowd.ears)} of {sum(len(ear.packets) for ear in crowd.ears)}"


def _audio_packets(crowd: Crowd, start: Look, end: Look) -> int:
    def total(look: Look) -> int:
        return sum(
            stream.packets for stream in look.streams if _is_audio(crowd, stream.socket, stream.payload_type)
        )

    return total(end) - total(start)


def _is_audio(crowd: Crowd, socket: int, payload_type: int) -> bool:
    return crowd.subscribers[socket].payload_types().get(payload_type) == "audio"
