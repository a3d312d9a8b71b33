"""How recovery connects: as a separate role where `recovery.dsn` names one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from exporter import sessions
from exporter.config import DatabaseSettings, Source
from exporter.postgres import ConnectionSlots, Database, Writer


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


class RecoveryConnections:
    """The connections of recovery in the daemon, which all sources of a database share.

    Those of a database stay within `max_recovery_connections`, whatever their connection strings.
    """

    def __init__(self, beside: Mapping[str, Database] | None = None) -> None:
        """`beside` are the connections of collection, by the name of the database."""
        self._beside = beside or {}
        self._slots: dict[str, ConnectionSlots] = {}
        self._databases: dict[tuple[str, str, object], Database] = {}

    def open(self, database: str) -> int:
        """How many are open to a database."""
        return self._slots[database].open if database in self._slots else 0

    def reading(self, settings: DatabaseSettings, source: Source) -> Database:
        return self._database(reading_settings(settings, source))

    def writer(self, settings: DatabaseSettings, source: Source) -> Writer:
        """What closes sessions of a source; `settings` are those of collection."""
        shared = self._database(writing_settings(settings, source))
        zone = sessions.time_zone(source)
        return Writer(shared.settings, timezone=zone, shared=shared, user=source.name)

    async def close(self) -> None:
        for database in self._databases.values():
            await database.close()

    def _database(self, settings: DatabaseSettings) -> Database:
        key = (settings.name, settings.dsn, settings.password_file)
        if key not in self._databases:
            slots = self._slots.setdefault(
                settings.name,
                ConnectionSlots(settings.max_recovery_connections, "max_recovery_connections"),
            )
            self._databases[key] = Database(
                settings, slots=slots, beside=self._beside.get(settings.name)
            )
        return self._databases[key]


@asynccontextmanager
async def open_writer(settings: DatabaseSettings, source: Source) -> AsyncIterator[Writer]:
    """The connection that closes sessions, for one command; `settings` are those of collection."""
    writer = Writer(writing_settings(settings, source), timezone=sessions.time_zone(source))
    try:
        yield writer
    finally:
        await writer.close()
