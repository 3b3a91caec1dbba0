"""What was lost of an item, made again from what is left."""

import msgspec
import pytest

from recorder.item import HEADER, LEDGER
from recorder.library import UnknownItemError
from recorder.rebuild import StillRecordedError, rebuild
from recorder.verify import verify

SECOND = 1_000_000


@pytest.fixture
def lesson(studio, sender, h264, opus):
    made = studio(item="demo-20261010T080000Z-abcdef")
    made.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    made.run(5 * SECOND)
    made.close()
    return made


def again(lesson):
    return rebuild(lesson.storage, lesson.library.media, lesson.item)


def verdict(lesson):
    return verify(lesson.library.media, lesson.item, [lesson.signer.public])


def test_of_a_whole_item_nothing_is_made_again(lesson):
    assert again(lesson) == []


@pytest.mark.parametrize("harm", ["lost", "empty", "torn", "garbage", "changed"])
def test_an_index_is_made_again_and_the_signatures_hold(lesson, harm):
    path = lesson.library.path(lesson.item, "t0.jsonl")
    whole = path.read_bytes()
    harmed = {
        "empty": b"",
        "torn": whole[:-40],
        "garbage": b"\xff" * 1000,
        "changed": whole.replace(b'"keyframe":true', b'"keyframe":false', 1),
    }
    path.unlink()
    if harm in harmed:
        path.write_bytes(harmed[harm])
    assert again(lesson) == ["t0.jsonl"]
    assert path.read_bytes() == whole
    assert verdict(lesson).state == "complete"
    damaged = lesson.library.path(lesson.item, "t0.jsonl.damaged")
    assert damaged.exists() == bool(harmed.get(harm))


def test_without_its_ledger_an_item_plays_and_proves_nothing(lesson):
    lesson.library.path(lesson.item, LEDGER).unlink()
    assert again(lesson) == [LEDGER]
    view = lesson.library.item(lesson.item)
    assert [track.kind for track in view.tracks] == ["video", "audio"]
    assert view.state == "ready" and view.duration_s > 4
    assert verdict(lesson).state == "changed"


def test_without_its_header_the_name_of_its_directory_tells(lesson):
    lesson.library.path(lesson.item, HEADER).unlink()
    assert again(lesson) == [HEADER]
    view = lesson.library.item(lesson.item)
    assert (view.lesson, view.started_at) == ("demo", "2026-10-10T08:00:00.000Z")
    assert verdict(lesson).state == "changed"


def test_what_was_recorded_before_ledgers_were_signed_is_mended_too(lesson):
    path = lesson.library.path(lesson.item, HEADER)
    header = msgspec.json.decode(path.read_bytes())
    del header["key"], header["version"]
    path.write_bytes(msgspec.json.encode(header))
    lesson.library.path(lesson.item, "t1.jsonl").unlink()
    assert "t1.jsonl" in again(lesson)


def test_a_lesson_that_goes_on_is_left_alone(studio, sender, opus):
    made = studio()
    made.add(sender(opus, 2, source="microphone"))
    made.run(3 * SECOND)
    with pytest.raises(StillRecordedError):
        again(made)


@pytest.mark.parametrize("name", ["nothing", "../demo", "demo-1/..", ""])
def test_what_is_no_item_is_unknown(lesson, name):
    with pytest.raises(UnknownItemError):
        rebuild(lesson.storage, lesson.library.media, name)
