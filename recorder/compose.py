"""An item as one film with one picture and one sound: screen, camera and stage laid out, all microphones
mixed.

Decoding and encoding take minutes of an hour's lesson, so this runs as a process of its own at the lowest
priority:

    python -m recorder.compose DATA ITEM DIRECTORY

It writes a line of JSON on standard output whenever it is further: {"done": 0.25}. The film is made in pieces
of CHUNK_S, each a file that is complete or not there; a process that was stopped goes on behind the last of
them. At the end the pieces are put together with the sound, without being encoded again, into
DIRECTORY/composed.mp4.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from recorder.library import Library, UnknownItemError
from recorder.live import OpenItem
from recorder.mixing import RATE, ReadRange, mixed
from recorder.moving import Pictures
from recorder.playlist import NothingRecordedError, main_tracks

WIDTH, HEIGHT = 1920, 1080
"""A slide beside its teacher is 1440 wide: as large as most are sent, so that small print stays readable."""
FPS = 25
CHUNK_S = 20
"""Lost at most when the process is stopped, and the step by which people see it get on: seconds of work."""
COLUMN = 480
"""Wide: three people in it are as high as a slide of 16:9 beside it."""
NARROW = 300
"""The same for more than four people."""
MAX_BESIDE = 6
"""In the column; whoever comes after them is heard."""
MAX_GRID = 9
GAP = 4
"""Around each."""
INK = (28, 22, 16)
"""Where nothing is shown: YUV of the pages' dark stage."""
FILM = "composed.mp4"
LOWEST_PRIORITY = 19

Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Place:
    left: int
    top: int
    width: int
    height: int


def places(screen: bool, camera: bool, stage: int) -> tuple[Place | None, Place | None, list[Place]]:
    """Where screen, camera and stage stand. The screen, else the camera, is large; the others stand in a
    column beside it, the camera first: nothing covers what is written on a slide. A stage alone is a grid.
    Pure."""
    if not screen and not camera:
        return None, None, _grid(min(stage, MAX_GRID))
    beside = min(stage + (screen and camera), MAX_BESIDE)
    width = 0 if not beside else COLUMN if beside <= HEIGHT // _high(COLUMN) else NARROW
    large = Place(0, 0, WIDTH - width, HEIGHT)
    column = _column(width, beside)
    if screen and camera:
        return large, column[0], column[1:]
    return (large if screen else None), (None if screen else large), column


def _column(width: int, count: int) -> list[Place]:
    """Of equal pictures at the right, beginning beside the large picture's upper edge."""
    height, left = _high(width), WIDTH - width
    top = (HEIGHT - max(_high(left), height * count)) // 2
    return [_inside(Place(left, top + number * height, width, height)) for number in range(count)]


def _grid(count: int) -> list[Place]:
    columns = math.isqrt(max(0, count - 1)) + 1
    rows = -(-count // columns)
    width, height = WIDTH // columns, HEIGHT // max(1, rows)
    found = [
        Place(number % columns * width, number // columns * height, width, height) for number in range(count)
    ]
    return found if count == 1 else [_inside(place) for place in found]


def _inside(place: Place) -> Place:
    return Place(place.left + GAP, place.top + GAP, place.width - 2 * GAP, place.height - 2 * GAP)


def _high(width: int) -> int:
    """Of a picture of 16:9."""
    return width * 9 // 16


class Composer:
    """Makes the chunks of one item's film."""

    def __init__(self, item: OpenItem, read: ReadRange) -> None:
        self._item, self._read = item, read
        pictures = [track for track in item.tracks if track.entry.kind == "video"]
        self._screens = [track for track in pictures if track.entry.source.startswith("screen")]
        main = [t for t in main_tracks(item.tracks) if t in pictures and t not in self._screens]
        self._cameras = main
        self._stage = [track for track in pictures if track not in (*self._screens, *main)]

    @property
    def chunks(self) -> int:
        return -(-self._item.end_us // (CHUNK_S * 1_000_000))

    def chunk(self, number: int, target: Path) -> None:
        """Raises OSError, av.FFmpegError."""
        start_us = number * CHUNK_S * 1_000_000
        end_us = min(self._item.end_us, start_us + CHUNK_S * 1_000_000)
        readers = [
            [Pictures(track, self._read, start_us) for track in group]
            for group in (self._screens, self._cameras, self._stage)
        ]
        unfinished = target.with_suffix(".part")
        with av.open(str(unfinished), "w", format="mp4") as container:
            stream: Any = container.add_stream(
                "libx264", rate=FPS, options={"preset": "veryfast", "crf": "23"}
            )
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.thread_count = 1
            canvas = _Canvas()
            for index in range((end_us - start_us) * FPS // 1_000_000):
                self._compose(canvas, readers, start_us + index * 1_000_000 // FPS)
                frame = canvas.frame()
                frame.pts, frame.time_base = index, Fraction(1, FPS)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        unfinished.replace(target)

    def _compose(self, canvas: _Canvas, readers: Sequence[Sequence[Pictures]], us: int) -> None:
        screens, cameras, stage = ([p for each in group if (p := each.at(us))] for group in readers)
        where = places(bool(screens), bool(cameras), len(stage))
        large = [(found[-1], place) for found, place in ((screens, where[0]), (cameras, where[1])) if place]
        canvas.show([*large, *zip(stage, where[2], strict=False)])


class _Canvas:
    """A picture in YUV 4:2:0. What has not changed since the last one is not drawn again: a slide stands for
    minutes."""

    def __init__(self) -> None:
        self._luma = np.empty((HEIGHT, WIDTH), np.uint8)
        self._chroma = [np.empty((HEIGHT // 2, WIDTH // 2), np.uint8) for _ in range(2)]
        self._shown: list[tuple[av.VideoFrame, Place]] = []
        self._clear()

    def show(self, pictures: Sequence[tuple[av.VideoFrame, Place]]) -> None:
        """These, and nothing else."""
        known = self._shown
        if [_outline(*each) for each in pictures] != [_outline(*each) for each in known]:
            self._clear()
            known = []
        for number, (frame, place) in enumerate(pictures):
            if not known or known[number][0] is not frame:
                self._draw(frame, place)
        self._shown = list(pictures)

    def _clear(self) -> None:
        self._luma[:] = INK[0]
        for plane in self._chroma:
            plane[:] = 128

    def _draw(self, frame: av.VideoFrame, place: Place) -> None:
        """As large as it goes without being bent, in the middle of the place."""
        scale = min(place.width / frame.width, place.height / frame.height)
        width, height = (int(side * scale) // 4 * 4 or 4 for side in (frame.width, frame.height))
        left = (place.left + (place.width - width) // 2) // 2 * 2
        top = (place.top + (place.height - height) // 2) // 2 * 2
        flat = frame.reformat(width=width, height=height, format="yuv420p").to_ndarray()
        self._luma[top : top + height, left : left + width] = flat[:height]
        chroma = flat[height:].reshape(2, height // 2, width // 2)
        for index, plane in enumerate(self._chroma):
            plane[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = chroma[index]

    def frame(self) -> av.VideoFrame:
        planes = [self._luma, *(plane.reshape(-1, WIDTH) for plane in self._chroma)]
        return av.VideoFrame.from_ndarray(np.concatenate(planes), format="yuv420p")


def _outline(frame: av.VideoFrame, place: Place) -> tuple[Place, int, int]:
    """What a picture covers: another one of the same outline leaves nothing of it."""
    return place, frame.width, frame.height


def join(item: OpenItem, read: ReadRange, chunks: Sequence[Path], target: Path) -> None:
    """The pieces one behind another, with all microphones mixed. Raises OSError, av.FFmpegError."""
    unfinished = target.with_suffix(".part")
    with av.open(str(unfinished), "w", format="mp4", options={"movflags": "faststart"}) as container:
        with av.open(str(chunks[0])) as first:
            video: Any = container.add_stream_from_template(first.streams.video[0], opaque=True)
        audio: Any = container.add_stream("aac", rate=RATE, layout="mono", options={"b": "96k"})
        sound = _encoded(audio, item, read)
        waiting = next(sound, None)
        for number, path in enumerate(chunks):
            with av.open(str(path)) as chunk:
                for packet in chunk.demux(video=0):
                    if packet.pts is None or packet.dts is None or packet.time_base is None:
                        continue
                    offset = round(number * CHUNK_S / packet.time_base)
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    while waiting is not None and _before(waiting, packet):
                        container.mux(waiting)
                        waiting = next(sound, None)
                    packet.stream = video
                    container.mux(packet)
        while waiting is not None:
            container.mux(waiting)
            waiting = next(sound, None)
    unfinished.replace(target)


def _before(one: Any, other: Any) -> bool:
    return bool(one.dts * one.time_base < other.dts * other.time_base)


def _encoded(audio: Any, item: OpenItem, read: ReadRange) -> Iterator[Any]:
    at = 0
    for block in mixed(item.tracks, read, item.end_us):
        frame = av.AudioFrame.from_ndarray(block[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        at += len(block)
        yield from audio.encode(frame)
    yield from audio.encode(None)


def compose(library: Library, item_id: str, directory: Path) -> Iterator[float]:
    """Goes on where an earlier process stopped; yields how much is done, 0 to 1. Raises UnknownItemError,
    NothingRecordedError, OSError, av.FFmpegError."""
    item = OpenItem(library.storage, library.header(item_id))
    item.load()
    item.conclude()
    read = partial(library.media.read_range, item_id)
    composer = Composer(item, read)
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{number:05}.mp4" for number in range(composer.chunks)]
    for number, path in enumerate(paths):
        if not path.exists():
            composer.chunk(number, path)
        yield (number + 1) / (len(paths) + 1)
    join(item, read, paths, directory / FILM)
    for path in paths:
        path.unlink(missing_ok=True)
    yield 1.0


def main(data: str, item_id: str, directory: str) -> int:
    os.nice(LOWEST_PRIORITY)
    try:
        for done in compose(Library(Path(data)), item_id, Path(directory)):
            print(json.dumps({"done": round(done, 4)}), flush=True)
    except (UnknownItemError, NothingRecordedError):
        print(json.dumps({"failed": "nothing"}), flush=True)
        return 1
    except (OSError, av.FFmpegError) as error:
        print(json.dumps({"failed": str(error)[:200]}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
