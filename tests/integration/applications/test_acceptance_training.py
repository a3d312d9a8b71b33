"""The training of session_systems: camelCase, times without a zone, life inside the messages."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from exporter import sessions
from exporter.collection.active import Active, ActiveValues
from exporter.config import Source
from exporter.demo.history import training
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.sessions.orphan_list import list_orphans
from tests.support.collection import declarations
from tests.support.collection.open_transaction import OpenTransaction
from tests.support.collection.pages import Page

TABLE = "training.roleplay_sessions"
DIFFICULTIES = ("BEGINNER", "ROOKIE", "PRO", "ELITE", "NIGHTMARE", "other")
UTC_NOW = "(now() AT TIME ZONE 'UTC')"
Collect = Callable[..., Awaitable[Page]]
SourceOf = Callable[[str], Source]


def safe(database: EmbeddedDatabase, **options: Any) -> str:
    return declarations.training(declarations.message_time(database), **options)


def insert(created: str, messages: str = "'[]'", *, completed: str = "NULL", who: int = 1) -> bytes:
    """A session by SQL: `created` is subtracted from the time in UTC."""
    return (
        f'INSERT INTO {TABLE} ("userId", "scenarioId", "scenarioTitle", difficulty, messages,'
        f' "createdAt", "completedAt")'
        f" VALUES ({who}, '', '', 'PRO', {messages}, {UTC_NOW} - {created}, {completed})"
    ).encode()


def message(age: str) -> str:
    """A JSON array of one message, written the way the application does."""
    return (
        f"jsonb_build_array(jsonb_build_object('timestamp', to_char({UTC_NOW} - {age},"
        """ 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))"""
    )


async def found_among(
    database: EmbeddedDatabase, source: Source, *inserts: bytes
) -> tuple[ActiveValues, list[str | None]]:
    """The counts, and the users on the list of orphans."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        reader = OpenTransaction(connection, source)
        for each in inserts:
            connection.execute(each)
        table = await sessions.bind(reader, source)
        listed = await list_orphans(reader, table, limit=100)
        users = [orphan.show["userId"] for orphan in listed.orphans]
        assert listed.orphaned_count == len(users)
        return await Active().collect(reader, table, None), users


@pytest.fixture
def filled(any_database: EmbeddedDatabase) -> EmbeddedDatabase:
    with any_database.connect(APP) as connection:
        training.fill(connection, datetime.now(UTC))
    return any_database


async def test_the_split_by_difficulty_adds_up_to_the_total(
    filled: EmbeddedDatabase, collect: Collect
) -> None:
    page = await collect(filled, safe(filled), role=EXPORTER)
    assert not page.failures
    for name in ("sessions_active", "sessions_orphaned", "sessions_today_started"):
        split = page.by("difficulty", f"{name}_by_label")
        assert set(split) == set(DIFFICULTIES)
        assert sum(split.values()) == page(name)
    for name in ("started", "ended", "still_active"):
        by_day = page.by("days_ago", f"sessions_daily_{name}")
        assert len(by_day) == 7
        for day, total in by_day.items():
            split = page.by("difficulty", f"sessions_daily_{name}_by_label", days_ago=day)
            assert set(split) == set(DIFFICULTIES)
            assert sum(split.values()) == total


async def test_each_difficulty_is_what_a_plain_query_counts(
    filled: EmbeddedDatabase, collect: Collect
) -> None:
    page = await collect(filled, safe(filled), role=EXPORTER)
    with filled.connect() as connection:
        plain = dict(
            connection.execute(
                f'SELECT difficulty, count(*) FROM {TABLE} WHERE "completedAt" IS NULL GROUP BY 1'
            ).fetchall()
        )
    plain["other"] = plain.pop("LEGEND")
    split = page.by("difficulty", "sessions_active_by_label")
    assert {name: count for name, count in split.items() if count} == plain
    assert page("sessions_active") == sum(plain.values())


async def test_of_the_demos_sessions_only_the_fresh_one_is_not_orphaned(
    filled: EmbeddedDatabase, collect: Collect
) -> None:
    with filled.connect(APP) as connection:
        ((active, silent),) = connection.execute(
            f"""
            SELECT count(*), count(*) FILTER (WHERE greatest("createdAt" AT TIME ZONE 'UTC',
                CASE WHEN messages -> -1 ->> 'timestamp' LIKE '20%%'
                    THEN (messages -> -1 ->> 'timestamp')::timestamptz END)
                < now() - interval '2 hours')
            FROM {TABLE} WHERE "completedAt" IS NULL
            """
        ).fetchall()
    page = await collect(filled, safe(filled), role=EXPORTER)
    assert page("sessions_active") == active > 40
    assert page("sessions_orphaned") == silent
    assert page("sessions_inconsistent", kind="finished_but_active") == 1
    assert page("sessions_inconsistent", kind="ended_but_active") == 0
    assert page("sessions_inconsistent", kind="future") == 0


async def test_only_completed_rows_count_for_the_average_duration(
    filled: EmbeddedDatabase, collect: Collect
) -> None:
    page = await collect(filled, safe(filled), role=EXPORTER)
    with filled.connect() as connection:
        plain = connection.execute(
            f"""
            SELECT "createdAt"::date::text, avg(duration)::float8 FROM {TABLE}
            WHERE "completedAt" IS NOT NULL GROUP BY 1
            """
        ).fetchall()
    average = page.average_durations()
    assert average == pytest.approx({day: value for day, value in plain if day in average})
    assert len(average) >= 6


async def test_quoted_names_are_found_by_their_bare_spelling(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    with any_database.connect(APP) as connection:
        connection.execute(insert("interval '1 minute'"))
        connection.execute(insert("interval '3 minutes'", completed=UTC_NOW))
    page = await collect(any_database, safe(any_database), role=EXPORTER)
    assert not page.failures
    assert page("sessions_active") == 1
    assert sum(page.by("days_ago", "sessions_daily_ended").values()) == 1


@pytest.mark.quick("Kiritimati")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
async def test_a_fresh_session_is_fresh_whatever_zone_the_server_and_the_role_are_in(
    any_database: EmbeddedDatabase, collect: Collect, zone: str
) -> None:
    with any_database.connect() as connection:
        connection.execute(insert("interval '1 minute'"))
        connection.execute(insert("interval '121 minutes'"))
        connection.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET timezone = {}").format(
                sql.Identifier(EXPORTER), sql.Identifier(any_database.name), sql.Literal(zone)
            )
        )
    with any_database.connect(EXPORTER) as connection:
        assert connection.execute("SHOW timezone").fetchall() == [(zone,)]
    page = await collect(any_database, safe(any_database), role=EXPORTER)
    assert (page("sessions_active"), page("sessions_orphaned")) == (2, 1)
    assert page("sessions_active_age_seconds_bucket", le="300.0") == 1
    assert page("sessions_active_age_seconds_bucket", le="7200.0") == 1
    assert page("sessions_inconsistent", kind="future") == 0


@pytest.mark.quick("UTC", "York")
@pytest.mark.parametrize(
    ("written_in", "orphaned", "future"),
    [("UTC", 0, 0), ("Asia/Kathmandu", 1, 0), ("America/New_York", 0, 1)],
)
async def test_a_wrong_zone_shows_and_the_right_one_does_not(
    database: EmbeddedDatabase, collect: Collect, written_in: str, orphaned: int, future: int
) -> None:
    """The columns hold UTC; read as another zone, a fresh session is hours old or ahead."""
    with database.connect(APP) as connection:
        connection.execute(insert("interval '1 minute'"))
    page = await collect(database, safe(database, timestamps_in=written_in), role=EXPORTER)
    assert page("sessions_orphaned") == orphaned
    assert page("sessions_inconsistent", kind="future") == future


async def test_without_timestamps_in_the_source_says_what_to_write(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    page = await collect(any_database, safe(any_database, timestamps_in=None), role=EXPORTER)
    assert set(page.failures) == {("training", name) for name in ("active", "daily", "size")}
    for sentence in page.failures.values():
        for key in ("started_at", "ended_at"):
            assert (
                f"{key}: its timestamps carry no time zone; set timestamps_in to the zone they are "
                "written in, for example timestamps_in: UTC"
            ) in sentence
    assert page("session_exporter_collection_errors_total", reason="schema") == 3
    assert page("sessions_active") is None
    assert page("session_exporter_collection_success", collector="active") == 0


@pytest.mark.quick(
    "'3 hours'-'[]'",
    "messages2",
    "messages3",
    '\'1 hour\'-\'[{"timestamp": "yesterday"',
    '\'{"timestamp"',
    "messages12",
)
@pytest.mark.parametrize(
    ("created", "messages", "orphaned"),
    [
        ("interval '3 hours'", "'[]'", True),
        ("interval '119 minutes'", "'[]'", False),
        ("interval '9 hours'", message("interval '119 minutes'"), False),
        ("interval '9 hours'", message("interval '121 minutes'"), True),
        ("interval '119 minutes'", message("interval '9 hours'"), False),
        ("interval '3 hours'", """'[{"timestamp": "yesterday"}]'""", True),
        ("interval '1 hour'", """'[{"timestamp": "yesterday"}]'""", False),
        ("interval '3 hours'", """'[{"timestamp": null}]'""", True),
        ("interval '3 hours'", "'[{}]'", True),
        ("interval '3 hours'", """'{"timestamp": "2030-01-01T00:00:00Z"}'""", True),
        ("interval '3 hours'", "'\"text\"'", True),
        ("interval '3 hours'", "'null'", True),
        ("interval '3 hours'", "'[1]' || " + message("interval '1 hour'"), False),
    ],
)
async def test_the_last_sign_of_life_is_the_last_message_or_the_start(
    database: EmbeddedDatabase, source_of: SourceOf, created: str, messages: str, orphaned: bool
) -> None:
    for expression in declarations.safe_expressions():
        source = source_of(declarations.training(expression))
        found, listed = await found_among(database, source, insert(created, messages))
        assert found.total.active == 1
        assert found.total.orphaned == orphaned
        assert listed == ["1"] * orphaned


async def test_unknown_and_missing_difficulties_count_as_other(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    with database.connect(APP) as connection:
        connection.execute(f"ALTER TABLE {TABLE} ALTER difficulty DROP NOT NULL")
        for difficulty in ("PRO", "pro", " PRO", "other", "LEGEND", "", None, "x" * 5000):
            connection.execute(
                f'INSERT INTO {TABLE} ("userId", "scenarioId", "scenarioTitle", difficulty,'
                f" \"createdAt\") VALUES (1, '', '', %s, {UTC_NOW})",
                (difficulty,),
            )
    page = await collect(database, safe(database), role=EXPORTER)
    split = page.by("difficulty", "sessions_active_by_label")
    assert split == dict.fromkeys(DIFFICULTIES, 0) | {"PRO": 1, "other": 7}


async def test_ten_messages_and_still_active_is_a_contradiction(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    with database.connect(APP) as connection:
        for count in (0, 9, 10, 11):
            connection.execute(insert("interval '1 minute'", f"'{json.dumps([{}] * count)}'"))
        connection.execute(
            insert("interval '1 minute'", f"'{json.dumps([{}] * 10)}'", completed=UTC_NOW)
        )
    page = await collect(database, safe(database), role=EXPORTER)
    assert page("sessions_inconsistent", kind="finished_but_active") == 2


#: Texts where a timestamp belongs, and what both expressions make of them at least.
TIMES = {
    "2026-03-09T08:15:00Z": datetime(2026, 3, 9, 8, 15, tzinfo=UTC),
    "2026-03-09T08:15:00.123Z": datetime(2026, 3, 9, 8, 15, 0, 123000, tzinfo=UTC),
    "2026-03-09T08:15:00.123456Z": datetime(2026, 3, 9, 8, 15, 0, 123456, tzinfo=UTC),
    "2026-03-09T08:15:00+05:30": datetime(2026, 3, 9, 2, 45, tzinfo=UTC),
    "2026-03-09 08:15:00-0430": datetime(2026, 3, 9, 12, 45, tzinfo=UTC),
    "2024-02-29T23:59:59Z": datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
    "2026-12-31T23:59:59.999Z": datetime(2026, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
}
NO_TIMES: tuple[str, ...] = (
    "",
    "the day before",
    "0000-00-00T00:00:00Z",
    "2026-13-01",
    "2026-13-01T00:00:00Z",
)
NO_TIMES += ("2026-02-28T25:00:00Z", "1741508100000", "null", "NaN", "\u0662026-01-01T00:00:00Z")
#: What PostgreSQL reads and the pattern does not take, or the other way round: none may fail.
EITHER: tuple[str, ...] = ("2026-02-30T10:00:00Z", "2026-02-28T23:59:60Z", "2026-03-09")
EITHER += ("2026-03-09T08:15:00", "2026-03-09T08:15:00 Europe/Berlin", "2026-03-09 BC")
EITHER += ("2026-03-09T08:15:00.123456789Z", "2026-03-09T08:15:00+14:59", "2026-02-29T00:00:00Z")
OTHER_JSON = ("null", "12", "-1e300", "true", "[]", "{}", '["2026-03-09T08:15:00Z"]')


async def seen(database: EmbeddedDatabase, expression: str, text: str) -> object:
    """What an expression makes of the JSON value `text` as the timestamp of the last message."""
    with database.connect() as connection:
        ((value,),) = connection.execute(
            f"""
            SELECT extract(epoch FROM ({expression.replace("%", "%%")}))::float8
            FROM (SELECT jsonb_build_array(jsonb_build_object('timestamp', %s::jsonb)) AS messages)
            AS s
            """,
            (text,),
        ).fetchall()
    return value


def documented(database: EmbeddedDatabase) -> list[str]:
    """The expressions that the documentation gives for this version."""
    asking, matching = declarations.safe_expressions()
    return [asking, matching] if database.server.major >= 16 else [matching]


async def test_the_documented_expressions_read_what_is_a_time(
    any_database: EmbeddedDatabase,
) -> None:
    for expression in documented(any_database):
        for text, at in TIMES.items():
            assert await seen(any_database, expression, json.dumps(text)) == at.timestamp(), text


async def test_the_documented_expressions_give_null_for_what_is_no_time(
    any_database: EmbeddedDatabase,
) -> None:
    for expression in documented(any_database):
        for text in NO_TIMES:
            assert await seen(any_database, expression, json.dumps(text)) is None, text
        for value in set(OTHER_JSON) - {"12"}:
            found = await seen(any_database, expression, value)
            assert found is None or value.startswith("["), value


async def test_words_that_postgresql_takes_for_times_are_no_sign_of_life(
    any_database: EmbeddedDatabase,
) -> None:
    """A message stamped `now` would keep its session alive for ever."""
    for expression in documented(any_database):
        for word in ("yesterday", "today", "now", "tomorrow", "infinity", "epoch"):
            assert await seen(any_database, expression, json.dumps(word)) is None, word


async def test_the_documented_expressions_never_fail(any_database: EmbeddedDatabase) -> None:
    for expression in documented(any_database):
        for text in EITHER:
            await seen(any_database, expression, json.dumps(text))
        for value in OTHER_JSON:
            await seen(any_database, expression, value)


async def test_the_pattern_takes_what_never_was_a_date_as_a_day_after_the_28th(
    any_database: EmbeddedDatabase,
) -> None:
    _, matching = declarations.safe_expressions()
    found = await seen(any_database, matching, '"2026-02-30T10:00:00Z"')
    assert found == (datetime(2026, 2, 28, 10, tzinfo=UTC) + timedelta(days=2)).timestamp()


async def test_a_plain_cast_fails_on_one_bad_row_and_the_reason_is_data(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    with database.connect(APP) as connection:
        connection.execute(insert("interval '1 minute'", """'[{"timestamp": "no date"}]'"""))
    plain = declarations.training("(s.messages -> -1 ->> 'timestamp')::timestamptz")
    page = await collect(database, plain, role=EXPORTER)
    # Of the days, only the lost sessions are unknown.
    assert set(page.failures) == {("training", "active")}
    assert page("session_exporter_collection_errors_total", reason="data") == 1
    assert "last_seen_at" in page.failures["training", "active"]
