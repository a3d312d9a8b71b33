"""How recovery connects: as a separate role where `recovery.dsn` names one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter import sessions
from exporter.config import DatabaseSettings, Source
from exporter.postgres import Writer


def writing_settings(settings: DatabaseSettings, source: Source) -> DatabaseSettings:
    """How sessions are closed; `settings` are those of collection."""
    if source.recovery.dsn is None:
        return settings
    return settings.model_copy(update={"dsn": source.recovery.dsn, "password_file": None})


def reading_settings(settings: DatabaseSettings, source: Source) -> DatabaseSettings:
    """How sessions to close are found.

    The role that may call a function has no right to see them: then it is done as collection does.
    """
    return writing_settings(settings, source) if source.recovery.call is None else settings


@asynccontextmanager
async def open_writer(settings: DatabaseSettings, source: Source) -> AsyncIterator[Writer]:
    """The connection that closes sessions, for one command; `settings` are those of collection."""
    writer = Writer(writing_settings(settings, source), timezone=sessions.time_zone(source))
    try:
        yield writer
    finally:
        await writer.close()
