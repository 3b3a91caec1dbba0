"""`tongke serve`: settings from file, environment and options, then the server."""

from __future__ import annotations

import argparse
import gc
import logging
import os
from pathlib import Path
from typing import Any, Final

from signaling import open_files
from signaling.cli.command import Commands
from signaling.config import SETTINGS, Setting, load

LOG_FORMAT: Final = "%(asctime)s %(levelname).1s %(name)s %(message)s"


def register(commands: Commands) -> None:
    parser = commands.add("serve", serve)
    parser.add_argument("--config", metavar="FILE", type=Path, help=commands.text("cli.serve.config"))
    for setting in SETTINGS:
        parser.add_argument(setting.option, dest=setting.name, **_argument(setting, commands))


def _argument(setting: Setting, commands: Commands) -> dict[str, Any]:
    """How a setting stands on the command line."""
    text = setting.help(commands.language).replace("%", "%%")
    if setting.is_flag:
        return {"action": argparse.BooleanOptionalAction, "default": None, "help": text}
    if setting.default_text:
        text += " " + commands.text("cli.serve.default", default=setting.default_text)
    if setting.is_list:
        return {"action": "append", "metavar": "VALUE", "help": text}
    return {"metavar": "VALUE", "help": text}


def serve(options: argparse.Namespace) -> int:
    # The media plane and all that belongs to it take a second to load: not for `tongke token`. What is loaded
    # stays: looking for garbage in it takes a sixth of the time.
    gc.disable()
    from signaling.serving import serve_until_stopped

    gc.freeze()
    gc.enable()
    chosen = {setting.name: getattr(options, setting.name) for setting in SETTINGS}
    for setting in SETTINGS:
        if setting.is_list and chosen[setting.name] is not None:
            chosen[setting.name] = ",".join(chosen[setting.name])
    config = load(file=options.config, environment=os.environ, options=chosen)
    # LOG_FORMAT needs none of it; what finds out where a line was logged takes as long as writing it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # as Python's logging HOWTO, "Optimization"
    logging.basicConfig(level=config.log_level.upper(), format=LOG_FORMAT)
    # Its migrations are no news to whoever runs a server.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    open_files.raise_limit()
    serve_until_stopped(config)
    return 0
