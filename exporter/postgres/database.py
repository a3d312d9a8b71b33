"""One database: its few connections, and what became of the last attempt to use them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import pq

from exporter import backoff, logs
from exporter.config import DatabaseSettings
from exporter.errors import (
    AuthFailed,
    BackingOff,
    ConnectFailed,
    NoAnswer,
    PermissionDenied,
    SourceError,
)
from exporter.postgres import error_causes
from exporter.postgres.connections.abandoned_socket import AbandonedSocket, hang_up
from exporter.postgres.connections.connector import Connection, Connector
from exporter.postgres.connections.slots import ConnectionSlots
from exporter.postgres.error_causes import ServerError
from exporter.postgres.pipeline import CLIENT_GRACE_SECONDS, Pipeline, Result
from exporter.postgres.reader import Reader
from exporter.postgres.replica_lag import ReplicaPosition
from exporter.queries import fill, literal

# READ COMMITTED whatever the default of the database or the role is: see Reader.read.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"

#: A standby that seems to lag is looked at again after this time, in seconds.
SECOND_LOOK_AFTER = 0.5


@dataclass(slots=True)
class _Place:
    """One of the `max_connections`; `left` are connections that were hung up on in it."""

    timeout: float
    left: list[AbandonedSocket] = field(default_factory=list)


class Database:
    """One configured database: at most `max_connections` to it, whatever happens."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self.name = settings.name
        #: None until the first attempt; False after a failed connect or a lost connection.
        self.up: bool | None = None
        #: Seconds behind the primary; None on a primary or while unknown.
        self.replica_lag: float | None = None
        self._budget = ConnectionSlots(settings.max_connections)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._connector = Connector(settings)
        self._connecting = asyncio.Lock()
        self._backoff = backoff.Backoff()
        #: Why the last attempt to connect failed, in a sentence and in a word.
        self._unreachable = ("", ConnectFailed.reason)

    def reader(self, *, timezone: str = "UTC", timeout: float | None = None) -> Reader:
        """Give one collection access; `timeout` replaces `statement_timeout`, in seconds."""
        return Reader(
            self._read_checked,
            timezone=timezone,
            timeout=timeout or self.settings.statement_timeout,
        )

    async def _read_checked(self, statements: Sequence[str], reader: Reader) -> list[Result]:
        """Run statements for a reader, on a server that is not too far behind its primary."""
        loop = asyncio.get_running_loop()
        most, began = self.settings.max_replica_lag, loop.time()
        standing, results = await self._read(statements, reader)
        if standing.is_too_old(most):
            # After a quiet spell the last commit is old, and a long transaction that writes just
            # now makes it look like lag: is the rest replayed a moment later, it is none.
            await asyncio.sleep(SECOND_LOOK_AFTER)
            later, _ = await self._read([], reader)
            if later.has_replayed(standing):
                standing, results = await self._read(statements, reader)
                standing = standing.at_most(loop.time() - began)
        self.replica_lag = standing.known_lag
        standing.demand(most)
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
        async with self._place(reader) as place:
            first, *results = await self._run_somewhere([settings, *statements], place, reader)
        return ReplicaPosition.of(first.rows[0]), results

    def _lock_timeout(self, statement_timeout: float) -> float:
        """Shorter than the statement's, or a locked table would always look like a slow query."""
        return min(self.settings.lock_timeout, statement_timeout / 2)

    async def close(self) -> None:
        """Hang up every connection, also those whose server does not answer."""
        for connection in list(self._busy):
            if hung_up := hang_up(connection.pgconn):
                hung_up.close()
        while self._idle:
            await self._idle.pop().close()
        await self._connector.close()
        await self._budget.close()

    @asynccontextmanager
    async def _place(self, reader: Reader) -> AsyncIterator[_Place]:
        """Hold one of the `max_connections` places."""
        await self._budget.take()
        place = _Place(reader.timeout)
        try:
            yield place
        finally:
            if place.left:
                # A backend that we hung up on works on until its own statement_timeout ends it; one
                # that is stuck is there for longer.
                self._budget.lose(reader.timeout, *_watch(place.left))
            else:
                self._budget.give_back()

    async def _run_somewhere(
        self, statements: Sequence[str], place: _Place, reader: Reader
    ) -> list[Result]:
        """Run on an idle connection; should all of them have died unnoticed, on a new one.

        Only when that fails too is the database out of sight.
        """
        is_lost = False
        while self._idle:
            try:
                return await self._run(self._idle.pop(), statements, place, reader)
            except ConnectFailed:
                is_lost = True
        try:
            connection = await self._connect(place)
        except SourceError as error:
            if is_lost:
                self._lost_sight(error)
            raise
        try:
            return await self._run(connection, statements, place, reader)
        except ConnectFailed as error:
            self._lost_sight(error)
            raise

    async def _connect(self, place: _Place) -> Connection:
        loop = asyncio.get_running_loop()
        # One at a time: two with the same wrong password would count twice for a server that
        # locks out who knocks too often.
        async with self._connecting:
            if self._backoff.waits(loop.time()):
                said, reason = self._unreachable
                raise BackingOff(f"{said} (a moment ago; it is tried again soon)", reason=reason)
            try:
                connection = await self._connector.connect(place.left.append)
            except SourceError as error:
                error.is_silent = True  # the backoff sets the pace, and not how long it took
                self._unreachable = (str(error), error.reason)
                if isinstance(error, AuthFailed | PermissionDenied):
                    # It takes somebody to mend it.
                    self._backoff.failed(loop.time(), backoff.AUTHENTICATION)
                elif self._busy:
                    # Out of connections, perhaps: the database itself is there.
                    self._backoff.until = loop.time() + backoff.CONNECT[0]
                    raise
                else:
                    self._backoff.failed(loop.time(), backoff.CONNECT)
                self._lost_sight(error)
                raise
            while place.left:  # of servers that were tried before this one
                place.left.pop().close()
            self._backoff.succeeded()
            self._found()
            return connection

    def _lost_sight(self, error: SourceError) -> None:
        if self.up is not False:
            logs.warning("database_down", database=self.name, reason=error.reason, error=str(error))
        self.up = False
        self.replica_lag = None

    def _found(self) -> None:
        if self.up is False:
            logs.info("database_up", database=self.name)
        self.up = True

    async def _run(
        self,
        connection: Connection,
        statements: Sequence[str],
        place: _Place,
        reader: Reader,
    ) -> list[Result]:
        def give_up() -> None:
            if hung_up := hang_up(connection.pgconn):
                place.left.append(hung_up)

        deadline = place.timeout + CLIENT_GRACE_SECONDS
        pipeline = Pipeline(connection, deadline, give_up)
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._busy.add(connection)
        try:
            results = await pipeline.run(_BEGIN, statements)
        except psycopg.Error as error:
            # What a standby says of itself it says first.
            first = pipeline.results[:1]
            self.replica_lag = ReplicaPosition.of(first[0].rows[0]).known_lag if first else None
            raise self._failure(error, statements, pipeline, deadline, place) from None
        else:
            self._found()
            return results
        finally:
            elapsed = loop.time() - started
            # Longer than all deadlines together: it was us who stood still (SIGSTOP, a paused
            # machine), which says nothing about the database and must not stretch the interval.
            if elapsed <= deadline * (len(statements) + 3):
                reader.seconds += elapsed
            self._busy.discard(connection)
            is_idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
            if connection.closed or pipeline.is_lost or not is_idle:
                await connection.close()
            else:
                self._idle.append(connection)

    def _failure(
        self,
        error: psycopg.Error,
        sent: Sequence[str],
        pipeline: Pipeline,
        deadline: float,
        place: _Place,
    ) -> SourceError:
        """Turn what the driver raised into the cause that a user can act on."""
        timeout = place.timeout
        if pipeline.is_hung_up:
            failure: SourceError = NoAnswer(
                f"database {self.name} did not answer within {deadline:g} s; "
                "the connection was dropped",
                is_silent=not pipeline.results,
            )
            self._lost_sight(failure)
            return failure
        if pipeline.is_lost:
            said = " ".join(str(error).split())
            return ConnectFailed(f"lost the connection to database {self.name}: {said}")
        diagnosis = error.diag
        position = diagnosis.statement_position
        complaint = ServerError(
            state=error.sqlstate or "",
            message=diagnosis.message_primary or str(error),
            hint=diagnosis.message_hint,
            position=int(position) if position else None,
            is_inside=diagnosis.context is not None,
            is_raised=diagnosis.source_function == "exec_stmt_raise",
        )
        return error_causes.of_statement(
            complaint, sent, statement_timeout=timeout, lock_timeout=self._lock_timeout(timeout)
        )


def _watch(left: list[AbandonedSocket]) -> tuple[Callable[[], bool], Callable[[], None]]:
    """Whether any of these is still held, and how to stop looking."""

    def forget() -> None:
        for each in left:
            each.close()

    return lambda: any(each.is_held for each in left), forget
