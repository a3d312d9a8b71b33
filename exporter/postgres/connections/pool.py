"""ConnectionPool: the connections to one database, and whether it was last reachable."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
from psycopg import pq

from exporter import backoff, errors, logs
from exporter.config import DatabaseSettings
from exporter.postgres.connections.abandoned_socket import AbandonedSocket, hang_up
from exporter.postgres.connections.address.hop import Hop, hop_of
from exporter.postgres.connections.connection_slots import ConnectionSlots
from exporter.postgres.connections.connector import Connection, Connector
from exporter.postgres.connections.deadlines import STATEMENT_SECONDS
from exporter.postgres.connections.shared_limit import RECHECK_AFTER, SharedConnectionLimit


class Lease:
    """A connection for one user, and its outcome."""

    connection: Connection
    is_new: bool

    def __init__(self) -> None:
        #: The sockets that were shut down.
        self.abandoned: list[AbandonedSocket] = []
        #: SQLSTATE and message with which the server ends the connection.
        self.last_words: list[tuple[str | None, str]] = []

    def note(self, notice: psycopg.errors.Diagnostic) -> None:
        # An error that ends the connection counts as a notice where it comes between two statements
        # (pqParseInput3() in fe-protocol3.c).
        if notice.severity_nonlocalized in {"FATAL", "PANIC"}:
            self.last_words.append((notice.sqlstate, notice.message_primary or ""))


class ConnectionPool:
    """At most one connection per slot; a connection runs one message at a time."""

    def __init__(
        self,
        settings: DatabaseSettings,
        slots: ConnectionSlots | None,
        room: SharedConnectionLimit | None,
    ) -> None:
        """`slots` and `room` are those that other connection strings share, if any do."""
        self.name = settings.name
        #: None until the first attempt; False after a failed connect or a lost connection.
        self.up: bool | None = None
        #: Seconds behind the primary; None on a primary or while unknown.
        self.replica_lag: float | None = None
        #: That of the last connection.
        self.hop: Hop | None = None
        self.idle: list[Connection] = []
        self.slots = slots or ConnectionSlots(settings.max_connections)
        self.slots.add_idle(self.idle)
        self.room = SharedConnectionLimit(settings.name) if room is None else room
        self._busy: set[Connection] = set()
        self.room.add(self.idle, self._busy)
        self._connect_timeout = settings.connect_timeout
        self._connector = Connector(settings)
        self._connecting = asyncio.Lock()
        self.backoff = backoff.Backoff()
        self._log = logs.StateLog()
        #: Why the last attempt to connect failed, as a sentence and as one word.
        self._unreachable = ("", errors.ConnectFailed.reason)

    @property
    def has_busy(self) -> bool:
        """Whether a connection is in use now."""
        return bool(self._busy)

    @asynccontextmanager
    async def connection(self, user: str = "") -> AsyncIterator["Lease"]:
        """A connection within the block: an idle one or a new one. Raises SourceError."""
        await self.acquire(user)
        lease = Lease()
        try:
            lease.is_new = not self.idle
            if lease.is_new:
                connection = await self.connect(lease.abandoned, waits=True)
            else:
                connection = self.idle.pop()
            self.take(connection)
            lease.connection = connection
            connection.add_notice_handler(lease.note)
            try:
                yield lease
            finally:
                connection.remove_notice_handler(lease.note)
                await self.keep(connection)
        finally:
            self.leave(user, STATEMENT_SECONDS, lease.abandoned)

    async def acquire(self, user: str) -> None:
        try:
            await self.slots.acquire(user)
        except errors.NoAnswer as error:  # stuck backends have all of them
            self.mark_down(error)
            raise

    def leave(self, user: str, seconds: float, abandoned: Sequence[AbandonedSocket]) -> None:
        """Return a slot; the server may need this time, in seconds, to end the statement."""
        if abandoned:
            # An abandoned backend continues until its statement_timeout ends it, and longer if it
            # is stuck.
            self.slots.abandon(seconds, abandoned, user)
        else:
            self.slots.release(user)

    def withhold(self, user: str) -> None:
        """Keep a slot for some time for which the server permitted no connection."""
        self.slots.withhold(RECHECK_AFTER, user)

    async def connect(self, abandoned: list[AbandonedSocket], *, waits: bool) -> Connection:
        """Connect; `waits` for our other connections if the server permits none beside them."""
        loop = asyncio.get_running_loop()
        # One at a time: two attempts with the same wrong password would count twice where a server
        # locks out a user after some of them.
        async with self._connecting:
            if self.backoff.waits(loop.time()):
                message, reason = self._unreachable
                raise errors.BackingOff(f"{message} (a moment ago; will retry soon)", reason=reason)
            try:
                await self.slots.make_room()
                most = self._connect_timeout if waits else 0.0
                connection = await self.room.connect(self._connector, abandoned, most_seconds=most)
            except errors.SourceError as error:
                error.is_silent = True  # the backoff sets the interval, not how long this took
                self._unreachable = (str(error), error.reason)
                if _is_refused(error):
                    # A person has to repair this, which takes time.
                    self.backoff.failed(loop.time(), backoff.AUTHENTICATION)
                elif isinstance(error, errors.ConnectTimedOut) and self._busy:
                    self.backoff.until = loop.time() + backoff.CONNECT[0]
                    raise
                elif self._busy or self.idle:
                    # Perhaps out of connections; the database itself is up.
                    self.room.note_refused(error)
                    raise errors.NoRoom(str(error)) from None
                elif isinstance(error, errors.ServerRefused) and self.room.has_any:
                    self.backoff.until = loop.time() + backoff.CONNECT[0]
                    raise
                else:
                    self.backoff.failed(loop.time(), backoff.CONNECT)
                self.mark_down(error)
                raise
            while abandoned:  # of servers tried before this one
                abandoned.pop().close()
            self.hop = hop_of(connection.pgconn)
            self.backoff.succeeded()
            self.room.note_connected()
            self.mark_up()
            return connection

    def mark_down(self, error: errors.SourceError) -> None:
        if self.up is not False:
            why = {"reason": error.reason, "error": str(error)}
            self._log.change(logs.warning, "database_down", database=self.name, **why)
        self.up = False
        self.replica_lag = None

    def mark_up(self) -> None:
        if self.up is False:
            self._log.change(logs.info, "database_up", database=self.name)
        self.up = True

    def take(self, connection: Connection) -> None:
        """Count a connection, which was idle or is new, as busy."""
        self._busy.add(connection)

    async def keep(self, connection: Connection, *, is_usable: bool = True) -> None:
        """Make a busy connection idle, or close it if it is no longer usable."""
        self._busy.discard(connection)
        self.room.note_done()
        is_idle = connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
        if is_usable and is_idle and not self.room.is_scarce:  # a closed one is not idle
            self.idle.append(connection)
        else:
            await connection.close()

    async def close(self, *, shares_slots: bool = False) -> None:
        """Close every connection, also those whose server does not answer.

        Shared slots stay in use.
        """
        for connection in list(self._busy):
            hang_up(connection.pgconn)
        while self.idle:
            await self.idle.pop().close()
        await self._connector.close()
        self.room.remove(self.idle, self._busy)
        if shares_slots:
            self.slots.remove_idle(self.idle)
        else:
            await self.slots.close()


def _is_refused(error: errors.SourceError) -> bool:
    """Whether the server refuses us; a failed password command may soon succeed."""
    is_command = isinstance(error, errors.PasswordUnavailable)
    return isinstance(error, errors.AuthFailed | errors.PermissionDenied) and not is_command
