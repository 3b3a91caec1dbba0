"""Pictures of the wall: made of the newest keyframes, for those who look, within the budget."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from recorder import index, ledger
from recorder.boxes import boxes
from recorder.depacketize.frame import CodecConfig
from recorder.fragments import FragmentMuxer, Sample
from recorder.item import header_path, index_path, ledger_path, part_path
from recorder.keyframes import PICTURE_BYTES, LiveItem
from recorder.storage import Storage
from signaling.network.wall_pictures import LOT, REFRESH_S, SHARE, WANTED_S, WallPictures

TICKS = 45_000
"""Half a second."""


class Camera:
    """An item with a camera, written as the recorder writes it: half a second at a time."""

    def __init__(self, root: Path, item: str) -> None:
        self.storage, self.item = Storage(root), item
        self.storage.replace(
            header_path(item), ledger.encode(ledger.Header(id=item, lesson=item, title="", started_ms=0))
        )
        self.data = b""
        self.number = 0
        self._sizes: dict[str, int] = {}
        self._encoder = encoder()
        self.muxer: FragmentMuxer | None = None
        added = ledger.TrackAdded(track="t0", person="m", source="camera", kind="video", at_us=0)
        self.append(ledger_path(item), ledger.encode(added))

    def append(self, path: str, data: bytes) -> None:
        size = self._sizes.get(path, 0)
        self.storage.write(path, size, data)
        self._sizes[path] = size + len(data)

    def grow(self, light: int, *, keyframe: bool = True) -> None:
        frame = self._encoder(light)
        if self.muxer is None:
            self.muxer = FragmentMuxer(
                CodecConfig("vp8", "vp08.00.10.08", 90_000, width=320, height=180), frame
            )
            part = index.Part(part=0, init=len(self.muxer.init), codec="vp08.00.10.08", timescale=90_000)
            self.append(index_path(self.item, "t0"), index.encode(part))
            self.append(part_path(self.item, "t0", 0), self.muxer.init)
            self.data = self.muxer.init
        time = self.number * TICKS
        data = self.muxer.fragment([Sample(frame, time, TICKS, keyframe)], self.number + 1)
        self.append(part_path(self.item, "t0", 0), data)
        line = index.Fragment(
            part=0, offset=len(self.data), length=len(data), time=time, duration=TICKS, keyframe=keyframe
        )
        self.append(index_path(self.item, "t0"), index.encode(line))
        self.data += data
        self.number += 1


def encoder() -> Any:
    """light -> a VP8 keyframe of 320x180, all of that light."""

    def encode(light: int) -> bytes:
        context: Any = av.CodecContext.create("libvpx", "w")
        context.width, context.height, context.pix_fmt = 320, 180, "yuv420p"
        context.time_base = Fraction(1, 90_000)
        frame = av.VideoFrame(320, 180, "yuv420p")
        for plane, value in zip(frame.planes, (light, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts = 0
        return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])

    return encode


def light_of(picture: bytes) -> int:
    with av.open(io.BytesIO(picture), format="mjpeg") as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (240, 136)
        return round(float(frame.to_ndarray(format="gray").mean()))


@pytest.fixture
def camera(tmp_path: Path) -> Camera:
    return Camera(tmp_path, "one")


def test_a_picture_is_of_the_newest_keyframe_and_comes_once(camera: Camera) -> None:
    item = LiveItem(camera.storage, "one")
    assert item.picture() is None
    camera.grow(60)
    camera.grow(200)
    camera.grow(30, keyframe=False)
    made = item.picture()
    assert made is not None and made.at_ms == 500
    assert light_of(made.data) == pytest.approx(200, abs=25)
    assert len(made.data) <= PICTURE_BYTES
    assert item.picture() is None
    camera.grow(100)
    made = item.picture()
    assert made is not None and made.at_ms == 1_500


def test_of_a_long_lesson_only_the_end_is_read(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(300):
        camera.grow(60)
    lengths: list[int] = []
    read = camera.storage.read

    def counted(path: str, offset: int = 0, length: int | None = None) -> bytes:
        data = read(path, offset, length)
        lengths.append(len(data))
        return data

    monkeypatch.setattr(camera.storage, "read", counted)
    made = LiveItem(camera.storage, "one").picture()
    assert made is not None and made.at_ms == 149_500
    whole = sum(file.stat().st_size for file in camera.storage.root.rglob("*") if file.is_file())
    assert sum(lengths) < whole / 2


def test_damaged_media_are_no_picture(camera: Camera) -> None:
    camera.grow(60)
    path = camera.storage.root / part_path("one", "t0", 0)
    data = bytearray(path.read_bytes())
    for box in boxes(bytes(data)):
        if box.kind == b"mdat":
            data[box.body : box.end] = bytes(box.end - box.body)
    path.write_bytes(data)
    assert LiveItem(camera.storage, "one").picture() is None


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_what_is_looked_at_is_made_every_five_seconds_and_no_more_when_nobody_looks(
    camera: Camera,
) -> None:
    clock = Clock()
    wall = WallPictures(camera.storage, clock)
    camera.grow(60)
    wall.want({"lesson": "one"})
    rest_s = await wall.look()
    assert rest_s == pytest.approx(wall.cpu_s * (1 / SHARE - 1))
    (first,) = wall.newer(["lesson", "other"], 0)
    assert (first.number, first.at_ms) == (1, 0)
    assert wall.newer(["lesson"], wall.highest) == []
    camera.grow(200)
    await wall.look()
    assert wall.highest == 1  # not due yet
    clock.now += REFRESH_S
    await wall.look()
    assert [each.number for each in wall.newer(["lesson"], 1)] == [2]
    clock.now += WANTED_S + 1
    await wall.look()
    assert wall.newer(["lesson"], 0) == []
    await wall.close()


async def test_many_are_made_by_turns(tmp_path: Path) -> None:
    clock = Clock()
    cameras = [Camera(tmp_path, f"i{number}") for number in range(LOT + 3)]
    for each in cameras:
        each.grow(60)
    wall = WallPictures(cameras[0].storage, clock)
    lessons = {f"l{number}": f"i{number}" for number in range(LOT + 3)}
    wall.want(lessons | {"gone": "nothing"})
    made = []
    for _ in range(2):
        await wall.look()
        made.append(wall.highest)
    assert LOT - 1 <= made[0] <= LOT
    assert made[1] == LOT + 3
    await wall.close()


async def test_a_lesson_that_goes_on_in_another_item_shows_that_one(tmp_path: Path) -> None:
    clock = Clock()
    before, after = Camera(tmp_path, "before"), Camera(tmp_path, "after")
    before.grow(40)
    after.grow(200)
    wall = WallPictures(before.storage, clock)
    for item in ("before", "after"):
        wall.want({"lesson": item})
        await wall.look()
    (shown,) = wall.newer(["lesson"], 0)
    assert light_of(shown.data) > 150
    await wall.close()
