"""Each row may have a threshold of its own: a job's expiry, a session's time-out."""

import datetime as dt
from collections.abc import Awaitable, Callable

import pytest

from exporter import sessions
from exporter.collection.active.grid import counting_query
from exporter.collection.rows.inconsistent import list_inconsistent
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.sessions.orphan_list import list_orphans, orphans_query
from tests.support.collection.open_transaction import OpenTransaction
from tests.support.collection.pages import Page
from tests.support.servers.statements import execute

Collect = Callable[..., Awaitable[Page]]
SourceOf = Callable[[str], Source]

#: Jobs, partitioned by queue, each with its own expiry: 3 and 2 of 35 have outlived it.
JOBS = (
    "CREATE TYPE job_state AS ENUM ('created', 'active', 'completed')",
    (
        "CREATE TABLE public.job (id uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL,"
        " state job_state NOT NULL DEFAULT 'active', started_on timestamptz,"
        " completed_on timestamptz,"
        " expire_in interval NOT NULL DEFAULT interval '15 minutes', PRIMARY KEY (name, id))"
        " PARTITION BY LIST (name)"
    ),
    "CREATE TABLE public.job_mail PARTITION OF public.job FOR VALUES IN ('mail')",
    "CREATE TABLE public.job_video PARTITION OF public.job FOR VALUES IN ('video')",
    (
        "INSERT INTO public.job (name, started_on) SELECT 'mail', now() - interval '2 min'"
        " FROM generate_series(1, 20)"
    ),
    (
        "INSERT INTO public.job (name, started_on) SELECT 'mail', now() - interval '40 min'"
        " FROM generate_series(1, 3)"
    ),
    (
        "INSERT INTO public.job (name, started_on, expire_in)"
        " SELECT 'video', now() - interval '40 min', '6 hours' FROM generate_series(1, 10)"
    ),
    (
        "INSERT INTO public.job (name, started_on, expire_in)"
        " SELECT 'video', now() - interval '8 hours', '6 hours' FROM generate_series(1, 2)"
    ),
    (
        "INSERT INTO public.job (name, state, started_on, completed_on) SELECT 'mail', 'completed',"
        " now() - interval '2 h', now() - interval '119 min' FROM generate_series(1, 100)"
    ),
)
OF_JOBS = """\
jobs:
  table: public.job
  active: |
    state = 'active'
  started_at: started_on
  ended_at: completed_on
  id: id
  orphaned_after:
    sql: |
      s.expire_in
"""

#: Sessions of a web framework: times in milliseconds, and a time-out in seconds of each.
WEB = (
    (
        "CREATE TABLE public.web_session (primary_id char(36) PRIMARY KEY, creation_time bigint,"
        " last_access_time bigint, max_inactive_interval int)"
    ),
    (
        "CREATE FUNCTION public.ms(ago interval) RETURNS bigint LANGUAGE sql AS"
        " 'SELECT (extract(epoch FROM now() - ago) * 1000)::bigint'"
    ),
    (
        "INSERT INTO public.web_session SELECT gen_random_uuid(), ms('5 h'), ms('1 min'), 1800"
        " FROM generate_series(1, 20)"
    ),
    (
        "INSERT INTO public.web_session SELECT gen_random_uuid(), ms('5 h'), ms('2 h'), 1800"
        " FROM generate_series(1, 6)"
    ),
    "INSERT INTO public.web_session VALUES ('api', ms('5 h'), ms('2 h'), 86400)",
    "INSERT INTO public.web_session VALUES ('for ever', ms('5 h'), ms('2 h'), -1)",
)
OF_WEB = """\
web:
  table: public.web_session
  active: true
  started_at: {column: creation_time, epoch: ms}
  last_seen_at: {column: last_access_time, epoch: ms}
  id: primary_id
  orphaned_after:
    sql: |
      make_interval(secs => s.max_inactive_interval)
  daily: null
"""

#: Intervals that are no threshold, and two that are.
ABSURD = (
    "NULL, '0', '-1 h', '1000 years', '178000000 years', '-178000000 years', '2000000000 days',"
    " '2562047788 h', '60000000 mons -1800000000 days 1 s', '1 mon -30 days', '-1 mon 30 days'"
)
USABLE = "'1 s', '1 mon -1 day'"
EXTREME_TIMES = "'0001-01-01Z', '4713-01-01Z BC', '294276-12-31Z'"


async def test_jobs_are_orphaned_by_their_own_expiry(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(any_database, *JOBS)
    page = await collect(any_database, OF_JOBS)
    assert not page.failures
    assert page("sessions_active") == 35
    assert page("sessions_orphaned") == 5
    assert page("sessions_orphaned_after_seconds") is None
    assert page("sessions_orphaned_excess_seconds") == pytest.approx(
        3 * 25 * 60 + 2 * 2 * 3600, abs=300
    )
    assert page.by("kind", "sessions_inconsistent")["unbounded"] == 0


async def test_web_sessions_are_orphaned_by_their_own_time_out(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(any_database, *WEB)
    page = await collect(any_database, OF_WEB)
    assert not page.failures
    assert page("sessions_active") == 28
    assert page("sessions_orphaned") == 6
    assert page("sessions_inconsistent", kind="unbounded") == 1


async def test_the_list_begins_with_the_longest_orphaned_and_shows_each_threshold(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    execute(
        any_database,
        "CREATE TABLE public.job (id text, state text, started_on timestamptz,"
        " completed_on timestamptz, expire_in interval)",
        "INSERT INTO public.job VALUES ('silent for longer', 'active', now() - interval '9 h',"
        " NULL, '8 h 30 min'), ('orphaned for longer', 'active', now() - interval '3 h', NULL,"
        " '1 h'), ('neither', 'active', now() - interval '90 h', NULL, '100 h')",
    )
    source = source_of(OF_JOBS)
    with any_database.connect() as connection:
        reader = OpenTransaction(connection, source)
        table = await sessions.bind(reader, source)
        listed = await list_orphans(reader, table, limit=9)
        older = await list_orphans(reader, table, limit=9, older_than=8 * 3600.0)
    assert [(each.id, each.threshold) for each in listed.orphans] == [
        ("orphaned for longer", 3600),
        ("silent for longer", 8.5 * 3600),
    ]
    assert [each.id for each in older.orphans] == ["neither", "silent for longer"]


async def test_no_absurd_interval_or_time_fails_the_source(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    infinite = ", 'infinity', '-infinity'" if any_database.server.major >= 17 else ""
    execute(
        any_database,
        "CREATE TABLE public.job (id int GENERATED ALWAYS AS IDENTITY, state text,"
        " started_on timestamptz, completed_on timestamptz, expire_in interval)",
        f"INSERT INTO public.job (state, started_on, expire_in) SELECT 'active', at, after"
        f" FROM unnest(ARRAY[now() - interval '90 days', {EXTREME_TIMES}]::timestamptz[]) AS at,"
        f" unnest(ARRAY[{ABSURD}{infinite}, {USABLE}]::interval[]) AS after",
        "INSERT INTO public.job (state, expire_in) VALUES ('active', '1 h'), ('active', NULL)",
        "INSERT INTO public.job (state, started_on, expire_in)"
        " VALUES ('active', 'infinity', '1 h')",
    )
    page = await collect(any_database, OF_JOBS)
    assert not page.failures
    absurd = 11 + (2 if infinite else 0)
    kinds = page.by("kind", "sessions_inconsistent")
    assert page("sessions_active") == 4 * (absurd + 2) + 3
    assert page("sessions_orphaned") == 3 * 2  # not those in the future
    assert kinds["unbounded"] == 4 * absurd
    assert kinds["undated"] == 3


@pytest.mark.parametrize(
    "sum_",
    [
        ("Europe/Berlin", "2025-03-29 12:00+01", "1 day", "2025-03-30 12:00+02"),
        ("UTC", "2025-03-29 12:00+01", "1 day", "2025-03-30 13:00+02"),
        ("Europe/Berlin", "2025-03-29 12:00+01", "24 hours", "2025-03-30 13:00+02"),
        ("UTC", "2025-01-31 12:00Z", "1 mon", "2025-02-28 12:00Z"),
    ],
)
async def test_an_interval_is_added_as_postgresql_does(
    any_database: EmbeddedDatabase, source_of: SourceOf, sum_: tuple[str, str, str, str]
) -> None:
    zone, started, interval, expected = sum_
    source = source_of(OF_JOBS).model_copy(update={"timestamps_in": zone})
    with any_database.connect() as connection:
        connection.execute(
            "CREATE TABLE public.job (id int, state text, started_on timestamptz,"
            " completed_on timestamptz, expire_in interval)"
        )
        connection.execute(
            "INSERT INTO public.job VALUES (1, 'active', %s, NULL, %s)", (started, interval)
        )
        reader = OpenTransaction(connection, source)
        table = await sessions.bind(reader, source)
        at = await reader.value(f"SELECT {table.orphaned_at} FROM {table.table} AS s")
    assert at == dt.datetime.fromisoformat(expected)


TYPES = {
    "int": "make_interval(secs => s.timeout), for milliseconds s.timeout * interval '1 ms'",
    "text": "cast it, for example (s.timeout)::interval",
    "timestamptz": "for a time at which a session expires write its difference to last_seen_at",
}


@pytest.mark.parametrize(("type_", "advice"), TYPES.items(), ids=TYPES)
async def test_what_is_no_interval_is_refused_with_the_expression_to_write(
    database: EmbeddedDatabase, collect: Collect, type_: str, advice: str
) -> None:
    execute(
        database,
        "CREATE TABLE public.job (id int, state text, started_on timestamptz,"
        f" completed_on timestamptz, expire_in {type_})",
    )
    page = await collect(database, OF_JOBS)
    (said,) = {said for (_, collector), said in page.failures.items() if collector == "active"}
    assert "orphaned_after: expected an interval, got " in said
    assert said.endswith(advice)


async def test_a_source_with_a_duration_asks_for_no_threshold_of_a_row(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    execute(database, *JOBS)
    source = source_of(
        OF_JOBS.replace("  orphaned_after:\n    sql: |\n      s.expire_in", "  orphaned_after: 2h")
    )
    with database.connect() as connection:
        table = await sessions.bind(OpenTransaction(connection, source), source)
    for statement in (counting_query(table), orphans_query(table, limit=9)):
        assert "session_exporter_after" not in statement
        assert "OFFSET 0" not in statement.partition("FROM (")[2].rpartition(") AS active")[0]


async def test_undated_rows_are_not_listed_as_unbounded_because_they_are_not_counted_so(
    any_database: EmbeddedDatabase, source_of: SourceOf, collect: Collect
) -> None:
    execute(
        any_database,
        *JOBS,
        "INSERT INTO public.job (name) SELECT 'mail' FROM generate_series(1, 3)",
        "INSERT INTO public.job (name, started_on, expire_in) VALUES ('mail', now(), '0')",
    )
    page = await collect(any_database, OF_JOBS)
    counted = page.by("kind", "sessions_inconsistent")
    assert (counted["undated"], counted["unbounded"]) == (3, 1)
    source = source_of(OF_JOBS)
    with any_database.connect() as connection:
        reader = OpenTransaction(connection, source)
        table = await sessions.bind(reader, source)
        listed = await list_inconsistent(reader, table, kind="unbounded", limit=9)
        every = await list_inconsistent(reader, table, kind=None, limit=9)
    assert listed.count == 1
    assert [row.kinds for row in every.rows].count(("undated",)) == 3
