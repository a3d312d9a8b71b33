"""Statements that a test runs in a database, and rows that it reads.

To connect costs more than most statements, so a fresh database keeps the connections for the next
one; each begins as a new one does, and has counted for the statistics what it did.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from exporter.demo.server.databases import EmbeddedDatabase

Connection = psycopg.Connection[tuple[Any, ...]]
Settings = list[tuple[Any, ...]]

#: What connections begin with; in any search path.
SETTINGS = "SELECT s::pg_catalog.text FROM pg_catalog.pg_db_role_setting AS s"


@dataclass(frozen=True, slots=True)
class KeptConnections(EmbeddedDatabase):
    """A database whose connections are kept, for each role, until it is dropped."""

    _idle: dict[str, list[tuple[Connection, Settings]]] = field(
        default_factory=lambda: defaultdict(list), compare=False
    )

    @contextmanager
    def connection(self, role: str) -> Iterator[Connection]:
        """One that no other thread uses; after an error it is not used again."""
        connection, settings = self._kept(role) or self._new(role)
        try:
            yield connection
            connection.execute("DISCARD ALL")
            connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
        except BaseException:
            connection.close()
            raise
        self._idle[role].append((connection, settings))

    def close(self) -> None:
        """Close all connections."""
        for kept in self._idle.values():
            while kept:
                kept.pop()[0].close()

    def _new(self, role: str) -> tuple[Connection, Settings]:
        connection = self.connect(role)
        connection.prepare_threshold = None  # DISCARD ALL forgets what is prepared
        return connection, connection.execute(SETTINGS).fetchall()

    def _kept(self, role: str) -> tuple[Connection, Settings] | None:
        if not self._idle[role]:
            return None
        connection, settings = self._idle[role].pop()
        if connection.execute(SETTINGS).fetchall() != settings:
            connection.close()
            return None
        return connection, settings


def execute(database: EmbeddedDatabase, *statements: str, role: str = "postgres") -> None:
    """Run each statement in a transaction of its own."""
    with _connected(database, role) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def rows(database: EmbeddedDatabase, query: str, role: str = "postgres") -> list[tuple[Any, ...]]:
    """Return what a query selects."""
    with _connected(database, role) as connection:
        return connection.execute(query.encode()).fetchall()


@contextmanager
def _connected(database: EmbeddedDatabase, role: str) -> Iterator[Connection]:
    if isinstance(database, KeptConnections):
        with database.connection(role) as kept:
            yield kept
    else:
        with database.connect(role) as connection:
            yield connection
