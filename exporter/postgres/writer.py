"""Writer: the short transactions of recovery, each on a connection that may write."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from exporter.config import DatabaseSettings
from exporter.errors import ConnectFailed, IdleTooLong, NoAnswer, SourceError, StandbyServer
from exporter.postgres import error_causes
from exporter.postgres.connections.deadlines import (
    CLIENT_GRACE_SECONDS,
    LOCK_SECONDS,
    STATEMENT_SECONDS,
    Deadline,
)
from exporter.postgres.connections.lost_connection import explain_lost, is_of_statement
from exporter.postgres.connections.pool import Lease
from exporter.postgres.connections.received_bytes import AnswerLimit, too_much
from exporter.postgres.database import Database
from exporter.postgres.error_causes import ON_PRIMARY, ServerError
from exporter.postgres.reader import Row
from exporter.postgres.simple_query import Result
from exporter.postgres.text_settings import text_settings
from exporter.queries import fill, literal


class Writer:
    """Transactions one after the other, on the connections of one database.

    Never pipelined: for PostgreSQL a client that freezes in a pipeline is not idle in transaction,
    so no timeout would release its locks (tested on PostgreSQL 15 to 18).
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        timezone: str,
        shared: Database | None = None,
        user: str = "",
    ) -> None:
        """`shared` has the connections, for this `user` among others; without it, its own."""
        self._settings = settings
        self._timezone = timezone
        self._is_own = shared is None
        self._database = shared or Database(settings)
        self._user = user

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """Run the block as one READ COMMITTED transaction, which an error rolls back.

        It begins on a new connection where the idle one was lost in the meantime: the server
        (idle_session_timeout), a pooler or a firewall may have ended it.

        Raises StandbyServer, and SourceError where transactions are read only by default.
        """
        async with AsyncExitStack() as stack:
            transaction = await self._begin(stack)
            try:
                yield transaction
                if not transaction.is_committed:
                    await transaction.commit()
            except BaseException:
                await transaction.roll_back()
                raise

    async def rows(self, statement: str) -> list[Row]:
        async with self.transaction() as transaction:
            return await transaction.rows(statement)

    async def _begin(self, stack: AsyncExitStack) -> "Transaction":
        while True:
            lease = await stack.enter_async_context(self._database.pool.connection(self._user))
            try:
                return await self._begin_on(lease)
            except (ConnectFailed, IdleTooLong, NoAnswer):
                if lease.is_new:
                    raise
                await stack.aclose()

    async def _begin_on(self, lease: Lease) -> "Transaction":
        transaction = Transaction(lease, self._settings.name)
        try:
            # Not READ WRITE: a default of read only, as on a full disk, applies to us too.
            row_security = "off" if self._settings.row_security == "refuse" else "on"
            settings = fill(
                "recovery/close/begin",
                row_security=literal(row_security),
                timezone=literal(self._timezone),
                path=fill("catalog/path"),
                texts=text_settings(),
            )
            _, begun = await transaction.send("BEGIN ISOLATION LEVEL READ COMMITTED", settings)
            self._require_writable(*begun.rows[0][-2:])
        except BaseException:
            await transaction.roll_back()
            raise
        return transaction

    def _require_writable(self, is_read_only: bool, is_standby: bool) -> None:
        if is_standby:
            raise StandbyServer(f"database {self._settings.name} is a standby; {ON_PRIMARY}")
        if is_read_only:
            raise SourceError(
                f"database {self._settings.name} is read only for this role "
                "(default_transaction_read_only is on), so nothing is changed; is its disk full? "
                "If this is intended, give recovery a dsn with a separate role"
            )

    async def close(self) -> None:
        """Close the connection if it is own, also where the server does not answer."""
        if self._is_own:
            await self._database.close()


class Transaction:
    """One open transaction."""

    def __init__(self, lease: Lease, database: str) -> None:
        self._lease = lease
        self._connection = lease.connection
        self._database = database
        self.is_committed = False

    async def run(self, statement: str) -> Result:
        """Run one statement. Raises SourceError, at most a second after the server's deadline."""
        (result,) = await self.send(statement)
        return result

    async def commit(self, *statements: str) -> list[Result]:
        """Run the statements and commit, all in one message; raises SourceError.

        The server executes a message only when it is complete, and does not wait for the client
        then: so no lock waits, as long as the results before COMMIT fit into its buffer of 4 KiB.
        """
        *results, _ = await self.send(*statements, "COMMIT")
        self.is_committed = True
        return results

    async def send(self, *statements: str) -> list[Result]:
        """Run statements that are sent in one message, up to one that fails; raises SourceError."""
        seconds = STATEMENT_SECONDS * len(statements) + CLIENT_GRACE_SECONDS
        message = ";\n".join(statements)
        deadline = Deadline(seconds, self._connection.pgconn, self._lease.abandoned.append)
        limit = AnswerLimit(self._connection.pgconn)
        try:
            with deadline, limit:
                cursor = await self._connection.execute(message.encode())
                results = [await _result(cursor)]
                while cursor.nextset():
                    results.append(await _result(cursor))
                return results
        except psycopg.Error as error:
            if deadline.has_passed:
                raise NoAnswer(f"database {self._database} did not answer") from None
            if limit.is_exceeded:
                raise explain_lost(self._database, None, too_much()) from None
            raise self._failure(error, message) from None

    async def rows(self, statement: str) -> list[Row]:
        return (await self.run(statement)).rows

    async def roll_back(self) -> None:
        """Roll back; if that fails, the connection is no longer usable."""
        try:
            await self.run("ROLLBACK")
        except SourceError:
            await self._connection.close()

    def _failure(self, error: psycopg.Error, statement: str) -> SourceError:
        if self._connection.closed and not is_of_statement(error.sqlstate):
            words = self._lease.last_words
            said = (error.sqlstate, str(error)) if error.sqlstate or not words else words[-1]
            return explain_lost(self._database, *said)
        # Without a position it counts as an error of a row, whose message may quote the row.
        server_error = ServerError.of(error, position=None)
        sent = ["", statement]  # as of a reader, whose first statement sets the transaction up
        return error_causes.explain_writing(
            server_error, sent, statement_timeout=STATEMENT_SECONDS, lock_timeout=LOCK_SECONDS
        )


async def _result(cursor: psycopg.AsyncCursor[Row]) -> Result:
    columns = cursor.description
    rows = await cursor.fetchall() if columns else []
    return Result(rows, tuple(each.type_code for each in columns or ()))
