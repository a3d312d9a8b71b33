"""The clock of a database, which a test sets or stops.

The functions of pg_catalog are replaced in that one database, because that is what our statements
name: now() and clock_timestamp() of a superuser's making, beside the real ones under other names.
"""

from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase

Connection = psycopg.Connection[tuple[Any, ...]]

#: clock_timestamp() stands still as now() does: rows written in a transaction lie exactly on a
#: boundary for the statements in it.
_STOPPED_CLOCK = """\
DO $$ BEGIN
    IF to_regproc('pg_catalog.running_clock') IS NULL THEN
        ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO running_clock;
        CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
            AS 'SELECT pg_catalog.now()';
    END IF;
END $$
"""

_FAKE_NOW = """\
DO $$ BEGIN
    IF to_regproc('pg_catalog.real_now') IS NULL THEN
        ALTER FUNCTION pg_catalog.now() RENAME TO real_now;
        CREATE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE sql STABLE AS $body$
            SELECT coalesce(
                nullif(current_setting('faketime.now', true), '')::timestamptz,
                pg_catalog.real_now()
            )
        $body$;
    END IF;
END $$
"""


def stop_clock(connection: Connection) -> None:
    """Have the clock stand still within each transaction in this connection's database."""
    connection.execute(_STOPPED_CLOCK)


def fake_clock(connection: Connection) -> None:
    """Let the clock of this connection's database be set."""
    connection.execute(_FAKE_NOW)
    stop_clock(connection)


def set_clock(database: EmbeddedDatabase, now: datetime) -> None:
    """Have the clock tell this time in every new session of the database; all else stays real."""
    with database.connect() as connection:
        fake_clock(connection)
        alter = sql.SQL("ALTER DATABASE {} SET ").format(sql.Identifier(database.name))
        connection.execute(
            alter + sql.SQL("faketime.now = {}").format(sql.Literal(now.isoformat()))
        )


def set_clock_of(connection: Connection, now: datetime | str) -> None:
    """The same for one open connection, in a database where fake_clock() was called."""
    text = now if isinstance(now, str) else now.isoformat()
    connection.execute("SELECT set_config('faketime.now', %s, false)", (text,))
