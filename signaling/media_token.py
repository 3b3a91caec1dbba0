"""Tokens for media: what one person may fetch of one item of the library, for five minutes. JWT (RFC 7519),
HS256.

One token serves every playlist, segment, picture, caption and file of the item. Who makes requests by script
sends it as Bearer. A `<video>`, a picture or a caption track of our pages cannot: for those it is a cookie of
the item's path. Other players get it in the address, `?t=TOKEN`, and playlists repeat it there.

It is signed with a key derived from DATA/signing.key, so neither kind of token passes for the other; its
header names its type (RFC 8725, 3.11). A token that leaks opens one item to one person's right until it
expires, and not even so long: `media_access` looks at the right itself again every half minute.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Literal

import jwt
import msgspec

from classroom.library.rules import Viewer
from classroom.model import Role
from signaling.problems import Problem
from signaling.signed import ALGORITHM, InvalidSignature, payload_of

Purpose = Literal["play", "download"]

MEDIA_TOKEN_S: Final = 300
"""As long as a page that sleeps may go without asking again. One that is awake asks every 30 s: that is how
it learns that the right is gone, with minutes of the recording in its buffer."""
MAX_MEDIA_TOKEN: Final = 4096
"""Characters: ids and a dozen scopes; what fits into a request line of common servers."""
PARAMETER: Final = "t"
COOKIE: Final = "tongke_media"
_TYPE: Final = {"typ": "media+jwt"}
_TYPED: Final = jwt.encode({}, bytes(32), ALGORITHM, _TYPE).partition(".")[0] + "."
"""What our tokens begin with."""
_KEY_PURPOSE: Final = b"tongke media token 1"


class MediaClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Short names: a playlist repeats the token at every address."""

    i: str
    """Item."""
    sub: str
    r: str
    """Role."""
    l: str  # noqa: E741 - the lesson of the person's own token
    exp: int
    c: str = ""
    """Class."""
    s: tuple[str, ...] = ()
    """Scopes."""
    k: str = ""
    """Credential."""
    n: str = ""
    """Sign-in."""
    p: Purpose = "play"
    u: int = 0
    """Unix time in s when the person's own token ends, and with it whatever still runs."""

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.sub, Role(self.r), self.l, self.c, frozenset(self.s), self.k, self.n)


_claims = msgspec.json.Decoder(MediaClaims)


def is_media_token(token: str) -> bool:
    """Whether it says so of itself; nothing is proved."""
    return token.startswith(_TYPED)


@dataclass(frozen=True, slots=True)
class MediaTokens:
    """Issues and verifies media tokens."""

    key: bytes

    @classmethod
    def of(cls, signing_key: bytes) -> MediaTokens:
        return cls(hmac.new(signing_key, _KEY_PURPOSE, hashlib.sha256).digest())

    def issue(
        self, viewer: Viewer, item: str, *, now: float, until: float, purpose: Purpose = "play"
    ) -> tuple[str, int]:
        """(token, Unix time in s at which it ends); until: it outlives no token of the person's own."""
        expires = int(min(now + MEDIA_TOKEN_S, until))
        claims = MediaClaims(
            i=item,
            sub=viewer.person,
            r=viewer.role.value,
            l=viewer.lesson,
            exp=expires,
            c=viewer.class_id,
            s=tuple(sorted(viewer.scopes)),
            k=viewer.credential,
            n=viewer.sign_in,
            p=purpose,
            u=int(until),
        )
        return jwt.encode(msgspec.to_builtins(claims), self.key, ALGORITHM, _TYPE), expires

    def verify(self, token: str, item: str, now: float, purpose: Purpose = "play") -> MediaClaims:
        """Raises Problem: media-token-invalid, media-token-expired, media-token-other-item,
        media-token-no-download."""
        claims = self._decode(token)
        if claims.exp <= now:
            raise Problem("media-token-expired")
        if claims.i != item:
            raise Problem("media-token-other-item", item=item[:80])
        if purpose == "download" and claims.p != "download":
            raise Problem("media-token-no-download")
        return claims

    def _decode(self, token: str) -> MediaClaims:
        if len(token) > MAX_MEDIA_TOKEN:
            raise Problem("media-token-invalid")
        try:
            claims = _claims.decode(payload_of(token, self.key))
            Role(claims.r)
        except (InvalidSignature, msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Problem("media-token-invalid") from error
        return claims
