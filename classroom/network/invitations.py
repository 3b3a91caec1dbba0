"""Invitations: by what somebody comes to an account, or to a password. Pure.

One names an account (its bearer sets a password), or an office that its bearers will hold (they say who they
are). Of the first kind and of an office's own there is one use; a class's link is good for its pupils. The
code is 128 bits of chance, so nobody finds one by trying; the database knows its hash alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from classroom.model import PersonId
from classroom.network.model import Office, Path, PlaceId

MAX_USES: Final = 500
"""Of a class's link: as many as a class has pupils at most."""
LONGEST_MS: Final = 60 * 86_400_000
"""From the last days of a school year to the first of the next."""
USUAL_MS: Final = 14 * 86_400_000
INVITED: Final = frozenset({Office.ORGANIZER, Office.PROVIDER, Office.MASTER, Office.TUTOR, Office.STUDENT})
"""Offices by invitation: the others name more than who somebody is."""


@dataclass(frozen=True, slots=True)
class Invitation:
    id: str
    secret_hash: str
    path: Path
    place: PlaceId
    made_ms: int
    made_by: str
    ends_ms: int
    uses: int = 1
    """How many may still use it."""
    person: PersonId | None = None
    """Whose account it is for; None: of somebody new, who will hold `office`."""
    office: Office | None = None
    class_id: str = ""
    revoked_ms: int | None = None

    def holds(self, now_ms: int) -> bool:
        return self.uses > 0 and self.revoked_ms is None and now_ms < self.ends_ms
