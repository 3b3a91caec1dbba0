"""A server as a process: port errors in the user's words, certificates, signals, and what is printed at
start."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import signal
import ssl
import time
from typing import Final

from classroom.store.demo_courses import seed_demo_courses
from classroom.store.engine import without_password
from classroom.store.store import StoreUnavailable
from recorder.supervisor import LibraryInUseError
from sfu.dtls import CertificateError
from signaling import catalogue, tls
from signaling.app import HttpPortError, MediaPortError, Server, running
from signaling.auth import Tokens
from signaling.cli.command import CommandError, language_of
from signaling.config import Config
from signaling.demo import TTL_S, demo_links, demo_password
from signaling.keys import STORE

COLLECT_AFTER: Final = (10_000, 20, 1_000_000)
"""Objects, and collections of the younger ones, before Python looks for garbage: among those who just came
often enough, among all who are there never by itself. Its own (700, 10, 10) would look through all of them
again and again while a thousand people come in: a fifth of what that costs."""
COLLECT_EVERY_S: Final = 600.0
"""Among all: meanwhile nobody is answered, but media go on."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def serve_until_stopped(config: Config) -> None:
    """Returns after SIGINT or SIGTERM, when everything is down. Raises CommandError."""
    try:
        asyncio.run(_serve(config))
    except HttpPortError as error:
        raise _port_error(error, config.port, config.host, "--port") from error
    except MediaPortError as error:
        raise _port_error(error, config.media_port, ", ".join(config.media_ip), "--media-port") from error
    except LibraryInUseError as error:
        raise CommandError("cli.error.data-in-use", data=config.data) from error
    except StoreUnavailable as error:
        raise CommandError(
            "cli.database-unusable", database=without_password(config.database_url), reason=error
        ) from error
    except CertificateError as error:
        raise CommandError("cli.dtls-unusable", data=config.data, reason=error) from error
    except OSError as error:
        raise CommandError("cli.data-unusable", data=config.data, reason=error.strerror or error) from error


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(config, _tls(config)) as server:
        # What is there now stays.
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        # Before anything is waited for: who asks whether it is ready finds the links.
        _announce(server, language_of())
        if config.demo:
            await _announce_network(server, language_of())
        if config.demo and config.demo_courses:
            # Something to find for who signs in; nobody waits for it.
            with contextlib.suppress(StoreUnavailable):
                await seed_demo_courses(server.app[STORE])
        while not stop.is_set():
            try:
                async with asyncio.timeout(COLLECT_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                gc.collect()


def _tls(config: Config) -> ssl.SSLContext | None:
    if not config.tls:
        return None
    certificate, key = config.tls_cert, config.tls_key
    if certificate is None or key is None:
        names = tls.local_names([config.host, *config.media_ip])
        certificate, key = tls.self_signed(config.data, names, datetime.datetime.now(datetime.UTC))
    try:
        return tls.server_context(certificate, key)
    except OSError as error:
        reason = error.strerror or error
        raise CommandError("cli.tls-unusable", cert=certificate, key=key, reason=reason) from error


def _announce(server: Server, language: str) -> None:
    """What the person who started it needs next."""
    url = base_url(server)
    media_ips = ", ".join(server.config.media_ip)
    listening = catalogue.text(
        "serve.listening", language, url=url, media_port=server.media_port, media_ips=media_ips
    )
    print(listening)
    if not server.config.tls and server.config.host not in LOOPBACK:
        print(catalogue.text("serve.insecure", language))
    if server.config.host not in LOOPBACK and LOOPBACK.issuperset(server.config.media_ip):
        print(catalogue.text("serve.media-loopback", language))
    if server.config.demo:
        print(catalogue.text("demo.links", language, hours=TTL_S // 3600))
        tokens = Tokens.open(server.config.data)
        for link in demo_links(tokens, url, time.time()):
            print(f"  {catalogue.text(f'demo.{link.key}', language)}\n    {link.url}")
    print(end="", flush=True)


async def _announce_network(server: Server, language: str) -> None:
    """Everybody's password in the demo network."""
    words = catalogue.text("demo.network", language, url=f"{base_url(server)}/sign-in")
    print(f"  {words}\n    {await demo_password(server.app[STORE])}", flush=True)


def base_url(server: Server) -> str:
    """How a browser reaches it: by localhost, or by the address that browsers use for media."""
    host = server.config.host
    if host in {"127.0.0.1", "::1"}:
        host = "localhost"
    elif host in {"0.0.0.0", "::"}:
        host = next((ip for ip in server.config.media_ip if ip not in LOOPBACK), "localhost")
    if ":" in host:
        host = f"[{host}]"
    return f"{'https' if server.config.tls else 'http'}://{host}:{server.port}"


def _port_error(error: OSError, port: int, host: str, option: str) -> CommandError:
    reason = error.strerror or error
    return CommandError("cli.port-in-use", port=port, host=host, option=option, reason=reason)
