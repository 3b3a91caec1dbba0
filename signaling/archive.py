"""Where finished recordings move to, by the settings."""

from __future__ import annotations

from recorder.storage import Archive, ArchiveSettings
from signaling.config import Config, ConfigError


def open_archive(config: Config) -> Archive | None:
    """None: they stay in the data directory. Nothing is asked of it yet. Raises ConfigError."""
    if not config.storage:
        return None
    settings = ArchiveSettings(
        url=config.storage,
        endpoint=config.storage_endpoint,
        region=config.storage_region,
        key_id=config.storage_key_id,
        secret=config.storage_secret,
    )
    try:
        return Archive(settings)
    except ValueError as error:
        raise ConfigError("config.storage", reason=error) from error
