"""Evidence of check-ins: pictures on the disk, for as long as they may be kept, and what the platform's own
face service says of them.

    DATA/evidence/AB/ABCD....jpg       mode 0600; who it shows stands in the database alone

The service is asked by an HTTP call, signed as webhooks are; it goes where webhooks may go and nowhere else.
What does not answer in time, or not in its words, has said nothing: `unverified`."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import aiohttp
import msgspec

from classroom.network.check_in import Face
from classroom.store import check_in
from signaling import webhook_signature
from signaling.background import Rounds
from signaling.requests import JSON

if TYPE_CHECKING:
    from classroom.store.store import Store
    from signaling.config import Config

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
SWEEP_S: Final = 600.0
ID_BYTES: Final = 16
ANSWER_BYTES: Final = 65_536
AT_ONCE: Final = 4
"""Calls of the face service; who comes then waits for a turn, within the same time limit."""


class FaceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the service is told."""

    lesson: str
    person: str
    picture: str
    """JPEG in base64."""


class FaceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What it is to answer, with status 200."""

    result: Literal["verified", "refused"]


class Evidence:
    """Swept in `rounds`."""

    def __init__(self, root: Path, store: Store, config: Config, http: aiohttp.ClientSession) -> None:
        """http: goes where webhooks may go."""
        self._root = root
        self._store = store
        self._config = config
        self._http = http
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.rounds = Rounds("evidence", lambda: self.sweep(store.clock.unix_ms), SWEEP_S)
        self.swept = 0

    def until_ms(self, now_ms: int) -> int:
        return now_ms + self._config.evidence_days * DAY_MS

    def keep(self, picture: bytes) -> str:
        """Writes it; its id. In a thread. Raises OSError."""
        name = secrets.token_hex(ID_BYTES)
        path = self.path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "wb") as opened:
            opened.write(picture)
        return name

    def path(self, name: str) -> Path:
        return self._root / name[:2] / f"{name}.jpg"

    def drop(self, *names: str) -> None:
        """In a thread. Raises OSError."""
        for name in names:
            self.path(name).unlink(missing_ok=True)

    async def face(self, lesson: str, person: str, picture: bytes) -> Face:
        """What the service says; NONE: there is no service."""
        if not self._config.face_check_url:
            return Face.NONE
        try:
            async with asyncio.timeout(self._config.face_check_timeout_s), self._turns:
                return Face(await self._asked(lesson, person, picture))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, msgspec.MsgspecError) as error:
            log.warning("x face service: %s", type(error).__name__)
            return Face.UNVERIFIED

    async def _asked(self, lesson: str, person: str, picture: bytes) -> str:
        asked = FaceRequest(lesson=lesson, person=person, picture=base64.b64encode(picture).decode())
        body, message = msgspec.json.encode(asked), f"face-{secrets.token_hex(8)}"
        head = {"Content-Type": JSON}
        if secret := self._config.face_check_secret:
            head |= webhook_signature.headers(secret, message, body, int(time.time()))
        async with self._http.post(
            self._config.face_check_url, data=body, headers=head, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise ValueError(response.status)
            answer = await response.content.read(ANSWER_BYTES)
            return msgspec.json.decode(answer, type=FaceAnswer).result

    async def sweep(self, unix_ms: Callable[[], int]) -> None:
        """Deletes what has been kept long enough: files first, so that none is forgotten."""
        network = self._store.network
        while over := await network.read(check_in.over, unix_ms()):
            names = tuple(one.picture for one in over)
            await asyncio.to_thread(self.drop, *names)
            await network.change(check_in.forget_pictures, names)
            self.swept += len(names)
