"""Pairing a room's device: a code on its screen, which somebody who may types in. In memory, sans-IO.

Theory of operation. A device that is nobody's yet begins a pairing and gets a code of six digits to show and
a secret to ask with. A tutor or organizer who sees the screen types the code in for a class; then the device,
asking with its secret, is given its credential, once. The code alone gives nobody anything: who types it
needs a token, who asks for the credential needs the secret. It is short, so it is good for ten minutes, for
one use, and whoever types may try a few times a minute; a wrong one, a used one and one that is over are
refused alike. What is lost with a restart is a code that was on a screen: the device shows another one.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from signaling.problems import Problem
from signaling.rate import Bucket

DIGITS: Final = 6
SECRET_BYTES: Final = 24
VALID_S: Final = 600.0
"""From the screen to the tutor's phone, with a walk to the staff room in between."""
MAX_PAIRINGS: Final = 1000
"""At once: a district that sets up its rooms. Of a million codes a guess then hits one in a thousand."""
MAX_OF_ADDRESS: Final = 100
"""At once from one address: a school behind one."""
TRIES_BURST: Final = 5.0
TRIES_PER_S: Final = 1 / 20
"""Three a minute: nobody finds a code by trying before it is over."""
MAX_TYPISTS: Final = 10_000
"""Remembered of those who typed codes; whoever typed least lately is forgotten."""


@dataclass(slots=True)
class Pairing:
    code: str
    secret: str
    address: str
    until: float
    """By the caller's clock, seconds."""
    credential: str = ""
    """Of the device, once it is paired."""


class Pairings:
    def __init__(self) -> None:
        self._by_secret: OrderedDict[str, Pairing] = OrderedDict()
        """In the order in which they end."""
        self._by_code: dict[str, Pairing] = {}
        self._tries: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_secret)

    def begin(self, address: str, now: float) -> Pairing:
        """Problem: too-many-requests, busy."""
        self._forget_old(now)
        if sum(pairing.address == address for pairing in self._by_secret.values()) >= MAX_OF_ADDRESS:
            raise Problem("too-many-requests", retry_after=round(VALID_S / MAX_OF_ADDRESS))
        if len(self) >= MAX_PAIRINGS:
            raise Problem("busy")
        pairing = Pairing(self._new_code(), secrets.token_urlsafe(SECRET_BYTES), address, now + VALID_S)
        self._by_secret[pairing.secret] = self._by_code[pairing.code] = pairing
        return pairing

    def waiting(self, code: str, typist: str, now: float) -> Pairing:
        """The one that shows this code and is not paired. Problem: too-many-requests, pairing-code-unknown.
        typist: whose tries are counted."""
        if not self._bucket(typist, now).take(now):
            raise Problem("too-many-requests", retry_after=round(1 / TRIES_PER_S))
        self._forget_old(now)
        pairing = self._by_code.get(code)
        if pairing is None:
            raise Problem("pairing-code-unknown")
        return pairing

    def pair(self, pairing: Pairing, credential: str) -> None:
        """Nobody else can pair it any more."""
        pairing.credential = credential
        self._by_code.pop(pairing.code, None)

    def asked(self, secret: str, now: float) -> Pairing:
        """By its device; with a credential it is handed out, and forgotten. Problem pairing-over."""
        self._forget_old(now)
        pairing = self._by_secret.get(secret)
        if pairing is None:
            raise Problem("pairing-over")
        if pairing.credential:
            del self._by_secret[secret]
        return pairing

    def _new_code(self) -> str:
        while (code := f"{secrets.randbelow(10**DIGITS):0{DIGITS}}") in self._by_code:
            pass
        return code

    def _bucket(self, typist: str, now: float) -> Bucket:
        bucket = self._tries.pop(typist, None) or Bucket(burst=TRIES_BURST, per_second=TRIES_PER_S, now=now)
        self._tries[typist] = bucket
        if len(self._tries) > MAX_TYPISTS:
            self._tries.popitem(last=False)
        return bucket

    def _forget_old(self, now: float) -> None:
        while self._by_secret and (oldest := next(iter(self._by_secret.values()))).until <= now:
            del self._by_secret[oldest.secret]
            self._by_code.pop(oldest.code, None)
