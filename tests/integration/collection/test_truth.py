"""What must not be believed is not served: transactions, types, days, rights and secrets."""

import datetime as dt
from collections.abc import Callable

import pytest

from exporter.cli.commands.printed_sql.role_script import role_sql
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, dsn_problem
from exporter.sessions import grants
from tests.support.collection import database_clock, declarations, pages
from tests.support.servers.statements import execute as run

CHAT = """\
chat:
  table: chat
  active: is_open
  started_at: started
  ended_at: ended
  orphaned_after: 2h
"""
COLUMNS = "id int, is_open bool, started timestamptz, ended timestamptz, note text"


async def test_a_snapshot_is_taken_after_the_lock_whatever_the_default_isolation_is(
    any_database: EmbeddedDatabase,
) -> None:
    """With one for the whole transaction, a table rewritten while we wait would look empty."""
    name = any_database.name
    run(
        any_database,
        f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'serializable'",
    )
    pool = Database(declarations.settings_of(any_database.dsn))
    try:
        (isolation, mode) = await pool.reader().read(
            "SELECT current_setting('transaction_isolation')",
            "SELECT current_setting('transaction_read_only')",
        )
    finally:
        await pool.close()
    assert (isolation.rows, mode.rows) == ([("read committed",)], [("on",)])


async def test_a_column_that_loses_its_zone_is_noticed_at_once(database: EmbeddedDatabase) -> None:
    run(database, f"CREATE TABLE chat ({COLUMNS})", "INSERT INTO chat VALUES (1, true, now())")
    pool = pages.exporter_with(database, CHAT)
    try:
        await pool.collect_once()
        assert pages.page_of(pool)("sessions_orphaned") == 0
        run(database, "ALTER TABLE chat ALTER started TYPE timestamp")
        await pool.collect_once()
        page = pages.page_of(pool)
    finally:
        await pool.close()
    assert page("session_exporter_collection_success", collector="active") == 0
    assert "timestamps carry no time zone" in page.failures["chat", "active"]


async def test_a_table_that_was_swapped_is_bound_anew_in_the_same_run(
    database: EmbeddedDatabase,
) -> None:
    run(database, f"CREATE TABLE chat ({COLUMNS})", "INSERT INTO chat VALUES (1, true, now())")
    exporter = pages.exporter_with(database, CHAT)
    try:
        await exporter.collect_once()
        run(
            database,
            "DROP TABLE chat",
            "CREATE TABLE chat (is_open bool, started timestamp with time zone, ended date)",
            "INSERT INTO chat SELECT true, now() FROM generate_series(1, 7)",
            "ALTER TABLE chat ALTER ended TYPE timestamptz",
            "ANALYZE chat",
        )
        await exporter.collect_once()
        page = pages.page_of(exporter)
    finally:
        await exporter.close()
    assert page("sessions_active") == 7
    assert page("sessions_rows_estimated") == 7


@pytest.mark.parametrize(
    ("zone", "now"),
    [
        ("Atlantic/Azores", dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)),
        ("America/Havana", dt.datetime(2026, 11, 1, 4, 30, tzinfo=dt.UTC)),
    ],
)
async def test_a_day_begins_at_the_first_of_two_midnights(
    database: EmbeddedDatabase, collect: pages.Collect, zone: str, now: dt.datetime
) -> None:
    run(
        database,
        f"CREATE TABLE chat ({COLUMNS})",
        f"INSERT INTO chat VALUES (1, true, '{now - dt.timedelta(minutes=20)}')",
        f"INSERT INTO chat VALUES (2, true, '{now - dt.timedelta(minutes=40)}')",
    )
    database_clock.set_clock(database, now)
    page = await collect(database, CHAT + f"  timezone: {zone}\n")
    assert page("sessions_today_started") == 1
    days = page.days("sessions_daily_started")
    assert days[f"{now:%Y-%m-%d}"] == 1
    assert sum(days.values()) == 2


async def test_the_planners_guess_about_a_view_is_no_estimate(
    database: EmbeddedDatabase, collect: pages.Collect
) -> None:
    run(
        database,
        f"CREATE TABLE base ({COLUMNS})",
        "INSERT INTO base SELECT n, true, now() FROM generate_series(1, 30) AS n",
        "CREATE VIEW chat AS SELECT * FROM base",
    )
    assert (await collect(database, CHAT))("sessions_rows_estimated") is None
    run(database, "ANALYZE base")
    assert (await collect(database, CHAT))("sessions_rows_estimated") == 30


async def test_the_exact_spelling_of_a_schema_comes_before_its_lower_case(
    database: EmbeddedDatabase, collect: pages.Collect
) -> None:
    for schema, rows in (("app", 2), ('"App"', 5)):
        run(
            database,
            f"CREATE SCHEMA {schema}",
            f"CREATE TABLE {schema}.chat ({COLUMNS})",
            f"INSERT INTO {schema}.chat SELECT n, true, now() FROM generate_series(1, {rows}) AS n",
        )
    for declared, rows in (("App.chat", 5), ("app.chat", 2), ("APP.chat", 2)):
        page = await collect(database, CHAT.replace("table: chat", f"table: {declared}"))
        assert page("sessions_active") == rows, declared


async def test_a_value_that_fails_an_expression_is_in_no_message(
    database: EmbeddedDatabase, collect: pages.Collect
) -> None:
    secret = 'he said "my pin is 4711" to me'
    run(
        database,
        f"CREATE TABLE chat ({COLUMNS})",
        f"INSERT INTO chat VALUES (1, true, now(), NULL, '{secret}')",
    )
    page = await collect(database, CHAT + "  last_seen_at: |\n    s.note::timestamptz\n")
    assert page.failures["chat", "active"] == "last_seen_at: a text is not a date or time"
    assert not any("4711" in failure for failure in page.failures.values())


async def test_rights_are_printed_per_database_and_without_having_any(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    run(database, f"CREATE TABLE chat ({COLUMNS})", "REVOKE ALL ON chat FROM PUBLIC")
    source = source_of(CHAT)
    pool = Database(declarations.settings_of(database.dsn_for("session_exporter")))
    try:
        found = await grants.grants(pool.reader(), source)
    finally:
        await pool.close()
    assert 'GRANT SELECT ("is_open", "started", "ended") ON "public"."chat"' in found[1]
    printed = role_sql("session_exporter", [("a", "one", found), ("b", "two", found)])
    assert printed.count(found[1]) == 2
    assert printed.count("CREATE ROLE") == 1
    for name in "one", "two":
        assert f'\n\\connect "{name}"\nBEGIN;\nGRANT CONNECT ON DATABASE "{name}"' in printed
    assert "\\connect" not in role_sql("session_exporter", [("a", "one", found)])


@pytest.mark.parametrize(
    ("dsn", "beginning"),
    [
        ("postgresql://app:secret@pa55word@127.0.0.1/db", "expected a host without @"),
        ("host=db.example port=hunter2secret", "expected a number as port"),
        ("host=127.0.0.1 paswort=secret", "expected a connection string"),
        ("postgresql://app:sec:ret@x:y@h/db", "expected"),
        ("nonsense secret", "expected a connection string"),
    ],
)
def test_a_mistyped_dsn_is_not_quoted(dsn: str, beginning: str) -> None:
    problem = dsn_problem(dsn)
    assert problem is not None
    assert problem.startswith(beginning)
    for word in ("secret", "pa55word", "hunter2", "nonsense"):
        assert word not in problem


@pytest.mark.parametrize(
    "dsn",
    ["", "service=app", "host=a,b port=5432,5433", "postgresql://u@h:5432/db", "host=@abstract"],
)
def test_libpqs_own_ways_are_fine(dsn: str) -> None:
    assert dsn_problem(dsn) is None
