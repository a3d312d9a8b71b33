"""The clock of a database, set by a schema that is searched before pg_catalog."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase

Connection = psycopg.Connection[tuple[Any, ...]]

FAKE_CLOCK = """\
CREATE SCHEMA IF NOT EXISTS faketime;
CREATE OR REPLACE FUNCTION faketime.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT current_setting('faketime.now')::timestamptz $$;
GRANT USAGE ON SCHEMA faketime TO PUBLIC;
"""

FAKE_PATH = "faketime, pg_catalog, public"


def set_clock(database: EmbeddedDatabase, now: datetime) -> None:
    """Have now() tell this time in every new session of the database; all else stays real."""
    with database.connect() as connection:
        connection.execute(FAKE_CLOCK)
        alter = sql.SQL("ALTER DATABASE {} SET ").format(sql.Identifier(database.name))
        connection.execute(alter + sql.SQL(f"search_path = {FAKE_PATH}"))
        connection.execute(
            alter + sql.SQL("faketime.now = {}").format(sql.Literal(now.isoformat()))
        )


def set_clock_of(connection: Connection, now: datetime | str) -> None:
    """The same for one open connection, in a database where FAKE_CLOCK was run."""
    text = now if isinstance(now, str) else now.isoformat()
    connection.execute(
        "SELECT set_config('search_path', %s, false), set_config('faketime.now', %s, false)",
        (FAKE_PATH, text),
    )
