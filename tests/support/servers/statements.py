"""Statements that a test runs in a database, and rows that it reads."""

from typing import Any

from exporter.demo.server.databases import EmbeddedDatabase


def execute(database: EmbeddedDatabase, *statements: str, role: str = "postgres") -> None:
    """Run each statement in a transaction of its own."""
    with database.connect(role) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def rows(database: EmbeddedDatabase, query: str, role: str = "postgres") -> list[tuple[Any, ...]]:
    """Return what a query selects."""
    with database.connect(role) as connection:
        return connection.execute(query.encode()).fetchall()
