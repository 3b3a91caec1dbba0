"""The lecture scenario with bots, sink and figures, against a server in miniature."""

from __future__ import annotations

import os
from typing import Any

import pytest

from load_tests.media import Camera
from load_tests.report import table, write_json
from load_tests.scenarios.lecture import LectureOptions, ScenarioFailed, Target, lecture

SUBSCRIBERS = 3


def token(role: str, number: int, lesson: str = "", class_id: str = "") -> str:
    return f"{role}{number}"


@pytest.fixture
def options() -> LectureOptions:
    # A server of Python loses nothing of so little, whatever else the machine does.
    camera = Camera(bits_per_second=400_000, key_octets=8_000)
    return LectureOptions(
        subscribers=SUBSCRIBERS, duration_s=0.6, joins_per_second=100, bare_s=0.1, settle_s=0.0, camera=camera
    )


async def test_figures_of_a_whole_lecture(miniature: Any, options: LectureOptions, tmp_path: Any) -> None:
    report = await lecture(options, Target(miniature.url, os.getpid(), token))

    assert report.subscribers == SUBSCRIBERS
    assert (report.joins.failed, report.joins.without_media) == (0, 0)
    assert report.window.lost == report.window.dropped_by_sink == 0
    # Every subscriber's audio and video was decrypted and held what the publisher had put there.
    assert report.delays.decrypted == report.delays.streams == 2 * SUBSCRIBERS
    assert report.delays.audio_ms.count > 0
    assert report.delays.video_ms.count > 0
    assert report.window.packets_sent > 0
    assert report.window.process_us_per_packet is not None
    assert report.joins.first_packet_ms.count == SUBSCRIBERS - 1
    assert report.bare is not None
    assert report.times_bare == report.window.process_us_per_packet / report.bare.us_per_packet
    assert report.srtp_profile.startswith("SRTP_")
    assert all(session.closed for session in miniature.server.sessions)

    write_json(report, tmp_path / "report.json")
    assert '"packets_sent"' in (tmp_path / "report.json").read_text()
    assert "server CPU per RTP packet sent" in table(report)
    assert "kernel and AES-GCM alone" in table(report)


async def test_a_server_elsewhere_has_no_processor_figures(miniature: Any, options: LectureOptions) -> None:
    report = await lecture(options, Target(miniature.url, None, token))
    assert (report.window.process_us_per_packet, report.bare, report.times_bare) == (None, None, None)
    assert report.joins.rss_kb_per_subscriber is None
    assert "unknown" in table(report)


async def test_comes_back_when_told_to(miniature: Any, options: LectureOptions) -> None:
    miniature.server.not_yet = 1
    report = await lecture(options, Target(miniature.url, None, token))
    assert (report.subscribers, report.joins.failed) == (SUBSCRIBERS, 0)


async def test_a_refused_publisher_ends_the_scenario(miniature: Any) -> None:
    with pytest.raises(ScenarioFailed, match=r"publisher could not get in: .*404"):
        await lecture(LectureOptions(subscribers=1, lesson="other"), Target(miniature.url, None, token))


async def test_a_server_that_is_not_there(free_port: Any) -> None:
    with pytest.raises(ScenarioFailed, match="could not get in"):
        await lecture(LectureOptions(subscribers=1), Target(f"http://127.0.0.1:{free_port()}", None, token))
