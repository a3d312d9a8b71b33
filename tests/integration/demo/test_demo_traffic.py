import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from random import Random

import psycopg
import pytest

from exporter.demo import traffic
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP
from tests.support.processes.session_exporter import wait_for
from tests.support.servers.statements import execute, rows

PACE = 40.0  # a session lives for 0.1 to 1.5 seconds

MOVED = b"""
    SELECT (SELECT count(*) FROM conversations.conversation_sessions WHERE NOT is_active),
        (SELECT count(*) FROM coaching.roleplay_sessions WHERE status = 'completed'),
        (SELECT count(*) FROM coaching.transcripts WHERE status = 'done'),
        (SELECT count(*) FROM training.roleplay_sessions WHERE "completedAt" IS NOT NULL)
"""


def ended(connection: psycopg.Connection[tuple[int, ...]]) -> tuple[int, ...]:
    return connection.execute(MOVED).fetchall()[0]


async def everything_moves(database: EmbeddedDatabase, deadline: float = 20.0) -> None:
    """Wait until a session has ended in each table that had not when we began to look."""
    with database.connect() as connection:
        before, until = ended(connection), time.monotonic() + deadline
        while any(now <= then for now, then in zip(ended(connection), before, strict=True)):
            assert time.monotonic() < until, f"{before} became {ended(connection)}"
            await asyncio.sleep(0.1)


async def something_starts(database: EmbeddedDatabase, deadline: float = 20.0) -> None:
    """Wait until a session has started."""
    until = time.monotonic() + deadline
    while not rows(database, "SELECT FROM conversations.conversation_sessions LIMIT 1"):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(database: EmbeddedDatabase) -> AsyncIterator[None]:
    task = asyncio.create_task(traffic.run(database.dsn_for(APP), pace=PACE, dice=Random(1)))
    try:
        yield
    finally:
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait([task])
        assert task.cancelled()


def backends(database: EmbeddedDatabase) -> list[tuple[int, str]]:
    return rows(
        database,
        "SELECT pid, usename::text FROM pg_stat_activity"
        " WHERE application_name = 'demo-traffic' AND datname = current_database()",
    )


def disconnect(database: EmbeddedDatabase) -> None:
    execute(
        database, *(f"SELECT pg_terminate_backend({pid}, 5000)" for pid, _ in backends(database))
    )


async def test_comes_over_one_connection_as_an_ordinary_role_and_stops_with_nothing_active(
    database: EmbeddedDatabase,
) -> None:
    async with running(database):
        await everything_moves(database)
        assert [user for _, user in backends(database)] == [APP]
    active = "SELECT count(*) FROM conversations.conversation_sessions WHERE is_active"
    assert rows(database, active) == [(0,)]
    wait_for(lambda: not backends(database), "its connection ends")


async def test_goes_on_after_its_connection_was_lost(
    database: EmbeddedDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(database):
        await something_starts(database)
        disconnect(database)
        await everything_moves(database)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "demo traffic interrupted" in caplog.text


async def test_stops_though_its_connection_is_lost_at_the_same_moment(
    database: EmbeddedDatabase,
) -> None:
    async with running(database):
        await something_starts(database)
        disconnect(database)  # the event loop does not run between this and the cancellation


async def test_a_lost_session_stays_active(
    database: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "LOST", 1.0)
    rhythm = traffic.Rhythm(Random(1), pace=10_000.0)
    async with await traffic._connect(database.dsn_for(APP)) as connection:
        for life in (traffic.conversation, traffic.call, traffic.practice):
            await life(connection, rhythm)
    with database.connect() as connection:
        assert connection.execute(
            "SELECT (SELECT is_active FROM conversations.conversation_sessions),"
            " (SELECT status FROM coaching.roleplay_sessions),"
            ' (SELECT "completedAt" FROM training.roleplay_sessions)'
        ).fetchall() == [(True, "in_progress", None)]


async def test_a_bug_in_the_traffic_is_not_taken_for_a_lost_connection(
    database: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(traffic, "call", broken)
    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="broke down"):
            await traffic.run(database.dsn_for(APP), pace=PACE)
