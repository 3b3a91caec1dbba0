"""How many files a server may have open: a connection each, and shells give a process 1,024 by default."""

from __future__ import annotations

import logging
import resource

log = logging.getLogger(__name__)


def raise_limit() -> int:
    """Raises the soft limit as far as the hard one allows; returns what it is now. Never fails: a server with
    few files is better than none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        log.warning("x open files stay limited to %d: %s", soft, error)
        return soft
    log.info("- open files: up to %d", hard)
    return hard
