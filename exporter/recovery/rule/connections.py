"""The connections of recovery: as a separate role if `recovery.dsn` is set."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from exporter import sessions
from exporter.config import DatabaseSettings, Source
from exporter.postgres import ConnectionSlots, Database, Writer


def writing_settings(settings: DatabaseSettings, source: Source) -> DatabaseSettings:
    """The settings for closing sessions; `settings` are those of collection."""
    if source.recovery.dsn is None:
        return settings
    own = ("dsn", "password_file", "password_command")
    return settings.model_copy(update={key: getattr(source.recovery, key) for key in own})


def reading_settings(settings: DatabaseSettings, source: Source) -> DatabaseSettings:
    """The settings for finding sessions to close.

    A role that may only call a function cannot read them: then the role for collection is used.
    """
    return writing_settings(settings, source) if source.recovery.call is None else settings


#: The database, and the settings of the connection.
_Key = tuple[str, str, object, object, object]


class RecoveryConnections:
    """The connections of recovery in the daemon, which all sources of a database share.

    They stay within `max_recovery_connections` of the database, for any connection strings.
    """

    def __init__(
        self,
        beside: Mapping[str, Database] | None = None,
        before: "RecoveryConnections | None" = None,
    ) -> None:
        """`beside` are the connections of collection, by the name of the database.

        If these are the same as those of `before`, its connections are reused.
        """
        self._beside = beside or {}
        self.slots: dict[str, ConnectionSlots] = {}
        self.databases: dict[_Key, Database] = {}
        self._before: Mapping[_Key, Database] = {}
        if before is not None:
            same = {name for name, each in self._beside.items() if before.beside(name) is each}
            self.slots = {name: each for name, each in before.slots.items() if name in same}
            self._before = {key: each for key, each in before.databases.items() if key[0] in same}

    def beside(self, database: str) -> Database | None:
        """The connections of collection to a database."""
        return self._beside.get(database)

    def open(self, database: str) -> int:
        """The number of open connections to a database."""
        return self.slots[database].open if database in self.slots else 0

    def use(self, settings: DatabaseSettings, source: Source) -> None:
        """Keep the connections for a source; `settings` are those of collection."""
        self._database(reading_settings(settings, source))
        self._database(writing_settings(settings, source))

    def reading(self, settings: DatabaseSettings, source: Source) -> Database:
        return self._database(reading_settings(settings, source))

    def writer(self, settings: DatabaseSettings, source: Source) -> Writer:
        """The writer that closes sessions of a source; `settings` are those of collection."""
        shared = self._database(writing_settings(settings, source))
        zone = sessions.time_zone(source)
        return Writer(shared.settings, timezone=zone, shared=shared, user=source.name)

    async def close_unused(self, after: "RecoveryConnections") -> None:
        """Close connections that `after` does not reuse."""
        for key, database in self.databases.items():
            if after.databases.get(key) is not database:
                slots = after.slots.get(key[0])
                await database.close(shares_slots=slots is self.slots[key[0]])

    async def close(self) -> None:
        for database in self.databases.values():
            await database.close()

    def _database(self, settings: DatabaseSettings) -> Database:
        key = (
            settings.name,
            settings.dsn,
            settings.password_file,
            settings.password_command,
            settings.password_lifetime,
        )
        if key not in self.databases and key in self._before:
            self.databases[key] = self._before[key]
        elif key not in self.databases:
            slots = self.slots.setdefault(
                settings.name,
                ConnectionSlots(settings.max_recovery_connections, "max_recovery_connections"),
            )
            self.databases[key] = Database(
                settings, slots=slots, beside=self._beside.get(settings.name)
            )
        return self.databases[key]


@asynccontextmanager
async def open_writer(settings: DatabaseSettings, source: Source) -> AsyncIterator[Writer]:
    """The connection that closes sessions, for one command; `settings` are those of collection."""
    writer = Writer(writing_settings(settings, source), timezone=sessions.time_zone(source))
    try:
        yield writer
    finally:
        await writer.close()
