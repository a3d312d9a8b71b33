"""The time of a statement is the time at which it runs, not that of its message or transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import psycopg
import pytest

from exporter import sessions
from exporter.collection.active import Active
from exporter.collection.daily import Daily
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Reader
from exporter.sessions import SessionTable
from exporter.sessions.orphan_list import list_orphans
from tests.support.collection import declarations
from tests.support.processes.session_exporter import wait_for

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  id: id
  orphaned_after: 1s
"""


@pytest.fixture
async def reader(database: EmbeddedDatabase) -> AsyncIterator[Reader]:
    settings = declarations.settings_of(database.dsn)
    pool = Database(settings.model_copy(update={"lock_timeout": 60.0, "statement_timeout": 60.0}))
    yield pool.reader(timeout=60.0)
    await pool.close()


@pytest.fixture
async def table(
    database: EmbeddedDatabase, reader: Reader, source_of: Callable[[str], Source]
) -> SessionTable:
    with database.connect() as connection:
        connection.execute("CREATE TABLE public.chat (id int, is_open bool, started timestamptz)")
    return await sessions.bind(reader, source_of(CHAT))


async def orphaned_by_active(reader: Reader, table: SessionTable) -> Any:
    return (await Active().collect(reader, table, None)).total.orphaned


async def orphaned_by_count(reader: Reader, table: SessionTable) -> Any:
    return (await list_orphans(reader, table, limit=10)).orphaned_count


async def orphaned_by_list(reader: Reader, table: SessionTable) -> Any:
    return len((await list_orphans(reader, table, limit=10)).orphans)


@pytest.mark.parametrize("count", [orphaned_by_active, orphaned_by_count, orphaned_by_list])
async def test_a_session_that_became_orphaned_while_we_waited_for_a_lock_counts(
    database: EmbeddedDatabase,
    reader: Reader,
    table: SessionTable,
    count: Callable[[Reader, SessionTable], Coroutine[Any, Any, Any]],
) -> None:
    with database.connect() as connection, database.connect() as other:
        with connection.transaction():
            connection.execute("LOCK TABLE public.chat IN ACCESS EXCLUSIVE MODE")
            connection.execute("INSERT INTO public.chat VALUES (1, true, clock_timestamp())")
            waiting: asyncio.Task[Any] = asyncio.create_task(count(reader, table))
            await asyncio.to_thread(wait_for, lambda: is_waiting(other), "it waits")
            connection.execute("INSERT INTO public.chat VALUES (2, true, clock_timestamp())")
            await asyncio.to_thread(wait_for, lambda: has_aged(connection), "it is orphaned")
        assert await waiting == 2


def is_waiting(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    rows = connection.execute(
        "SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = database"
        " WHERE NOT granted AND d.datname = current_database()"
    ).fetchall()
    return bool(rows)


def has_aged(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    ((aged,),) = connection.execute(
        "SELECT clock_timestamp() - max(started) > interval '1 s' FROM public.chat"
    ).fetchall()
    return bool(aged)


async def test_all_that_one_statement_says_is_of_one_moment(
    database: EmbeddedDatabase, reader: Reader, table: SessionTable
) -> None:
    """A session of 1970 is exactly as old as the Unix time."""
    with database.connect() as connection:
        connection.execute("INSERT INTO public.chat VALUES (1, true, '1970-01-01Z')")
    for _ in range(20):
        found = await Active().collect(reader, table, None)
        assert found.age.sum == found.now


async def test_the_days_are_those_of_the_time_after_a_lock_was_waited_for(
    database: EmbeddedDatabase, reader: Reader, table: SessionTable
) -> None:
    """A day is said to be read when it was: a session that started while we waited is in today."""
    known = await Daily().collect(reader, table, None)
    with database.connect() as connection, database.connect() as other:
        with connection.transaction():
            connection.execute("LOCK TABLE public.chat IN ACCESS EXCLUSIVE MODE")
            waiting = asyncio.create_task(Daily().collect(reader, table, known))
            await asyncio.to_thread(wait_for, lambda: is_waiting(other), "it waits")
            ((day_starts_at,),) = connection.execute(
                "INSERT INTO public.chat VALUES (1, true, clock_timestamp())"
                " RETURNING extract(epoch FROM started)::float8"
            ).fetchall()
        found = await waiting
    assert found.days[0].total.started == 1
    # What was read is at least as new as its time says: the day is read again after its end.
    assert found.days[0].read_at <= day_starts_at
