"""`tongke library verify` and `rebuild`, as an operator meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recorder import index, ledger, recovery
from recorder.depacketize.frame import CodecConfig
from recorder.fragments import FragmentMuxer, silence
from recorder.item import header_path, index_path, ledger_path, part_path
from recorder.media_lines import rebuild_index
from recorder.signing import LedgerKey
from recorder.storage import Storage
from signaling.cli import main

ITEM = "demo-20261010T080000Z-abcdef"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An item of the first layout; `sealed` makes one that proves something."""
    storage = Storage(tmp_path / "library")
    header = ledger.Header(id=ITEM, lesson="demo", title="光合作用", started_ms=0)
    storage.replace(header_path(ITEM), ledger.encode(header))
    entries: list[ledger.Entry] = [
        ledger.TrackAdded(track="t0", person="p1", source="microphone", kind="audio", at_us=0),
        ledger.Began(track="t0", at_us=0),
        ledger.Ended(at_us=1_000_000, cause="ended"),
    ]
    storage.replace(ledger_path(ITEM), b"".join(ledger.encode(entry) for entry in entries))
    init = FragmentMuxer(CodecConfig("opus", "opus", 48_000, channels=2), b"").init
    media = init + silence(0, 1_000_000)
    lines, _ = rebuild_index(media, 0)
    storage.replace(index_path(ITEM, "t0"), b"".join(index.encode(line) for line in lines))
    storage.replace(part_path(ITEM, "t0", 0), media)
    return tmp_path


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    storage = Storage(tmp_path / "library")
    key = LedgerKey.open(tmp_path)
    header = ledger.Header(
        id=ITEM, lesson="demo", title="光合作用", started_ms=0, version=ledger.VERSION, key=key.public
    )
    storage.replace(header_path(ITEM), ledger.encode(header))
    recovery.close_item(storage, ITEM, key)
    return tmp_path


def test_what_is_whole_is_said_to_be(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "verify", ITEM, "--data", str(sealed)]) == 0
    assert capsys.readouterr().out == f"{ITEM} is complete and unchanged.\n"


def test_what_was_changed_is_named_with_its_place(
    sealed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sealed / "library" / ITEM / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b"server", b"ended"))
    assert main(["library", "verify", ITEM, "--data", str(sealed)]) == 4
    assert "ledger.jsonl: changed, line 1" in capsys.readouterr().out
    assert main(["library", "verify", ITEM, "--json", "--data", str(sealed)]) == 4
    found = json.loads(capsys.readouterr().out)["findings"]
    assert found[0] == {"kind": "line_changed", "file": "ledger.jsonl", "line": 1}
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    main(["library", "verify", ITEM, "--data", str(sealed)])
    assert "被改动" in capsys.readouterr().out


def test_a_library_of_another_server_needs_its_key(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = LedgerKey.open(sealed).public
    (sealed / "ledger.key").unlink()
    assert main(["library", "verify", ITEM, "--data", str(sealed)]) == 4
    assert "not trusted" in capsys.readouterr().out
    assert main(["library", "verify", ITEM, f"--key={key}", "--data", str(sealed)]) == 0
    (sealed / "ledger.trusted").write_text(f"# the old server\n{key}\n")
    assert main(["library", "verify", ITEM, "--data", str(sealed)]) == 0


def test_an_item_of_the_first_layout_proves_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "verify", ITEM, "--data", str(data)]) == 3
    assert "nothing can be proved" in capsys.readouterr().out


def test_a_cut_segment_is_named_with_its_time(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data / "library" / ITEM / "t0.0.mp4"
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["library", "verify", ITEM, "--data", str(data)]) == 4
    assert "t0.0.mp4: cut short, fragment 1, at 0:00:00.0" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["verify", "rebuild"])
@pytest.mark.parametrize("item", ["nothing", "../secret"])
def test_unknown_items_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str, item: str
) -> None:
    assert main(["library", action, item, "--data", str(tmp_path)]) == 2
    assert "tongke library ls" in capsys.readouterr().err


def test_rebuild_says_what_it_did(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "rebuild", ITEM, "--data", str(data)]) == 0
    assert "nothing is lost" in capsys.readouterr().out
    (data / "library" / ITEM / "t0.jsonl").unlink()
    assert main(["library", "rebuild", ITEM, "--data", str(data)]) == 0
    assert "t0.jsonl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"TONGKE_STORAGE": "s3://"}, "names no bucket"),
        ({"TONGKE_STORAGE_KEY_ID": "a"}, "storage_secret"),
    ],
)
def test_settings_of_the_archive_are_checked(
    settings: dict[str, str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert main(["library", "ls", "--data", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
