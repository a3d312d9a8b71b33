"""Values that no application should write, and one does: they must not fail a source."""

from collections.abc import Awaitable, Callable

import pytest

from exporter import sessions
from exporter.collection.active import Active
from exporter.collection.daily import Daily
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.sessions.orphan_list import list_orphans
from tests.support.collection.declarations import CONVERSATIONS
from tests.support.collection.open_transaction import OpenTransaction
from tests.support.collection.pages import Page

TABLE = "conversations.conversation_sessions"
Collect = Callable[..., Awaitable[Page]]


async def test_clocks_that_differ_by_seconds_make_no_session_inconsistent_nor_the_page_invalid(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    with database.connect(APP) as connection:
        connection.execute(
            f"INSERT INTO {TABLE} SELECT gen_random_uuid(), 'u', true, now() + interval '40 s'"
        )
    page = await collect(database, CONVERSATIONS, role=EXPORTER)
    assert page("sessions_inconsistent", kind="future") == 0
    assert page("sessions_active_age_seconds_bucket", le="60.0") == 1
    # OpenMetrics: a gauge histogram without negative buckets has no negative sum.
    assert page("sessions_active_age_seconds_gsum") == 0


@pytest.mark.parametrize(
    ("start", "rows", "is_future"), [("294276-01-01", 30, True), ("0001-01-01", 3000, False)]
)
async def test_absurd_starts_in_many_rows_do_not_fail_the_source(
    database: EmbeddedDatabase, collect: Collect, start: str, rows: int, is_future: bool
) -> None:
    with database.connect(APP) as connection:
        connection.execute(
            f"INSERT INTO {TABLE} SELECT gen_random_uuid(), 'u', true, %s::timestamptz"
            " FROM generate_series(1, %s)",
            (start, rows),
        )
    page = await collect(database, CONVERSATIONS, role=EXPORTER)
    assert not page.failures
    assert page("sessions_active") == rows
    assert page("sessions_orphaned") == (0 if is_future else rows)
    assert page("sessions_inconsistent", kind="future") == (rows if is_future else 0)


@pytest.mark.quick("s-", "ns")
@pytest.mark.parametrize(
    ("unit", "second"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]
)
async def test_each_unit_since_1970_and_what_stands_for_none_in_it(
    database: EmbeddedDatabase, collect: Collect, unit: str, second: int
) -> None:
    with database.connect() as connection:
        connection.execute(
            f"""
            CREATE TABLE public.chat (active bool, at bigint, seen float8);
            INSERT INTO public.chat
            SELECT true, extract(epoch FROM now() - age)::numeric * {second}, seen
            FROM (VALUES
                (interval '119 minutes', 0::float8), ('121 minutes', -1), ('122 minutes', 'NaN'),
                ('123 minutes', 'infinity'), ('124 minutes', '-infinity'),
                ('9 hours', {second} * extract(epoch FROM now()))
            ) AS rows (age, seen);
            INSERT INTO public.chat VALUES (true, 0, 0), (true, -1, NULL)
            """
        )
    page = await collect(
        database,
        f"""\
        chat:
          table: public.chat
          active: active
          started_at: {{column: at, epoch: {unit}}}
          last_seen_at: {{column: seen, epoch: {unit}}}
          orphaned_after: 2h
        starts:
          table: public.chat
          active: active
          started_at: {{column: at, epoch: {unit}}}
          orphaned_after: 2h
        """,
    )
    assert not page.failures
    for source, orphaned in (("chat", 4), ("starts", 5)):
        assert page("sessions_active", source=source) == 8
        assert page("sessions_orphaned", source=source) == orphaned
        assert page("sessions_inconsistent", source=source, kind="undated") == 2
        assert page("sessions_inconsistent", source=source, kind="future") == 0


@pytest.mark.parametrize("unit", ["s", "ms"])
async def test_integers_in_the_wrong_unit_are_far_away_and_not_an_error(
    database: EmbeddedDatabase, collect: Collect, unit: str
) -> None:
    with database.connect() as connection:
        connection.execute(
            """
            CREATE TABLE public.chat (active bool, at bigint);
            INSERT INTO public.chat
            SELECT true, extract(epoch FROM now())::bigint * 1000000000 FROM generate_series(1, 40)
            """
        )
    page = await collect(
        database,
        f"""\
        chat:
          table: public.chat
          active: active
          started_at: {{column: at, epoch: {unit}}}
          orphaned_after: 2h
        """,
    )
    assert not page.failures
    assert page("sessions_active") == page("sessions_inconsistent", kind="future") == 40
    assert page("sessions_orphaned") == page("sessions_today_started") == 0


@pytest.mark.parametrize("type_", ["double precision", "numeric"])
async def test_the_list_of_orphans_agrees_with_the_count_for_fractions_of_seconds_too(
    database: EmbeddedDatabase, source_of: Callable[[str], Source], type_: str
) -> None:
    source = source_of(
        """\
        chat:
          table: public.chat
          active: active
          started_at: {column: at, epoch: s}
          id: name
          orphaned_after: 2h
        """
    )
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            f"""
            CREATE TABLE public.chat (name text, active bool, at {type_});
            INSERT INTO public.chat
            SELECT milliseconds, true,
                extract(epoch FROM now() - interval '2 hours')
                - milliseconds::numeric / 1000
            FROM unnest(ARRAY['-999', '-500', '-1', '1', '500', '999']) AS milliseconds
            """
        )
        reader = OpenTransaction(connection, source)
        table = await sessions.bind(reader, source)
        counted = await Active().collect(reader, table, None)
        listed = await list_orphans(reader, table, limit=10)
    assert counted.total.orphaned == 3
    assert [each.id for each in listed.orphans] == ["999", "500", "1"]
    assert listed.orphaned_count == 3


async def test_infinite_times_are_none(database: EmbeddedDatabase, collect: Collect) -> None:
    with database.connect(APP) as connection:
        connection.execute(
            f"""
            INSERT INTO {TABLE} (session_id, user_id, is_active, session_start, session_end)
            SELECT gen_random_uuid(), 'u', active, at, ended
            FROM (VALUES
                (true, timestamptz '-infinity', NULL),
                (true, 'infinity', timestamptz 'infinity'),
                (true, now() - interval '90 seconds', '-infinity'),
                (false, now(), 'infinity'),
                (false, '-infinity', now())
            ) AS rows (active, at, ended)
            """
        )
    page = await collect(database, CONVERSATIONS, role=EXPORTER)
    assert not page.failures
    assert page("sessions_active") == 3
    assert page("sessions_orphaned") == 0
    assert page("sessions_inconsistent", kind="undated") == 2
    assert page("sessions_inconsistent", kind="future") == 0
    assert page("sessions_inconsistent", kind="ended_but_active") == 0
    assert page("sessions_inconsistent", kind="impossible_end") == 0
    assert page("sessions_inconsistent", kind="closed_without_end") == 1
    assert page("sessions_active_age_seconds_bucket", le="+Inf") == 1
    assert page("sessions_active_age_seconds_gsum") == pytest.approx(90, abs=10)


@pytest.mark.quick("timestamptz")
@pytest.mark.parametrize("type_", ["timestamptz", "timestamp", "bigint"])
async def test_an_end_that_is_not_after_the_start_is_none_of_an_active_row(
    database: EmbeddedDatabase, collect: Collect, type_: str
) -> None:
    def stored(at: str) -> str:
        at = f"({at})::timestamptz"
        return {
            "timestamptz": at,
            "timestamp": f"{at} AT TIME ZONE 'America/New_York'",
            "bigint": f"(extract(epoch FROM {at}) * 1000)::bigint",
        }[type_]

    ends = ["now()", "now() - interval '1 hour'", "now() - interval '61 minutes'"]
    ends += ["'1970-01-01 00:00Z'", "'1970-01-01 05:00Z'", "'0001-01-01'", "'1990-01-01'"]
    with database.connect() as connection:
        connection.execute(f"CREATE TABLE public.chat (active bool, at {type_}, ended {type_})")
        for end in ends:
            start = stored("now() - interval '1 hour'")
            both = f"(true, {start}, {stored(end)}), (false, {start}, {stored(end)})"
            connection.execute(f"INSERT INTO public.chat VALUES {both}")
        connection.execute(f"INSERT INTO public.chat VALUES (true, NULL, {stored('now()')})")
    epoch = ", epoch: ms" if type_ == "bigint" else ""
    page = await collect(
        database,
        f"""\
        chat:
          table: public.chat
          active: active
          started_at: {{column: at{epoch}}}
          ended_at: {{column: ended{epoch}}}
          timestamps_in: America/New_York
          orphaned_after: 2h
          daily: {{days: 2}}
        measured:
          table: public.chat
          active: active
          started_at: {{column: at{epoch}}}
          ended_at: {{column: ended{epoch}}}
          duration: "60"
          timestamps_in: America/New_York
          orphaned_after: 2h
          daily: {{days: 2}}
        """,
    )
    assert not page.failures
    kinds = page.by("kind", "sessions_inconsistent", source="chat")
    assert kinds["ended_but_active"] == 2  # now; without a start
    assert kinds["impossible_end"] == 2  # a minute before; 1990
    # Of closed rows the start itself is an end.
    assert kinds["closed_without_end"] == 5
    assert page.by("kind", "sessions_inconsistent", source="measured") == kinds
    durations = page.average_durations(source="chat")
    assert [*durations.values()] == [pytest.approx(1800, abs=1)]


async def test_durations_that_are_no_lengths_are_not_averaged(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    source = source_of(CONVERSATIONS)
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            f"""
            INSERT INTO {TABLE} (session_id, user_id, is_active, session_end, duration_seconds)
            SELECT gen_random_uuid(), 'u', active, now(), seconds
            FROM (VALUES
                (false, 10::float8), (false, 20), (false, 0), (false, NULL), (false, -5),
                (false, 'NaN'), (false, 'Infinity'), (false, '-Infinity'), (true, 1000)
            ) AS rows (active, seconds)
            """
        )
        reader = OpenTransaction(connection, source)
        found = await Daily().collect(reader, await sessions.bind(reader, source), None)
    today = found.days[0].total
    assert (today.started, today.ended, today.still_active) == (9, 8, 1)
    assert today.average_duration == 10.0
    assert today.closed_without_end == 3
