"""Every scenario against a real server, with as few bots and as little time as it has a meaning with.

What they find is not asserted: only that they find it, and that all got in.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from load_tests import seed
from load_tests.large_lesson import LargeLesson
from load_tests.media import Camera
from load_tests.scenarios.discussion import DiscussionOptions, discussion
from load_tests.scenarios.district import DistrictOptions, district
from load_tests.scenarios.idle import IdleOptions, idle
from load_tests.scenarios.impaired import ImpairedOptions, impaired
from load_tests.scenarios.lecture import LectureOptions, lecture
from load_tests.scenarios.phase_change import PhaseOptions, phase_change
from load_tests.scenarios.pointer import PointerOptions, pointer
from load_tests.scenarios.reconnect import ReconnectOptions, reconnect
from load_tests.scenarios.recording import RecordingOptions, recording
from load_tests.scenarios.roster import RosterOptions, roster
from load_tests.scenarios.soak import SoakOptions, soak
from load_tests.scenarios.storm import StormOptions, storm
from load_tests.scenarios.wall import WallOptions, wall
from load_tests.server import ServerProcess
from load_tests.statistics import Percentiles
from load_tests.target import Target
from load_tests.tokens import issuer
from load_tests.websocket import WebSocketDoor
from signaling.auth import Tokens

SMALL = Camera(bits_per_second=400_000, key_octets=8_000)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def served(data: Path, migrated_file: Path) -> AsyncIterator[Target]:
    shutil.copyfile(migrated_file, data / seed.DATABASE)
    lessons = [*seed.discussion(), *seed.wall(2), *seed.large(2), *seed.recorded(2), *seed.district(2, 2)]
    await seed.seed(data, lessons)
    async with ServerProcess(data=data) as server:
        yield Target(server.url, server.pid, issuer(Tokens.open(data), "demo"), data=data)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """One server for all whose people go again."""
    async with served(tmp_path_factory.mktemp("load-test"), migrated_file) as target:
        yield target


def by_websocket(target: Target) -> Target:
    return Target(target.url, target.pid, target.token, WebSocketDoor)


async def test_those_who_watch_and_those_who_join_at_once(target: Target) -> None:
    options = StormOptions(watching=2, joining=3, duration_s=0.4, settle_s=0.1, camera=SMALL)
    report = await storm(options, target)
    assert str(report.value("joined")).startswith("3, 0 failed, 0 without")
    calm = report.value("calm_audio_ms")
    assert isinstance(calm, Percentiles)
    assert calm.count
    assert report.charts[0].series[0].x


async def test_lessons_are_recorded_side_by_side(migrated_file: Path, tmp_path: Path) -> None:
    options = RecordingOptions(lessons=2, duration_s=1.0, settle_s=0.5, camera=SMALL)
    async with served(tmp_path, migrated_file) as target:
        report = await recording(options, target)
    assert (report.value("lessons"), report.value("gaps"), report.value("proven")) == (2, 0, "2 of 2")
    assert isinstance(report.value("recorder_share"), float)


async def test_silence_is_paid_for(target: Target) -> None:
    options = IdleOptions(subscribers=2, duration_s=0.2, settle_s=0.1, moments=1, camera=SMALL)
    report = await idle(options, target)
    assert (report.value("failed"), report.value("without_media")) == (0, 0)
    assert isinstance(report.value("cpu_us_per_s"), float)
    after = report.value("moments_ms")
    assert isinstance(after, Percentiles)
    assert after.count


async def test_pages_watch_a_lecture(target: Target) -> None:
    options = LectureOptions(subscribers=2, duration_s=0.3, settle_s=0.1, camera=SMALL)
    report = await lecture(options, by_websocket(target))
    assert (report.subscribers, report.joins.failed) == (2, 0)
    assert report.delays.decrypted == report.delays.streams


async def test_everybody_sends(target: Target) -> None:
    options = DiscussionOptions(members=3, speakers=9, duration_s=0.4, settle_s=0.1, joins_per_second=20)
    report = await discussion(options, by_websocket(target))
    assert (report.value("members"), report.value("failed"), report.value("without_media")) == (3, 0, 0)
    # Four voices by their places, and one line that stands by for a class's own Q&A.
    assert report.value("tracks") == "5 of sound, 4 pictures"
    heard = report.value("audio_ms")
    assert isinstance(heard, Percentiles)
    assert heard.count


async def test_a_wall_of_lessons(target: Target) -> None:
    report = await wall(WallOptions(lessons=2, duration_s=0.4, settle_s=0.1), by_websocket(target))
    assert (report.value("lessons"), report.value("failed"), report.value("without_media")) == (2, 0, 0)


async def test_many_lessons_of_few_classrooms(target: Target) -> None:
    options = DistrictOptions(lessons=2, classrooms=2, duration_s=0.4, settle_s=0.1, camera=SMALL)
    report = await district(options, target)
    # All but the first, who warms the server up.
    assert (report.value("joined"), report.value("failed"), report.value("without_media")) == (3, 0, 0)
    heard = report.value("audio_ms")
    assert isinstance(heard, Percentiles)
    assert heard.count


async def test_links_of_every_kind(target: Target) -> None:
    report = await impaired(ImpairedOptions(viewers=5, duration_s=0.6, settle_s=0.2), target)
    assert report.value("failed") == 0
    assert report.value("falls_links") == 1
    assert len(report.charts[0].series) == 5


async def test_coming_and_going_leaves_nothing(target: Target) -> None:
    report = await soak(SoakOptions(cycles=8, duration_s=20, warm_up=4, at_once=4, camera=SMALL), target)
    assert (report.value("cycles"), report.value("failed")) == (8, 0)
    assert all(report.value(f"cycles_{way}") == 2 for way in ("udp", "tcp", "websocket", "whip"))
    assert report.value("sessions") == 0


async def test_a_large_lesson_goes_through_its_phases(target: Target) -> None:
    lesson = LargeLesson(classes=2, pupils=3, attending=1)
    phases = ("local_qa", "break", "lecture")
    options = PhaseOptions(lesson, phases=phases, span_s=1.5, settle_s=0.1, calm_s=0.2, calm_spans=1)
    report = await phase_change(options, by_websocket(target))
    assert report.value("routes_missing") == 0
    assert report.value("fresh_offers") == 0
    routes = report.value("routes_ms")
    assert isinstance(routes, Percentiles)
    assert routes.count == 6, "each pupil with media, at each change"


async def test_a_school_comes_in(target: Target) -> None:
    lesson = LargeLesson(classes=2, pupils=4, attending=3)
    options = RosterOptions(lesson, duration_s=0.4, settle_s=0.1)
    report = await roster(options, by_websocket(target))
    assert report.value("joined") == 4
    assert isinstance(report.value("signaling_ms_per_join"), float)


async def test_the_master_points_before_a_school(target: Target) -> None:
    lesson = LargeLesson(classes=2, pupils=4, attending=4)
    options = PointerOptions(lesson, moves_per_s=50, duration_s=1, settle_s=0.1)
    report = await pointer(options, by_websocket(target))
    said, told = report.value("moves_said_per_s"), report.value("moves_told_per_s")
    assert isinstance(said, float) and isinstance(told, float)
    assert said == 50 > told > 0, "as many as eyes can use"
    assert report.value("watchers_share") == 100
    assert isinstance(report.value("delay_ms"), Percentiles)


async def test_a_lesson_comes_back_after_a_restart(tmp_path: Path) -> None:
    await seed.seed(tmp_path, seed.large(2))
    async with ServerProcess(data=tmp_path) as server:
        token = issuer(Tokens.open(tmp_path), "demo")
        target = Target(server.url, server.pid, token, WebSocketDoor, data=tmp_path)
        options = ReconnectOptions(LargeLesson(classes=2, pupils=3, attending=1), settle_s=0.1)
        report = await reconnect(options, target, server)
    assert (report.value("back"), report.value("without_media")) == ("4 of 4", 0)
