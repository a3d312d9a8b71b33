"""Pipeline: several statements in one round trip, with a deadline for each answer."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from exporter.postgres.connections.connector import Connection
from exporter.postgres.deadlines import Deadline


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of one statement, and the type OID of each column."""

    rows: list[tuple[Any, ...]]
    types: tuple[int, ...]


class Pipeline:
    """One transaction on one connection, with a deadline for each answer."""

    def __init__(self, connection: Connection, deadline: Deadline) -> None:
        self.deadline = deadline
        #: Whether the connection was lost, and the answers.
        self.is_lost = False
        self.results: list[Result] = []
        self._connection = connection

    async def run(self, begin: str, statements: Sequence[str]) -> list[Result]:
        """Send `begin`, the statements and COMMIT at once; return the results of the statements.

        Raises psycopg.Error, also after hanging up; the transaction is rolled back then.
        """
        self.deadline.restart()
        try:
            async with self._connection.pipeline():
                await self._connection.execute(begin.encode())
                cursors = [await self._connection.execute(text.encode()) for text in statements]
                await self._connection.execute(b"COMMIT")
                for cursor in cursors:
                    self.results.append(await result_of(cursor))
                    self.deadline.restart()
        except psycopg.Error as error:
            self.is_lost = self._connection.closed or _ends_the_connection(error)
            self.deadline.restart()
            with suppress(psycopg.Error):  # the first error is the one to report
                await self._connection.rollback()
            raise
        finally:
            self.deadline.cancel()
        return self.results


def _ends_the_connection(error: psycopg.Error) -> bool:
    """Whether an error ends the connection, which psycopg may not have noticed yet.

    FATAL ends a session, and so does SQLSTATE class 08, which PgBouncer uses. An error of libpq
    about a connection has no SQLSTATE; an error of a server about a statement has one.
    """
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    is_fatal = error.diag.severity_nonlocalized in {"FATAL", "PANIC"}
    return is_fatal or error.sqlstate.startswith("08")


async def result_of(cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> Result:
    """Wait for the rows of a statement that gives some, as all but BEGIN and COMMIT do."""
    rows = await cursor.fetchall()
    return Result(rows, tuple(column.type_code for column in cursor.description or ()))
