"""GET /.well-known/security.txt (RFC 9116): whom to tell of a hole in this server, by its operators' word."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final

from aiohttp import web

from signaling.config import Config
from signaling.keys import CONFIG
from signaling.problems import Problem

PATH: Final = "/.well-known/security.txt"
GOOD_FOR: Final = timedelta(days=180)
"""RFC 9116, 2.5.5: less than a year. It is said anew each day, by a server that goes on running."""
MEDIA_TYPE: Final = "text/plain"


def security_txt(config: Config, now: datetime) -> str:
    """Lines end as RFC 9116, 4 has it. Empty: no contact is set. now: in UTC."""
    if not config.security_contact:
        return ""
    expires = datetime.combine(now.date(), time(0), UTC) + GOOD_FOR
    fields = [("Contact", contact) for contact in config.security_contact]
    fields += [("Expires", f"{expires:%Y-%m-%dT%H:%M:%SZ}"), ("Preferred-Languages", "zh, en")]
    if config.public_url.startswith("https://"):
        fields.append(("Canonical", config.public_url + PATH))
    return "".join(f"{name}: {value}\n" for name, value in fields)


async def get_security_txt(request: web.Request) -> web.Response:
    text = security_txt(request.app[CONFIG], datetime.now(UTC))
    if not text:
        raise Problem("not-found")
    return web.Response(
        text=text, content_type=MEDIA_TYPE, charset="utf-8", headers={"Cache-Control": "max-age=86400"}
    )
