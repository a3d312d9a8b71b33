"""Writes many rows at once."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[Any, ...]]


def insert(
    connection: Connection,
    table: tuple[str, str],
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    """Copy rows into a table (schema, name), then update the planner's statistics of it."""
    name = sql.Identifier(*table)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(name, names)
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        # Also sets the visibility map, without which no index-only scan is index-only.
        cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(name))
