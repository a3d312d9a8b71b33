"""A table that changes under the exporter: its type, its names, its rights, its rows, its locks."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.collection.exporter import ERRORS, UP, Exporting
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Page,
    wait_for,
    write_config,
)

TABLE = "conversations.conversation_sessions"
ACTIVE, ORPHANED, ROWS = "sessions_active", "sessions_orphaned", "sessions_rows_estimated"

#: In the same database and never touched, to see that nothing happens to it.
OTHER = {
    "table": "coaching.transcripts",
    "active": "status = 'processing'",
    "started_at": "created_at",
    "orphaned_after": "10m",
    "every": "250ms",
    "stale_after": "60s",
}


@pytest.fixture
def connection(database: EmbeddedDatabase) -> Iterator[psycopg.Connection[Any]]:
    """The table's owner, after three sessions began a minute ago."""
    with contextlib.closing(database.connect()) as connection:
        connection.execute(rows_of(3))
        yield connection


def rows_of(count: int, start: str = "now() - interval '1 minute'") -> bytes:
    return (
        f"INSERT INTO {TABLE} (session_id, user_id, session_start)"
        f" SELECT gen_random_uuid(), 'somebody', {start} FROM generate_series(1, {count})"
    ).encode()


def exporting(database: EmbeddedDatabase, folder: Path, **source: Any) -> Exporting:
    """Two sources: `chats`, which things happen to, and `other`."""
    settings = {**IMPATIENT, **source.pop("settings", {})}
    sources = {"chats": {**CONVERSATIONS, **source}, "other": OTHER}
    app = {"dsn": database.dsn_for(EXPORTER), **settings}
    return Exporting(write_config(folder, {"app": app}, sources))


def collectors_that_succeed(page: Page) -> set[str]:
    return {each for each in ("active", "daily", "size") if page.succeeds("chats", collector=each)}


def all_succeed(page: Page) -> bool:
    return collectors_that_succeed(page) == {"active", "daily", "size"}


def assert_only_chats_failed(page: Page, *reasons: str) -> None:
    assert not page.succeeds("chats")
    assert page.errors("chats") == set(reasons)
    assert page.succeeds("other")
    assert page.errors("other") == set()
    assert page.value(UP) == 1


def recreate(connection: psycopg.Connection[Any], type_: str) -> None:
    """The same table, but for the type of its start; empty."""
    with connection.transaction():
        connection.execute(f"DROP TABLE {TABLE}")
        connection.execute(
            f"CREATE TABLE {TABLE} (session_id uuid, user_id text, is_active boolean DEFAULT true,"
            f" session_start {type_}, session_end timestamptz, duration_seconds float8)"
        )
        connection.execute(f"GRANT SELECT ON {TABLE} TO {EXPORTER}")


def test_a_start_that_lost_its_zone_is_a_schema_error_and_never_a_wrong_number(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    """Read as UTC, what was written five hours ahead of it would look orphaned or in the future."""
    with exporting(database, tmp_path) as exporter:
        page = exporter.collect()
        assert all_succeed(page)
        assert page.values(ORPHANED, source="chats") == [0]
        recreate(connection, "timestamp")
        connection.execute(rows_of(4, "now() AT TIME ZONE 'America/New_York'"))
        page = exporter.collect()
        assert page.values(ORPHANED, source="chats") == [0]
        assert page.values(ACTIVE, source="chats") == [3]  # until stale_after
        assert_only_chats_failed(page, "schema")
        assert not page.succeeds("chats", collector="daily")
        assert "started_at: its timestamps carry no time zone; set timestamps_in" in (
            exporter.failure("chats")
        )
        recreate(connection, "timestamptz")
        connection.execute(rows_of(5))
        page = exporter.collect_until(all_succeed, "it has a zone again")
        assert page.values(ACTIVE, source="chats") == [5]
        assert page.errors("chats") == {"schema"}


def test_a_start_that_lost_its_zone_is_read_in_the_zone_that_the_config_names(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with exporting(database, tmp_path, timestamps_in="America/New_York") as exporter:
        assert all_succeed(exporter.collect())
        recreate(connection, "timestamp")
        connection.execute(rows_of(4, "now() AT TIME ZONE 'America/New_York'"))
        for _ in range(2):  # before and after it is noticed, if at all
            page = exporter.collect()
            assert page.values(ACTIVE, source="chats") == [4]
            assert page.values(ORPHANED, source="chats") == [0]
            assert page.values("sessions_inconsistent", source="chats", kind="future") == [0]
            recreated = page.value("sessions_active_age_seconds_bucket", source="chats", le="60.0")
            assert recreated == 4


def test_a_start_that_became_a_number_is_a_schema_error(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with exporting(database, tmp_path) as exporter:
        assert all_succeed(exporter.collect())
        recreate(connection, "bigint")
        page = exporter.collect()
        assert_only_chats_failed(page, "schema")
        assert "started_at: expected a timestamp, got bigint" in exporter.failure("chats")
        assert "epoch: ms" in exporter.failure("chats")


def test_the_size_is_that_of_the_table_that_is_there_now(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    connection.execute(f"ANALYZE {TABLE}".encode())
    with exporting(database, tmp_path) as exporter:
        page = exporter.collect()
        assert page.values(ROWS, source="chats") == [3]
        recreate(connection, "timestamptz")
        connection.execute(rows_of(7))
        connection.execute(f"ANALYZE {TABLE}".encode())
        page = exporter.collect()
        assert page.values(ROWS, source="chats") == [7]
        assert page.errors("chats") == set()


def test_a_column_that_is_renamed_and_renamed_back(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with exporting(database, tmp_path) as exporter:
        assert all_succeed(exporter.collect())
        connection.execute(f"ALTER TABLE {TABLE} RENAME session_start TO session_started".encode())
        page = exporter.collect("active")
        assert_only_chats_failed(page, "schema")
        assert page.values(ACTIVE, source="chats") == [3]  # until stale_after
        assert exporter.failure("chats") == (
            "started_at: conversations.conversation_sessions has no column session_start; "
            "did you mean session_started?"
        )
        connection.execute(f"ALTER TABLE {TABLE} RENAME session_started TO session_start".encode())
        page = exporter.collect()
        assert all_succeed(page)
        assert page.value(ERRORS, source="chats", reason="schema") == 1


def test_a_table_that_is_gone_and_comes_back(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with exporting(database, tmp_path) as exporter:
        assert all_succeed(exporter.collect())
        connection.execute(f"ALTER TABLE {TABLE} RENAME TO away".encode())
        page = exporter.collect()
        assert_only_chats_failed(page, "schema")
        assert collectors_that_succeed(page) == set()
        assert f"there is no table or view {TABLE} in this database" in exporter.failure("chats")
        connection.execute(b"ALTER TABLE conversations.away RENAME TO conversation_sessions")
        page = exporter.collect()
        assert all_succeed(page)
        assert page.values(ACTIVE, source="chats") == [3]


@pytest.mark.parametrize(
    ("harm", "repair"),
    [
        (f"REVOKE SELECT ON {TABLE} FROM {EXPORTER}", f"GRANT SELECT ON {TABLE} TO {EXPORTER}"),
        (
            f"REVOKE USAGE ON SCHEMA conversations FROM {EXPORTER}",
            f"GRANT USAGE ON SCHEMA conversations TO {EXPORTER}",
        ),
    ],
    ids=["table", "schema"],
)
def test_rights_that_are_revoked_and_granted_again(
    database: EmbeddedDatabase,
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    harm: str,
    repair: str,
) -> None:
    with exporting(database, tmp_path) as exporter:
        assert all_succeed(exporter.collect())
        connection.execute(harm.encode())
        page = exporter.collect("active", "daily")
        assert_only_chats_failed(page, "permission")
        assert not page.succeeds("chats", collector="daily")
        assert page.values(ACTIVE, source="chats") == [3]  # until stale_after
        assert "permission denied for" in exporter.failure("chats")
        assert "`session-exporter sql role` prints the rights" in exporter.failure("chats")
        connection.execute(repair.encode())
        page = exporter.collect()
        assert all_succeed(page)
        assert page.errors("chats") == {"permission"}


def test_row_level_security_is_an_error_and_never_a_lower_number(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with exporting(database, tmp_path) as exporter:
        assert all_succeed(exporter.collect())
        connection.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY".encode())
        page = exporter.collect()
        assert_only_chats_failed(page, "permission")
        assert page.values(ACTIVE, source="chats") == [3]  # until stale_after
        assert "this role does not see every row" in exporter.failure("chats")
        assert "BYPASSRLS" in exporter.failure("chats")
        connection.execute(f"CREATE POLICY all_rows ON {TABLE} USING (true)".encode())
        page = exporter.collect()  # a policy that shows every row cannot be told from others
        assert_only_chats_failed(page, "permission")
        connection.execute(f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY".encode())
        page = exporter.collect()
        assert all_succeed(page)
        assert page.errors("chats") == {"permission"}


def test_a_trusted_policy_that_shows_every_row_changes_nothing(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    trust = {"row_security": "trust"}
    with exporting(database, tmp_path, settings=trust) as exporter:
        connection.execute(f"CREATE POLICY all_rows ON {TABLE} USING (true)".encode())
        connection.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY".encode())
        page = exporter.collect()
        assert all_succeed(page)
        assert page.values(ACTIVE, source="chats") == [3]


def test_a_bad_value_in_one_row_names_the_expression_that_fails_on_it(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    connection.execute(f"UPDATE {TABLE} SET user_id = now()::text".encode())
    unsafe = "s.user_id::timestamptz"
    with exporting(database, tmp_path, last_seen_at=unsafe) as exporter:
        assert all_succeed(exporter.collect())
        connection.execute(
            f"UPDATE {TABLE} SET user_id = 'yesterday-ish'"
            f" WHERE session_id = (SELECT session_id FROM {TABLE} LIMIT 1)".encode()
        )
        page = exporter.collect()
        assert_only_chats_failed(page, "data")
        assert page.values(ACTIVE, source="chats") == [3]  # until stale_after
        assert page.succeeds("chats", collector="size")  # it does not read this expression
        failure = exporter.failure("chats")
        assert failure.startswith("last_seen_at: ")
        assert "yesterday" not in exporter.log + failure  # what is in a row stays there
        exporter.collect("active")
        assert exporter.failure("chats") == failure
        # A row that is not active is not read, so that it does no harm.
        connection.execute(
            f"UPDATE {TABLE} SET is_active = false WHERE user_id = 'yesterday-ish'".encode()
        )
        page = exporter.collect()
        assert all_succeed(page)
        assert page.values(ACTIVE, source="chats") == [2]
        assert page.errors("chats") == {"data"}


def test_a_division_by_zero_in_the_condition_names_it(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    unsafe = "s.is_active AND 1 / (s.duration_seconds::int - 7) < 1"
    with exporting(database, tmp_path, active=unsafe) as exporter:
        assert all_succeed(exporter.collect())
        connection.execute(f"UPDATE {TABLE} SET duration_seconds = 7".encode())
        page = exporter.collect()
        assert_only_chats_failed(page, "data")
        assert exporter.failure("chats") == "active: division by zero"
        connection.execute(f"UPDATE {TABLE} SET duration_seconds = 8".encode())
        assert exporter.collect("active").succeeds("chats") is True


def waiting_for_lock(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(
        b"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        b" AND application_name = 'session-exporter' AND wait_event_type = 'Lock'"
    ).fetchone()
    assert row is not None
    return bool(row[0])


def test_a_locked_table_is_reported_as_locked_until_it_is_free(
    database: EmbeddedDatabase, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with exporting(database, tmp_path) as exporter:
        assert all_succeed(exporter.collect())
        with connection.transaction():
            connection.execute(f"LOCK {TABLE} IN ACCESS EXCLUSIVE MODE".encode())
            page = exporter.collect("active", "daily")
            assert_only_chats_failed(page, "lock")
            assert not page.succeeds("chats", collector="daily")
            assert page.values(ACTIVE, source="chats") == [3]  # until stale_after
            assert "another transaction held a lock on the table" in exporter.failure("chats")
        page = exporter.collect()
        assert all_succeed(page)
        assert page.errors("chats") == {"lock"}


REWRITES = {
    "altered": f"ALTER TABLE {TABLE} ALTER user_id TYPE varchar(99), ADD seen float8 DEFAULT 1",
    "reloaded": f"CREATE TABLE copied AS TABLE {TABLE}; TRUNCATE {TABLE};"
    f" INSERT INTO {TABLE} TABLE copied",
    "swapped": f"CREATE TABLE conversations.fresh (LIKE {TABLE} INCLUDING ALL);"
    f" GRANT SELECT ON conversations.fresh TO {EXPORTER};"
    f" INSERT INTO conversations.fresh TABLE {TABLE};"
    f" ALTER TABLE {TABLE} RENAME TO old; DROP TABLE conversations.old;"
    " ALTER TABLE conversations.fresh RENAME TO conversation_sessions",
}


@pytest.mark.quick("altered-active", "reloaded-daily", "swapped-active")
@pytest.mark.parametrize("collector", ["active", "daily"])
@pytest.mark.parametrize("statements", REWRITES.values(), ids=REWRITES)
def test_a_table_that_is_rewritten_while_its_lock_is_waited_for_is_never_counted_as_empty(
    database: EmbeddedDatabase,
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    statements: str,
    collector: str,
) -> None:
    """In a snapshot from before the rewrite the new table has no rows."""
    patient = {"lock_timeout": "5s", "statement_timeout": "10s"}
    daily = {"days": 2, "every": "250ms", "timeout": "10s"}
    with (
        exporting(database, tmp_path, settings=patient, daily=daily) as exporter,
        database.connect() as observer,
    ):
        assert all_succeed(exporter.collect())
        with connection.transaction():
            connection.execute(f"LOCK {TABLE}".encode())
            running = exporter.begin(collector)
            wait_for(lambda: waiting_for_lock(observer), "it waits for the lock")
            connection.execute(statements.encode())
            connection.execute(rows_of(1))
        running.result(20)
        page = exporter.page()
        assert page.errors("chats") == set(), exporter.log
        if collector == "active":
            assert page.values(ACTIVE, source="chats") == [4]
        else:
            assert sum(page.values("sessions_daily_started", source="chats")) == 4
            assert sum(page.values("sessions_daily_still_active", source="chats")) == 4
