"""What was found, what is to be thought of it, and what to ask for; pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

import msgspec

NEEDED_DOWN_KBPS: Final = 1800
"""A camera at 720p and sound, with what retransmissions and headers take."""
USABLE_DOWN_KBPS: Final = 500
"""Sound and a small picture."""
CLOCK_TOLERANCE_MS: Final = 60_000
"""Beyond that, tokens and certificates begin to be refused."""


class Way(StrEnum):
    HTTP = "http"
    WEBSOCKET = "websocket"
    UDP = "udp"
    TCP = "tcp"
    TURN = "turn"


MEDIA_WAYS: Final = (Way.UDP, Way.TCP, Way.TURN)


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way that was tried."""

    way: Way
    target: str
    """What was tried: a URL, or protocol, host and port."""
    works: bool
    reason: str = ""
    """Why not: key of the catalogue's `doctor.reason.KEY`."""
    detail: str = ""
    """What the system or the other side said."""
    round_trip_ms: float | None = None
    up_kbps: int | None = None
    down_kbps: int | None = None
    loss: float | None = None
    """Part of the test packets that did not come back, 0..1."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, in the order in which they were tried."""

    server: str
    findings: list[Finding]
    clock_offset_ms: float | None
    """Server's clock minus ours; None when it was not learnt."""
    media_works: bool
    quality: str
    """`good`, `fair`, `poor`, or `none` when no media can flow."""
    advice: list[str]
    """Keys of the catalogue's `doctor.advice.KEY`, most important first."""
    media_port: int
    media_hosts: list[str]


def best(findings: Iterable[Finding], way: Way) -> Finding | None:
    """One that works before one that does not, the fastest first; None when it was not tried."""
    tried = [finding for finding in findings if finding.way is way]
    return min(tried, key=lambda each: (not each.works, -(each.down_kbps or 0)), default=None)


def make_report(
    server: str,
    findings: list[Finding],
    *,
    clock_offset_ms: float | None,
    media_port: int,
    media_hosts: list[str],
) -> Report:
    """Puts verdict and advice to what was found."""
    works = any(finding.works for finding in findings if finding.way in MEDIA_WAYS)
    # Everything begins with HTTP and the WebSocket; without them nobody learns of the media port.
    works = works and all(finding.works for finding in findings if finding.way not in MEDIA_WAYS)
    return Report(
        server=server,
        findings=findings,
        clock_offset_ms=clock_offset_ms,
        media_works=works,
        quality=_quality(findings) if works else "none",
        advice=_advice(server, findings, clock_offset_ms, media_hosts),
        media_port=media_port,
        media_hosts=media_hosts,
    )


def _quality(findings: list[Finding]) -> str:
    """Of the way that a browser will take: UDP before TCP before TURN."""
    taken = next(found for way in MEDIA_WAYS if (found := best(findings, way)) and found.works)
    down, loss = taken.down_kbps or 0, taken.loss or 0.0
    if down < USABLE_DOWN_KBPS or loss > 0.1:
        return "poor"
    if down < NEEDED_DOWN_KBPS or loss > 0.02 or taken.way is not Way.UDP:
        return "fair"
    return "good"


def _advice(
    server: str, findings: list[Finding], clock_offset_ms: float | None, hosts: list[str]
) -> list[str]:
    state = {way: found.works if (found := best(findings, way)) else None for way in Way}
    advice = []
    if state[Way.HTTP] is False:
        return ["http"]
    if state[Way.WEBSOCKET] is False:
        advice.append("websocket")
    if hosts and all(_is_loopback(host) for host in hosts) and not _names_loopback(server):
        advice.append("loopback")
    elif not any(state[way] for way in MEDIA_WAYS):
        advice.append("open-media" if state[Way.TURN] is None else "open-media-or-turn")
    elif not state[Way.UDP]:
        advice.append("open-udp" if state[Way.TCP] else "open-udp-turn-only")
    if state[Way.TURN] is False:
        advice.append("turn-broken")
    if any(state[way] for way in MEDIA_WAYS) and _quality(findings) == "poor":
        advice.append("bandwidth")
    if clock_offset_ms is not None and abs(clock_offset_ms) > CLOCK_TOLERANCE_MS:
        advice.append("clock")
    return advice or ["none"]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _names_loopback(url: str) -> bool:
    return any(f"//{host}" in url for host in ("localhost", "127.", "[::1]"))
