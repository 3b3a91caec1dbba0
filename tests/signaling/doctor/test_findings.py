"""What follows from what was found."""

from __future__ import annotations

import pytest

from signaling import catalogue
from signaling.doctor.findings import Finding, Report, Way, make_report

WORKS = {Way.HTTP: True, Way.WEBSOCKET: True, Way.UDP: True, Way.TCP: True}


def report(
    ways: dict[Way, bool],
    *,
    server: str = "https://lesson.example.org",
    hosts: tuple[str, ...] = ("192.0.2.1",),
    offset_ms: float | None = 0.0,
    down_kbps: int = 3000,
    loss: float = 0.0,
) -> Report:
    findings = [
        Finding(way=way, target="x", works=works, down_kbps=down_kbps, up_kbps=3000, loss=loss)
        for way, works in ways.items()
    ]
    return make_report(server, findings, clock_offset_ms=offset_ms, media_port=7000, media_hosts=list(hosts))


@pytest.mark.parametrize(
    ("ways", "quality", "advice"),
    [
        (WORKS, "good", ["none"]),
        (WORKS | {Way.UDP: False}, "fair", ["open-udp"]),
        (WORKS | {Way.TCP: False}, "good", ["none"]),
        (WORKS | {Way.UDP: False, Way.TCP: False}, "none", ["open-media"]),
        (WORKS | {Way.UDP: False, Way.TCP: False, Way.TURN: True}, "fair", ["open-udp-turn-only"]),
        (
            WORKS | {Way.UDP: False, Way.TCP: False, Way.TURN: False},
            "none",
            ["open-media-or-turn", "turn-broken"],
        ),
        (WORKS | {Way.TURN: False}, "good", ["turn-broken"]),
        (WORKS | {Way.WEBSOCKET: False}, "none", ["websocket"]),
        ({Way.HTTP: False}, "none", ["http"]),
    ],
)
def test_verdicts(ways: dict[Way, bool], quality: str, advice: list[str]) -> None:
    found = report(ways)
    assert (found.quality, found.advice) == (quality, advice)
    assert found.media_works is (quality != "none")


@pytest.mark.parametrize(
    ("down_kbps", "loss", "quality"), [(300, 0.0, "poor"), (900, 0.0, "fair"), (3000, 0.2, "poor")]
)
def test_a_thin_or_lossy_line(down_kbps: int, loss: float, quality: str) -> None:
    found = report(WORKS, down_kbps=down_kbps, loss=loss)
    assert found.quality == quality
    assert ("bandwidth" in found.advice) is (quality == "poor")


def test_a_clock_that_is_wrong() -> None:
    assert report(WORKS, offset_ms=-90_000.0).advice == ["clock"]


def test_a_server_that_offers_media_to_itself_alone() -> None:
    ways = WORKS | {Way.UDP: False, Way.TCP: False}
    assert report(ways, hosts=("127.0.0.1", "::1")).advice == ["loopback"]
    assert report(ways, hosts=("127.0.0.1",), server="http://localhost:8080").advice == ["open-media"]


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_everything_has_words(language: str) -> None:
    texts = catalogue.messages(language)
    for way in Way:
        assert f"doctor.way.{way}" in texts
    for quality in ("good", "fair", "poor", "none"):
        assert f"doctor.quality.{quality}" in texts
