"""A database for each test, made and dropped over one connection per server.

Hundreds of tests take a database, so that what one costs is a large part of what all of them cost.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase, create_database
from exporter.demo.server.server import SUPERUSER, PostgresServer
from exporter.demo.systems.schemas import APP, create_empty
from exporter.recovery.audit.installation import audit_script
from tests.support.servers.statements import KeptConnections, execute, rows

TEMPLATE = "template_systems"
#: The same with the audit of recovery, which takes ten times as long as the copy of a database.
WITH_AUDIT = "template_with_audit"

_numbers = itertools.count(1)


class FreshDatabases:
    """Copies of an empty database with the schemas of all demo systems, on one server."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._connection = EmbeddedDatabase(server, "postgres").connect()
        # initdb has hashed the password before the server had its settings.
        self._connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(SUPERUSER), sql.Literal(server.passwords[SUPERUSER])
            )
        )
        # A third less to copy: without the maps of free space, and rows that initdb has replaced.
        execute(create_empty(server, TEMPLATE), "VACUUM FULL")
        execute(create_database(server, WITH_AUDIT, owner=APP, template=TEMPLATE), audit_script())
        # The first connection to a database writes what all of them read, and copies have it then.
        rows(EmbeddedDatabase(server, TEMPLATE), "SELECT 1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @contextmanager
    def fresh(self, *, has_audit: bool = False) -> Iterator[EmbeddedDatabase]:
        """Make a database, and drop it at the end."""
        template = WITH_AUDIT if has_audit else TEMPLATE
        name = f"test_{next(_numbers)}"
        self._connection.execute(
            # The files are copied: to write each page to the log as well takes twice as long.
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
                *map(sql.Identifier, (name, APP, template))
            )
        )
        database = KeptConnections(self.server, name)
        yield database
        database.close()
        self._connection.execute(
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        )


def drop_database(database: EmbeddedDatabase) -> None:
    """Drop a database and terminate the connections to it."""
    statement = sql.SQL("DROP DATABASE {} WITH (FORCE)")
    with EmbeddedDatabase(database.server, "postgres").connect() as connection:
        connection.execute(statement.format(sql.Identifier(database.name)))
