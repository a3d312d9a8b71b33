"""The only module that talks to PostgreSQL: connections, deadlines, reasons for failures.

psycopg_pool answers a missing database and a refused port alike with a timeout and no cause, so
the few connections are kept here. A connection is used for one pipeline at a time.
"""

import asyncio
import math
import os
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import conninfo, pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from exporter import backoff
from exporter.config import Database as Settings
from exporter.errors import (
    AuthFailed,
    BackingOff,
    BadData,
    CollectionError,
    ConnectFailed,
    Locked,
    NoAnswer,
    PermissionDenied,
    ReplicaLagging,
    SchemaMismatch,
    TimedOut,
)
from exporter.queries import fill, literal

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

#: How much longer than the server's own deadline the client waits before it hangs up.
CLIENT_GRACE_SECONDS = 1.0

# Connect errors carry no SQLSTATE (libpq gives the server's text alone), so this reads the text:
# src/backend/libpq/auth.c and hba.c, src/backend/utils/init/, and PgBouncer's client.c.
_AUTH = re.compile(
    r"authentication failed|authentication method|no password supplied|pg_hba\.conf"
    r"|role \".*\" does not exist|not permitted to log in|no such user|password retrieved",
    re.IGNORECASE,
)


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
            lock_timeout=literal(f"{self.settings.lock_timeout * 1000:.0f}"),
            row_security=literal("off" if self.settings.row_security == "refuse" else "on"),
            timezone=literal(reader.timezone),
        )
        pipeline = ["BEGIN READ ONLY", begin, *statements, "COMMIT"]
        async with self._slot(reader):
            _, settings, *results, _ = await self._run_somewhere(pipeline, reader.timeout)
        self._check_lag(settings.rows[0][-1])
        return results

    async def close(self) -> None:
        """Hang up every connection, also those whose server does not answer."""
        for connection in list(self._busy):
            _shut_down(connection)
        while self._idle:
            await self._idle.pop().close()

    def _check_lag(self, lag: float | None) -> None:
        self.replica_lag = lag
        if lag is not None and lag > self.settings.max_replica_lag:
            raise ReplicaLagging(
                f"the standby is {lag:.0f} s behind its primary, more than max_replica_lag "
                f"({self.settings.max_replica_lag:.0f} s): every heartbeat would look old"
            )

    @asynccontextmanager
    async def _slot(self, reader: "Reader") -> AsyncIterator[None]:
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
            reader.seconds += loop.time() - started
            loop.call_later(release_after, self._slots.release)

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
            text = _one_line(str(error), parameters)
            cause = AuthFailed if _AUTH.search(text) else ConnectFailed
            raise cause(f"cannot connect to database {self.name}: {text}") from None
        connection.adapters.register_loader("text", _LenientText)
        connection.adapters.register_loader("name", _LenientText)
        return connection

    def _parameters(self) -> dict[str, Any]:
        try:
            parameters = conninfo.conninfo_to_dict(self.settings.dsn)
        except psycopg.Error:
            # libpq quotes the string, and with it the password, in its message.
            raise ConnectFailed(
                f"databases.{self.name}.dsn is not a connection string: expected "
                "postgresql://user@host:port/name or host=… dbname=… user=…"
            ) from None
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
        """Send all statements at once and wait for their results, at most until the deadline.

        At the deadline the socket is shut down: to cancel the task instead would have psycopg
        wait for up to ten seconds more on a server that does not answer.
        """
        deadline = timeout + CLIENT_GRACE_SECONDS
        hung_up = asyncio.Event()

        def hang_up() -> None:
            hung_up.set()
            _shut_down(connection)

        timer = asyncio.get_running_loop().call_later(deadline, hang_up)
        self._busy.add(connection)
        try:
            async with connection.pipeline():
                cursors = [await connection.execute(text.encode()) for text in statements]
            results = [await _result(cursor) for cursor in cursors]
        except psycopg.Error as error:
            failure = self._failure(error, lost=connection.closed)
            with suppress(psycopg.Error):
                await connection.rollback()
            if hung_up.is_set():
                failure = NoAnswer(
                    f"database {self.name} did not answer within {deadline:g} s; "
                    "the connection was dropped"
                )
            raise failure from None
        else:
            self.up = True
            return results
        finally:
            timer.cancel()
            self._busy.discard(connection)
            if connection.closed or connection.info.transaction_status != pq.TransactionStatus.IDLE:
                await connection.close()
            else:
                self._idle.append(connection)

    def _failure(self, error: psycopg.Error, *, lost: bool) -> CollectionError:
        """Turn what the driver raised into the cause that a user can act on."""
        text = _one_line(str(error), conninfo.conninfo_to_dict(self.settings.dsn))
        if lost:
            self.up = False
            return ConnectFailed(f"lost the connection to database {self.name}: {text}")
        state = error.sqlstate or ""
        for states, cause, advice in _CAUSES:
            if state.startswith(states):
                hidden_rows = "row-level security" in text
                failure = cause(text + (_ROW_SECURITY_ADVICE if hidden_rows else advice))
                failure.position = _position(error)
                return failure
        return CollectionError(text)


_ROW_SECURITY_ADVICE = (
    "; this role does not see every row, so that every count would be too low. Give it BYPASSRLS, "
    "or a policy that shows it every row and row_security: trust"
)

#: Beginnings of SQLSTATEs (PostgreSQL documentation, appendix A), what they mean to us, and what
#: is added to the server's own words. The first that fits counts.
_CAUSES: tuple[tuple[tuple[str, ...], type[CollectionError], str], ...] = (
    (("55P03",), Locked, " (somebody held a lock on the table for longer than lock_timeout)"),
    (("57014",), TimedOut, ""),
    (
        ("42501",),
        PermissionDenied,
        "; `session-exporter sql role` prints the rights that are needed",
    ),
    (("42", "3F", "0A", "22023"), SchemaMismatch, ""),
    (("21", "22"), BadData, ""),
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
    if cursor.description is None:
        return Result([], ())
    return Result(await cursor.fetchall(), tuple(column.type_code for column in cursor.description))


def _position(error: psycopg.Error) -> int | None:
    return int(error.diag.statement_position) if error.diag.statement_position else None


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


def _one_line(text: str, parameters: dict[str, Any]) -> str:
    """Fold a driver's message into one line, without the password should it quote it."""
    line = " ".join(text.split())
    password = parameters.get("password") or ""
    return line.replace(str(password), "***") if len(str(password)) > 2 else line
