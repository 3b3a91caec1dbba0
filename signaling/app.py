"""The composition root: the only module that knows all parts. Builds them in order, and takes them down in
reverse.

    data directory, key -> database -> media plane -> rooms -> recorder -> sessions -> HTTP

Down: nobody new comes in, everybody hears `bye`, HTTP sessions end, rooms close, the recorder finishes its
files, the media plane lets its port go, the database writes what is left.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from classroom.clock import SystemClock
from classroom.directory import MemoryDirectory
from classroom.events import LeaveCause
from classroom.rules.ending import EndLimits
from classroom.store import substitutions
from classroom.store.demo import seed_demo
from classroom.store.demo_network import seed_demo_network
from classroom.store.store import Store
from recorder.library import Library
from recorder.mover import Mover
from recorder.supervisor import RecorderSupervisor
from sfu.params import SfuConfig
from sfu.sfu import Sfu
from signaling import http, keys
from signaling.archive import open_archive
from signaling.auth import Tokens
from signaling.background import Background
from signaling.compositions import Compositions
from signaling.compositions_http import film
from signaling.config import Config
from signaling.devices_http import ENTRY_S
from signaling.diagnosis import add_diagnoses
from signaling.endpoints import OPERATIONS
from signaling.http_session import HttpSession
from signaling.join_http import JOINS, Joins
from signaling.lead_watch import Leader, LeadWatch
from signaling.lesson_ender import LessonEnder
from signaling.library_access import LibraryAccess
from signaling.library_clips_http import add_clip_routes
from signaling.library_keeper import LibraryKeeper
from signaling.library_views import ViewLog
from signaling.mail import Smtp
from signaling.media_access import MediaDoor, authorise_media
from signaling.media_http import add_media_routes
from signaling.media_token import MediaTokens
from signaling.messages import Bye
from signaling.metrics import DoorMetrics, PartsCollector, Readings
from signaling.network.check_in_evidence import Evidence
from signaling.network.check_in_http import EVIDENCE
from signaling.network.dashboard_http import add_dashboard
from signaling.network.device_cookies import DEVICES, DeviceCookies
from signaling.network.enrolment_plans import LessonPlanner, PlannedRooms
from signaling.network.enrolments_http import ENROLMENTS, EnrolmentDoor
from signaling.network.imports_http import IMPORTING
from signaling.network.invitations_http import CODES_TRIED, code_attempts
from signaling.network.mail_dispatcher import LETTERS, MailDispatcher
from signaling.network.openid_http import add_single_sign_on
from signaling.network.second_factor import SecondFactors
from signaling.network.settlement import Settler
from signaling.network.sign_in import SECOND_FACTORS, SIGN_IN, SignInDoor
from signaling.network.supervision_http import REFUSALS, Refusals
from signaling.network.supervision_overdue import OverdueWatch
from signaling.network.supervision_watch import CredentialWatch, Inside
from signaling.network.timetable_http import PLANNER
from signaling.network.wall_http import add_wall
from signaling.openapi import add_operations
from signaling.pages import Pages
from signaling.pairing import Pairings
from signaling.pictures_ahead import PicturesAhead
from signaling.pictures_http import add_picture_routes
from signaling.pointers import Pointers
from signaling.publications import PublicationRegistry
from signaling.quality_watch import Participant, QualityWatch
from signaling.readiness import Readiness
from signaling.recording import RecorderHand
from signaling.session import Services, Session
from signaling.sessions import Sessions
from signaling.speakers import Speakers
from signaling.webhook_guard import Guard
from signaling.webhooks import Dispatcher, connector, sender
from signaling.whep import Whep
from signaling.whip import Whip

log = logging.getLogger(__name__)

EVIDENCE_DIRECTORY: Final = "evidence"
DTLS_CERTIFICATE_FILE: Final = "dtls.pem"
SHUTDOWN_TIMEOUT_S: Final = 10.0
"""For good-byes and transports; lessons are not held up by a client that does not answer."""
HTTP_SHUTDOWN_TIMEOUT_S: Final = 5.0
"""For requests that are being answered when the server stops."""


class MediaPortError(OSError):
    """The media port cannot be opened."""


class HttpPortError(OSError):
    """The HTTP port cannot be opened."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    app: web.Application
    config: Config
    port: int
    """Of HTTP; the real one when 0 was configured."""
    media_port: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that was built below HTTP."""

    config: Config
    tokens: Tokens
    store: Store
    sfu: Sfu
    directory: MemoryDirectory
    recorder: RecorderSupervisor
    hand: RecorderHand
    publications: PublicationRegistry
    speakers: Speakers
    pointers: Pointers
    metrics: DoorMetrics
    background: Background


@asynccontextmanager
async def running(config: Config, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server from bottom to top, until the block ends.

    MediaPortError, HttpPortError; OSError for the data directory; StoreUnavailable; LibraryInUseError.
    """
    async with build(config) as parts:
        app = make_app(parts)
        runner = web.AppRunner(app, shutdown_timeout=HTTP_SHUTDOWN_TIMEOUT_S, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, config.host, config.port, ssl_context=tls)
            try:
                await site.start()
            except OSError as error:
                raise HttpPortError(error.errno, error.strerror) from error
            port: int = runner.addresses[0][1]
            yield Server(app, config, port, parts.sfu.port)
        finally:
            app[keys.READINESS].shutting_down = True
            await runner.cleanup()


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Parts]:
    """The parts below HTTP, in order."""
    async with AsyncExitStack() as stack:
        tokens = Tokens.open(config.data)
        store = await Store.open(config.database_url)
        stack.push_async_callback(store.close)
        tokens.revoked.update(await store.revoked_devices(round((time.time() - ENTRY_S) * 1000)))
        now_ms = store.clock.unix_ms()
        for lesson, person, at_ms in await store.network.read(substitutions.replaced_since, now_ms):
            tokens.replaced[lesson, person] = at_ms // 1000
        if config.demo:
            await seed_demo(store)
            await seed_demo_network(store)
        sfu = await _start_sfu(config)
        stack.push_async_callback(sfu.close)
        publications = PublicationRegistry()
        speakers = Speakers(sfu, publications, loudest=config.heard_microphones)
        hand = RecorderHand(publications)
        recorder = RecorderSupervisor(sfu, config.data, hand.recording_state, store.clock.unix_ms)
        await recorder.start()
        stack.push_async_callback(recorder.close)
        directory = MemoryDirectory(store, observe=lambda _lesson: hand)
        stack.push_async_callback(directory.close)
        hand.connect(recorder, directory)
        background = Background()
        stack.push_async_callback(background.finish, SHUTDOWN_TIMEOUT_S)
        yield Parts(
            config=config,
            tokens=tokens,
            store=store,
            sfu=sfu,
            directory=directory,
            recorder=recorder,
            hand=hand,
            publications=publications,
            speakers=speakers,
            pointers=Pointers(publications),
            metrics=DoorMetrics(),
            background=background,
        )


async def _start_sfu(config: Config) -> Sfu:
    settings = SfuConfig(
        media_ips=config.media_ip,
        media_port=config.media_port,
        bind_hosts=config.media_bind,
        certificate_path=config.data / DTLS_CERTIFICATE_FILE,
        handshake_timeout_s=config.handshake_timeout_s,
        consent_timeout_s=config.consent_timeout_s,
        packet_priority=config.packet_priority,
    )
    try:
        return await Sfu.start(settings)
    except OSError as error:
        raise MediaPortError(error.errno, error.strerror) from error


def make_app(parts: Parts, pages: Path | None = None) -> web.Application:
    """The HTTP application over the parts."""
    app = web.Application(middlewares=[http.language, http.problems], client_max_size=http.MAX_BODY)
    app.on_response_prepare.append(http.security_headers)
    _share(app, parts)
    add_diagnoses(app)
    add_operations(app, OPERATIONS)
    app.router.add_get("/problems/{kind}", http.problem_page)
    whip, whep = Whip(), Whep()
    whip.add_routes(app)
    whep.add_routes(app)
    _watch(app, parts, lambda: (*app[keys.SESSIONS], *whip.sessions, *whep.sessions))
    _watch_leads(app, parts, lambda: (*app[keys.SESSIONS].leaders, *whip.sessions))
    _watch_credentials(app, parts, lambda: (*app[keys.SESSIONS], *whip.sessions, *whep.sessions))
    _plan_lessons(app, parts)
    _end_lessons(app, parts)
    _tell_webhooks(app, parts)
    _send_letters(app, parts)
    _open_library(app, parts)
    _make_films(app, parts)
    add_picture_routes(app, app[keys.LIBRARY], authorise_media)
    add_media_routes(app, app[keys.LIBRARY], authorise_media)
    add_wall(app)
    add_single_sign_on(app, parts.tokens.key)
    add_dashboard(app)
    _keep_evidence(app, parts)
    app[REFUSALS] = Refusals()
    (Pages(pages) if pages else Pages()).add_routes(app)
    app.on_shutdown.append(_close_sessions)
    return app


def _watch(app: web.Application, parts: Parts, participants: Callable[[], Iterable[Participant]]) -> None:
    watch = QualityWatch(
        parts.sfu, parts.publications, participants, parts.store.observe, clock=SystemClock()
    )
    app[keys.QUALITY] = watch

    async def running(_: web.Application) -> AsyncIterator[None]:
        watch.start()
        yield
        watch.close()

    app.cleanup_ctx.append(running)

    def read() -> Readings:
        return readings(parts, app[keys.SESSIONS], watch, app[keys.MOVER], app[keys.VIEWS])

    parts.metrics.registry.register(PartsCollector(read))


def _watch_leads(app: web.Application, parts: Parts, leaders: Callable[[], Iterable[Leader]]) -> None:
    watch = LeadWatch(parts.sfu, leaders, SystemClock())

    async def running(_: web.Application) -> AsyncIterator[None]:
        watch.start()
        yield
        watch.close()

    app.cleanup_ctx.append(running)


def _watch_credentials(
    app: web.Application, parts: Parts, sessions: Callable[[], Iterable[Session | HttpSession]]
) -> None:
    def inside() -> Iterator[Inside]:
        for session in sessions():
            if isinstance(session, HttpSession):
                out = partial(session.end, LeaveCause.REMOVED)
                yield Inside(session.by, session.room.lesson.id, session.person_id, out)
            else:
                out, claims = partial(session.end, Bye(reason="expired")), session.claims
                yield Inside(claims.by, claims.lesson, session.person_id, out)

    watch = CredentialWatch(parts.store, parts.tokens, inside)

    async def running(_: web.Application) -> AsyncIterator[None]:
        watch.rounds.start()
        yield
        await watch.rounds.close()

    app.cleanup_ctx.append(running)


def _plan_lessons(app: web.Application, parts: Parts) -> None:
    planner = app[PLANNER]
    settler = Settler(parts.store)

    async def running(_: web.Application) -> AsyncIterator[None]:
        planner.start()
        settler.start()
        yield
        await settler.close()
        await planner.close()

    app.cleanup_ctx.append(running)


def _end_lessons(app: web.Application, parts: Parts) -> None:
    config = parts.config
    limits = EndLimits(config.end_empty_min * 60_000, config.end_overrun_min * 60_000)
    ender = LessonEnder(parts.store, parts.directory, limits)

    async def running(_: web.Application) -> AsyncIterator[None]:
        ender.rounds.start()
        yield
        await ender.rounds.close()

    app.cleanup_ctx.append(running)


def _tell_webhooks(app: web.Application, parts: Parts) -> None:
    async def running(_: web.Application) -> AsyncIterator[None]:
        # Events go to whom an organizer named: no cookies, no proxies of the environment.
        async with aiohttp.ClientSession(
            connector=connector(app[keys.WEBHOOK_GUARD]), cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            webhooks = parts.store.webhooks
            count = parts.metrics.told_webhook
            dispatcher = Dispatcher(webhooks, SystemClock(), sender(session), count)
            dispatcher.start()
            yield
            await dispatcher.close()

    app.cleanup_ctx.append(running)


def _send_letters(app: web.Application, parts: Parts) -> None:
    config = parts.config
    letters = app[LETTERS] = MailDispatcher(
        parts.store.network,
        SystemClock(),
        Smtp(config) if config.smtp_host else None,
        sender=config.mail_from,
        site=config.public_url.rstrip("/"),
        count=parts.metrics.told_by_mail,
    )
    overdue = OverdueWatch(parts.store, letters.news)

    async def running(_: web.Application) -> AsyncIterator[None]:
        letters.start()
        overdue.rounds.start()
        yield
        await overdue.rounds.close()
        await letters.close()

    app.cleanup_ctx.append(running)


def _keep_evidence(app: web.Application, parts: Parts) -> None:
    async def running(_: web.Application) -> AsyncIterator[None]:
        # To the face service of an operator: as to webhooks, without cookies and proxies of the environment.
        async with aiohttp.ClientSession(
            connector=connector(app[keys.WEBHOOK_GUARD]), cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            root = parts.config.data / EVIDENCE_DIRECTORY
            evidence = app[EVIDENCE] = Evidence(root, parts.store, parts.config, session)
            evidence.rounds.start()
            yield
            await evidence.rounds.close()

    app.cleanup_ctx.append(running)


def _open_library(app: web.Application, parts: Parts) -> None:
    library, store = app[keys.LIBRARY], parts.store
    views = app[keys.VIEWS] = ViewLog(store.library.put_views, SystemClock().unix_ms)
    keeper = app[keys.KEEPER] = LibraryKeeper(library, store, parts.config.data, views=views)
    cutter = app[keys.CLIPS] = keeper.cutter
    tokens = MediaTokens.of(parts.tokens.key)
    access = LibraryAccess(store.library, library)
    door = MediaDoor(tokens, access, seen=views.seen, revoked=parts.tokens.revoked)
    app[keys.MEDIA] = door

    def gone(name: str) -> None:
        for keeps in (door, app[keys.OPEN_ITEMS], app[keys.OPEN_FILES]):
            keeps.forget(name)

    keeper.on_deleted = gone
    add_clip_routes(app)

    mover = app[keys.MOVER]

    async def running(_: web.Application) -> AsyncIterator[None]:
        if mover is not None:
            mover.start()
        pictures = PicturesAhead(library, app[keys.OPEN_ITEMS])
        keeper.on_ended = pictures.ended
        async with keeper.running(), cutter.running():
            yield
        await pictures.close()
        if mover is not None:
            await asyncio.to_thread(mover.close)

    app.cleanup_ctx.append(running)


def _make_films(app: web.Application, parts: Parts) -> None:
    films = Compositions(app[keys.LIBRARY], parts.config.data)
    app[keys.COMPOSITIONS] = films
    app.router.add_get("/media/{item}/composed.mp4", film)

    async def running(_: web.Application) -> AsyncIterator[None]:
        await films.start()
        yield
        await films.close()

    app.cleanup_ctx.append(running)


def _share(app: web.Application, parts: Parts) -> None:
    app[keys.CONFIG] = parts.config
    app[keys.TOKENS] = parts.tokens
    app[keys.STORE] = parts.store
    app[keys.SFU] = parts.sfu
    planner = app[PLANNER] = LessonPlanner(parts.store, parts.directory, SystemClock())
    rooms = app[keys.DIRECTORY] = PlannedRooms(parts.directory, planner)
    app[keys.PUBLICATIONS] = parts.publications
    app[keys.RECORDER] = parts.recorder
    archive = open_archive(parts.config)
    app[keys.LIBRARY] = Library(parts.config.data, archive)
    app[keys.MOVER] = Mover(app[keys.LIBRARY].storage, archive) if archive else None
    app[keys.METRICS] = parts.metrics
    app[keys.WEBHOOK_GUARD] = Guard(parts.config.webhook_allow, parts.config.webhook_deny)
    app[keys.READINESS] = Readiness(lambda: parts.store.health)
    app[keys.OPERATIONS] = OPERATIONS
    app[keys.PAIRINGS] = Pairings()
    app[SIGN_IN] = SignInDoor()
    app[SECOND_FACTORS] = SecondFactors(parts.tokens.key)
    app[IMPORTING] = asyncio.Lock()
    app[DEVICES] = DeviceCookies(parts.tokens.key)
    app[CODES_TRIED] = code_attempts()
    app[JOINS] = Joins()
    app[ENROLMENTS] = EnrolmentDoor()
    services = Services(
        sfu=parts.sfu,
        directory=rooms,
        store=parts.store,
        publications=parts.publications,
        config=parts.config,
        metrics=parts.metrics,
        background=parts.background,
        speakers=parts.speakers,
        tokens=parts.tokens,
        pointers=parts.pointers,
    )
    sessions = Sessions(services, parts.tokens)
    app[keys.SESSIONS] = sessions


def readings(
    parts: Parts, sessions: Sessions, watch: QualityWatch, mover: Mover | None, views: ViewLog
) -> Readings:
    """What the parts show now, for /metrics."""
    health = parts.store.health
    census = parts.sfu.census()
    return Readings(
        media=parts.sfu.counters(),
        census=census,
        cpu_seconds=parts.sfu.cpu_seconds(),
        sessions=len(sessions),
        pointer_moves=parts.pointers.results,
        quality=watch.counts(),
        queues={
            "outbox": sessions.waiting_messages(),
            "database": health.queued,
            "media_events": census.get("events_waiting", 0),
        },
        database={
            "written": health.written,
            "dropped": health.dropped,
            "dropped_quality": health.dropped_quality,
            "refused": health.refused,
            "retried": health.retries,
        },
        recordings=parts.hand.recordings(),
        recorder=parts.recorder.counters(),
        recorder_waiting_bytes=parts.recorder.waiting_bytes(),
        archive=mover.counters if mover else {},
        archive_waiting_bytes=mover.waiting_bytes if mover else 0,
        archive_away=bool(mover and mover.away),
        visits=views.counts,
    )


async def _close_sessions(app: web.Application) -> None:
    app[keys.READINESS].shutting_down = True
    app[keys.SESSIONS].close()
