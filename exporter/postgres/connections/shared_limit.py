"""Collection and recovery, if the server permits fewer connections than their limits.

Each has its own slots, but a CONNECTION LIMIT of the role or the database applies to all of them. A
user that is refused beside connections of others gets one when these have done their work, and for
some time none is kept idle.
"""

import asyncio

from exporter import logs
from exporter.errors import ServerRefused
from exporter.postgres.connections.abandoned_socket import AbandonedSocket
from exporter.postgres.connections.connector import Connection, Connector

#: How long until a further connection is tried after a refusal, in seconds.
RECHECK_AFTER = 60.0

#: A backend ends a moment after its connection, in seconds.
BACKEND_ENDS_IN = 0.02


class SharedConnectionLimit:
    """The connections to one database, of all connection strings; for one event loop."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._idle: list[list[Connection]] = []
        self._busy: list[set[Connection]] = []
        #: Until when no connection is kept idle.
        self._scarce_until = 0.0
        #: How many connections have done their work, and how many are being opened.
        self._done = 0
        self._opening = 0
        self._is_limited = False

    @property
    def is_scarce(self) -> bool:
        return asyncio.get_running_loop().time() < self._scarce_until

    def add(self, idle: list[Connection], busy: set[Connection]) -> None:
        """Count the connections of one connection string; the set changes."""
        self._idle.append(idle)
        self._busy.append(busy)

    def remove(self, idle: list[Connection], busy: set[Connection]) -> None:
        """Stop counting these."""
        self._idle = [each for each in self._idle if each is not idle]
        self._busy = [each for each in self._busy if each is not busy]

    def note_done(self) -> None:
        self._done += 1

    def note_refused(self, error: Exception) -> None:
        """Log it once, until the server permits a connection beside another one."""
        if not self._is_limited:
            self._is_limited = True
            logs.warning("connections_limited", database=self._database, error=str(error))

    def note_connected(self) -> None:
        if self._is_limited and self.has_any:
            self._is_limited = False
            logs.info("connections_not_limited", database=self._database)

    async def connect(
        self, connector: Connector, abandoned: list[AbandonedSocket], *, most_seconds: float
    ) -> Connection:
        """Connect; if the server refuses it beside others, after these have closed theirs.

        Raises the errors of the connector.
        """
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + most_seconds, BACKEND_ENDS_IN
        while True:
            done = self._done
            try:
                self._opening += 1
                return await connector.connect(abandoned.append)
            except ServerRefused as error:
                is_ours = self.has_any or self._opening > 1 or self._done != done or self.is_scarce
                if loop.time() >= deadline or not is_ours:
                    raise
                self.note_refused(error)
            finally:
                self._opening -= 1
            self._scarce_until = loop.time() + RECHECK_AFTER
            if await self._close_idle() or await self._another_is_done(done, deadline):
                pause = BACKEND_ENDS_IN
            await asyncio.sleep(pause)
            pause *= 2

    @property
    def has_any(self) -> bool:
        """Whether a connection is open."""
        return any(self._idle) or any(self._busy)

    async def _close_idle(self) -> bool:
        """Close all idle connections; return whether there were any."""
        had_any = any(self._idle)
        for connections in self._idle:
            while connections:
                await connections.pop().close()
        return had_any

    async def _another_is_done(self, before: int, deadline: float) -> bool:
        """Wait while others work; return whether one has finished since."""
        loop = asyncio.get_running_loop()
        while self._done == before:
            if loop.time() >= deadline or not (self.has_any or self._opening):
                return False
            await asyncio.sleep(BACKEND_ENDS_IN / 2)
        return True
