"""A network of its own for this process and its children: a pair of veth devices with one address.

Some servers pass loopback by (Janus), so both servers of a comparison listen on this address. The namespace
is this process's: nothing is left behind when it ends. What travels between two programs on one address goes
by the namespace's loopback device all the same, for both servers alike.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from typing import Final

CLONE_NEWNET: Final = 0x40000000
"""sched.h."""
DEVICE: Final = "d0"
ADDRESS: Final = "10.77.0.1"


class NoNamespace(Exception):  # noqa: N818
    """The text says what is missing."""


def enter() -> str:
    """Moves this process into a network of its own and returns its address. Call it before the first thread
    and socket. Raises NoNamespace."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise NoNamespace(f"a network namespace cannot be made ({reason}): run it as root")
    for words in (
        f"link add {DEVICE} type veth peer name d1",
        f"addr add {ADDRESS}/24 dev {DEVICE}",
        *(f"link set {device} up" for device in ("lo", DEVICE, "d1")),
    ):
        _ip(words.split())
    return ADDRESS


def _ip(words: list[str]) -> None:
    try:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoNamespace("the program `ip` is missing: install iproute2") from error
    except subprocess.CalledProcessError as error:
        raise NoNamespace(f"ip {' '.join(words)}: {error.stderr.strip()}") from error
