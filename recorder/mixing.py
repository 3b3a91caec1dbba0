"""All microphones of an item as one sound: decoded, placed on the item's clock, added, and kept below full
scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import av
import numpy as np
import numpy.typing as npt

from recorder.boxes import BadBoxError, boxes, samples
from recorder.live import OpenTrack

RATE = 48_000
BLOCK_S = 2
"""Mixed at a time."""
LOUD = 0.7
"""Of full scale: what is louder is bent towards it, so that several who speak at once do not crackle."""

ReadRange = Callable[[str, int, int], bytes]
Sound = npt.NDArray[np.float32]


def mixed(tracks: Sequence[OpenTrack], read: ReadRange, end_us: int) -> Iterator[Sound]:
    """Blocks of BLOCK_S (the last is shorter), mono, -1 to 1, from 0 to the item's end. Raises OSError."""
    voices = [_Voice(track, read) for track in tracks if track.entry.kind == "audio"]
    length = end_us * RATE // 1_000_000
    for start in range(0, length, BLOCK_S * RATE):
        block = np.zeros(min(BLOCK_S * RATE, length - start), np.float32)
        for voice in voices:
            voice.add(block, start)
        yield bent(block)


def bent(block: Sound) -> Sound:
    over = np.abs(block) > LOUD
    if over.any():
        loud = np.abs(block[over]) - LOUD
        block[over] = np.sign(block[over]) * (LOUD + (1 - LOUD) * np.tanh(loud / (1 - LOUD)))
    return block


class _Voice:
    """One track, decoded as far as it was needed."""

    def __init__(self, track: OpenTrack, read: ReadRange) -> None:
        self._packets = _packets(track, read)
        self._decoder = av.CodecContext.create("opus", "r")
        self._ahead: tuple[int, Sound] | None = None
        """Decoded, and begins or goes on behind what was asked for."""

    def add(self, block: Sound, start: int) -> None:
        end = start + len(block)
        while (piece := self._ahead or self._next()) is not None:
            at, sound = piece
            if at >= end:
                self._ahead = piece
                return
            first, last = max(at, start), min(at + len(sound), end)
            if last > first:
                block[first - start : last - start] += sound[first - at : last - at]
            self._ahead = (end, sound[end - at :]) if at + len(sound) > end else None
            if self._ahead:
                return

    def _next(self) -> tuple[int, Sound] | None:
        for time, data in self._packets:
            try:
                frames = self._decoder.decode(av.Packet(data))
            except av.FFmpegError:
                continue  # a damaged packet: silence
            found = [_mono(frame) for frame in frames]
            if found:
                return time, np.concatenate(found)
        return None


def _mono(frame: av.AudioFrame) -> Sound:
    sound = frame.to_ndarray().astype(np.float32)
    if frame.format.name.startswith("s16"):
        sound /= 32_768
    if not frame.format.is_planar:
        sound = sound.reshape(-1, frame.layout.nb_channels).T
    mono: Sound = sound.mean(axis=0)
    return mono


def _packets(track: OpenTrack, read: ReadRange) -> Iterator[tuple[int, bytes]]:
    """(48 kHz samples on the item's clock, Opus packet)."""
    for segment in track.table:
        if not segment.length:
            continue
        data = read(f"{track.entry.track}.{segment.part}.mp4", segment.offset, segment.length)
        for fragment in fragments(data):
            for time, _, _, packet in samples(fragment):
                yield time, packet


def fragments(data: bytes) -> Iterator[bytes]:
    """`moof` and `mdat` together; what is torn is left out."""
    start = 0
    try:
        for box in boxes(data):
            if box.kind == b"moof":
                start = box.start
            elif box.kind == b"mdat":
                yield data[start : box.end]
    except BadBoxError:
        return
