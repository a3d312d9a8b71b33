"""Chats that are closed by the functions printed for them, and how these are called."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import yaml

from exporter import sessions
from exporter.config import Config, Source, load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Reader
from tests.support.collection.declarations import settings_of
from tests.support.servers.statements import execute, rows

TABLES = """
    CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool NOT NULL DEFAULT true,
        started timestamptz NOT NULL DEFAULT now() - interval '1 day', seen timestamptz,
        ended timestamp, length float8);
    CREATE TABLE public.presence (chat int NOT NULL);
"""

CHAT: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "1h",
    "timestamps_in": "America/New_York",
    "recovery": {
        "set": {
            "is_open": "false",
            "ended": "{end}",
            "length": "extract(epoch FROM {end} - s.started AT TIME ZONE 'America/New_York') / 7",
        },
        "evidence": "EXISTS (SELECT FROM presence AS p WHERE p.chat = s.id)",
        "per_hour": 3,
        "notify": "recovered",
    },
}


def config_of(database: EmbeddedDatabase, folder: Path, **recovery: Any) -> Config:
    declared = {**CHAT, "recovery": {**CHAT["recovery"], **recovery}}
    data = {"databases": {"app": {"dsn": database.dsn}}, "sources": {"chat": declared}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data))
    return load_config(path, {})


@asynccontextmanager
async def reading(database: EmbeddedDatabase, source: Source, role: str) -> AsyncIterator[Reader]:
    pool = Database(settings_of(database.dsn_for(role)))
    try:
        yield pool.reader(timezone=sessions.time_zone(source))
    finally:
        await pool.close()


def lose(database: EmbeddedDatabase, count: int, seen: str = "2 hours") -> None:
    """Sessions 1 to count, all of them orphaned."""
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen)"
        f" SELECT n, now() - interval '30 days', now() - interval '{seen}'"
        f" FROM generate_series(1, {count}) AS n",
    )


def call(trigger: str = "manual", *, backlog: bool = False) -> str:
    """The call that closes every session that is open, as it is now."""
    return f"""
        SELECT session_exporter_session
        FROM session_exporter.recover_chat(
            ARRAY(SELECT id FROM found), ARRAY(SELECT version FROM found), '{RUN}', '{trigger}',
            {backlog}
        )
    """


def found(database: EmbeddedDatabase) -> str:
    """What is open now, as a query that takes no rights."""
    pairs = rows(database, "SELECT id::text, xmin::text FROM public.chat WHERE is_open")
    values = ", ".join(f"('{id_}', '{version}')" for id_, version in pairs)
    return f"WITH found (id, version) AS (VALUES {values or '(NULL, NULL)'})"


def closed(
    database: EmbeddedDatabase,
    connection: psycopg.Connection[Any],
    trigger: str = "manual",
    *,
    backlog: bool = False,
) -> set[str]:
    statement = found(database) + call(trigger, backlog=backlog)
    return {session for (session,) in connection.execute(statement.encode()).fetchall()}


def open_ones(database: EmbeddedDatabase) -> set[int]:
    return {id_ for (id_,) in rows(database, "SELECT id FROM public.chat WHERE is_open")}


RUN = "00000000-0000-0000-0000-000000000001"
