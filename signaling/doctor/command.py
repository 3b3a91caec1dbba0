"""`tongke doctor URL`: tries everything, one way after the other, and says what it found."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from sfu.dtls import Certificate, generate_certificate
from signaling import catalogue
from signaling.auth import KEY_FILE, Tokens
from signaling.cli.command import CommandError, Commands
from signaling.cli.target import DEFAULT_URL
from signaling.config import load
from signaling.diagnosis import DiagnosisPlan
from signaling.doctor.findings import Finding, Report, Way, make_report
from signaling.doctor.http_probe import HttpProbe, RefusedByServer
from signaling.doctor.media_probe import PACKET_BYTES, RATE_KBPS, Echo, MediaProbe
from signaling.doctor.ways import DatagramWay, TcpWay, TurnServer, TurnWay, UdpWay, WayFailed

EXIT_NO_MEDIA: Final = 1
MAX_TARGETS: Final = 4
"""Of one kind: a server has an IPv4 and an IPv6 address, seldom more."""
TOKEN_TTL_S: Final = 600
NEARLY_ALL: Final = 0.97

Tell = Callable[[Finding], None]


def register(commands: Commands) -> None:
    parser, text = commands.add("doctor", doctor), commands.text
    default = os.environ.get("TONGKE_URL", DEFAULT_URL)
    parser.add_argument("url", nargs="?", default=default, metavar="URL", help=text("cli.doctor.url"))
    parser.add_argument("--token", default=os.environ.get("TONGKE_TOKEN", ""), help=text("cli.doctor.token"))
    parser.add_argument("--data", metavar="DIR", help=text("cli.client.data"))
    parser.add_argument("--json", action="store_true", help=text("cli.doctor.json"))
    parser.set_defaults(language=commands.language)


def doctor(options: argparse.Namespace) -> int:
    """Exit code 0 when media can flow, 1 when not."""
    server, token = _address(options.url)
    token = options.token or token or _sign(options)
    language: str = options.language

    def tell(finding: Finding) -> None:
        if not options.json:
            print(describe(finding, language), flush=True)

    if not options.json:
        print(catalogue.text("doctor.begin", language, url=server), flush=True)
    report = asyncio.run(examine(server, token, language, tell))
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        print("\n".join(conclude(report, language)))
    return 0 if report.media_works else EXIT_NO_MEDIA


def _address(text: str) -> tuple[str, str]:
    """Server and token out of a URL, which may be the link that somebody was given."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise CommandError("cli.client.bad-url", url=text)
    token = parse_qs(parts.fragment).get("token", [""])[0]
    return f"{parts.scheme}://{parts.netloc}", token


def _sign(options: argparse.Namespace) -> str:
    data = load(environment=os.environ, options={"data": options.data}).data
    if not (data / KEY_FILE).exists():
        raise CommandError("cli.doctor.no-token", data=data)
    try:
        tokens = Tokens.open(data)
    except OSError as error:
        raise CommandError("cli.data-unusable", data=data, reason=error.strerror or error) from error
    return tokens.issue(
        person="doctor", role="organizer", lesson="", name="doctor", now=time.time(), ttl_s=TOKEN_TTL_S
    )


# --- what is tried --------------------------------------------------------------------------------------


async def examine(server: str, token: str, language: str, tell: Tell) -> Report:
    """Tries all there is. Raises CommandError when the server refuses the token."""
    http = HttpProbe(server, token, language)
    try:
        return await Examination(server, http, tell).run()
    except RefusedByServer as error:
        raise CommandError("cli.client.refused", url=server, reason=error) from error
    finally:
        await http.close()


class Examination:
    """One run."""

    def __init__(self, server: str, http: HttpProbe, tell: Tell) -> None:
        self._server = server
        self._http = http
        self._tell = tell
        self._findings: list[Finding] = []

    async def run(self) -> Report:
        try:
            plan, clock = await self._http.plan()
        except WayFailed as error:
            self._found(_failed(Way.HTTP, self._server, error))
            return self._report(None, None)
        await self._try_http(clock.round_trip_ms)
        await self._try_websocket()
        certificate = generate_certificate()
        for way, target, make in _media_ways(plan):
            self._found(await self._try_media(way, target, make(), certificate))
        return self._report(plan, clock.offset_ms)

    async def _try_http(self, round_trip_ms: float) -> None:
        try:
            down, up = await self._http.download_kbps(), await self._http.upload_kbps()
        except WayFailed as error:
            self._found(_failed(Way.HTTP, self._server, error))
            return
        self._found(
            Finding(
                way=Way.HTTP,
                target=self._server,
                works=True,
                round_trip_ms=round(round_trip_ms, 1),
                down_kbps=down,
                up_kbps=up,
            )
        )

    async def _try_websocket(self) -> None:
        try:
            round_trip_ms = await self._http.websocket()
        except WayFailed as error:
            self._found(_failed(Way.WEBSOCKET, self._server, error))
            return
        self._found(
            Finding(way=Way.WEBSOCKET, target=self._server, works=True, round_trip_ms=round(round_trip_ms, 1))
        )

    async def _try_media(self, kind: Way, target: str, way: DatagramWay, certificate: Certificate) -> Finding:
        probe = MediaProbe(certificate)
        session = ""
        try:
            answer = await self._http.connect(probe.offer)
            session = answer.id
            probe.answered(answer.sdp)
            await way.open()
            round_trip_ms = await probe.connect(way)
            await probe.secure()
            echo = await probe.measure()
            received = (await self._http.report(session)).bytes_received
            return _measured(kind, target, round_trip_ms, echo, received)
        except WayFailed as error:
            return _failed(kind, target, error)
        finally:
            await probe.close()
            await way.close()
            if session:
                await self._http.disconnect(session)

    def _found(self, finding: Finding) -> None:
        self._findings.append(finding)
        self._tell(finding)

    def _report(self, plan: DiagnosisPlan | None, offset_ms: float | None) -> Report:
        media = plan.media if plan else []
        return make_report(
            self._server,
            self._findings,
            clock_offset_ms=None if offset_ms is None else round(offset_ms, 1),
            media_port=media[0].port if media else 0,
            media_hosts=list(dict.fromkeys(each.host for each in media)),
        )


def _media_ways(plan: DiagnosisPlan) -> list[tuple[Way, str, Callable[[], DatagramWay]]]:
    """All that the server names: UDP first, then TCP, then each relay towards its first UDP address."""
    found: list[tuple[Way, str, Callable[[], DatagramWay]]] = []
    makers: tuple[tuple[Way, Callable[[str, int], DatagramWay]], ...] = ((Way.UDP, UdpWay), (Way.TCP, TcpWay))
    for way, make in makers:
        for each in [each for each in plan.media if each.protocol == way][:MAX_TARGETS]:
            target = f"{each.protocol.upper()} {_host(each.host)}:{each.port}"
            found.append((way, target, lambda make=make, each=each: make(each.host, each.port)))  # type: ignore[misc]
    udp = next((each for each in plan.media if each.protocol == "udp"), None)
    servers = [
        TurnServer(url, server.username, server.credential)
        for server in plan.ice_servers
        for url in server.urls
        if url.startswith("turn")
    ]
    for server in servers[:MAX_TARGETS] if udp else []:
        found.append((Way.TURN, server.url, lambda server=server: TurnWay(server, udp.host, udp.port)))  # type: ignore[misc,union-attr]
    return found


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _failed(way: Way, target: str, error: WayFailed) -> Finding:
    return Finding(way=way, target=target, works=False, reason=error.reason, detail=str(error))


def _measured(kind: Way, target: str, round_trip_ms: float, echo: Echo, received_bytes: int) -> Finding:
    down = echo.returned * PACKET_BYTES
    return Finding(
        way=kind,
        target=target,
        works=echo.returned > 0,
        reason="" if echo.returned else "no-echo",
        round_trip_ms=round(round_trip_ms, 1),
        up_kbps=round(received_bytes / 125 / echo.seconds),
        down_kbps=round(down / 125 / echo.seconds),
        loss=round(1 - echo.returned / echo.sent, 3),
    )


# --- what is said ---------------------------------------------------------------------------------------


def describe(finding: Finding, language: str) -> str:
    """One line for one way."""
    name = catalogue.text(f"doctor.way.{finding.way}", language)
    if not finding.works:
        reason = catalogue.text(f"doctor.reason.{finding.reason}", language)
        detail = f" ({finding.detail})" if finding.detail else ""
        return catalogue.text(
            "doctor.fails", language, way=name, target=finding.target, reason=reason + detail
        )
    figures = []
    if finding.round_trip_ms is not None:
        figures.append(catalogue.text("doctor.round-trip", language, ms=f"{finding.round_trip_ms:.0f}"))
    if finding.up_kbps is not None and finding.down_kbps is not None:
        most = None if finding.way is Way.HTTP else RATE_KBPS
        up, down = _mbps(finding.up_kbps, most), _mbps(finding.down_kbps, most)
        figures.append(catalogue.text("doctor.bandwidth", language, up=up, down=down))
    if finding.loss:
        figures.append(catalogue.text("doctor.loss", language, percent=f"{100 * finding.loss:.1f}"))
    return catalogue.text(
        "doctor.works", language, way=name, target=finding.target, figures=", ".join(figures)
    )


def _mbps(kbps: int, most: int | None) -> str:
    """most: what was sent; a line that carried all of it may carry more."""
    text = f"{kbps / 1000:.1f}" if kbps < 10_000 else f"{kbps / 1000:.0f}"
    return f"≥ {text}" if most is not None and kbps >= NEARLY_ALL * most else text


def conclude(report: Report, language: str) -> list[str]:
    """Clock, verdict, and what to ask for."""
    lines = []
    if report.clock_offset_ms is not None:
        seconds = f"{report.clock_offset_ms / 1000:+.1f}".replace("-0.0", "+0.0")
        lines.append(catalogue.text("doctor.clock", language, seconds=seconds))
    lines += ["", catalogue.text(f"doctor.quality.{report.quality}", language)]
    values = {"port": report.media_port, "hosts": ", ".join(report.media_hosts), "url": report.server}
    lines += [catalogue.text(f"doctor.advice.{key}", language, **values) for key in report.advice]
    return lines
