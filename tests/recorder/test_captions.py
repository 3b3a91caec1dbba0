"""Captions are read cue by cue; what is not WebVTT is refused with its place."""

import pytest

from recorder.captions import (
    MAX_CUE_CHARACTERS,
    BadCaptionsError,
    Cue,
    languages,
    parse,
    playlist,
    put,
    written,
)

GOOD = """\ufeffWEBVTT - 光合作用
Kind: captions

STYLE
::cue { color: red }

NOTE nobody reads this

1
00:01.000 --> 00:04.500 align:start position:10%
同学们好，
今天讲<b>光合作用</b>。

00:00:05.000 --> 01:00:06.000
第二句
"""


def test_cues_and_nothing_else_are_kept():
    cues = parse(GOOD.replace("\n", "\r\n").encode())
    assert cues == [
        Cue(1000, 4500, "同学们好，\n今天讲<b>光合作用</b>。", "align:start position:10%"),
        Cue(5000, 3_606_000, "第二句"),
    ]
    assert parse(written(cues)) == cues
    assert b"STYLE" not in written(cues)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1\n00:01.000 --> 00:02.000\nx", "first line"),
        ("WEBVTTx\n\n", "first line"),
        ("WEBVTT\n\n00:02.000 --> 00:01.000\nx", "ends before"),
        ("WEBVTT\n\n00:00.000 --> soon\nx", "no time"),
        ("WEBVTT\n\n0:00.0 --> 00:01.000\nx", "no time"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000 <script>\nx", "no time line"),
        ("WEBVTT\n\n00:05.000 --> 00:06.000\nx\n\n00:01.000 --> 00:02.000\ny", "before the one"),
        ("WEBVTT\n\n00:05.000 --> 00:06.000\n" + "x" * (MAX_CUE_CHARACTERS + 1), "characters"),
        ("WEBVTT\n\n00:05.000 --> 00:06.000\nx\x07", "control"),
    ],
)
def test_what_is_refused(text, reason):
    with pytest.raises(BadCaptionsError, match=reason):
        parse(text.encode())


def test_not_utf8():
    with pytest.raises(BadCaptionsError, match="UTF-8"):
        parse("WEBVTT\n\n字幕".encode("gbk"))


def test_they_stand_beside_the_media(studio):
    lesson = studio()
    lesson.spool.work()
    assert put(lesson.library, lesson.item, "zh-CN", GOOD.encode()) == 2
    assert put(lesson.library, lesson.item, "en", b"WEBVTT\n") == 0
    assert languages(lesson.storage, lesson.item) == ["en", "zh-CN"]
    assert "captions.en.vtt" in playlist("en", 61_500_000) and ":62" in playlist("en", 61_500_000)
