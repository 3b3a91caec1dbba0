"""What verify says of an item that is whole, and of one that somebody or something has touched."""

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder import index, ledger, recovery
from recorder.item import CHECKPOINTS, HEADER, LEDGER
from recorder.library import UnknownItemError
from recorder.signing import LedgerKey
from recorder.storage import MediaFiles, Storage
from recorder.verify import verify

SECOND = 1_000_000
PROVEN = (HEADER, LEDGER, CHECKPOINTS, "t0.jsonl", "t1.jsonl", "t0.0.mp4", "t1.0.mp4")


@pytest.fixture(scope="module")
def sealed(studio_type, sender, h264, opus, tmp_path_factory):
    """Two items of one server that have ended. Nobody writes to them."""
    root = tmp_path_factory.mktemp("sealed")
    lessons = []
    for item in ("demo-1", "demo-2"):
        lesson = studio_type(root, item=item)
        lesson.open()
        lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
        lesson.run(6 * SECOND)
        lesson.close()
        lessons.append(lesson)
    return lessons[0]


@pytest.fixture
def touched(sealed, tmp_path, studio_type):
    """A copy of both that may be touched: (directory of the first, check)."""
    shutil.copytree(sealed.root, tmp_path, dirs_exist_ok=True)

    def check(**options):
        return judge(tmp_path, sealed, **options)

    return tmp_path / "library" / sealed.item, check


def judge(root, lesson, keys=None, **options):
    trusted = [lesson.signer.public] if keys is None else keys
    return verify(MediaFiles(Storage(root / "library")), lesson.item, trusted, **options)


def kinds(verdict):
    return [finding.kind for finding in verdict.findings]


def test_what_was_recorded_whole_is_complete(sealed):
    verdict = judge(sealed.root, sealed)
    assert (verdict.state, verdict.findings, verdict.sealed) == ("complete", [], True)
    assert verdict.key == sealed.signer.public
    assert judge(sealed.root, sealed, media=False).state == "complete"


def test_an_item_that_is_not_there_is_unknown(sealed):
    with pytest.raises(UnknownItemError):
        verify(MediaFiles(Storage(sealed.root / "library")), "demo-3", [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(name=st.sampled_from(PROVEN), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_found(touched, sealed, name, place, bit):
    item, check = touched
    path = item / name
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[int(place * len(whole))] ^= 1 << bit
    path.write_bytes(changed)
    try:
        verdict = check()
    finally:
        path.write_bytes(whole)
    assert verdict.state != "complete"
    if name in (HEADER, LEDGER, "t0.jsonl", "t1.jsonl", "t0.0.mp4", "t1.0.mp4"):
        assert verdict.state == "changed"
        assert name in [finding.file for finding in verdict.findings]


@pytest.mark.parametrize("name", PROVEN)
@pytest.mark.parametrize("end", ["first", "last"])
def test_the_first_and_the_last_byte_of_each_file_count(touched, name, end):
    item, check = touched
    data = bytearray((item / name).read_bytes())
    data[0 if end == "first" else -1] ^= 1
    (item / name).write_bytes(data)
    assert check().state != "complete"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(name=st.sampled_from(PROVEN), keep=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_short_is_found(touched, name, keep):
    item, check = touched
    path = item / name
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    try:
        assert check().state != "complete"
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", PROVEN)
def test_a_missing_file_is_found(touched, name):
    item, check = touched
    (item / name).unlink()
    assert check().state == "changed"


def test_a_changed_byte_of_the_picture_is_named_by_fragment_and_time(touched, sealed):
    item, check = touched
    fragment = sealed.library.files(sealed.item).tracks[0].index.fragments[3]
    data = bytearray((item / "t0.0.mp4").read_bytes())
    data[fragment.offset + fragment.length // 2] ^= 0x80
    (item / "t0.0.mp4").write_bytes(data)
    (finding,) = check().findings
    assert (finding.kind, finding.file, finding.fragment) == ("fragment_changed", "t0.0.mp4", 4)
    assert finding.at_s == pytest.approx(fragment.time / 90_000)


def test_swapped_fragments_are_both_named(touched, sealed):
    item, check = touched
    first, second = sealed.library.files(sealed.item).tracks[1].index.fragments[2:4]
    data = (item / "t1.0.mp4").read_bytes()
    swapped = (
        data[: first.offset]
        + data[second.offset : second.offset + second.length]
        + data[first.offset : first.offset + first.length]
        + data[second.offset + second.length :]
    )
    (item / "t1.0.mp4").write_bytes(swapped)
    assert [finding.fragment for finding in check().findings] == [3, 4]


def test_a_segment_cut_short_is_named_where_it_ends(touched, sealed):
    item, check = touched
    fragment = sealed.library.files(sealed.item).tracks[0].index.fragments[-1]
    (item / "t0.0.mp4").write_bytes((item / "t0.0.mp4").read_bytes()[:-1])
    (finding,) = check().findings
    assert finding.kind == "fragment_cut_short"
    assert finding.at_s == pytest.approx(fragment.time / 90_000)


def test_a_segment_of_another_lesson_is_found(touched):
    item, check = touched
    shutil.copy(item.with_name("demo-2") / "t0.0.mp4", item / "t0.1.mp4")
    assert kinds(check()) == ["segment_added"]


def test_a_whole_track_of_another_lesson_is_found(touched):
    item, check = touched
    for name in ("t0.0.mp4", "t0.jsonl"):
        shutil.copy(item.with_name("demo-2") / name, item / name)
    assert check(media=False).state == "changed"


def test_bytes_behind_the_end_are_found(touched):
    item, check = touched
    with (item / "t0.0.mp4").open("ab") as file:
        file.write(b"\0\0\0\x08free")
    assert kinds(check()) == ["bytes_added"]


@pytest.mark.parametrize("name", [LEDGER, "t0.jsonl"])
def test_a_changed_line_is_named(touched, name):
    item, check = touched
    lines = (item / name).read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b'"type":"', b'"type": "', 1)
    (item / name).write_bytes(b"\n".join(lines))
    assert [(f.kind, f.file, f.line) for f in check(media=False).findings] == [("line_changed", name, 3)]


def test_a_line_taken_out_is_found_at_its_place(touched):
    item, check = touched
    lines = (item / "t0.jsonl").read_bytes().split(b"\n")
    del lines[4]
    (item / "t0.jsonl").write_bytes(b"\n".join(lines))
    found = check(media=False)
    assert found.state == "changed"
    assert {finding.file for finding in found.findings} == {"t0.jsonl"}


def rewrite(lesson, root, key):
    """The item as somebody would forge it: its end cut off, everything linked and signed anew by the key."""
    storage = Storage(root / "library")
    item = root / "library" / lesson.item
    lines = (item / "t0.jsonl").read_bytes().splitlines(keepends=True)
    (item / "t0.jsonl").write_bytes(b"".join(lines[:-3]))
    log = (item / LEDGER).read_bytes().splitlines(keepends=True)
    (item / LEDGER).write_bytes(b"".join(log[:-1]))
    (item / CHECKPOINTS).unlink()
    part = item / "t0.0.mp4"
    part.write_bytes(part.read_bytes()[:-30_000])
    recovery.close_item(storage, lesson.item, key)


def test_a_ledger_signed_by_another_key_is_found(touched, sealed, tmp_path):
    _, check = touched
    forger = LedgerKey.open(tmp_path / "elsewhere")
    rewrite(sealed, tmp_path, forger)
    assert "bad_signature" in kinds(check())


def test_an_item_made_anew_under_another_key_is_found(touched, sealed, tmp_path, studio_type, sender, h264):
    item, check = touched
    shutil.rmtree(item)
    forged = studio_type(tmp_path, item=sealed.item)
    forged.signer = forged.feed._signer = LedgerKey.open(tmp_path / "elsewhere")
    forged.open()
    forged.add(sender(h264, 1))
    forged.run(2 * SECOND)
    forged.close()
    assert kinds(check()) == ["foreign_key"]
    assert check(keys=[sealed.signer.public, forged.signer.public]).state == "complete"


def test_a_changed_title_is_found_and_nothing_else_blamed(touched):
    item, check = touched
    header = (item / HEADER).read_text()
    (item / HEADER).write_text(header.replace("光合作用", "光合做用"))
    assert kinds(check()) == ["header_changed"]


def test_a_gap_makes_it_incomplete_and_is_named(studio, sender, opus):
    lesson = studio()
    lesson.add(sender(opus, 2, source="microphone", silent=[(5 * SECOND, 9 * SECOND)]))
    lesson.run(14 * SECOND)
    lesson.close()
    verdict = judge(lesson.root, lesson)
    (gap,) = verdict.findings
    assert (verdict.state, gap.kind, gap.detail) == ("incomplete", "gap", "network")
    assert gap.at_s == pytest.approx(5, abs=0.1) and gap.duration_s == pytest.approx(4, abs=0.1)


def test_a_lesson_that_goes_on_has_no_end_yet(studio, sender, opus):
    lesson = studio()
    lesson.add(sender(opus, 2, source="microphone"))
    lesson.run(5 * SECOND)
    verdict = judge(lesson.root, lesson)
    assert (verdict.state, kinds(verdict), verdict.sealed) == ("incomplete", ["no_end"], False)


def test_the_end_of_a_live_lesson_cannot_be_cut_off_up_to_its_last_checkpoint(studio, sender, opus):
    lesson = studio()
    lesson.add(sender(opus, 2, source="microphone"))
    lesson.run(9 * SECOND)
    path = lesson.library.path(lesson.item, "t0.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-8]))
    assert "lines_missing" in kinds(judge(lesson.root, lesson))


def test_an_item_that_a_crash_left_open_is_sealed_at_the_next_start(studio, sender, h264):
    lesson = studio()
    lesson.add(sender(h264, 1))
    lesson.run(7 * SECOND)
    assert recovery.close_left_open(lesson.storage, lesson.signer) == [lesson.item]
    verdict = judge(lesson.root, lesson)
    assert (verdict.state, verdict.sealed) == ("complete", True)


def test_a_seal_that_a_crash_prevented_is_made_at_the_next_start(studio, sender, h264):
    lesson = studio()
    lesson.add(sender(h264, 1))
    lesson.run(4 * SECOND)
    lesson.close()
    path = lesson.library.path(lesson.item, CHECKPOINTS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    lesson.library.path(lesson.item, "summary.json").unlink()  # which comes after the seal
    assert kinds(judge(lesson.root, lesson)) == ["no_seal"]
    recovery.close_left_open(lesson.storage, lesson.signer)
    assert judge(lesson.root, lesson).state == "complete"


def test_a_lost_index_is_made_again_to_the_byte_and_the_old_signatures_hold(
    studio, sender, h264, h264_large, opus, vp8
):
    lesson = studio()
    lesson.add(sender(vp8, 1), sender(opus, 2, source="microphone"), sender(h264, 3, source="screen"))
    lesson.run(5 * SECOND)
    lesson.remove(lesson.senders[2])
    lesson.add(sender(h264_large, 4, source="screen", begins_us=5 * SECOND))
    lesson.run(9 * SECOND)
    lesson.close()
    for track in ("t0", "t1", "t2"):
        lesson.library.path(lesson.item, f"{track}.jsonl").unlink()
    assert judge(lesson.root, lesson).state == "changed"
    recovery.mend(lesson.storage, lesson.item)
    assert judge(lesson.root, lesson).state == "complete"


def test_items_of_the_first_layout_are_read_and_prove_nothing(studio, sender, h264):
    lesson = studio()
    lesson.add(sender(h264, 1))
    lesson.run(4 * SECOND)
    lesson.close()
    item = lesson.library.path(lesson.item)
    header = ledger.decode_header((item / HEADER).read_bytes())
    old = ledger.Header(id=header.id, lesson=header.lesson, title=header.title, started_ms=header.started_ms)
    (item / HEADER).write_bytes(ledger.encode(old))
    (item / CHECKPOINTS).unlink()
    for name, read, write in (
        (LEDGER, ledger.decode, ledger.encode),
        ("t0.jsonl", index.decode, index.encode),
    ):
        entries, _ = read((item / name).read_bytes())
        (item / name).write_bytes(b"".join(write(entry) for entry in entries))
    verdict = judge(lesson.root, lesson)
    assert (verdict.state, kinds(verdict), verdict.key) == ("incomplete", ["not_provable"], "")
    (item / "t0.0.mp4").write_bytes((item / "t0.0.mp4").read_bytes()[:-100])
    assert judge(lesson.root, lesson).state == "changed"
