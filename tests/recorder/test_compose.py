"""A film of an item: layout, sound of everybody, and going on after a stop."""

import itertools

import av
import numpy as np
import pytest

from recorder import compose
from recorder.compose import HEIGHT, WIDTH, Place, places
from recorder.mixing import LOUD, bent

SECOND = 1_000_000


@pytest.fixture
def lesson(studio, sender, h264, opus):
    made = studio()
    made.add(
        sender(h264, 1, source="camera", person="m"),
        sender(opus, 2, source="microphone", person="m"),
        sender(opus, 3, source="microphone", person="p", begins_us=2 * SECOND),
        sender(h264, 4, source="screen", person="m", begins_us=3 * SECOND),
    )
    made.run(7 * SECOND)
    made.close()
    return made


def test_the_film_goes_on_where_it_was_stopped(lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(compose, "CHUNK_S", 2)
    monkeypatch.setattr(compose, "FPS", 5)
    work = tmp_path / "work"
    stopped = list(itertools.islice(compose.compose(lesson.library, lesson.item, work), 2))
    assert stopped == [0.2, 0.4]
    kept = {path.name: path.stat().st_mtime_ns for path in work.iterdir()}
    assert sorted(kept) == ["00000.mp4", "00001.mp4"]
    (work / "00002.part").write_bytes(b"torn")
    made = []
    real = compose.Composer.chunk
    monkeypatch.setattr(
        compose.Composer, "chunk", lambda self, number, path: (made.append(number), real(self, number, path))
    )
    assert list(compose.compose(lesson.library, lesson.item, work))[-1] == 1.0
    assert made == [2, 3]
    assert [path.name for path in work.iterdir() if path.suffix == ".mp4"] == ["composed.mp4"]
    with av.open(str(work / "composed.mp4")) as film:
        assert film.duration / 1e6 == pytest.approx(7, abs=0.6)
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert pictures[0].shape == (HEIGHT, WIDTH, 3) and len(pictures) == pytest.approx(35, abs=2)
    with av.open(str(work / "composed.mp4")) as film:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio=0)])
        one, both = (np.abs(sound[int(s * 48_000) : int((s + 1) * 48_000)]).mean() for s in (1, 4))
        assert one > 0.01 and both > 1.1 * one


@pytest.mark.parametrize("screen", [False, True])
@pytest.mark.parametrize("camera", [False, True])
@pytest.mark.parametrize("stage", [0, 1, 2, 3, 4, 5, 9, 50])
def test_everybody_has_a_place_and_nobody_covers_another(screen, camera, stage):
    where = places(screen, camera, stage)
    found = [place for place in (where[0], where[1], *where[2]) if place]
    assert bool(where[0]) == screen and bool(where[1]) == camera
    assert bool(where[2]) == bool(stage)
    for place in found:
        assert place.left >= 0 and place.left + place.width <= WIDTH
        assert place.top >= 0 and place.top + place.height <= HEIGHT
    for one, other in itertools.combinations(found, 2):
        assert (
            one.left + one.width <= other.left
            or other.left + other.width <= one.left
            or one.top + one.height <= other.top
            or other.top + other.height <= one.top
        )


def test_the_screen_is_large_and_the_camera_comes_first_beside_it():
    screen, camera, (pupil, other) = places(True, True, 2)
    assert screen == Place(0, 0, 1440, HEIGHT)
    assert camera.left == pupil.left == other.left >= 1440
    assert camera.top < pupil.top < other.top
    # As high together as a slide of 16:9 beside them.
    assert camera.top >= (HEIGHT - 810) // 2 and other.top + other.height <= (HEIGHT + 810) // 2


def test_who_is_alone_has_all_of_the_picture():
    full = Place(0, 0, WIDTH, HEIGHT)
    assert places(True, False, 0)[0] == places(False, True, 0)[1] == places(False, False, 1)[2][0] == full


def test_many_voices_stay_below_full_scale_and_few_are_left_alone():
    quiet = np.linspace(-LOUD, LOUD, 100, dtype=np.float32)
    assert np.array_equal(bent(quiet.copy()), quiet)
    loud = bent(np.linspace(-9, 9, 1000, dtype=np.float32))
    assert np.abs(loud).max() <= 1 and np.all(np.diff(loud) >= 0)
