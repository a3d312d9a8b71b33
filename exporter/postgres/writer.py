"""Writer: one connection that may write, for the short transactions of recovery."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from exporter.config import DatabaseSettings
from exporter.errors import ConnectFailed, IdleTooLong, NoAnswer, SourceError, StandbyServer
from exporter.postgres import error_causes
from exporter.postgres.connections.connector import Connection, Connector
from exporter.postgres.deadlines import (
    CLIENT_GRACE_SECONDS,
    LOCK_SECONDS,
    STATEMENT_SECONDS,
    Deadline,
)
from exporter.postgres.error_causes import ServerError
from exporter.postgres.reader import Row
from exporter.postgres.simple_query import Result
from exporter.postgres.text_settings import text_settings
from exporter.queries import fill, literal


class Writer:
    """One connection, opened when it is first used.

    Never pipelined: to PostgreSQL a client that freezes in a pipeline is not idle in transaction,
    and no timeout would release its locks (tried on PostgreSQL 15 to 18).
    """

    def __init__(self, settings: DatabaseSettings, *, timezone: str) -> None:
        self._settings = settings
        self._timezone = timezone
        self._connector = Connector(settings)
        self._connection: Connection | None = None
        self._last_words: list[tuple[str | None, str]] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """Run the block as one READ COMMITTED transaction, which an error rolls back.

        It begins on a new connection where the idle one was lost in the meantime: the server
        (idle_session_timeout), a pooler or a firewall may have ended it.

        Raises StandbyServer, and SourceError where transactions are read only by default.
        """
        is_new = self._connection is None or self._connection.closed
        try:
            transaction = await self._begin()
        except (ConnectFailed, IdleTooLong, NoAnswer):
            if is_new:
                raise
            transaction = await self._begin()
        try:
            yield transaction
            await transaction.run("COMMIT")
        except BaseException:
            await self._roll_back(transaction)
            raise

    async def rows(self, statement: str) -> list[Row]:
        async with self.transaction() as transaction:
            return await transaction.rows(statement)

    async def _begin(self) -> "Transaction":
        if self._connection is None or self._connection.closed:
            self._connection = await self._connector.connect(lambda left: left.close())
            self._connection.add_notice_handler(self._note)
            self._last_words = []
        transaction = Transaction(self._connection, self._settings.name, self._last_words)
        try:
            # Not READ WRITE: a default of read only, as on a full disk, is meant for us too.
            await transaction.run("BEGIN ISOLATION LEVEL READ COMMITTED")
            row_security = "off" if self._settings.row_security == "refuse" else "on"
            settings = fill(
                "recovery/close/begin",
                row_security=literal(row_security),
                timezone=literal(self._timezone),
                path=fill("catalog/path"),
                texts=text_settings(),
            )
            (begun,) = await transaction.rows(settings)
            self._require_writable(*begun[-2:])
        except BaseException:
            await self._roll_back(transaction)
            raise
        return transaction

    def _note(self, notice: psycopg.errors.Diagnostic) -> None:
        # An error that ends the connection counts as a notice where it comes between two statements
        # (pqParseInput3() in fe-protocol3.c).
        if notice.severity_nonlocalized in {"FATAL", "PANIC"}:
            self._last_words.append((notice.sqlstate, notice.message_primary or ""))

    def _require_writable(self, is_read_only: bool, is_standby: bool) -> None:
        if is_standby:
            raise StandbyServer(
                f"database {self._settings.name} is a standby; sessions are recovered on the "
                "primary: give recovery a separate dsn, or target_session_attrs=read-write"
            )
        if is_read_only:
            raise SourceError(
                f"database {self._settings.name} is read only for this role "
                "(default_transaction_read_only is on), so nothing is changed; is its disk full? "
                "If this is intended, give recovery a dsn with a separate role"
            )

    async def close(self) -> None:
        """Close the connection, also where the server does not answer."""
        await self._connector.close()
        await self._disconnect()

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _roll_back(self, transaction: "Transaction") -> None:
        try:
            await transaction.run("ROLLBACK")
        except SourceError:
            await self._disconnect()


class Transaction:
    """One open transaction."""

    def __init__(
        self, connection: Connection, database: str, last_words: list[tuple[str | None, str]]
    ) -> None:
        """`last_words` get what the server says of itself when it ends the connection."""
        self._connection = connection
        self._database = database
        self._last_words = last_words

    async def run(self, statement: str) -> Result:
        """Run one statement. Raises SourceError, at most a second after the server's deadline."""
        seconds = STATEMENT_SECONDS + CLIENT_GRACE_SECONDS
        deadline = Deadline(seconds, self._connection.pgconn)
        try:
            with deadline:
                cursor = await self._connection.execute(statement.encode())
                columns = cursor.description
                rows = await cursor.fetchall() if columns else []
                return Result(rows, tuple(each.type_code for each in columns or ()))
        except psycopg.Error as error:
            if deadline.has_passed:
                raise NoAnswer(f"database {self._database} did not answer") from None
            raise self._failure(error, statement) from None

    async def rows(self, statement: str) -> list[Row]:
        return (await self.run(statement)).rows

    def _failure(self, error: psycopg.Error, statement: str) -> SourceError:
        if self._connection.closed:
            words = self._last_words
            said = (error.sqlstate, str(error)) if error.sqlstate or not words else words[-1]
            return error_causes.explain_lost(self._database, *said)
        # Without a position it counts as an error of a row, whose message may quote the row.
        server_error = ServerError.of(error, position=None)
        sent = ["", statement]  # as of a reader, whose first statement sets the transaction up
        return error_causes.explain_writing(
            server_error, sent, statement_timeout=STATEMENT_SECONDS, lock_timeout=LOCK_SECONDS
        )
