"""A recorded lesson of any length, generated: real H.264 and Opus, a few seconds of them again and again.

Small pictures, so that eight hours take half a gigabyte; indexes and playlists are as long as a real
lesson's.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from recorder import index, ledger
from recorder.boxes import find
from recorder.depacketize.frame import CodecConfig
from recorder.depacketize.opus import SILENCE
from recorder.fragments import FragmentMuxer, Sample
from recorder.item import header_path, index_path, ledger_path, part_path
from recorder.library import write_summary
from recorder.storage import Storage

FPS, WIDTH, HEIGHT = 30, 320, 180
FRAGMENT_FRAMES = FPS // 2
CYCLE_FRAMES = 4 * FPS
"""A keyframe every 4 s, as recorders ask for."""
VIDEO_RATE, AUDIO_RATE = 90_000, 48_000
START_MS = 1_760_000_000_000


def write_long_item(
    data: Path, item: str, lesson: str, seconds: int, cycle_frames: int = CYCLE_FRAMES
) -> None:
    """cycle_frames: from one keyframe to the next."""
    storage = Storage(data / "library")
    header = ledger.Header(id=item, lesson=lesson, title=f"{seconds // 3600} h", started_ms=START_MS)
    storage.replace(header_path(item), ledger.encode(header))
    muxer, pictures = _pictures(cycle_frames)
    _write_track(storage, item, "t0", muxer, pictures, VIDEO_RATE, seconds)
    muxer, sound = _sound()
    _write_track(storage, item, "t1", muxer, sound, AUDIO_RATE, seconds)
    entries: list[ledger.Entry] = [
        ledger.TrackAdded(track="t0", person="m", source="camera", kind="video", at_us=0),
        ledger.TrackAdded(track="t1", person="m", source="microphone", kind="audio", at_us=0),
        ledger.Ended(at_us=seconds * 1_000_000, cause="ended"),
    ]
    storage.replace(ledger_path(item), b"".join(ledger.encode(entry) for entry in entries))
    write_summary(storage, item)


def _write_track(
    storage: Storage,
    item: str,
    track: str,
    muxer: FragmentMuxer,
    cycle: list[tuple[bytes, bool]],
    rate: int,
    seconds: int,
) -> None:
    config = muxer.config
    offset, lines = len(muxer.init), bytearray()
    first = index.Part(
        part=0,
        init=offset,
        codec=config.rfc6381,
        timescale=rate,
        width=config.width,
        height=config.height,
    )
    lines += index.encode(first)
    storage.write(part_path(item, track, 0), 0, muxer.init)
    media = bytearray()
    for number in range(2 * seconds):
        fragment, keyframe = cycle[number % len(cycle)]
        moved = _at(fragment, number * rate // 2, number + 1)
        line = index.Fragment(
            part=0,
            offset=offset + len(media),
            length=len(moved),
            time=number * rate // 2,
            duration=rate // 2,
            keyframe=keyframe,
        )
        lines += index.encode(line)
        media += moved
        if len(media) > 1 << 22 or number == 2 * seconds - 1:
            storage.write(part_path(item, track, 0), offset, bytes(media))
            offset += len(media)
            media.clear()
    storage.replace(index_path(item, track), bytes(lines))
    storage.close_all()


def _at(fragment: bytes, time: int, number: int) -> bytes:
    data = bytearray(fragment)
    struct.pack_into("!I", data, find(fragment, b"moof", b"mfhd").body + 4, number)
    struct.pack_into("!Q", data, find(fragment, b"moof", b"traf", b"tfdt").body + 4, time)
    return bytes(data)


def _pictures(cycle_frames: int) -> tuple[FragmentMuxer, list[tuple[bytes, bool]]]:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.options = {
        "profile": "baseline",
        "preset": "ultrafast",
        "tune": "zerolatency",
        "g": str(cycle_frames),
        "keyint_min": str(cycle_frames),
        "sc_threshold": "0",
    }
    frames: list[bytes] = []
    for number in range(cycle_frames):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        pixels[:, (number * 5) % WIDTH :] = 200
        picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
        picture.pts = number
        frames += [bytes(packet) for packet in encoder.encode(picture)]
    frames += [bytes(packet) for packet in encoder.encode(None)]
    units = [_units(frame) for frame in frames]
    sets = tuple(unit for unit in units[0] if unit[0] & 0x1F in (7, 8))
    profile = sets[0][1:4].hex()
    config = CodecConfig(
        "h264", f"avc1.{profile}", VIDEO_RATE, width=WIDTH, height=HEIGHT, parameter_sets=sets
    )
    kept = [[unit for unit in found if unit[0] & 0x1F in (1, 5)] for found in units]
    data = [b"".join(struct.pack("!I", len(unit)) + unit for unit in found) for found in kept]
    ticks = VIDEO_RATE // FPS
    muxer = FragmentMuxer(config, data[0])
    cycle = []
    for first in range(0, cycle_frames, FRAGMENT_FRAMES):
        samples = [Sample(data[first + n], n * ticks, ticks, first + n == 0) for n in range(FRAGMENT_FRAMES)]
        cycle.append((muxer.fragment(samples, 1), first == 0))
    return muxer, cycle


def _units(frame: bytes) -> list[bytes]:
    """Of a byte stream (H.264, annex B)."""
    parts = frame.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [part for part in parts if part]


def _sound() -> tuple[FragmentMuxer, list[tuple[bytes, bool]]]:
    muxer = FragmentMuxer(CodecConfig("opus", "opus", AUDIO_RATE, channels=2), b"")
    samples = [Sample(SILENCE, number * 960, 960, True) for number in range(25)]
    return muxer, [(muxer.fragment(samples, 1), True)]
