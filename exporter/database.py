"""The only module that talks to PostgreSQL: connections, deadlines, reasons for failures.

psycopg_pool answers a missing database and a refused port alike with a timeout and no cause, so
the few connections are kept here. A connection is used for one pipeline at a time.
"""

import asyncio
import math
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import conninfo, pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from exporter import backoff, causes
from exporter.causes import Complaint
from exporter.config import Database as Settings
from exporter.errors import (
    AuthFailed,
    BackingOff,
    CollectionError,
    ConnectFailed,
    NoAnswer,
    ReplicaLagging,
)
from exporter.queries import fill, literal

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

#: How much longer than the server's own deadline the client waits before it hangs up.
CLIENT_GRACE_SECONDS = 1.0


# READ COMMITTED whatever the default of the database or the role is: see Reader.read.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"


class _LenientText(Loader):
    """Text from a server whose encoding checks nothing (SQL_ASCII) may be no UTF-8."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of one statement, and the type OID of each column."""

    rows: list[tuple[Any, ...]]
    types: tuple[int, ...]


class Database:
    """One configured database: at most `max_connections` to it, whatever happens."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = settings.name
        #: None until the first attempt; False after a failed connect or a lost connection.
        self.up: bool | None = None
        #: Seconds behind the primary; None on a primary or while unknown.
        self.replica_lag: float | None = None
        self._slots = asyncio.Semaphore(settings.max_connections)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._backoff = backoff.Backoff()

    def reader(self, *, timezone: str = "UTC", timeout: float | None = None) -> "Reader":
        """Give one collection access; `timeout` replaces `statement_timeout`, in seconds."""
        return Reader(self, timezone, timeout or self.settings.statement_timeout)

    async def run(self, statements: Sequence[str], reader: "Reader") -> list[Result]:
        """Run statements in one read-only transaction, sent as one pipeline: see Reader.read."""
        begin = fill(
            "begin",
            statement_timeout=literal(f"{reader.timeout * 1000:.0f}"),
            lock_timeout=literal(f"{self._lock_timeout(reader.timeout) * 1000:.0f}"),
            row_security=literal("off" if self.settings.row_security == "refuse" else "on"),
            timezone=literal(reader.timezone),
        )
        pipeline = [_BEGIN, begin, *statements, "COMMIT"]
        async with self._slot(reader, self._longest(reader, len(pipeline))):
            _, settings, *results, _ = await self._run_somewhere(pipeline, reader.timeout)
        self._check_lag(settings.rows[0][-1])
        return results

    def _lock_timeout(self, statement_timeout: float) -> float:
        """Shorter than the statement's, or a locked table would always look like a slow query."""
        return min(self.settings.lock_timeout, statement_timeout / 2)

    async def close(self) -> None:
        """Hang up every connection, also those whose server does not answer."""
        for connection in list(self._busy):
            _shut_down(connection)
        while self._idle:
            await self._idle.pop().close()

    def _check_lag(self, lag: float | None) -> None:
        self.replica_lag = None if lag == math.inf else lag
        if lag == math.inf:
            raise ReplicaLagging(
                "the standby receives nothing and has replayed no transaction since it was "
                "started: nobody knows how far behind its primary it is"
            )
        if lag is not None and lag > self.settings.max_replica_lag:
            raise ReplicaLagging(
                f"the standby is {lag:.0f} s behind its primary, more than max_replica_lag "
                f"({self.settings.max_replica_lag:.0f} s): every heartbeat would look old"
            )

    @asynccontextmanager
    async def _slot(self, reader: "Reader", longest: float) -> AsyncIterator[None]:
        """Hold one of the `max_connections` places, and time how long."""
        await self._slots.acquire()
        loop = asyncio.get_running_loop()
        started = loop.time()
        release_after = 0.0
        try:
            yield
        except NoAnswer:
            # The backend that we hung up on works on until its own statement_timeout ends it.
            release_after = reader.timeout
            raise
        finally:
            elapsed = loop.time() - started
            # Longer than all deadlines together: it was us who stood still (SIGSTOP, a paused
            # machine), which says nothing about the database and must not stretch the interval.
            if elapsed <= longest:
                reader.seconds += elapsed
            loop.call_later(release_after, self._slots.release)

    def _longest(self, reader: "Reader", statements: int) -> float:
        """Seconds that connecting and each statement can take, if we are there to count them."""
        deadline = reader.timeout + CLIENT_GRACE_SECONDS
        return self.settings.connect_timeout + statements * deadline

    async def _run_somewhere(self, statements: Sequence[str], timeout: float) -> list[Result]:
        """Run on an idle connection; should all of them have died unnoticed, on a new one."""
        while self._idle:
            try:
                return await self._run(self._idle.pop(), statements, timeout)
            except ConnectFailed:
                continue
        return await self._run(await self._connect(), statements, timeout)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        if self._backoff.waits(loop.time()):
            raise BackingOff(f"database {self.name} could not be reached a moment ago")
        try:
            connection = await self._attempt()
        except CollectionError as error:
            error.is_silent = True  # the backoff sets the pace, and not how long it took to fail
            if self._busy:
                raise  # out of connections, perhaps: the database itself is there
            self.up = False
            self.replica_lag = None
            limits = backoff.AUTHENTICATION if isinstance(error, AuthFailed) else backoff.CONNECT
            self._backoff.failed(loop.time(), limits)
            raise
        self.up = True
        self._backoff.succeeded()
        return connection

    async def _attempt(self) -> Connection:
        parameters = self._parameters()
        hosts = str(parameters.get("host") or parameters.get("hostaddr") or "").count(",") + 1
        timeout = math.ceil(self.settings.connect_timeout)
        parameters["connect_timeout"] = timeout
        try:
            async with asyncio.timeout(timeout * hosts + CLIENT_GRACE_SECONDS):
                connection: Connection = await psycopg.AsyncConnection.connect(
                    **parameters, autocommit=True, prepare_threshold=None
                )
        except TimeoutError:
            raise ConnectFailed(
                f"cannot connect to database {self.name}: no answer within {timeout} s"
            ) from None
        except (psycopg.Error, UnicodeError) as error:  # UnicodeError: a..b is no host name
            text = _without_password(str(error), str(parameters.get("password") or ""))
            raise causes.of_connecting(self.name, text) from None
        connection.adapters.register_loader("text", _LenientText)
        connection.adapters.register_loader("name", _LenientText)
        return connection

    def _parameters(self) -> dict[str, Any]:
        if problem := dsn_problem(self.settings.dsn):
            raise ConnectFailed(f"databases.{self.name}.dsn: {problem}")
        parameters = conninfo.conninfo_to_dict(self.settings.dsn)
        parameters |= {"application_name": "session-exporter", "client_encoding": "utf-8"}
        if self.settings.password_file is not None:
            parameters["password"] = self._password(self.settings.password_file)
        return dict(parameters)

    def _password(self, path: "os.PathLike[str]") -> str:
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - any PathLike
                return file.read().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            detail = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise AuthFailed(
                f"databases.{self.name}.password_file: cannot read {path}: {detail}"
            ) from None

    async def _run(
        self, connection: Connection, statements: Sequence[str], timeout: float
    ) -> list[Result]:
        """Send all statements at once and wait for each result, at most until its deadline.

        At the deadline the socket is shut down: to cancel the task instead would have psycopg
        wait for up to ten seconds more on a server that does not answer.
        """
        deadline = timeout + CLIENT_GRACE_SECONDS
        loop = asyncio.get_running_loop()
        hung_up = asyncio.Event()

        def hang_up() -> None:
            hung_up.set()
            _shut_down(connection)

        timer = loop.call_later(deadline, hang_up)
        self._busy.add(connection)
        results = [Result([], ())]  # of BEGIN
        try:
            async with connection.pipeline():
                cursors = [await connection.execute(text.encode()) for text in statements]
                for cursor in cursors[1:-1]:
                    results.append(await _result(cursor))
                    timer.cancel()
                    timer = loop.call_later(deadline, hang_up)
        except psycopg.Error as error:
            failure = self._failure(error, timeout=timeout, lost=connection.closed)
            with suppress(psycopg.Error):
                await connection.rollback()
            if hung_up.is_set():
                failure = NoAnswer(
                    f"database {self.name} did not answer within {deadline:g} s; "
                    "the connection was dropped",
                    is_silent=len(results) == 1,
                )
            raise failure from None
        else:
            self.up = True
            return [*results, Result([], ())]  # of COMMIT
        finally:
            timer.cancel()
            self._busy.discard(connection)
            if connection.closed or connection.info.transaction_status != pq.TransactionStatus.IDLE:
                await connection.close()
            else:
                self._idle.append(connection)

    def _failure(self, error: psycopg.Error, *, timeout: float, lost: bool) -> CollectionError:
        """Turn what the driver raised into the cause that a user can act on."""
        if lost:
            self.up = False
            said = " ".join(str(error).split())
            return ConnectFailed(f"lost the connection to database {self.name}: {said}")
        diagnosis = error.diag
        position = diagnosis.statement_position
        complaint = Complaint(
            state=error.sqlstate or "",
            message=diagnosis.message_primary or str(error),
            hint=diagnosis.message_hint,
            position=int(position) if position else None,
        )
        return causes.of_statement(
            complaint, statement_timeout=timeout, lock_timeout=self._lock_timeout(timeout)
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


async def _result(cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> Result:
    """Wait for the rows of a statement in a pipeline; all but BEGIN and COMMIT give some."""
    rows = await cursor.fetchall()
    return Result(rows, tuple(column.type_code for column in cursor.description or ()))


def _shut_down(connection: Connection) -> None:
    """Shut the socket down below libpq, which notices at once that the peer is gone."""
    try:
        descriptor = os.dup(connection.pgconn.socket)
    except (psycopg.Error, OSError):
        return
    with socket.socket(fileno=descriptor) as duplicate:
        try:
            duplicate.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def dsn_problem(dsn: str) -> str | None:
    """What is wrong with a connection string, in words that do not quote it; None: nothing.

    libpq quotes what it does not understand, and a password with @ in it becomes part of the host.
    """
    try:
        parameters = conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        return (
            "expected a connection string such as postgresql://user@host:port/name or "
            "host=… dbname=… user=…, got something else"
        )
    if any("@" in host[1:] for host in str(parameters.get("host") or "").split(",")):
        return "expected a host without @; in a URL write %40 for an @ in the password"
    ports = str(parameters.get("port") or "").split(",")
    if not all(port.isascii() and (port.isdigit() or not port) for port in ports):
        return "expected a number as port; in a URL write %3A for a : in the password"
    return None


def _without_password(text: str, password: str) -> str:
    """Should a message ever quote the password: libpq's do not."""
    return text.replace(password, "***") if len(password) > 2 else text
