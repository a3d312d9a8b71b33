"""Collections inside a transaction of the test's own, whose clock stands still."""

from collections.abc import Sequence
from typing import Any

import psycopg

from exporter.config import Source
from exporter.postgres import Reader, Result
from tests.support.collection.database_clock import stop_clock

Connection = psycopg.Connection[tuple[Any, ...]]


class OpenTransaction(Reader):
    """Reads on an open connection, inside whatever transaction it is in; keeps what was read.

    The clock stands still in a transaction: rows written in it lie exactly on a boundary.
    """

    def __init__(self, connection: Connection, source: Source) -> None:
        zone = source.timestamps_in or "UTC"
        super().__init__(self._execute, timezone=zone, timeout=60.0)
        self.reads: list[tuple[str, ...]] = []
        self._connection = connection
        connection.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
        stop_clock(connection)

    @property
    def statements(self) -> list[str]:
        """All that was read, one statement after the other."""
        return [statement for read in self.reads for statement in read]

    async def _execute(self, statements: Sequence[str], _reader: Reader) -> list[Result]:
        self.reads.append(tuple(statements))
        now = "SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())"
        ((self.began_at,),) = self._connection.execute(now).fetchall()
        results = []
        for statement in statements:
            cursor = self._connection.execute(statement.encode())
            types = tuple(column.type_code for column in cursor.description or ())
            results.append(Result(cursor.fetchall(), types))
        return results
