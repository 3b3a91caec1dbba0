"""The issuer of the single sign-on, as this server talks to it (OpenID Connect Discovery 1.0; Core 1.0, 3.1).

Theory of operation. What the issuer says of itself and its keys is fetched when somebody wants in, and kept
for an hour. A token by a key that is not known has the keys fetched anew, at most every 10 s: so new keys are
found at once (Core 1.0, 10.1.1), and made-up names cost the issuer nothing. Each answer is bounded in size
and time, no redirect is followed, and one that is not as it has to be is as if there were none: nobody is
signed in by half of it.

An issuer may say that anybody is anybody, so operators trust it wholly; where its addresses lie is not
judged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import msgspec

from signaling.config import Config
from signaling.network.openid_attempts import Attempt, Used
from signaling.network.openid_tokens import (
    BadIdToken,
    Expected,
    Key,
    LoggedOut,
    TokenFault,
    believed,
    logged_out,
)

log = logging.getLogger(__name__)

KEPT_S: Final = 3600.0
KEYS_AGAIN_S: Final = 10.0
AWAY_S: Final = 5.0
"""Whoever comes so soon after one who waited in vain is told at once."""
TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0)
"""Somebody looks at an empty page meanwhile."""
MAX_ANSWER: Final = 256 * 1024
"""Bytes: a large organisation's metadata and keys have 20 KB."""
MAX_KEYS: Final = 64
DISCOVERY: Final = "/.well-known/openid-configuration"

T = TypeVar("T")


class OpenIdAway(Exception):  # noqa: N818 - an answer, not a fault of ours
    """It does not answer, or not as it has to."""


class OpenIdRefused(Exception):  # noqa: N818 - an answer, not a fault of ours
    """It answers that this one may not come in, or what it says of them is not believed."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Discovery 1.0, 3; what else it says is not asked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def endpoints(self) -> tuple[str, ...]:
        named = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri)
        return tuple(filter(None, (*named, self.userinfo_endpoint, self.end_session_endpoint)))


class _Keys(msgspec.Struct, frozen=True):
    keys: list[Key]


class _Tokens(msgspec.Struct, frozen=True):
    """Core 1.0, 3.1.3.3."""

    id_token: str
    access_token: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    metadata: Metadata
    keys: tuple[Key, ...]
    at: float


class OpenIdIssuer:
    def __init__(self, config: Config, http: aiohttp.ClientSession) -> None:
        self._config = config
        self._http = http
        self._kept: _Kept | None = None
        self._logouts = Used()
        self._fetching = asyncio.Lock()
        self._failed: tuple[float, OpenIdAway] | None = None

    async def metadata(self) -> Metadata:
        """Raises OpenIdAway."""
        return (await self._known(KEPT_S)).metadata

    async def sign_in_url(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where the browser goes (Core 1.0, 3.1.2.1). Raises OpenIdAway."""
        metadata = await self.metadata()
        asked = {
            "response_type": "code",
            "client_id": self._config.openid_client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._config.openid_scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        if attempt.again:
            asked |= {"prompt": "login", "max_age": "0"}
        return with_query(metadata.authorization_endpoint, asked)

    async def sign_out_url(self, return_to: str, id_token: str) -> str:
        """RP-Initiated Logout 1.0, 2; empty: there is none. id_token: of who leaves, if it was kept. Raises
        OpenIdAway."""
        ends = (await self.metadata()).end_session_endpoint
        asked = {"client_id": self._config.openid_client_id, "post_logout_redirect_uri": return_to}
        if id_token:
            asked["id_token_hint"] = id_token
        return with_query(ends, asked) if ends else ""

    async def logged_out(self, token: str) -> LoggedOut:
        """Whom it says to have been signed out there. Raises OpenIdAway, OpenIdRefused."""
        expected = Expected(self._config.openid_issuer, self._config.openid_client_id, "")
        told = await self._checked(lambda keys: logged_out(token, keys, expected), "logout token")
        if not self._logouts.add(told.id, told.until_s, time.time()):
            raise OpenIdRefused("logout token: seen before")
        return told

    async def claims(
        self, attempt: Attempt, code: str, redirect_uri: str, wanted: str
    ) -> tuple[dict[str, Any], str]:
        """Who it is that came back with this code: `iss`, `sub` and what else is vouched for; and the id
        token. wanted: a claim that is asked for separately when that is without. Raises OpenIdAway,
        OpenIdRefused."""
        tokens = await self._exchange(attempt, code, redirect_uri)
        expected = Expected(self._config.openid_issuer, self._config.openid_client_id, attempt.nonce)
        claims = await self._checked(lambda keys: believed(tokens.id_token, keys, expected), "id token")
        if wanted not in claims and tokens.access_token:
            claims = await self._user_info(tokens.access_token, claims["sub"]) | claims
        return claims, tokens.id_token

    async def _checked(self, look: Callable[[Sequence[Key]], T], what: str) -> T:
        """With the issuer's keys, and with newer ones if none of them fits."""
        try:
            try:
                return look((await self._known(KEPT_S)).keys)
            except BadIdToken as error:
                if error.fault is not TokenFault.KEY:
                    raise
            return look((await self._known(KEYS_AGAIN_S)).keys)
        except BadIdToken as error:
            raise OpenIdRefused(f"{what}: {error.fault}") from None

    async def _exchange(self, attempt: Attempt, code: str, redirect_uri: str) -> _Tokens:
        metadata, config = await self.metadata(), self._config
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {"Accept": "application/json"}
        methods = metadata.token_endpoint_auth_methods_supported
        if not config.openid_client_secret:
            form |= {"client_id": config.openid_client_id}
        elif "client_secret_post" in methods and "client_secret_basic" not in methods:
            form |= {"client_id": config.openid_client_id, "client_secret": config.openid_client_secret}
        else:
            # RFC 6749, 2.3.1: both are encoded as of a form first.
            headers["Authorization"] = aiohttp.encode_basic_auth(
                quote_plus(config.openid_client_id), quote_plus(config.openid_client_secret)
            )
        return await self._ask("POST", metadata.token_endpoint, _Tokens, data=form, headers=headers)

    async def _user_info(self, access_token: str, subject: str) -> dict[str, Any]:
        """Core 1.0, 5.3.2: of nobody but the token's subject."""
        url = (await self.metadata()).userinfo_endpoint
        if not url:
            return {}
        headers = {"Accept": "application/json", "Authorization": f"Bearer {access_token}"}
        found = await self._ask("GET", url, dict[str, Any], headers=headers)
        if found.get("sub") != subject:
            raise OpenIdRefused("user info of somebody else")
        return found

    async def _known(self, at_most_s: float) -> _Kept:
        """What it says of itself, not older than that. Raises OpenIdAway."""
        async with self._fetching:
            now = asyncio.get_running_loop().time()
            if self._kept is not None and now - self._kept.at < at_most_s:
                return self._kept
            if self._failed is not None and now - self._failed[0] < AWAY_S:
                raise OpenIdAway(str(self._failed[1]))
            try:
                self._kept = await self._fetched(now)
            except OpenIdAway as error:
                self._failed = asyncio.get_running_loop().time(), error
                raise
            return self._kept

    async def _fetched(self, now: float) -> _Kept:
        issuer = self._config.openid_issuer
        metadata = await self._ask("GET", issuer.rstrip("/") + DISCOVERY, Metadata)
        if metadata.issuer != issuer:
            raise OpenIdAway("it says that it is another issuer")
        if "S256" not in metadata.code_challenge_methods_supported:
            raise OpenIdAway("it knows no PKCE by S256")
        scheme = urlsplit(issuer).scheme
        if any(urlsplit(url).scheme not in ("https", scheme) for url in metadata.endpoints):
            raise OpenIdAway("one of its addresses is not HTTPS")
        keys = await self._ask("GET", metadata.jwks_uri, _Keys)
        return _Kept(metadata, tuple(keys.keys[:MAX_KEYS]), now)

    async def _ask(self, method: str, url: str, kind: type[T], **options: Any) -> T:
        """Raises OpenIdAway; OpenIdRefused for a 4xx that says so (RFC 6749, 5.2)."""
        try:
            async with self._http.request(
                method, url, allow_redirects=False, timeout=TIMEOUT, **options
            ) as response:
                body = await _bounded(response.content)
                if response.status in (400, 401, 403) and method == "POST":
                    raise OpenIdRefused(f"status {response.status} for the code")
                if response.status != 200:
                    raise OpenIdAway(f"status {response.status}")
                return msgspec.json.decode(body, type=kind)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError, RecursionError) as error:
            raise OpenIdAway(f"{type(error).__name__} at {urlsplit(url).path}") from error


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise ValueError("too long an answer")
    return bytes(body)


def with_query(url: str, asked: Mapping[str, str]) -> str:
    """RFC 6749, 3.1: what the address has of its own stays."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"
