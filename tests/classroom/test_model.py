from __future__ import annotations

import pytest

from classroom.model import (
    CAMERA,
    MICROPHONE,
    SCREEN,
    SCREEN_AUDIO,
    Lesson,
    LessonId,
    SourceKind,
    encoder_source,
    parse_source,
    source_kind,
)
from sfu.params import Kind


@pytest.mark.parametrize(
    ("text", "kind", "media"),
    [
        ("camera", SourceKind.CAMERA, Kind.VIDEO),
        ("microphone", SourceKind.MICROPHONE, Kind.AUDIO),
        ("screen", SourceKind.SCREEN, Kind.VIDEO),
        ("screen_audio", SourceKind.SCREEN_AUDIO, Kind.AUDIO),
        ("cam 1.video", SourceKind.ENCODER_VIDEO, Kind.VIDEO),
        ("讲台.audio", SourceKind.ENCODER_AUDIO, Kind.AUDIO),
        ("a.b.video", SourceKind.ENCODER_VIDEO, Kind.VIDEO),
        ("screen.video", SourceKind.ENCODER_VIDEO, Kind.VIDEO),
    ],
)
def test_a_source_is_read(text: str, kind: SourceKind, media: Kind) -> None:
    source = parse_source(text)
    assert source == text
    assert source_kind(source) is kind
    assert kind.media is media


@pytest.mark.parametrize(
    "text",
    ["", "Camera", "video", ".video", " .video", "a.txt", "a/b.video", "a\n.video", "x" * 58 + ".video"],
)
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a source"):
        parse_source(text)


def test_an_encoder_has_a_source_of_each_kind() -> None:
    assert encoder_source("cam", Kind.VIDEO) == "cam.video"
    assert encoder_source("cam", Kind.AUDIO) == "cam.audio"
    with pytest.raises(ValueError, match="not a source"):
        encoder_source("../cam", Kind.AUDIO)


def test_the_longest_source_fits_the_protocol() -> None:
    assert len(parse_source("x" * 57 + ".audio")) <= 64


def test_devices_are_their_own_kind() -> None:
    for source in (CAMERA, MICROPHONE, SCREEN, SCREEN_AUDIO):
        assert source_kind(source).value == source


def test_an_unknown_class_is_none() -> None:
    assert Lesson(LessonId("L"), "").class_room(None) is None
