from collections.abc import AsyncIterator, Awaitable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from exporter.demo.applications import Connection, coaching, conversations, training
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP


@pytest.fixture
async def app(any_database: EmbeddedDatabase) -> AsyncIterator[Connection]:
    connection = await psycopg.AsyncConnection.connect(any_database.dsn_for(APP), autocommit=True)
    yield connection
    await connection.close()


async def rows(app: Connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    cursor = await app.execute(query.encode(), parameters)
    return await cursor.fetchall()


async def conversation(app: Connection, session: UUID) -> tuple[Any, ...]:
    return (
        await rows(
            app,
            """
            SELECT is_active, session_start, session_end, ended_at, duration_seconds
            FROM conversations.conversation_sessions WHERE session_id = %s
            """,
            session,
        )
    )[0]


async def active(app: Connection) -> int:
    query = "SELECT count(*) FROM conversations.conversation_sessions WHERE is_active"
    return int((await rows(app, query))[0][0])


async def test_a_session_starts_active(app: Connection) -> None:
    session = await conversations.start_session(app, "user-1")
    is_active, start, *rest = await conversation(app, session)
    assert is_active
    assert start is not None
    assert rest == [None, None, None]


async def test_a_disconnect_ends_it_and_nothing_else(app: Connection) -> None:
    session = await conversations.start_session(app, "user-1")
    other = await conversations.start_session(app, "user-1")
    await conversations.disconnect(app, session)
    assert not (await conversation(app, session))[0]
    assert (await conversation(app, other))[0]


async def test_the_end_is_set_and_the_duration_is_right(app: Connection) -> None:
    session = await conversations.start_session(app, "user-1")
    await app.execute(
        "UPDATE conversations.conversation_sessions SET session_start = now() - interval '90 s'"
    )
    await conversations.disconnect(app, session)
    _, start, end, ended, seconds = await conversation(app, session)
    assert start < end == ended
    assert seconds == (end - start).total_seconds()
    assert 90 <= seconds < 120


async def test_a_second_disconnect_changes_nothing(app: Connection) -> None:
    session = await conversations.start_session(app, "user-1")
    await conversations.disconnect(app, session)
    before = await conversation(app, session)
    await conversations.disconnect(app, session)
    assert await conversation(app, session) == before


async def test_closing_all_leaves_none_and_touches_none_that_had_ended(app: Connection) -> None:
    ended = await conversations.start_session(app, "user-0")
    await conversations.disconnect(app, ended)
    before = await conversation(app, ended)
    sessions = [await conversations.start_session(app, f"user-{n}") for n in range(5)]
    assert await conversations.close_all(app) == 5
    assert await active(app) == 0
    for session in sessions:
        _, start, end, ended_at, seconds = await conversation(app, session)
        assert end == ended_at
        assert seconds == (end - start).total_seconds()
    assert await conversation(app, ended) == before


@pytest.mark.parametrize("step", ["disconnect", "close_all"])
async def test_an_error_in_one_step_does_not_stop_the_rest(app: Connection, step: str) -> None:
    done = []

    async def break_down() -> None:
        raise ConnectionResetError("the audio stream is gone")

    async def clean() -> None:
        done.append("memory")

    session = await conversations.start_session(app, "user-1")
    cleanup = (break_down, clean, break_down)
    if step == "disconnect":
        ending: Awaitable[object] = conversations.disconnect(app, session, cleanup=cleanup)
    else:
        ending = conversations.close_all(app, cleanup=cleanup)
    with pytest.raises(ExceptionGroup) as failure:
        await ending
    assert len(failure.value.exceptions) == 2
    assert done == ["memory"]
    is_active, _, end, *_ = await conversation(app, session)
    assert not is_active
    assert end is not None


async def test_a_call_begins_ends_and_gets_its_transcript(app: Connection) -> None:
    session = await coaching.start_session(app)
    query = "SELECT status, ended_at > started_at FROM coaching.roleplay_sessions"
    assert await rows(app, query) == [("in_progress", None)]
    await coaching.end_session(app, session)
    assert await rows(app, query) == [("completed", True)]

    transcript = await coaching.begin_transcript(app, session)
    query = "SELECT status, updated_at > created_at, content IS NULL FROM coaching.transcripts"
    assert await rows(app, query) == [("processing", False, True)]
    await coaching.continue_transcript(app, transcript)
    assert await rows(app, query) == [("processing", True, True)]
    await coaching.finish_transcript(app, transcript)
    assert await rows(app, query) == [("done", True, False)]


async def test_training_is_completed_by_its_tenth_message(app: Connection) -> None:
    session = await training.start_session(app, 7, "PRO")
    query = """
        SELECT jsonb_array_length(messages), "completedAt" IS NOT NULL, duration, score > 0
        FROM training.roleplay_sessions
    """
    assert await rows(app, query) == [(0, False, None, False)]
    for number in range(1, 12):
        await training.speak(app, session)
        count = min(number, training.MESSAGES)
        assert await rows(app, query) == [(count, count == training.MESSAGES, 0, True)]


async def test_training_writes_utc_whatever_the_servers_zone_is(app: Connection) -> None:
    session = await training.start_session(app, 7, "PRO")
    await training.speak(app, session)
    query = """
        SELECT abs(extract(epoch FROM now() - "createdAt" AT TIME ZONE 'UTC')) < 60,
            abs(extract(epoch FROM now() - (messages -> -1 ->> 'timestamp')::timestamptz)) < 60
        FROM training.roleplay_sessions
    """
    assert await rows(app, query) == [(True, True)]
