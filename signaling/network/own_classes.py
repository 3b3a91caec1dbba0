"""The classes that somebody speaks for: their tutors and the organizers of their school."""

from __future__ import annotations

from aiohttp import web

from classroom.model import ClassId
from classroom.network.model import Appointment, Office, SchoolClass
from classroom.network.scope import Principal
from classroom.store import network_classes
from signaling.keys import STORE
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import is_id
from signaling.problems import Problem
from signaling.rest import read


async def own_class(request: web.Request) -> SchoolClass:
    """The class of the path, if the caller speaks for it. Problem not-found."""
    class_id = ClassId(request.match_info["class"])
    look_up = network_classes.look_up
    found = await read(request.app[STORE].network.look(look_up, class_id)) if is_id(class_id) else None
    principal = request[PRINCIPAL]
    speaks = found is not None and (
        principal.reaches({Office.ORGANIZER}, found.path) or tutors(principal, found)
    )
    if found is None or found.closed_ms is not None or not speaks:
        raise Problem("not-found")
    return found


def tutors(principal: Principal, found: SchoolClass) -> bool:
    return any(_is_tutor_by(each, found) for each in principal.appointments)


def _is_tutor_by(each: Appointment, found: SchoolClass) -> bool:
    """Of this class, or of any of the school."""
    return each.office is Office.TUTOR and each.path == found.path and each.class_id in {"", found.id}
