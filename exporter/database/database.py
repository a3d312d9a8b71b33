"""One database: its few connections, and what became of the last attempt to use them."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import pq

from exporter import backoff, causes
from exporter.causes import Complaint
from exporter.config import Database as Settings
from exporter.database.budget import Budget
from exporter.database.connecting import CLIENT_GRACE_SECONDS, Connection, connect
from exporter.database.hangup import HungUp
from exporter.database.pipeline import Pipeline, Result
from exporter.database.replica import Standing
from exporter.errors import (
    AuthFailed,
    BackingOff,
    CollectionError,
    ConnectFailed,
    NoAnswer,
)
from exporter.queries import fill, literal

# READ COMMITTED whatever the default of the database or the role is: see Reader.read.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"

#: A standby that seems to lag is looked at again after this time, in seconds.
SECOND_LOOK_AFTER = 0.5


@dataclass(slots=True)
class _Place:
    """One of the `max_connections`; `hung_up` is what it was last used for, should that hang."""

    timeout: float
    hung_up: HungUp | None = None


class Database:
    """One configured database: at most `max_connections` to it, whatever happens."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = settings.name
        #: None until the first attempt; False after a failed connect or a lost connection.
        self.up: bool | None = None
        #: Seconds behind the primary; None on a primary or while unknown.
        self.replica_lag: float | None = None
        self._budget = Budget(settings.max_connections)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._connecting = asyncio.Lock()
        self._backoff = backoff.Backoff()
        self._unreachable = ""

    def reader(self, *, timezone: str = "UTC", timeout: float | None = None) -> "Reader":
        """Give one collection access; `timeout` replaces `statement_timeout`, in seconds."""
        return Reader(self, timezone, timeout or self.settings.statement_timeout)

    async def run(self, statements: Sequence[str], reader: "Reader") -> list[Result]:
        """Run statements in one read-only transaction, sent as one pipeline: see Reader.read."""
        loop = asyncio.get_running_loop()
        most, began = self.settings.max_replica_lag, loop.time()
        standing, results = await self._read(statements, reader)
        if standing.is_too_old(most) and standing.lag != math.inf:
            # After a quiet spell the last commit is old, and a long transaction that writes just
            # now makes it look like lag: is the rest replayed a moment later, it is none.
            await asyncio.sleep(SECOND_LOOK_AFTER)
            later, _ = await self._read([], reader)
            if later.has_replayed(standing):
                standing, results = await self._read(statements, reader)
                standing = standing.at_most(loop.time() - began)
        self.replica_lag = None if standing.lag == math.inf else standing.lag
        standing.demand(most)
        return results

    async def _read(
        self, statements: Sequence[str], reader: "Reader"
    ) -> tuple[Standing, list[Result]]:
        settings = fill(
            "begin",
            statement_timeout=literal(f"{reader.timeout * 1000:.0f}"),
            lock_timeout=literal(f"{self._lock_timeout(reader.timeout) * 1000:.0f}"),
            row_security=literal("off" if self.settings.row_security == "refuse" else "on"),
            timezone=literal(reader.timezone),
        )
        async with self._place(reader, statements=len(statements) + 3) as place:
            first, *results = await self._run_somewhere([settings, *statements], place)
        return Standing.of(first.rows[0]), results

    def _lock_timeout(self, statement_timeout: float) -> float:
        """Shorter than the statement's, or a locked table would always look like a slow query."""
        return min(self.settings.lock_timeout, statement_timeout / 2)

    async def close(self) -> None:
        """Hang up every connection, also those whose server does not answer."""
        for connection in list(self._busy):
            if hung_up := _hang_up(connection):
                hung_up.close()
        while self._idle:
            await self._idle.pop().close()
        await self._budget.close()

    @asynccontextmanager
    async def _place(self, reader: "Reader", *, statements: int) -> AsyncIterator[_Place]:
        """Hold one of the `max_connections` places, and time how long."""
        await self._budget.take()
        loop = asyncio.get_running_loop()
        started = loop.time()
        place = _Place(reader.timeout)
        try:
            yield place
        finally:
            elapsed = loop.time() - started
            # Longer than all deadlines together: it was us who stood still (SIGSTOP, a paused
            # machine), which says nothing about the database and must not stretch the interval.
            if elapsed <= self._longest(reader, statements):
                reader.seconds += elapsed
            if place.hung_up is None:
                self._budget.give_back()
            else:
                # The backend that we hung up on works on until its own statement_timeout ends it;
                # one that is stuck is there for longer.
                lost = place.hung_up
                self._budget.lose(reader.timeout, lambda: lost.is_held, lost.close)

    def _longest(self, reader: "Reader", statements: int) -> float:
        """Seconds that connecting and each statement can take, if we are there to count them."""
        deadline = reader.timeout + CLIENT_GRACE_SECONDS
        return self.settings.connect_timeout + statements * deadline

    async def _run_somewhere(self, statements: Sequence[str], place: _Place) -> list[Result]:
        """Run on an idle connection; should all of them have died unnoticed, on a new one."""
        while self._idle:
            try:
                return await self._run(self._idle.pop(), statements, place)
            except ConnectFailed:
                continue
        return await self._run(await self._connect(), statements, place)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        # One at a time: two with the same wrong password would count twice for a server that
        # locks out who knocks too often.
        async with self._connecting:
            if self._backoff.waits(loop.time()):
                raise BackingOff(f"{self._unreachable} (a moment ago; it is tried again soon)")
            try:
                connection = await connect(self.settings)
            except CollectionError as error:
                error.is_silent = True  # the backoff sets the pace, and not how long it took
                if self._busy:
                    raise  # out of connections, perhaps: the database itself is there
                self._lost_sight()
                self._unreachable = str(error)
                is_refused = isinstance(error, AuthFailed)
                limits = backoff.AUTHENTICATION if is_refused else backoff.CONNECT
                self._backoff.failed(loop.time(), limits)
                raise
            self.up = True
            self._backoff.succeeded()
            return connection

    def _lost_sight(self) -> None:
        self.up = False
        self.replica_lag = None

    async def _run(
        self, connection: Connection, statements: Sequence[str], place: _Place
    ) -> list[Result]:
        def hang_up() -> None:
            place.hung_up = _hang_up(connection)

        deadline = place.timeout + CLIENT_GRACE_SECONDS
        pipeline = Pipeline(connection, deadline, hang_up)
        self._busy.add(connection)
        try:
            results = await pipeline.run(_BEGIN, statements)
        except psycopg.Error as error:
            lost = connection.closed
            failure = self._failure(error, statements, timeout=place.timeout, lost=lost)
            with suppress(psycopg.Error):
                await connection.rollback()
            if pipeline.is_hung_up:
                failure = NoAnswer(
                    f"database {self.name} did not answer within {deadline:g} s; "
                    "the connection was dropped",
                    is_silent=not pipeline.has_answered,
                )
            raise failure from None
        else:
            self.up = True
            return results
        finally:
            self._busy.discard(connection)
            if connection.closed or connection.info.transaction_status != pq.TransactionStatus.IDLE:
                await connection.close()
            else:
                self._idle.append(connection)

    def _failure(
        self, error: psycopg.Error, sent: Sequence[str], *, timeout: float, lost: bool
    ) -> CollectionError:
        """Turn what the driver raised into the cause that a user can act on."""
        if lost:
            self._lost_sight()
            said = " ".join(str(error).split())
            return ConnectFailed(f"lost the connection to database {self.name}: {said}")
        diagnosis = error.diag
        position = diagnosis.statement_position
        complaint = Complaint(
            state=error.sqlstate or "",
            message=diagnosis.message_primary or str(error),
            hint=diagnosis.message_hint,
            position=int(position) if position else None,
            is_inside=diagnosis.context is not None,
            is_raised=diagnosis.source_function == "exec_stmt_raise",
        )
        return causes.of_statement(
            complaint, sent, statement_timeout=timeout, lock_timeout=self._lock_timeout(timeout)
        )


class Reader:
    """What one collection reads through: its time zone, its deadline, and the time it took."""

    def __init__(self, database: Database, timezone: str, timeout: float) -> None:
        self._database = database
        self.timezone = timezone
        self.timeout = timeout
        #: Time in seconds that the database was kept busy, without waiting for a connection.
        self.seconds = 0.0

    async def read(self, *statements: str) -> list[Result]:
        """Run statements in one read-only transaction, sent as one pipeline; return their results.

        READ COMMITTED on purpose: a statement takes its snapshot after it got its locks. With one
        snapshot for the whole transaction, a table that was rewritten while we waited for its lock
        would look empty (PostgreSQL documentation, chapter on concurrency control, "Caveats").

        Raises CollectionError, or BackingOff when it is too early to try to connect again.
        """
        return await self._database.run(statements, self)


def _hang_up(connection: Connection) -> HungUp | None:
    """Shut its socket down; None where it has none any more."""
    try:
        return HungUp(connection.pgconn.socket)
    except (psycopg.Error, OSError):
        return None
