"""Tokens: who somebody is, in which lesson, as what. JWT (RFC 7519), HS256, signed with DATA/signing.key.

Any school platform that knows the key can issue them; `tongke token` does it by hand. Claims: `sub` (person
id), `name`, `role`, `lesson`, `class`, `scopes`, `iat`, `exp`, `jti`. Every check needs the time as an
argument.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import jwt
import msgspec
from aiohttp import web
from msgspec import Meta

from signaling.message import Id, Name, Role
from signaling.problems import Problem
from signaling.signed import ALGORITHM, InvalidSignature, payload_of

KEY_FILE: Final = "signing.key"
KEY_BYTES: Final = 32
"""RFC 7518, 3.2: a key of at least the hash's size."""
MAX_TOKEN: Final = 8192
"""Characters; what fits into one header line of common servers."""
MAX_TTL_S: Final = 400 * 86400
"""A school year with room to spare: a longer token is a slip."""
JOIN_LINK_S: Final = 12 * 3600
"""A link that is handed out in an emergency is good for the day's lesson, and for no other day."""

ROLES: Final[tuple[str, ...]] = get_args(Role)


MAX_SCOPES: Final = 32
Scope = Annotated[str, Meta(pattern=r"^(school|district|subject|review):.{1,80}$")]


class Claims(msgspec.Struct, frozen=True, kw_only=True, rename={"person": "sub", "class_id": "class"}):
    """What a valid token says."""

    person: Id
    role: Role
    lesson: Id
    exp: int
    """Unix time in seconds; not valid from then on."""
    name: Name = ""
    class_id: Id = ""
    iat: int = 0
    jti: Id = ""
    credential: Id = ""
    """Of who looks at a lesson of the course network by an office (`classroom.network.supervision`): the
    appointment by which they came in. With it they see their lesson and nothing else."""
    sign_in: Id = ""
    """Of who came by a sign-in of the course network: which (`classroom.store.sign_ins.NAMED`). With it the
    token is taken back."""
    join: bool = False
    """Of a link for many: good for nothing but a token of one's own (POST /api/v1/join)."""
    scopes: Annotated[tuple[Scope, ...], Meta(max_length=MAX_SCOPES)] = ()
    """What else they are beside the lesson, as `KIND:VALUE`: `school:`, `district:` (belongs to it; of a
    supervisor: may look at, `*`: all), `subject:` (teaches it), `review:` (教研员 of a subject, `*`: of
    all)."""

    @property
    def by(self) -> tuple[str, ...]:
        """What this token ends with, when it is taken back."""
        return tuple(each for each in (self.credential, self.sign_in) if each)


_claims = msgspec.json.Decoder(Claims)


def is_scope(text: str) -> bool:
    try:
        msgspec.convert(text, Scope)
    except msgspec.ValidationError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Tokens:
    """Issues and verifies tokens with one key."""

    key: bytes
    revoked: set[str] = field(default_factory=set, compare=False)
    """Whose tokens count no more, whatever they say: ids of room devices, of credentials and of sign-ins that
    were taken back."""

    replaced: dict[tuple[str, str], int] = field(default_factory=dict, compare=False)
    """Lesson and person -> until when (Unix time in seconds) tokens were issued to them that count no more:
    somebody else teaches in their place. Small: of lessons that are still to come."""

    @classmethod
    def open(cls, data: Path) -> Tokens:
        """With the key in the data directory, made at first use with mode 0600. OSError when that cannot
        be."""
        return cls(_read_or_make_key(data / KEY_FILE))

    def issue(
        self,
        *,
        person: str,
        role: Role,
        lesson: str,
        now: float,
        ttl_s: float,
        name: str = "",
        class_id: str = "",
        scopes: Sequence[str] = (),
        credential: str = "",
        sign_in: str = "",
    ) -> str:
        """A signed token, valid from now for ttl_s seconds."""
        claims: dict[str, Any] = {"sub": person, "name": name, "role": role, "lesson": lesson}
        claims |= {"class": class_id} | ({"scopes": list(scopes)} if scopes else {})
        claims |= {"credential": credential} if credential else {}
        claims |= {"sign_in": sign_in} if sign_in else {}
        times = {"iat": int(now), "exp": int(now + ttl_s), "jti": secrets.token_urlsafe(9)}
        return jwt.encode(claims | times, self.key, ALGORITHM)

    def issue_join(self, *, lesson: str, class_id: str, now: float, ttl_s: float = JOIN_LINK_S) -> str:
        """The token of a link by which the pupils of a class join, each by a token of their own."""
        claims = {"sub": "", "role": "student", "lesson": lesson, "class": class_id, "join": True}
        times = {"iat": int(now), "exp": int(now + ttl_s)}
        return jwt.encode(claims | times, self.key, ALGORITHM)

    def verify(self, token: str, now: float, *, join: bool = False) -> Claims:
        """Raises Problem: token-missing, token-invalid, token-expired. join: the token of a link for many is
        wanted, and no other; else no such one."""
        if not token:
            raise Problem("token-missing", headers=_challenge())
        if len(token) > MAX_TOKEN:
            raise Problem("token-invalid", headers=_challenge("invalid_token"))
        claims = self._decode(token)
        if claims.join is not join or not self.revoked.isdisjoint((claims.person, *claims.by)):
            raise Problem("token-invalid", headers=_challenge("invalid_token"))
        if claims.iat <= self.replaced.get((claims.lesson, claims.person), -1):
            raise Problem("token-invalid", headers=_challenge("invalid_token"))
        if claims.exp <= now:
            raise Problem("token-expired", headers=_challenge("invalid_token"))
        return claims

    def _decode(self, token: str) -> Claims:
        try:
            return _claims.decode(payload_of(token, self.key))
        except (InvalidSignature, msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Problem("token-invalid", headers=_challenge("invalid_token")) from error


def bearer(request: web.Request) -> str:
    """The caller's token; empty: none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _challenge(error: str = "") -> dict[str, str]:
    """RFC 6750, section 3."""
    return {"WWW-Authenticate": 'Bearer realm="tongke"' + (f', error="{error}"' if error else "")}


def _read_or_make_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Written under another name first: two processes that start at once agree on one whole key.
        draft = path.with_suffix(f".{os.getpid()}.draft")
        if not path.exists():
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(KEY_BYTES))
            os.link(draft, path)
            draft.unlink()
    except FileExistsError:
        draft.unlink(missing_ok=True)
    key = path.read_text().strip().encode()
    if len(key) < KEY_BYTES:
        raise OSError(f"{path} holds no signing key; delete it to get a new one (old tokens become invalid)")
    return key
