"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) as a client: one POST to join, one DELETE to leave."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import aiohttp

from .door import Refused, Resource
from .sdp import MAX_ANSWER_OCTETS, parse_answer

REQUEST_TIMEOUT_S = 30.0
ATTEMPTS = 4
MAX_RETRY_AFTER_S = 5
SDP_TYPE = "application/sdp"
__all__ = ["Refused", "Resource", "WhipClient"]


class WhipClient:
    """`async with WhipClient(url) as door`; `token` goes into each call, as each bot has its own."""

    def __init__(self, url: str) -> None:
        """A Door."""
        self._url = url.rstrip("/")
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> WhipClient:
        # No limit of connections: bots are people, each with a browser of their own.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=False),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def publish(self, lesson: str, token: str, offer: str) -> Resource:
        """POST /whip/LESSON. Raises Refused or BadAnswer."""
        return await self._post(f"{self._url}/whip/{lesson}", token, offer)

    async def subscribe(self, lesson: str, token: str, offer: str) -> Resource:
        """POST /whep/LESSON. Raises Refused or BadAnswer."""
        return await self._post(f"{self._url}/whep/{lesson}", token, offer)

    async def leave(self, resource: Resource, token: str) -> None:
        """DELETE of the session. Raises Refused."""
        await self._request("DELETE", resource.location, token)

    async def metrics(self) -> str:
        """GET /metrics as text. Raises Refused."""
        _, text = await self._request("GET", f"{self._url}/metrics", "")
        return text

    async def _post(self, url: str, token: str, offer: str) -> Resource:
        headers, text = await self._request_again("POST", url, token, data=offer.encode())
        if "Location" not in headers:
            raise Refused(f"POST {url} was answered without a Location")
        return Resource(urljoin(url, headers["Location"]), parse_answer(text))

    async def _request_again(self, method: str, url: str, token: str, **more: Any) -> tuple[Any, str]:
        """Comes back a few times where the server says when (WHEP: nothing to watch yet)."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._request(method, url, token, **more)
            except Refused as refusal:
                if not 0 < refusal.retry_after_s <= MAX_RETRY_AFTER_S:
                    raise
                await asyncio.sleep(refusal.retry_after_s)
        return await self._request(method, url, token, **more)

    async def _request(self, method: str, url: str, token: str, **more: Any) -> tuple[Any, str]:
        assert self._http is not None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if "data" in more:
            headers["Content-Type"] = SDP_TYPE
        try:
            async with self._http.request(method, url, headers=headers, **more) as response:
                text = (await response.content.read(MAX_ANSWER_OCTETS + 1)).decode(errors="replace")
                if response.status >= 400:
                    raise _refusal(f"{method} {url}", response, text)
                return response.headers, text
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refused(f"{method} {url}: {error or type(error).__name__}") from error


def _refusal(what: str, response: aiohttp.ClientResponse, text: str) -> Refused:
    refused = Refused(f"{what}: {response.status} {text[:500].strip()}")
    wait = response.headers.get("Retry-After", "")
    refused.retry_after_s = int(wait) if wait.isdecimal() else 0
    return refused
