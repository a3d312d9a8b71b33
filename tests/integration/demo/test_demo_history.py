from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.demo import history
from exporter.demo.history import coaching, conversations, training
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP
from tests.support.servers.fresh_databases import FreshDatabases

NOW = datetime(2026, 11, 20, 22, 47, tzinfo=UTC)
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def filled(databases: FreshDatabases) -> Iterator[EmbeddedDatabase]:
    """Shared by this file, whose tests only read it."""
    with databases.fresh() as database:
        with database.connect(APP) as connection:
            history.fill(connection, NOW)
        yield database


def rows(database: EmbeddedDatabase, query: str) -> Rows:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def counts(database: EmbeddedDatabase, query: str) -> dict[str, int]:
    return dict(rows(database, query))


def test_of_85_conversations_18_are_active_between_9_and_444_hours(
    filled: EmbeddedDatabase,
) -> None:
    sessions = rows(
        filled, "SELECT is_active, session_start FROM conversations.conversation_sessions"
    )
    ages = sorted(NOW - start for active, start in sessions if active)
    assert len(sessions) == 85
    assert len(set(ages)) == 18
    assert ages[0] == timedelta(hours=9)
    assert ages[-1] == timedelta(hours=444)


def test_every_closed_conversation_has_its_ends_and_the_right_duration(
    filled: EmbeddedDatabase,
) -> None:
    closed = rows(
        filled,
        """
        SELECT session_start, session_end, ended_at, duration_seconds
        FROM conversations.conversation_sessions WHERE NOT is_active
        """,
    )
    assert len(closed) == 67
    for start, end, ended, seconds in closed:
        assert start < end == ended < NOW
        assert seconds == (end - start).total_seconds()


def test_no_active_conversation_has_an_end(filled: EmbeddedDatabase) -> None:
    assert not rows(
        filled,
        """
        SELECT 1 FROM conversations.conversation_sessions WHERE is_active
        AND num_nonnulls(session_end, ended_at, duration_seconds) > 0
        """,
    )


def test_closed_conversations_are_spread_over_days_and_rare_at_night(
    filled: EmbeddedDatabase,
) -> None:
    starts = [
        start.astimezone(UTC)
        for (start,) in rows(
            filled,
            "SELECT session_start FROM conversations.conversation_sessions WHERE NOT is_active",
        )
    ]
    assert len({start.date() for start in starts}) >= 8
    assert sum(start.hour < 6 for start in starts) < len(starts) / 10


def test_hostile_users_are_among_the_active_conversations(filled: EmbeddedDatabase) -> None:
    users = [
        user
        for (user,) in rows(
            filled, "SELECT user_id FROM conversations.conversation_sessions WHERE is_active"
        )
    ]
    for text in ("'", '"', "\x1b[", "練", "\n"):
        assert any(text in user for user in users)
    assert max(map(len, users)) >= 2000


def test_the_same_moment_gives_the_same_history(any_database: EmbeddedDatabase) -> None:
    tables = (
        "conversations.conversation_sessions",
        "coaching.roleplay_sessions",
        "coaching.transcripts",
        "training.roleplay_sessions",
    )
    seen = []
    for _ in range(2):
        with any_database.connect(APP) as connection:
            history.fill(connection, NOW)
            digests = [
                connection.execute(
                    f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t".encode()
                ).fetchall()
                for table in tables
            ]
            connection.execute(
                "TRUNCATE conversations.conversation_sessions, coaching.profiles,"
                " coaching.roleplay_personas, coaching.roleplay_sessions, coaching.transcripts,"
                " training.roleplay_sessions RESTART IDENTITY"
            )
        seen.append(digests)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("system", [conversations, coaching, training])
def test_each_system_can_be_filled_alone(database: EmbeddedDatabase, system: Any) -> None:
    with database.connect(APP) as connection:
        system.fill(connection, NOW)
        schema = system.__name__.rpartition(".")[2]
        filled = connection.execute(
            "SELECT relname FROM pg_class WHERE reltuples > 0 AND relkind = 'r'"
            " AND relnamespace = %s::regnamespace",
            (schema,),
        ).fetchall()
    assert filled


def test_the_planner_knows_how_many_rows_there_are(filled: EmbeddedDatabase) -> None:
    assert rows(
        filled,
        "SELECT reltuples, relallvisible = relpages FROM pg_class"
        " WHERE oid = 'conversations.conversation_sessions'::regclass",
    ) == [(85, True)]


def test_coaching_has_calls_of_every_status(filled: EmbeddedDatabase) -> None:
    statuses = counts(filled, "SELECT status, count(*) FROM coaching.roleplay_sessions GROUP BY 1")
    assert set(statuses) == {"idle", "in_progress", "completed", "abandoned"}
    assert not rows(
        filled,
        "SELECT 1 FROM coaching.roleplay_sessions"
        " WHERE (status IN ('completed', 'abandoned')) <> (ended_at IS NOT NULL)",
    )


def test_coaching_has_fresh_calls_and_stuck_ones_of_every_difficult_kind(
    filled: EmbeddedDatabase,
) -> None:
    active = rows(
        filled,
        """
        SELECT started_at, trainee_id IS NULL, persona_id IS NULL, jsonb_typeof(session_config)
        FROM coaching.roleplay_sessions WHERE status = 'in_progress'
        """,
    )
    stuck = [row for row in active if NOW - row[0] > timedelta(minutes=10)]
    assert len(active) - len(stuck) == 3
    assert {row[1:3] for row in stuck} == {(a, b) for a in (True, False) for b in (True, False)}
    kinds = {row[3] for row in stuck}
    assert kinds == {None, "object", "array", "string", "number", "null"}


def test_some_transcripts_are_stuck_in_processing_and_most_are_done(
    filled: EmbeddedDatabase,
) -> None:
    statuses = counts(filled, "SELECT status, count(*) FROM coaching.transcripts GROUP BY 1")
    assert statuses["done"] > 200
    assert statuses["processing"] == 5
    seen = rows(
        filled,
        "SELECT coalesce(updated_at, created_at) FROM coaching.transcripts"
        " WHERE status = 'processing'",
    )
    assert sum(NOW - at > timedelta(minutes=10) for (at,) in seen) == 3


def test_training_has_every_difficulty_and_one_that_nobody_knows(filled: EmbeddedDatabase) -> None:
    found = counts(filled, "SELECT difficulty, count(*) FROM training.roleplay_sessions GROUP BY 1")
    assert set(found) == {"BEGINNER", "ROOKIE", "PRO", "ELITE", "NIGHTMARE", "LEGEND"}


def test_completed_training_has_ten_messages_a_score_and_its_duration(
    filled: EmbeddedDatabase,
) -> None:
    completed = rows(
        filled,
        """
        SELECT "createdAt", "completedAt", duration, score, jsonb_array_length(messages),
            (messages -> -1 ->> 'timestamp')::timestamptz
        FROM training.roleplay_sessions WHERE "completedAt" IS NOT NULL
        """,
    )
    assert len(completed) == 300
    for created, ended, seconds, score, messages, last in completed:
        assert messages == 10
        assert score > 0
        assert seconds == round((ended - created).total_seconds())
        # The columns hold UTC though the server's zone is another.
        assert timedelta(0) <= ended.replace(tzinfo=UTC) - last < timedelta(milliseconds=1)
        assert last < NOW


def test_messages_carry_the_time_as_javascript_writes_it(filled: EmbeddedDatabase) -> None:
    assert rows(
        filled,
        r"""
        SELECT DISTINCT m ->> 'timestamp' FROM training.roleplay_sessions s,
            jsonb_array_elements(s.messages) m
        WHERE jsonb_typeof(s.messages) = 'array'
        AND m ->> 'timestamp' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$'
        """,
    ) == [("yesterday",)]


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("without messages", "messages = '[]'"),
        ("abandoned half-way", "jsonb_path_query_array(messages, '$[*]') -> 0 IS NOT NULL"),
        ("whose last message has no date", "messages -> -1 ->> 'timestamp' = 'yesterday'"),
        ("finished but active", "jsonb_array_length(jsonb_path_query_array(messages, '$[*]')) > 9"),
        ("with an object for messages", "jsonb_typeof(messages) = 'object'"),
        ("with a hostile title", "\"scenarioTitle\" LIKE '%DROP TABLE%'"),
    ],
)
def test_training_has_active_sessions(filled: EmbeddedDatabase, kind: str, condition: str) -> None:
    assert rows(
        filled,
        f'SELECT id FROM training.roleplay_sessions WHERE "completedAt" IS NULL AND {condition}',
    ), kind
