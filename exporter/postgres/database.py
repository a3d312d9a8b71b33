"""Database: the connections to one database, and whether it could be reached last."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import psycopg
from psycopg import pq

from exporter import backoff, errors, logs
from exporter.config import DatabaseSettings
from exporter.postgres import error_causes
from exporter.postgres.connections.abandoned_socket import AbandonedSocket, hang_up
from exporter.postgres.connections.connection_slots import ConnectionSlots
from exporter.postgres.connections.connector import Connection, Connector
from exporter.postgres.deadlines import Deadline, limit_lock_timeout
from exporter.postgres.error_causes import ServerError
from exporter.postgres.message import Answer, Message, ReadTransaction, Result
from exporter.postgres.read_queue import TIMEOUT_IN_COMPANY, ReadQueue, Request
from exporter.postgres.reader import Reader
from exporter.postgres.replica_lag import ReplicaPosition
from exporter.queries import fill, literal

#: A request and the transaction that it is sent as.
_Sent = tuple[Request, ReadTransaction]

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
        self._queue = ReadQueue(self._send)
        self._slots = ConnectionSlots(settings.max_connections)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        #: The least that a message has taken beside the work of the server.
        self._network_seconds = math.inf
        self._connector = Connector(settings)
        self._connecting = asyncio.Lock()
        self._backoff = backoff.Backoff()
        #: Why the last attempt to connect failed, in a sentence and in a word.
        self._unreachable = ("", errors.ConnectFailed.reason)

    def reader(
        self, name: str = "", *, timezone: str = "UTC", timeout: float | None = None
    ) -> Reader:
        """Read access for one piece of work; `timeout` in seconds replaces `statement_timeout`.

        Readers with a name share messages; it has to be that of the work, see ReadQueue.
        """
        return Reader(
            self._read_checked,
            name=name,
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
        request = Request(reader.name, reader.timezone, reader.timeout, statements)
        try:
            first, *results = await self._queue.run(request)
        finally:
            reader.seconds += request.seconds
        reader.began_at = first.rows[0][-1]
        return ReplicaPosition.of(first.rows[0]), results

    def _transaction(self, request: Request, *, timeout: float) -> ReadTransaction:
        return ReadTransaction(
            self._settings_of(request.timezone, timeout), request.statements, timeout
        )

    @cache  # noqa: B019 - a database lives as long as its config
    def _settings_of(self, timezone: str, timeout: float) -> str:
        return fill(
            "collection/begin",
            statement_timeout=literal(f"{timeout * 1000:.0f}"),
            lock_timeout=literal(f"{self._lock_timeout(timeout) * 1000:.0f}"),
            row_security=literal("off" if self.settings.row_security == "refuse" else "on"),
            timezone=literal(timezone),
        )

    def _lock_timeout(self, statement_timeout: float) -> float:
        return limit_lock_timeout(self.settings.lock_timeout, statement_timeout)

    async def close(self) -> None:
        """Close every connection, also those whose server does not answer."""
        await self._queue.close()
        for connection in list(self._busy):
            if hung_up := hang_up(connection.pgconn):
                hung_up.close()
        while self._idle:
            await self._idle.pop().close()
        await self._connector.close()
        await self._slots.close()

    async def _send(self, take: Callable[[], Sequence[Request]]) -> None:
        """Send requests as one message; see ReadQueue."""
        try:
            await self._slots.acquire()
        except errors.NoAnswer as error:  # stuck backends have all of them
            self._mark_down(error)
            raise
        abandoned: list[AbandonedSocket] = []
        seconds = 0.0
        try:
            requests = take()
            limit = TIMEOUT_IN_COMPANY if len(requests) > 1 else math.inf
            sent = [
                (request, self._transaction(request, timeout=min(request.timeout, limit)))
                for request in requests
            ]
            seconds = sum(transaction.seconds for _, transaction in sent)
            if sent:
                await self._send_on_any(sent, abandoned)
        finally:
            if abandoned:
                # A backend that we hung up on goes on until its own statement_timeout ends it, and
                # longer if it is stuck.
                self._slots.abandon(seconds, *_watch(abandoned))
            else:
                self._slots.release()

    async def _send_on_any(self, sent: Sequence[_Sent], abandoned: list[AbandonedSocket]) -> None:
        """Send on an idle connection, or on a new one where all idle ones turn out to be lost.

        Only when that fails too does the database count as down.
        """
        failure: errors.SourceError | None = None
        while self._idle:
            failure = await self._run(self._idle.pop(), sent, abandoned)
            if failure is None:
                return
        try:
            connection = await self._connect(abandoned)
        except errors.SourceError as error:
            if failure is not None:
                self._mark_down(error)
            raise
        failure = await self._run(connection, sent, abandoned)
        if failure is not None:
            for request, _ in sent:
                request.fail(failure)
            if len(sent) == 1:  # of several, one may have crashed its backend
                self._mark_down(failure)

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
        self, connection: Connection, sent: Sequence[_Sent], abandoned: list[AbandonedSocket]
    ) -> errors.SourceError | None:
        """Send what is not done yet, and note what came of it; return why the connection was lost.

        What follows a failure is left as it was.
        """

        def give_up() -> None:
            if hung_up := hang_up(connection.pgconn):
                abandoned.append(hung_up)

        undone = [each for each in sent if not each[0].is_done]
        comment = ", ".join(request.name for request, _ in undone)
        message = Message(comment, [transaction for _, transaction in undone])
        deadline = Deadline(message.seconds, give_up)
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._busy.add(connection)
        answer: Answer | None = None
        try:
            answer = await message.send(connection, deadline)
        finally:
            elapsed = loop.time() - started
            self._busy.discard(connection)
            is_idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
            if answer is None or answer.is_lost or connection.closed or not is_idle:
                await connection.close()
            else:
                self._idle.append(connection)
        # Longer than all deadlines together: this process was stopped (SIGSTOP, a paused machine),
        # which says nothing about the database and must not stretch the interval.
        if elapsed <= 2 * message.seconds:
            durations = answer.durations(elapsed)
            self._network_seconds = min(self._network_seconds, durations[-1])
            for (request, _), seconds in zip(undone, durations, strict=False):
                request.seconds += seconds
            last, _ = undone[min(len(durations), len(undone)) - 1]
            last.network_seconds = self._network_seconds
        for (request, _), results in zip(undone, answer.committed, strict=False):
            request.results = results
        if answer.error is None or all(request.is_done for request, _ in undone):
            self._mark_up()
            return None
        return self._note_failure(undone, answer, answer.error, deadline)

    def _note_failure(
        self, sent: Sequence[_Sent], answer: Answer, error: psycopg.Error, deadline: Deadline
    ) -> errors.SourceError | None:
        # The first result of each transaction is that of its settings, with the position of a
        # standby. A syntax error is found before there is any.
        begun = [results[0] for results in (*answer.committed, answer.begun) if results]
        if begun:
            self.replica_lag = ReplicaPosition.of(begun[-1].rows[0]).known_lag
        elif answer.is_lost or deadline.has_passed:
            self.replica_lag = None
        if deadline.has_passed:
            failure = errors.NoAnswer(
                f"database {self.name} did not answer within {deadline.seconds:g} s; "
                "the connection was dropped",
                is_silent=not answer.begun,
            )
            for request, _ in sent:
                request.fail(failure)
            if len(sent) == 1:
                self._mark_down(failure)
            return None
        request, transaction = sent[answer.failed]
        if answer.is_lost:
            lost = error_causes.explain_lost(self.name, error.sqlstate, str(error))
            if not isinstance(lost, errors.TimedOut) or isinstance(lost, errors.IdleTooLong):
                return lost
            request.fail(lost)  # it would take as long on another connection
            return None
        request.fail(
            error_causes.explain_statement(
                replace(ServerError.of(error), position=answer.position),
                [transaction.settings, *transaction.statements],
                statement_timeout=transaction.timeout,
                lock_timeout=self._lock_timeout(transaction.timeout),
            )
        )
        return None


def _watch(sockets: list[AbandonedSocket]) -> tuple[Callable[[], bool], Callable[[], None]]:
    """Two functions: whether a backend still holds one of the sockets, and to close them."""

    def close() -> None:
        for each in sockets:
            each.close()

    return lambda: any(each.is_held for each in sockets), close
