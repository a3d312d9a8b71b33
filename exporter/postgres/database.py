"""Database: the connections to one database, and whether it could be reached last."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache

import psycopg
from psycopg import pq

from exporter import backoff, errors, logs
from exporter.config import DatabaseSettings
from exporter.postgres import error_causes
from exporter.postgres.connections.abandoned_socket import AbandonedSocket, hang_up
from exporter.postgres.connections.connection_slots import ConnectionSlots
from exporter.postgres.connections.connector import Connection, Connector
from exporter.postgres.connections.deadlines import STATEMENT_SECONDS, limit_lock_timeout
from exporter.postgres.connections.lost_connection import explain_lost
from exporter.postgres.connections.shared_room import RECHECK_AFTER, SharedRoom
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

#: After this time a slot for which the server gave no connection may be used again.
ROOM_RECHECK_AFTER = RECHECK_AFTER


class Lease:
    """A connection for one user, and what came of it."""

    connection: Connection
    is_new: bool

    def __init__(self) -> None:
        #: The sockets that were hung up on.
        self.abandoned: list[AbandonedSocket] = []
        #: SQLSTATE and message of what the server says when it ends the connection.
        self.last_words: list[tuple[str | None, str]] = []

    def note(self, notice: psycopg.errors.Diagnostic) -> None:
        # An error that ends the connection counts as a notice where it comes between two statements
        # (pqParseInput3() in fe-protocol3.c).
        if notice.severity_nonlocalized in {"FATAL", "PANIC"}:
            self.last_words.append((notice.sqlstate, notice.message_primary or ""))


class Database:
    """One configured database, with at most `max_connections` to it at any time."""

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        slots: ConnectionSlots | None = None,
        beside: "Database | None" = None,
    ) -> None:
        """`slots`, where other connection strings share them, replace `max_connections`.

        `beside` has other slots, and connections to the same database.
        """
        self.settings = settings
        self.name = settings.name
        #: None until the first attempt; False after a failed connect or a lost connection.
        self.up: bool | None = None
        #: Seconds behind the primary; None on a primary or while unknown.
        self.replica_lag: float | None = None
        self._queue = ReadQueue(self._send)
        self._hanging = HangingReads(lambda: self.reader(timeout=LOOK_SECONDS))
        self._slots = slots or ConnectionSlots(settings.max_connections)
        self._idle: list[Connection] = []
        self._slots.add_idle(self._idle)
        self._busy: set[Connection] = set()
        self.room: SharedRoom = SharedRoom(settings.name) if beside is None else beside.room
        self.room.add(self._idle, self._busy)
        #: The least that a message has taken beside the work of the server.
        self._network_seconds = math.inf
        self._connector = Connector(settings)
        self._connecting = asyncio.Lock()
        self._backoff = backoff.Backoff()
        self._log = logs.StateLog()
        #: Why the last attempt to connect failed, in a sentence and in a word.
        self._unreachable = ("", errors.ConnectFailed.reason)

    @property
    def open_connections(self) -> int:
        """Connections that are open now, of all who share the slots."""
        return self._slots.open

    def reader(
        self,
        name: str = "",
        *,
        user: str = "",
        timezone: str = "UTC",
        timeout: float | None = None,
    ) -> Reader:
        """Read access for one piece of work; `timeout` in seconds replaces `statement_timeout`.

        Readers with a name share messages; it has to be that of the work, see ReadQueue. Where one
        reads alone, its `user` takes the slot, see ConnectionSlots.
        """
        timeout = timeout or self.settings.statement_timeout
        return Reader(self._read_checked, name=name, user=user, timezone=timezone, timeout=timeout)

    @asynccontextmanager
    async def connection(self, user: str = "") -> AsyncIterator["Lease"]:
        """A connection for the block alone: an idle one or a new one. Raises SourceError."""
        await self._acquire(user)
        lease = Lease()
        try:
            lease.is_new = not self._idle
            if lease.is_new:
                connection = await self._connect(lease.abandoned, waits=True)
            else:
                connection = self._idle.pop()
            self._busy.add(connection)
            lease.connection = connection
            connection.add_notice_handler(lease.note)
            try:
                yield lease
            finally:
                connection.remove_notice_handler(lease.note)
                await self._keep(connection)
        finally:
            self._leave(user, STATEMENT_SECONDS, lease.abandoned)

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
        self.replica_lag = known_lag(lag)
        require_lag_below(lag, most)
        return results

    async def _read(
        self, statements: Sequence[str], reader: Reader
    ) -> tuple[ReplicaPosition, list[Result]]:
        await self._hanging.check(reader)
        request = Request(
            reader.name, reader.timezone, reader.timeout, statements, user=reader.user
        )
        try:
            first, *results = await self._queue.run(request)
        finally:
            reader.seconds += request.seconds
        reader.began_at = first.rows[0][-1]
        return ReplicaPosition(*first.rows[0][:3]), results

    @cache  # noqa: B019 - a database lives as long as its config
    def _settings_of(self, timezone: str, timeout: float) -> str:
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

    async def close(self) -> None:
        """Close every connection, also those whose server does not answer."""
        await self._queue.close()
        for connection in list(self._busy):
            hang_up(connection.pgconn)
        while self._idle:
            await self._idle.pop().close()
        await self._connector.close()
        await self._slots.close()

    async def _acquire(self, user: str) -> None:
        try:
            await self._slots.acquire(user)
        except errors.NoAnswer as error:  # stuck backends have all of them
            self._mark_down(error)
            raise

    def _leave(self, user: str, seconds: float, abandoned: Sequence[AbandonedSocket]) -> None:
        """Give a slot back, of which the server may need so many seconds to end what was sent."""
        if abandoned:
            # A backend that we hung up on goes on until its own statement_timeout ends it, and
            # longer if it is stuck.
            self._slots.abandon(seconds, abandoned, user)
        else:
            self._slots.release(user)

    async def _send(self, take: Callable[[], Sequence[Request]], user: str = "") -> None:
        """Send requests as one message; see ReadQueue."""
        await self._acquire(user)
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
                self._slots.withhold(ROOM_RECHECK_AFTER, user)
            elif abandoned and late and late[0].name:
                self._slots.abandon(seconds, abandoned)
            else:
                self._leave(user, seconds, abandoned)
                late = ()
        if not has_room:
            await self._send(lambda: requests, user)
        elif late:
            try:
                await self._hanging.find(late)
            except errors.SourceError:
                # Nor does the server answer anything else; of several, one may do all this.
                if _reads(late) == 1 and late[0].error is not None:
                    self._mark_down(late[0].error)
            finally:
                self._slots.dismiss(user)

    async def _send_on_any(
        self, requests: Sequence[Request], abandoned: list[AbandonedSocket]
    ) -> None:
        """Send on an idle connection, or on a new one where all idle ones turn out to be lost.

        Only when that fails too does the database count as down.
        """
        failure: errors.SourceError | None = None
        while self._idle:
            failure = await self._run(self._idle.pop(), requests, abandoned)
            if failure is None:
                return
        try:
            connection = await self._connect(abandoned, waits=not self._busy)
        except errors.SourceError as error:
            if failure is not None and not isinstance(error, errors.NoRoom):
                self._mark_down(error)
            raise
        failure = await self._run(connection, requests, abandoned)
        if failure is not None:
            self._fail_all(requests, failure)

    def _fail_all(self, requests: Sequence[Request], failure: errors.SourceError) -> None:
        for request in requests:
            request.fail(failure)
        if _reads(requests) == 1:  # of several, one may have crashed its backend
            self._mark_down(failure)

    async def _connect(self, abandoned: list[AbandonedSocket], *, waits: bool) -> Connection:
        """Connect; `waits` for others of ours where the server gives none beside theirs."""
        loop = asyncio.get_running_loop()
        # One at a time: two attempts with the same wrong password would count twice where a server
        # locks out a user after some of them.
        async with self._connecting:
            if self._backoff.waits(loop.time()):
                message, reason = self._unreachable
                raise errors.BackingOff(f"{message} (a moment ago; will retry soon)", reason=reason)
            try:
                await self._slots.make_room()
                most = self.settings.connect_timeout if waits else 0.0
                connection = await self.room.connect(self._connector, abandoned, most_seconds=most)
            except errors.SourceError as error:
                error.is_silent = True  # the backoff sets the interval, not how long this took
                self._unreachable = (str(error), error.reason)
                if isinstance(error, errors.AuthFailed | errors.PermissionDenied):
                    # A person has to repair this, which takes time.
                    self._backoff.failed(loop.time(), backoff.AUTHENTICATION)
                elif isinstance(error, errors.ConnectTimedOut) and self._busy:
                    self._backoff.until = loop.time() + backoff.CONNECT[0]
                    raise
                elif self._busy or self._idle:
                    # Perhaps out of connections; the database itself is up.
                    self.room.note_refused(error)
                    raise errors.NoRoom(str(error)) from None
                elif isinstance(error, errors.ServerRefused) and self.room.has_any:
                    self._backoff.until = loop.time() + backoff.CONNECT[0]
                    raise
                else:
                    self._backoff.failed(loop.time(), backoff.CONNECT)
                self._mark_down(error)
                raise
            while abandoned:  # of servers tried before this one
                abandoned.pop().close()
            self._backoff.succeeded()
            self.room.note_connected()
            self._mark_up()
            return connection

    def _mark_down(self, error: errors.SourceError) -> None:
        if self.up is not False:
            why = {"reason": error.reason, "error": str(error)}
            self._log.change(logs.warning, "database_down", database=self.name, **why)
        self.up = False
        self.replica_lag = None

    def _mark_up(self) -> None:
        if self.up is False:
            self._log.change(logs.info, "database_up", database=self.name)
        self.up = True

    async def _keep(self, connection: Connection, *, is_usable: bool = True) -> None:
        """Have a connection idle that was busy, or close it where it is no good any more."""
        self._busy.discard(connection)
        self.room.note_done()
        is_idle = connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
        if is_usable and is_idle and not self.room.is_scarce:  # a closed one is not idle
            self._idle.append(connection)
        else:
            await connection.close()

    async def _run(
        self, connection: Connection, requests: Sequence[Request], abandoned: list[AbandonedSocket]
    ) -> errors.SourceError | None:
        """Send what is not done yet, and note what came of it; return why the connection was lost.

        What follows a failure is left as it was.
        """
        undone = [request for request in requests if not request.is_done]
        message = Message(undone)
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._busy.add(connection)
        is_usable = False
        try:
            await message.send(connection, abandoned.append)
            is_usable = not message.is_lost
        finally:
            elapsed = loop.time() - started
            await self._keep(connection, is_usable=is_usable)
        # Longer than all deadlines together: this process was stopped (SIGSTOP, a paused machine),
        # which says nothing about the database and must not stretch the interval.
        if elapsed <= 2 * message.seconds:
            durations = message.durations(elapsed)
            self._network_seconds = min(self._network_seconds, durations[-1])
            for request, seconds in zip(undone, durations, strict=False):
                request.seconds += seconds
            last = undone[min(len(durations), len(undone)) - 1]
            last.network_seconds = self._network_seconds
        if message.error is None or all(request.is_done for request in undone):
            self._mark_up()
            return None
        return self._note_failure(undone, message, message.error)

    def _note_failure(
        self, requests: Sequence[Request], message: Message, error: psycopg.Error
    ) -> errors.SourceError | None:
        # Where there is a row of settings, it has the lag; a syntax error is found before there is.
        if message.first_rows:
            self.replica_lag = known_lag(message.first_rows[-1][0])
        elif message.is_lost or message.is_late:
            self.replica_lag = None
        if message.is_late:
            why = f"did not answer within {message.seconds:g} s; the connection was dropped"
            failure = errors.NoAnswer(f"database {self.name} {why}", is_silent=not message.begun)
            for request in requests:
                request.fail(failure)
            if not requests[0].name and _reads(requests) == 1:
                self._mark_down(failure)
            return None
        request = requests[message.current]
        if message.is_lost:
            lost = explain_lost(self.name, error.sqlstate, str(error))
            if not isinstance(lost, errors.TimedOut) or isinstance(lost, errors.IdleTooLong):
                return lost
            request.fail(lost)  # it would take as long on another connection
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
