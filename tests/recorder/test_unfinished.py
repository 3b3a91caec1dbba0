"""Items that a server left open: who goes on with them, and where their clock stands."""

import time

import pytest

from recorder.control import ItemOpen
from recorder.unfinished import Unfinished

SECOND = 1_000_000


@pytest.fixture
def left(studio_type, sender, opus, tmp_path, monkeypatch):
    """left(item, lesson, ago_s): an item with 6 s of sound, begun so long ago."""

    def make(item="demo-1", lesson="demo", ago_s=8.0):
        made = studio_type(tmp_path, item=item)
        opened = ItemOpen(
            item=item,
            lesson=lesson,
            title="光合作用",
            started_ms=round((time.time() - ago_s) * 1000),
            started_us=made.now_us,
        )
        made.feed.message(opened, made.now_us)
        made.add(sender(opus, 2, source="microphone"))
        made.run(6 * SECOND)
        return made

    return make


def found_by(lesson):
    unfinished = Unfinished(lesson.storage, lesson.signer)
    unfinished.find()
    return unfinished


def clock_s(opened):
    return time.monotonic() - opened.started_us / 1e6


def test_a_lesson_goes_on_with_its_item_on_its_clock(left):
    lesson = left()
    opened = found_by(lesson).take("demo")
    assert (opened.item, opened.title) == ("demo-1", "光合作用")
    assert clock_s(opened) == pytest.approx(8, abs=1)


def test_a_wall_clock_that_was_set_back_does_not_set_the_items_clock_back(left):
    opened = found_by(left(ago_s=2.0)).take("demo")
    assert clock_s(opened) >= 5.5


def test_an_item_is_taken_once(left):
    unfinished = found_by(left())
    assert unfinished.take("other") is None
    assert unfinished.take("demo") is not None
    assert unfinished.take("demo") is None
    unfinished.close_all()


def test_what_nobody_goes_on_with_is_closed(left):
    lesson = left()
    found_by(lesson).close_all()
    assert lesson.library.item("demo-1").state == "ready"
    assert found_by(lesson).take("demo") is None


def test_an_old_one_is_closed_at_once(left):
    lesson = left(ago_s=5 * 3600.0)
    assert found_by(lesson).take("demo") is None
    assert lesson.library.item("demo-1").state == "ready"


def test_of_two_the_later_one_goes_on(left):
    left("demo-2", ago_s=60.0)
    lesson = left("demo-3", ago_s=10.0)
    assert found_by(lesson).take("demo").item == "demo-3"
    assert lesson.library.item("demo-2").state == "ready"


def test_one_that_cannot_be_read_stays_as_it_is(left):
    lesson = left()
    index = lesson.library.path("demo-1", "t0.jsonl")
    index.unlink()
    index.mkdir()
    assert found_by(lesson).take("demo") is None
