"""What a server says and bears over HTTP: is it there, does the WebSocket pass, how fast, what time is it."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final, NamedTuple, TypeVar

import aiohttp
import msgspec

from signaling.diagnosis import DiagnosisAnswer, DiagnosisOffer, DiagnosisPlan, DiagnosisReport
from signaling.doctor.ways import WayFailed
from signaling.problems import ProblemDocument

TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
ROUND_TRIPS: Final = 5
TRANSFER_BYTES: Final = 1024 * 1024
TRANSFER_TIMEOUT_S: Final = 8.0
"""A line that does not take a megabyte in this time is told by what it did take."""
CHUNK: Final = 32768
PATH: Final = "/api/v1/diagnosis"

_Body = TypeVar("_Body")


class Clock(NamedTuple):
    """Of the fastest of several round trips."""

    round_trip_ms: float
    offset_ms: float
    """Server's clock minus ours, taking both halves of the way for equally long (RFC 5905, 8)."""


class RefusedByServer(Exception):  # noqa: N818 - an answer, not a fault
    """The server understood and said no: str() is its sentence."""


class HttpProbe:
    """A client of /api/v1/diagnosis and /ws."""

    def __init__(self, url: str, token: str, language: str) -> None:
        self._url = url
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._http = aiohttp.ClientSession(headers=headers, timeout=TIMEOUT)

    async def close(self) -> None:
        await self._http.close()

    async def plan(self) -> tuple[DiagnosisPlan, Clock]:
        """Raises WayFailed, RefusedByServer."""
        plan, clocks = None, []
        for _ in range(ROUND_TRIPS):
            before, began = time.time(), time.monotonic()
            plan = await self._ask("GET", PATH, DiagnosisPlan)
            round_trip_ms = 1000 * (time.monotonic() - began)
            clocks.append(Clock(round_trip_ms, plan.server_ms - 1000 * before - round_trip_ms / 2))
        assert plan is not None
        return plan, min(clocks)

    async def websocket(self) -> float:
        """The round trip of a ping in ms. Raises WayFailed."""
        try:
            async with (
                asyncio.timeout(TRANSFER_TIMEOUT_S),
                self._http.ws_connect(f"{self._url}/ws", protocols=("tongke.v1",), autoping=False) as socket,
            ):
                began = time.monotonic()
                await socket.ping(b"doctor")
                while (message := await socket.receive()).type is not aiohttp.WSMsgType.PONG:
                    if message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}:
                        raise WayFailed("websocket-closed")
                return 1000 * (time.monotonic() - began)
        except TimeoutError as error:
            raise WayFailed("silent") from error
        except (aiohttp.ClientError, OSError) as error:
            raise WayFailed("websocket-refused", error) from error

    async def download_kbps(self) -> int:
        """Raises WayFailed, RefusedByServer."""
        return await self._timed(self._download)

    async def upload_kbps(self) -> int:
        """Raises WayFailed, RefusedByServer."""
        return await self._timed(self._upload)

    async def connect(self, offer: str) -> DiagnosisAnswer:
        """A test connection. Raises WayFailed, RefusedByServer."""
        body = msgspec.json.encode(DiagnosisOffer(sdp=offer))
        headers = {"Content-Type": "application/json"}
        return await self._ask("POST", PATH, DiagnosisAnswer, data=body, headers=headers)

    async def report(self, session: str) -> DiagnosisReport:
        """Raises WayFailed, RefusedByServer."""
        return await self._ask("GET", f"{PATH}/sessions/{session}", DiagnosisReport)

    async def disconnect(self, session: str) -> None:
        """Whatever comes of it: the server ends it by itself."""
        try:
            async with self._http.delete(f"{self._url}{PATH}/sessions/{session}"):
                pass
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass

    # --- inside -------------------------------------------------------------------------------------------

    async def _timed(self, transfer: Any) -> int:
        moved = [0]
        began = time.monotonic()
        try:
            async with asyncio.timeout(TRANSFER_TIMEOUT_S):
                await transfer(moved)
        except TimeoutError:
            pass
        except (aiohttp.ClientError, OSError) as error:
            raise WayFailed("unreachable", error) from error
        return round(moved[0] / 125 / max(time.monotonic() - began, 1e-6))

    async def _download(self, moved: list[int]) -> None:
        async with self._http.get(f"{self._url}{PATH}/bytes", params={"count": TRANSFER_BYTES}) as response:
            if response.status != 200:
                raise await _refusal(response)
            async for chunk in response.content.iter_any():
                moved[0] += len(chunk)

    async def _upload(self, moved: list[int]) -> None:
        async def chunks() -> Any:
            for _ in range(TRANSFER_BYTES // CHUNK):
                yield bytes(CHUNK)
                moved[0] += CHUNK

        headers = {"Content-Length": str(TRANSFER_BYTES), "Content-Type": "application/octet-stream"}
        async with self._http.post(f"{self._url}{PATH}/bytes", data=chunks(), headers=headers) as response:
            if response.status != 200:
                raise await _refusal(response)
            await response.read()

    async def _ask(self, method: str, path: str, kind: type[_Body], **options: Any) -> _Body:
        try:
            async with self._http.request(method, self._url + path, **options) as response:
                if response.status >= 400:
                    raise await _refusal(response)
                return msgspec.json.decode(await response.read(), type=kind)
        except TimeoutError as error:
            raise WayFailed("silent") from error
        except (aiohttp.ClientError, OSError) as error:
            raise WayFailed("unreachable", error) from error
        except msgspec.DecodeError as error:
            raise WayFailed("not-tongke", error) from error


async def _refusal(response: aiohttp.ClientResponse) -> Exception:
    try:
        problem = msgspec.json.decode(await response.read(), type=ProblemDocument)
    except msgspec.DecodeError:
        return WayFailed("not-tongke", f"{response.status} {response.reason}")
    return RefusedByServer(f"{problem.title}. {problem.detail}")
