"""Asker: requests one list, or one kind of owners, over HTTP or in the database."""

from collections.abc import Collection
from typing import Protocol

from exporter.clock import Clock
from exporter.config.evidence import ListSource, OwnerSource
from exporter.errors import BackingOff
from exporter.evidence.answers import ListAnswer, OwnersAnswer, Unknown
from exporter.evidence.asking.database import STORE, list_in_database, owners_in_database
from exporter.postgres import Database

Answer = OwnersAnswer | ListAnswer | Unknown


class Client(Protocol):
    """Asks an application."""

    async def ask(self) -> Answer:
        """Ask once; never raises."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class Asker:
    """Sends requests repeatedly; an answer that cannot be used is Unknown."""

    def __init__(
        self, settings: OwnerSource | ListSource, database: Database | None, clock: Clock
    ) -> None:
        """`database` is the one that is asked; None: an application is, over HTTP."""
        self.settings = settings
        self.seconds = 0.0
        """How long the last question kept the database busy."""
        self._database = database
        self._clock = clock
        self._client = None if database is not None else _client(settings, clock)

    async def ask(self, also: Collection[str] = ()) -> Answer:
        """Ask once; a table of owners, `also` when these last reported.

        Raises nothing but cancellation.
        """
        if self._client is not None:
            return await self._client.ask()
        assert self._database is not None  # noqa: S101 - for mypy: no client asks it
        settings = self.settings
        reader = self._database.reader(
            f"{settings.name} evidence", user=settings.name, timeout=settings.timeout
        )
        try:
            if isinstance(settings, ListSource):
                return await list_in_database(reader, settings, self._clock)
            return await owners_in_database(reader, settings, self._clock, also)
        except BackingOff as error:
            unknown = Unknown(error.reason, str(error))
            return ListAnswer({STORE: unknown}) if isinstance(settings, ListSource) else unknown
        finally:
            self.seconds = reader.seconds

    async def close(self) -> None:
        """Close the connections to an application."""
        if self._client is not None:
            await self._client.close()


def _client(settings: OwnerSource | ListSource, clock: Clock) -> Client:
    # Importing httpx and jmespath takes memory that an exporter without evidence does not need.
    from exporter.evidence.asking.lists import ListClient  # noqa: PLC0415
    from exporter.evidence.asking.owners import OwnersClient  # noqa: PLC0415

    if isinstance(settings, ListSource):
        return ListClient(settings, clock)
    return OwnersClient(settings, clock)
