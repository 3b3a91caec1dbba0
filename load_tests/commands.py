"""The words of `python -m load_tests`: every scenario, its options, and how they become a run."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from classroom.model import Lesson
from signaling.auth import Tokens

from . import seed
from .figures import Report
from .large_lesson import LargeLesson
from .media import FRAGMENTATION, Camera
from .report import LectureReport
from .scenarios.audience import AudienceOptions, audience
from .scenarios.catalogue import CatalogueOptions, catalogue
from .scenarios.compare import compare
from .scenarios.dashboard import DashboardOptions, dashboard
from .scenarios.discussion import MAX_MEMBERS, DiscussionOptions, discussion
from .scenarios.district import DistrictOptions, district
from .scenarios.idle import IdleOptions, idle
from .scenarios.impaired import ImpairedOptions, impaired
from .scenarios.imports import ImportOptions, imports
from .scenarios.lecture import LectureOptions, lecture
from .scenarios.library import LibraryOptions, library
from .scenarios.long_lesson import LongOptions, long_lesson
from .scenarios.phase_change import PhaseOptions, phase_change
from .scenarios.pointer import PointerOptions, pointer
from .scenarios.proof import PUBLISHERS, ProofOptions, proof
from .scenarios.reconnect import ReconnectOptions, reconnect
from .scenarios.recording import RecordingOptions, recording
from .scenarios.replay import ReplayOptions, replay
from .scenarios.roster import RosterOptions, roster
from .scenarios.scaling import scaling
from .scenarios.soak import SoakOptions, soak
from .scenarios.storm import StormOptions, storm
from .scenarios.supervision_wall import SupervisionWallOptions, supervision_wall
from .scenarios.timetable import TimetableOptions, timetable
from .scenarios.wall import WallOptions, wall
from .server import ServerProcess
from .target import Target
from .tokens import issuer
from .websocket import WebSocketDoor
from .whip import WhipClient

MAX_SUBSCRIBERS = 5_000
"""File descriptors and ports of one machine; more bots need more machines."""
MAX_DURATION_S = 3_600
DOORS = {"whep": WhipClient, "websocket": WebSocketDoor}

Found = Report | LectureReport
Run = Callable[[argparse.Namespace, Target], Awaitable[Found]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a word of the command line stands for; kept in the parser's `begin`."""

    run: Run
    lessons: Callable[[argparse.Namespace], Sequence[Lesson]] = lambda _options: ()
    """What must be in the server's database before it starts: needs a server of its own."""
    starts_servers: bool = False
    """It starts what it measures; there is no target."""
    own_network: bool = False
    """It runs in a network namespace, whose address is then in the option `host`."""


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """`begin` is the Scenario. Exits with a message for wrong words."""
    parser = argparse.ArgumentParser(
        prog="python -m load_tests",
        description="Measures a server: one of its own, ended afterwards, or with --url a running one.",
    )
    scenarios = parser.add_subparsers(dest="scenario", required=True, metavar="SCENARIO")
    for add in (
        _lecture,
        _join_storm,
        _latency,
        _discussion,
        _wall,
        _district,
        _recording,
        _proof,
        _impaired,
        _soak,
        _idle,
        _scaling,
        _compare,
        _library,
        _supervision_wall,
        _catalogue,
        _import,
        _timetable,
        _dashboard,
        _phase_change,
        _roster,
        _pointer,
        _reconnect,
        _replay,
        _long_lesson,
        _audience,
    ):
        add(scenarios)
    options = parser.parse_args(words)
    if options.url and not options.data:
        parser.error("--url needs --data DIR: the directory with the signing.key of that server")
    if options.url and options.begin.lessons(options):
        parser.error(f"{options.scenario} makes lessons of its own, so it cannot use --url")
    return options


Scenarios: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _scenario(scenarios: Scenarios, name: str, words: str, begin: Scenario) -> argparse.ArgumentParser:
    """With the options that all have."""
    one = scenarios.add_parser(name, help=words, description=words)
    one.set_defaults(begin=begin)
    one.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    one.add_argument("--plot", type=Path, metavar="FILE", help="draw them there, as PNG")
    one.add_argument("--lesson", default="demo", metavar="ID")
    one.add_argument("--url", help="a server that runs already; needs --data")
    one.add_argument("--pid", type=int, help="its process id, if on this machine: for CPU and memory")
    one.add_argument("--data", type=Path, metavar="DIR", help="its data directory, with the signing key")
    one.add_argument("--serve", default="", metavar="OPTIONS", help="more options for `tongke serve`")
    return one


def _with_camera(one: argparse.ArgumentParser) -> None:
    one.add_argument("--bit-rate", type=whole(400_000, 20_000_000), default=1_500_000, metavar="BITS")
    sizes = "packet sizes of a frame: as browsers make them (even), or as FFmpeg and GStreamer do (full)"
    one.add_argument("--fragments", choices=sorted(FRAGMENTATION), default="even", help=sizes)
    one.add_argument(
        "--way",
        choices=sorted(DOORS),
        default="whep",
        help="how subscribers come in (websocket: as pages do)",
    )


def _with_crowd(one: argparse.ArgumentParser, subscribers: int, duration_s: int) -> None:
    one.add_argument("--subscribers", type=whole(1, MAX_SUBSCRIBERS), default=subscribers, metavar="N")
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=duration_s, metavar="SECONDS")
    one.add_argument("--joins-per-second", type=whole(1, 1_000), default=20, metavar="N")


def camera(options: argparse.Namespace) -> Camera:
    return Camera(bits_per_second=options.bit_rate, split=options.fragments)


def whole(least: int, most: int) -> Callable[[str], int]:
    def whole_number(word: str) -> int:
        if not word.isdecimal() or not least <= int(word) <= most:
            raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from {least} to {most}")
        return int(word)

    return whole_number


# --- one scenario each ------------------------------------------------------------------------------------


def _lecture(scenarios: Scenarios) -> None:
    words = "one publisher (720p30 H.264 and Opus), N subscribers"
    one = _scenario(scenarios, "lecture", words, Scenario(_run_lecture))
    _with_crowd(one, subscribers=200, duration_s=20)
    _with_camera(one)


def _run_lecture(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    return lecture(lecture_options(options), target)


def lecture_options(options: argparse.Namespace) -> LectureOptions:
    return LectureOptions(
        subscribers=options.subscribers,
        duration_s=options.duration,
        joins_per_second=options.joins_per_second,
        lesson=options.lesson,
        camera=camera(options),
    )


def _join_storm(scenarios: Scenarios) -> None:
    words = "many join at once while a few watch: when all of them have media"
    _storm(scenarios, "join-storm", words, watching=20, joining=500)


def _latency(scenarios: Scenarios) -> None:
    words = "delay added to packets, calm and while more join at once"
    _storm(scenarios, "latency", words, watching=200, joining=50)


def _storm(scenarios: Scenarios, name: str, words: str, watching: int, joining: int) -> None:
    one = _scenario(scenarios, name, words, Scenario(_run_storm))
    _with_crowd(one, subscribers=watching, duration_s=10)
    one.add_argument(
        "--joining", type=whole(1, MAX_SUBSCRIBERS), default=joining, metavar="N", help="at once"
    )
    _with_camera(one)


def _run_storm(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = StormOptions(
        scenario=options.scenario,
        watching=options.subscribers,
        joining=options.joining,
        duration_s=options.duration,
        joins_per_second=options.joins_per_second,
        lesson=options.lesson,
        camera=camera(options),
    )
    return storm(wanted, target)


def _discussion(scenarios: Scenarios) -> None:
    words = "everybody sends sound and a small picture, everybody gets everybody"
    begin = Scenario(_run_discussion, lambda _options: seed.discussion())
    one = _scenario(scenarios, "discussion", words, begin)
    one.add_argument("--members", type=whole(2, MAX_MEMBERS), default=24, metavar="N")
    one.add_argument(
        "--speakers", type=whole(0, 1_000), default=0, metavar="N", help="more people, who only speak"
    )
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=15, metavar="SECONDS")
    one.set_defaults(way="websocket")


def _run_discussion(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = DiscussionOptions(
        members=options.members, speakers=options.speakers, duration_s=options.duration
    )
    return discussion(wanted, target)


def _wall(scenarios: Scenarios) -> None:
    words = "a supervisor who watches many lessons at the same time"
    begin = Scenario(_run_wall, lambda options: seed.wall(options.lessons))
    one = _scenario(scenarios, "wall", words, begin)
    one.add_argument("--lessons", type=whole(1, 200), default=50, metavar="N")
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=15, metavar="SECONDS")
    one.set_defaults(way="websocket")


def _run_wall(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    return wall(WallOptions(lessons=options.lessons, duration_s=options.duration), target)


def _district(scenarios: Scenarios) -> None:
    words = "many lessons at the same time, each recorded, each with a few classrooms"
    begin = Scenario(_run_district, lambda options: seed.district(options.lessons, options.classrooms))
    one = _scenario(scenarios, "district", words, begin)
    one.add_argument("--lessons", type=whole(1, 200), default=30, metavar="N")
    one.add_argument("--classrooms", type=whole(1, 200), default=10, metavar="N", help="of each lesson")
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=15, metavar="SECONDS")
    one.add_argument("--joins-per-second", type=whole(1, 1_000), default=20, metavar="N")
    _with_camera(one)


def _run_district(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = DistrictOptions(
        lessons=options.lessons,
        classrooms=options.classrooms,
        duration_s=options.duration,
        joins_per_second=options.joins_per_second,
        camera=camera(options),
    )
    return district(wanted, target)


def _recording(scenarios: Scenarios) -> None:
    words = "many lessons recorded at the same time: what it costs, and whether anything is missing"
    begin = Scenario(_run_recording, lambda options: seed.recorded(options.lessons))
    one = _scenario(scenarios, "recording", words, begin)
    one.add_argument("--lessons", type=whole(1, 200), default=50, metavar="N")
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=20, metavar="SECONDS")
    one.add_argument("--bit-rate", type=whole(100_000, 20_000_000), default=1_500_000, metavar="BITS")


def _proof(scenarios: Scenarios) -> None:
    words = "a lesson with loss, an outage, a killed recorder and a change of size: what its recording says"
    begin = Scenario(_run_proof, lambda options: seed.proven(_publishers(options)))
    one = _scenario(scenarios, "proof", words, begin)
    one.add_argument("--publisher", choices=[*PUBLISHERS, "both"], default="both", help="who sends")
    one.add_argument("--duration", type=whole(20, MAX_DURATION_S), default=600, metavar="SECONDS")
    one.add_argument("--outage", type=whole(1, 600), default=20, metavar="SECONDS")
    one.add_argument("--loss", type=whole(0, 20), default=3, metavar="PERCENT")
    one.add_argument("--seed", type=whole(0, 1 << 31), default=1, metavar="N")


def _publishers(options: argparse.Namespace) -> tuple[str, ...]:
    return PUBLISHERS if options.publisher == "both" else (options.publisher,)


def _run_proof(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = ProofOptions(
        duration_s=options.duration,
        outage_s=options.outage,
        loss=options.loss / 100,
        publishers=_publishers(options),
        seed=options.seed,
    )
    return proof(wanted, target)


def _run_recording(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = RecordingOptions(
        lessons=options.lessons,
        duration_s=options.duration,
        camera=Camera(bits_per_second=options.bit_rate),
    )
    return recording(wanted, target)


def _impaired(scenarios: Scenarios) -> None:
    words = "each of many viewers behind a link with its own limit, delay and loss"
    one = _scenario(scenarios, "impaired", words, Scenario(_run_impaired))
    one.add_argument("--viewers", type=whole(1, 100), default=20, metavar="N")
    one.add_argument("--duration", type=whole(3, MAX_DURATION_S), default=45, metavar="SECONDS")
    one.add_argument("--seed", type=whole(0, 1 << 31), default=1, metavar="N")


def _run_impaired(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = ImpairedOptions(
        viewers=options.viewers, duration_s=options.duration, seed=options.seed, lesson=options.lesson
    )
    return impaired(wanted, target)


def _soak(scenarios: Scenarios) -> None:
    words = "join and leave by UDP, TCP, WebSocket and WHIP, and what is left of it"
    one = _scenario(scenarios, "soak", words, Scenario(_run_soak))
    one.add_argument("--cycles", type=whole(1, 100_000), default=400, metavar="N")
    one.add_argument("--duration", type=whole(1, 24 * 3_600), default=120, metavar="SECONDS", help="at most")
    one.add_argument("--at-once", type=whole(1, 100), default=8, metavar="N")
    gone = "each N-th goes without a word, and the server finds out by its time-outs (see --serve)"
    one.add_argument("--vanish-every", type=whole(0, 1_000), default=0, metavar="N", help=gone)


def _run_soak(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = SoakOptions(
        cycles=options.cycles,
        duration_s=options.duration,
        at_once=options.at_once,
        vanish_every=options.vanish_every,
        lesson=options.lesson,
    )
    return soak(wanted, target)


def _idle(scenarios: Scenarios) -> None:
    words = "what a subscribed but silent participant costs"
    one = _scenario(scenarios, "idle", words, Scenario(_run_idle))
    _with_crowd(one, subscribers=200, duration_s=20)
    _with_camera(one)


def _run_idle(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = IdleOptions(
        subscribers=options.subscribers,
        duration_s=options.duration,
        joins_per_second=options.joins_per_second,
        lesson=options.lesson,
        camera=camera(options),
    )
    return idle(wanted, target)


def _library(scenarios: Scenarios) -> None:
    words = "lists and searches of a library with many items, by HTTP"
    one = _scenario(scenarios, "library", words, Scenario(_run_library, starts_servers=True))
    one.add_argument("--items", type=whole(1, 1_000_000), default=100_000, metavar="N")
    one.add_argument("--rounds", type=whole(1, 1_000), default=20, metavar="N")
    one.add_argument(
        "--database", default="", metavar="URL", help="an empty PostgreSQL database; else SQLite"
    )


def _supervision_wall(scenarios: Scenarios) -> None:
    words = "the supervisors' wall: processor and octets for pictures of so many live lessons"
    one = _scenario(
        scenarios, "supervision-wall", words, Scenario(_run_supervision_wall, starts_servers=True)
    )
    one.add_argument("--lessons", type=whole(1, 1_000), default=200, metavar="N")
    one.add_argument("--duration", type=whole(5, 60), default=30, metavar="SECONDS")


def _run_supervision_wall(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return supervision_wall(SupervisionWallOptions(options.lessons, float(options.duration)))


def _run_library(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return library(LibraryOptions(options.items, options.database, options.rounds))


def _catalogue(scenarios: Scenarios) -> None:
    words = "searches and enrolments in a catalogue with many lessons, by HTTP"
    one = _scenario(scenarios, "catalogue", words, Scenario(_run_catalogue, starts_servers=True))
    one.add_argument("--lessons", type=whole(10, 1_000_000), default=100_000, metavar="N")
    one.add_argument("--enrolments", type=whole(0, 10_000_000), default=1_000_000, metavar="N")
    one.add_argument("--rounds", type=whole(1, 1_000), default=40, metavar="N")
    one.add_argument("--storm", type=whole(1, 5_000), default=500, metavar="N")
    one.add_argument(
        "--database", default="", metavar="URL", help="an empty PostgreSQL database; else SQLite"
    )


def _timetable(scenarios: Scenarios) -> None:
    words = "all lessons of a district's day cancelled in one action, and restored, by HTTP"
    one = _scenario(scenarios, "timetable", words, Scenario(_run_timetable, starts_servers=True))
    one.add_argument("--schools", type=int, default=1_000, help="of the district")
    one.add_argument("--lessons", type=int, default=2_000, help="of the day")
    one.add_argument("--database", default="", metavar="URL", help="an empty database; SQLite by default")


def _run_timetable(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return timetable(TimetableOptions(options.schools, options.lessons, options.database))


def _run_catalogue(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return catalogue(
        CatalogueOptions(options.lessons, options.enrolments, options.database, options.rounds, options.storm)
    )


def _import(scenarios: Scenarios) -> None:
    words = "people of a district from a CSV file, looked at and taken: how long, and what waits meanwhile"
    one = _scenario(scenarios, "import", words, Scenario(_run_import, starts_servers=True))
    one.add_argument("--rows", type=whole(1, 200_000), default=200_000, metavar="N")
    one.add_argument("--encoding", choices=["utf-8", "gb18030", "utf-16"], default="gb18030")
    one.add_argument(
        "--database", default="", metavar="URL", help="an empty PostgreSQL database; else SQLite"
    )


def _run_import(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return imports(ImportOptions(options.rows, options.encoding, options.database))


def _dashboard(scenarios: Scenarios) -> None:
    words = "the organizers' dashboard over many schools and lessons a day, by HTTP"
    one = _scenario(scenarios, "dashboard", words, Scenario(_run_dashboard, starts_servers=True))
    one.add_argument("--schools", type=whole(10, 10_000), default=1_000, metavar="N")
    one.add_argument("--lessons", type=whole(10, 5_000), default=2_000, metavar="N", help="a day")
    one.add_argument("--days", type=whole(2, 100), default=30, metavar="N")
    one.add_argument("--rounds", type=whole(1, 1_000), default=60, metavar="N")
    one.add_argument(
        "--database", default="", metavar="URL", help="an empty PostgreSQL database; else SQLite"
    )


def _run_dashboard(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return dashboard(
        DashboardOptions(options.schools, options.lessons, options.days, options.rounds, options.database)
    )


def _scaling(scenarios: Scenarios) -> None:
    words = "the lecture with one number of subscribers after the other: cost per packet"
    one = _scenario(scenarios, "scaling", words, Scenario(_run_scaling, starts_servers=True))
    one.add_argument("--numbers", type=_numbers, default=[10, 50, 100, 200, 400], metavar="N,N,...")
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=15, metavar="SECONDS")
    one.add_argument("--joins-per-second", type=whole(1, 1_000), default=40, metavar="N")
    _with_camera(one)


def _numbers(word: str) -> list[int]:
    number = whole(1, MAX_SUBSCRIBERS)
    return [number(part) for part in word.split(",")]


def _run_scaling(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    options.subscribers = max(options.numbers)
    return scaling(lecture_options(options), options.numbers, options.serve.split())


def _compare(scenarios: Scenarios) -> None:
    words = "another server beside ours: the same load, one after the other, in a network of their own (root)"
    begin = Scenario(_run_compare, starts_servers=True, own_network=True)
    one = _scenario(scenarios, "compare", words, begin)
    one.add_argument("--peer", choices=["janus"], required=True, help="Debian's package of that name")
    _with_crowd(one, subscribers=200, duration_s=20)
    _with_camera(one)


def _run_compare(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return compare(lecture_options(options), options.peer, options.host, options.serve.split())


def _phase_change(scenarios: Scenarios) -> None:
    words = "a lesson of many classes goes through its phases: what a change costs, and what pupils notice"
    begin = Scenario(_run_phase_change, lambda options: seed.large(options.classes))
    one = _scenario(scenarios, "phase-change", words, begin)
    _with_large_lesson(one)
    one.add_argument("--rounds", type=int, default=1, help="how often all changes are made (1)")


def _roster(scenarios: Scenarios) -> None:
    words = "many join a lesson within half a minute: what letting them in and telling the others costs"
    begin = Scenario(_run_roster, lambda options: seed.large(options.classes))
    one = _scenario(scenarios, "roster", words, begin)
    _with_large_lesson(one)
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=30, metavar="SECONDS")
    one.set_defaults(attending=MAX_SUBSCRIBERS)


def _run_roster(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    return roster(RosterOptions(lesson=large_lesson(options), duration_s=options.duration), target)


def _pointer(scenarios: Scenarios) -> None:
    words = "the master points at a picture before many: what it costs to show them where"
    begin = Scenario(_run_pointer, lambda options: seed.large(options.classes))
    one = _scenario(scenarios, "pointer", words, begin)
    _with_large_lesson(one)
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=10, metavar="SECONDS")
    one.add_argument("--moves", type=whole(1, 100), default=25, metavar="PER_SECOND")
    one.set_defaults(attending=MAX_SUBSCRIBERS)


def _run_pointer(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = PointerOptions(large_lesson(options), options.moves, options.duration)
    return pointer(wanted, target)


def _reconnect(scenarios: Scenarios) -> None:
    words = "everybody of a large lesson comes back after its server was restarted"
    one = _scenario(scenarios, "reconnect-storm", words, Scenario(_run_reconnect, starts_servers=True))
    _with_large_lesson(one)
    one.add_argument("--crash", action="store_true", help="the server is killed, and says no good-bye")
    one.set_defaults(attending=500)


async def _run_reconnect(options: argparse.Namespace, _target: Target) -> Found:
    wanted = ReconnectOptions(lesson=large_lesson(options), crash=options.crash)
    with tempfile.TemporaryDirectory(prefix="tongke-") as directory:
        data = Path(directory)
        await seed.seed(data, seed.large(options.classes))
        async with ServerProcess(data=data, arguments=options.serve.split()) as server:
            token = issuer(Tokens.open(data), options.lesson)
            target = Target(server.url, server.pid, token, WebSocketDoor, data=data)
            return await reconnect(wanted, target, server)


def _with_large_lesson(one: argparse.ArgumentParser) -> None:
    one.add_argument("--classes", type=whole(1, 200), default=40, metavar="N")
    one.add_argument("--pupils", type=whole(1, MAX_SUBSCRIBERS), default=1_000, metavar="N")
    attending = "so many of the pupils by signaling alone, without media"
    one.add_argument("--attending", type=whole(0, MAX_SUBSCRIBERS), default=0, metavar="N", help=attending)
    one.set_defaults(way="websocket")


def large_lesson(options: argparse.Namespace) -> LargeLesson:
    attending = min(options.attending, options.pupils)
    return LargeLesson(classes=options.classes, pupils=options.pupils, attending=attending)


def _run_phase_change(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    return phase_change(PhaseOptions(lesson=large_lesson(options), rounds=options.rounds), target)


def _replay(scenarios: Scenarios) -> None:
    words = "how soon a recorded lesson of many hours plays, in Chromium and over HTTP"
    one = _scenario(scenarios, "replay", words, Scenario(_run_replay, starts_servers=True))
    one.add_argument("--hours", type=whole(1, 24), default=8, metavar="N")


def _run_replay(options: argparse.Namespace, _: Target) -> Awaitable[Found]:
    return replay(ReplayOptions(hours=options.hours))


def _long_lesson(scenarios: Scenarios) -> None:
    words = "memory and playlists of a live lesson of many hours, on a clock of its own"
    one = _scenario(scenarios, "long-lesson", words, Scenario(_run_long_lesson, starts_servers=True))
    one.add_argument("--hours", type=whole(1, 24), default=8, metavar="N")


def _run_long_lesson(options: argparse.Namespace, _: Target) -> Awaitable[Found]:
    return long_lesson(LongOptions(hours=options.hours))


def _audience(scenarios: Scenarios) -> None:
    words = "viewers of one live lesson by plain HTTP: what they cost the server, with and without nginx"
    one = _scenario(scenarios, "audience", words, Scenario(_run_audience, starts_servers=True))
    one.add_argument("--viewers", type=whole(1, 5_000), default=1_000, metavar="N")
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=20, metavar="SECONDS")
    one.add_argument("--nginx", action="store_true", help="the real nginx in front, as docs/nginx says")


def _run_audience(options: argparse.Namespace, _: Target) -> Awaitable[Found]:
    return audience(
        AudienceOptions(viewers=options.viewers, duration_s=options.duration, nginx=options.nginx)
    )
