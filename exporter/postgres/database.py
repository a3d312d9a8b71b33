"""Database: reads of one database, in messages over its pool of connections."""

import asyncio
import math
from collections.abc import Callable, Sequence

import psycopg

from exporter import errors
from exporter.config import DatabaseSettings
from exporter.postgres import error_causes
from exporter.postgres.connections.abandoned_socket import AbandonedSocket
from exporter.postgres.connections.address.hop import Hop
from exporter.postgres.connections.connection_slots import ConnectionSlots
from exporter.postgres.connections.connector import Connection
from exporter.postgres.connections.deadlines import limit_lock_timeout
from exporter.postgres.connections.lost_connection import explain_lost, is_of_statement
from exporter.postgres.connections.pool import ConnectionPool
from exporter.postgres.error_causes import ServerError
from exporter.postgres.hanging_reads import LOOK_SECONDS, HangingReads
from exporter.postgres.read_queue import TIMEOUT_IN_COMPANY, ReadQueue
from exporter.postgres.reader import Reader
from exporter.postgres.replica_lag import ReplicaPosition, known_lag, require_lag_below
from exporter.postgres.simple_query import Message, Request, Result
from exporter.postgres.text_settings import text_settings
from exporter.queries import fill, literal

#: A standby that seems to lag is checked again after this time, in seconds.
LAG_RECHECK_AFTER = 0.5


class Database:
    """One configured database, with at most `max_connections` to it at any time."""

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        slots: ConnectionSlots | None = None,
        beside: "Database | None" = None,
    ) -> None:
        """`slots` that other connection strings share replace `max_connections`.

        `beside` has other slots and connections to the same database.
        """
        self.settings = settings
        self.name = settings.name
        self.pool: ConnectionPool = ConnectionPool(
            settings, slots, None if beside is None else beside.pool.room
        )
        self._settings: dict[tuple[str, float], str] = {}
        self._queue = ReadQueue(self._send)
        self._hanging = HangingReads(lambda: self.reader(timeout=LOOK_SECONDS))
        #: The least time of a message beside the work of the server.
        self._network_seconds = math.inf

    @property
    def up(self) -> bool | None:
        """None until the first attempt; False after a failed connect or a lost connection."""
        return self.pool.up

    @property
    def replica_lag(self) -> float | None:
        """Seconds behind the primary; None on a primary or while unknown."""
        return self.pool.replica_lag

    @property
    def hop(self) -> Hop | None:
        """The hop of the last connection; None before the first one."""
        return self.pool.hop

    @property
    def open_connections(self) -> int:
        """Connections that are open now, of all users of the slots."""
        return self.pool.slots.open

    def reader(
        self,
        name: str = "",
        *,
        user: str = "",
        timezone: str = "UTC",
        timeout: float | None = None,
    ) -> Reader:
        """Read access for one piece of work; `timeout` in seconds replaces `statement_timeout`.

        Readers with a name share messages; it must be the name of the work, see ReadQueue. If one
        reads alone, its `user` takes the slot, see ConnectionSlots.
        """
        timeout = timeout or self.settings.statement_timeout
        return Reader(self._read_checked, name=name, user=user, timezone=timezone, timeout=timeout)

    async def _read_checked(self, statements: Sequence[str], reader: Reader) -> list[Result]:
        """Run statements for a reader. Raises ReplicaLagging, or another SourceError."""
        loop = asyncio.get_running_loop()
        most, began = self.settings.max_replica_lag, loop.time()
        position, results = await self._read(statements, reader)
        lag = position.lag
        if lag is not None and lag > most:
            # After a quiet time the last commit is old, and a long transaction that is writing now
            # looks like lag: it is none if everything received is replayed a moment later.
            await asyncio.sleep(LAG_RECHECK_AFTER)
            later, _ = await self._read([], reader)
            if later.has_replayed(position):
                position, results = await self._read(statements, reader)
                lag = None if position.lag is None else min(position.lag, loop.time() - began)
        self.pool.replica_lag = known_lag(lag)
        require_lag_below(lag, most)
        return results

    async def _read(
        self, statements: Sequence[str], reader: Reader
    ) -> tuple[ReplicaPosition, list[Result]]:
        await self._hanging.check(reader)
        request = Request(
            reader.name,
            reader.timezone,
            reader.timeout,
            statements,
            user=reader.user,
            shares_messages=reader.shares_messages,
        )
        try:
            first, *results = await self._queue.run(request)
        finally:
            reader.seconds += request.seconds
        reader.began_at = first.rows[0][-1]
        return ReplicaPosition(*first.rows[0][:3]), results

    def _settings_of(self, timezone: str, timeout: float) -> str:
        known = self._settings.get((timezone, timeout))
        if known is None:
            known = self._settings[timezone, timeout] = self._fill_settings(timezone, timeout)
        return known

    def _fill_settings(self, timezone: str, timeout: float) -> str:
        return fill(
            "collection/begin",
            statement_timeout=literal(f"{timeout * 1000:.0f}"),
            lock_timeout=literal(f"{self._lock_timeout(timeout) * 1000:.0f}"),
            row_security=literal("off" if self.settings.row_security == "refuse" else "on"),
            timezone=literal(timezone),
            path=fill("catalog/path"),
            texts=text_settings(),
        )

    def _lock_timeout(self, statement_timeout: float) -> float:
        return limit_lock_timeout(self.settings.lock_timeout, statement_timeout)

    async def close(self, *, shares_slots: bool = False) -> None:
        """Close every connection, also those whose server does not answer.

        Others go on with the same slots where it `shares_slots`.
        """
        await self._queue.close()
        await self.pool.close(shares_slots=shares_slots)

    async def _send(self, take: Callable[[], Sequence[Request]], user: str = "") -> None:
        """Send requests as one message; see ReadQueue."""
        await self.pool.acquire(user)
        abandoned: list[AbandonedSocket] = []
        requests: Sequence[Request] = ()
        late: Sequence[Request] = ()
        has_room = True
        try:
            requests = self._hanging.refuse(take())
            most = TIMEOUT_IN_COMPANY if _reads(requests) > 1 else math.inf
            for request in requests:
                request.limit = min(request.timeout, most)
                request.settings = self._settings_of(request.timezone, request.limit)
            if requests:
                await self._send_on_any(requests, abandoned)
            late = [each for each in requests if isinstance(each.error, errors.NoAnswer)]
        except errors.NoRoom:
            has_room = False
        finally:
            seconds = sum(each.most_seconds for each in requests)
            if not has_room:
                self.pool.withhold(user)
            elif abandoned and late and late[0].name:
                self.pool.slots.abandon(seconds, abandoned)
            else:
                self.pool.leave(user, seconds, abandoned)
                late = ()
        if not has_room:
            await self._send(lambda: requests, user)
        elif late:
            try:
                await self._hanging.find(late)
            except errors.SourceError:
                # The server answers nothing else either; of several requests, one may cause all
                # this.
                if _reads(late) == 1 and late[0].error is not None:
                    self.pool.mark_down(late[0].error)
            finally:
                self.pool.slots.dismiss(user)

    async def _send_on_any(
        self, requests: Sequence[Request], abandoned: list[AbandonedSocket]
    ) -> None:
        """Send on an idle connection, or on a new one if all idle ones are lost.

        Only when that fails too does the database count as down.
        """
        failure: errors.SourceError | None = None
        while self.pool.idle:
            failure = await self._run(self.pool.idle.pop(), requests, abandoned)
            if failure is None:
                return
        try:
            connection = await self.pool.connect(abandoned, waits=not self.pool.has_busy)
        except errors.SourceError as error:
            if failure is not None and not isinstance(error, errors.NoRoom):
                self.pool.mark_down(error)
            raise
        failure = await self._run(connection, requests, abandoned)
        if failure is not None:
            self._fail_all(requests, failure)

    def _fail_all(self, requests: Sequence[Request], failure: errors.SourceError) -> None:
        for request in requests:
            request.fail(failure)
        if _reads(requests) == 1:  # of several, one may have crashed its backend
            self.pool.mark_down(failure)

    async def _run(
        self, connection: Connection, requests: Sequence[Request], abandoned: list[AbandonedSocket]
    ) -> errors.SourceError | None:
        """Send the unfinished requests, and record the outcome; return why the connection was lost.

        Requests after a failure are unchanged.
        """
        undone = [request for request in requests if not request.is_done]
        message = Message(undone)
        loop = asyncio.get_running_loop()
        started = loop.time()
        self.pool.take(connection)
        is_usable = False
        try:
            await message.send(connection, abandoned.append)
            is_usable = not message.is_lost
        finally:
            elapsed = loop.time() - started
            await self.pool.keep(connection, is_usable=is_usable)
        # Longer than all deadlines together: this process was stopped (SIGSTOP, a paused machine),
        # which is unrelated to the database and must not stretch the interval.
        if elapsed <= 2 * message.seconds:
            durations = message.durations(elapsed)
            self._network_seconds = min(self._network_seconds, durations[-1])
            for request, seconds in zip(undone, durations, strict=False):
                request.seconds += seconds
            last = undone[min(len(durations), len(undone)) - 1]
            last.network_seconds = self._network_seconds
        if message.error is None or all(request.is_done for request in undone):
            self.pool.mark_up()
            return None
        return self._note_failure(undone, message, message.error)

    def _note_failure(
        self, requests: Sequence[Request], message: Message, error: psycopg.Error
    ) -> errors.SourceError | None:
        # Where there is a row of settings, it has the lag; a syntax error is found before there is.
        if message.first_rows:
            self.pool.replica_lag = known_lag(message.first_rows[-1][0])
        elif message.is_lost or message.is_late:
            self.pool.replica_lag = None
        if message.is_late:
            why = f"did not answer within {message.seconds:g} s; the connection was dropped"
            failure = errors.NoAnswer(f"database {self.name} {why}", is_silent=not message.begun)
            for request in requests:
                request.fail(failure)
            if not requests[0].name and _reads(requests) == 1:
                self.pool.mark_down(failure)
            return None
        request = requests[message.current]
        if message.is_lost and not is_of_statement(error.sqlstate):
            lost = explain_lost(self.name, error.sqlstate, str(error))
            if not isinstance(lost, errors.TimedOut) or isinstance(lost, errors.IdleTooLong):
                return lost
            request.fail(lost)  # it would take the same time on another connection
            return None
        cause = error_causes.explain_statement(
            ServerError.of(error, message.position),
            [request.settings, *request.statements],
            statement_timeout=request.limit,
            lock_timeout=self._lock_timeout(request.limit),
        )
        request.fail(cause)
        return None


def _reads(requests: Sequence[Request]) -> int:
    return sum(request.reads for request in requests)
