"""Database: the connections to one database, and whether it could be reached last."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import psycopg
from psycopg import pq

from exporter import backoff, errors, logs
from exporter.config import DatabaseSettings
from exporter.postgres import error_causes
from exporter.postgres.connections.abandoned_socket import AbandonedSocket, hang_up
from exporter.postgres.connections.connection_slots import ConnectionSlots
from exporter.postgres.connections.connector import Connection, Connector
from exporter.postgres.deadlines import CLIENT_GRACE_SECONDS, Deadline, limit_lock_timeout
from exporter.postgres.error_causes import ServerError
from exporter.postgres.pipeline import Pipeline, Result
from exporter.postgres.reader import Reader
from exporter.postgres.replica_lag import ReplicaPosition
from exporter.queries import fill, literal

# READ COMMITTED whatever the default of the database or the role is: see Reader.read.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"

#: A standby that seems to lag is checked again after this time, in seconds.
LAG_RECHECK_AFTER = 0.5


class Database:
    """One configured database, with at most `max_connections` to it at any time."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self.name = settings.name
        #: None until the first attempt; False after a failed connect or a lost connection.
        self.up: bool | None = None
        #: Seconds behind the primary; None on a primary or while unknown.
        self.replica_lag: float | None = None
        self._slots = ConnectionSlots(settings.max_connections)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._connector = Connector(settings)
        self._connecting = asyncio.Lock()
        self._backoff = backoff.Backoff()
        #: Why the last attempt to connect failed, in a sentence and in a word.
        self._unreachable = ("", errors.ConnectFailed.reason)

    def reader(self, *, timezone: str = "UTC", timeout: float | None = None) -> Reader:
        """Read access for one piece of work; `timeout` in seconds replaces `statement_timeout`."""
        return Reader(
            self._read_checked,
            timezone=timezone,
            timeout=timeout or self.settings.statement_timeout,
        )

    async def _read_checked(self, statements: Sequence[str], reader: Reader) -> list[Result]:
        """Run statements for a reader. Raises ReplicaLagging, or another SourceError."""
        loop = asyncio.get_running_loop()
        most, began = self.settings.max_replica_lag, loop.time()
        position, results = await self._read(statements, reader)
        if position.is_too_old(most):
            # After a quiet time the last commit is old, and a long transaction that is writing now
            # looks like lag: it is none if everything received is replayed a moment later.
            await asyncio.sleep(LAG_RECHECK_AFTER)
            later, _ = await self._read([], reader)
            if later.has_replayed(position):
                position, results = await self._read(statements, reader)
                position = position.at_most(loop.time() - began)
        self.replica_lag = position.known_lag
        position.require_lag_below(most)
        return results

    async def _read(
        self, statements: Sequence[str], reader: Reader
    ) -> tuple[ReplicaPosition, list[Result]]:
        settings = fill(
            "collection/begin",
            statement_timeout=literal(f"{reader.timeout * 1000:.0f}"),
            lock_timeout=literal(f"{self._lock_timeout(reader.timeout) * 1000:.0f}"),
            row_security=literal("off" if self.settings.row_security == "refuse" else "on"),
            timezone=literal(reader.timezone),
        )
        async with self._slot(reader) as abandoned:
            first, *results = await self._run_on_any([settings, *statements], abandoned, reader)
        return ReplicaPosition.of(first.rows[0]), results

    def _lock_timeout(self, statement_timeout: float) -> float:
        return limit_lock_timeout(self.settings.lock_timeout, statement_timeout)

    async def close(self) -> None:
        """Close every connection, also those whose server does not answer."""
        for connection in list(self._busy):
            if hung_up := hang_up(connection.pgconn):
                hung_up.close()
        while self._idle:
            await self._idle.pop().close()
        await self._connector.close()
        await self._slots.close()

    @asynccontextmanager
    async def _slot(self, reader: Reader) -> AsyncIterator[list[AbandonedSocket]]:
        """Hold one of the `max_connections`; the list is for sockets abandoned in it."""
        await self._slots.acquire()
        abandoned: list[AbandonedSocket] = []
        try:
            yield abandoned
        finally:
            if abandoned:
                # A backend that we hung up on goes on until its own statement_timeout ends it, and
                # longer if it is stuck.
                self._slots.abandon(reader.timeout, *_watch(abandoned))
            else:
                self._slots.release()

    async def _run_on_any(
        self, statements: Sequence[str], abandoned: list[AbandonedSocket], reader: Reader
    ) -> list[Result]:
        """Run on an idle connection, or on a new one where all idle ones turn out to be lost.

        Only when that fails too does the database count as down.
        """
        is_lost = False
        while self._idle:
            try:
                return await self._run(self._idle.pop(), statements, abandoned, reader)
            except errors.ConnectFailed:
                is_lost = True
        try:
            connection = await self._connect(abandoned)
        except errors.SourceError as error:
            if is_lost:
                self._mark_down(error)
            raise
        try:
            return await self._run(connection, statements, abandoned, reader)
        except errors.ConnectFailed as error:
            self._mark_down(error)
            raise

    async def _connect(self, abandoned: list[AbandonedSocket]) -> Connection:
        loop = asyncio.get_running_loop()
        # One at a time: two attempts with the same wrong password would count twice where a server
        # locks out a user after some of them.
        async with self._connecting:
            if self._backoff.waits(loop.time()):
                message, reason = self._unreachable
                raise errors.BackingOff(f"{message} (a moment ago; will retry soon)", reason=reason)
            try:
                connection = await self._connector.connect(abandoned.append)
            except errors.SourceError as error:
                error.is_silent = True  # the backoff sets the interval, not how long this took
                self._unreachable = (str(error), error.reason)
                if isinstance(error, errors.AuthFailed | errors.PermissionDenied):
                    # A person has to repair this, which takes time.
                    self._backoff.failed(loop.time(), backoff.AUTHENTICATION)
                elif self._busy:
                    # Perhaps out of connections; the database itself is up.
                    self._backoff.until = loop.time() + backoff.CONNECT[0]
                    raise
                else:
                    self._backoff.failed(loop.time(), backoff.CONNECT)
                self._mark_down(error)
                raise
            while abandoned:  # of servers tried before this one
                abandoned.pop().close()
            self._backoff.succeeded()
            self._mark_up()
            return connection

    def _mark_down(self, error: errors.SourceError) -> None:
        if self.up is not False:
            logs.warning("database_down", database=self.name, reason=error.reason, error=str(error))
        self.up = False
        self.replica_lag = None

    def _mark_up(self) -> None:
        if self.up is False:
            logs.info("database_up", database=self.name)
        self.up = True

    async def _run(
        self,
        connection: Connection,
        statements: Sequence[str],
        abandoned: list[AbandonedSocket],
        reader: Reader,
    ) -> list[Result]:
        def give_up() -> None:
            if hung_up := hang_up(connection.pgconn):
                abandoned.append(hung_up)

        deadline = Deadline(reader.timeout + CLIENT_GRACE_SECONDS, give_up)
        pipeline = Pipeline(connection, deadline)
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._busy.add(connection)
        try:
            results = await pipeline.run(_BEGIN, statements)
        except psycopg.Error as error:
            # The first result is that of the settings, with the position of a standby.
            first = pipeline.results[:1]
            self.replica_lag = ReplicaPosition.of(first[0].rows[0]).known_lag if first else None
            raise self._failure(error, statements, pipeline, reader.timeout) from None
        else:
            self._mark_up()
            return results
        finally:
            elapsed = loop.time() - started
            # Longer than all deadlines together: this process was stopped (SIGSTOP, a paused
            # machine), which says nothing about the database and must not stretch the interval.
            if elapsed <= deadline.seconds * (len(statements) + 3):
                reader.seconds += elapsed
            self._busy.discard(connection)
            is_idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
            if connection.closed or pipeline.is_lost or not is_idle:
                await connection.close()
            else:
                self._idle.append(connection)

    def _failure(
        self, error: psycopg.Error, sent: Sequence[str], pipeline: Pipeline, timeout: float
    ) -> errors.SourceError:
        if pipeline.deadline.has_passed:
            failure: errors.SourceError = errors.NoAnswer(
                f"database {self.name} did not answer within {pipeline.deadline.seconds:g} s; "
                "the connection was dropped",
                is_silent=not pipeline.results,
            )
            self._mark_down(failure)
            return failure
        if pipeline.is_lost:
            return error_causes.explain_lost(self.name, error)
        lock_timeout = self._lock_timeout(timeout)
        return error_causes.explain_statement(
            ServerError.of(error), sent, statement_timeout=timeout, lock_timeout=lock_timeout
        )


def _watch(sockets: list[AbandonedSocket]) -> tuple[Callable[[], bool], Callable[[], None]]:
    """Two functions: whether a backend still holds one of the sockets, and to close them."""

    def close() -> None:
        for each in sockets:
            each.close()

    return lambda: any(each.is_held for each in sockets), close
