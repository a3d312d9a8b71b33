"""The conversations of session_systems: 85 rows, 18 of them active, on every PostgreSQL."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from exporter import sessions
from exporter.collection.active import Active
from exporter.config import Source
from exporter.demo.history import conversations
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.postgres import Database
from exporter.sessions.orphan_list import OrphanList, list_orphans
from tests.support.collection import database_clock, declarations
from tests.support.collection.declarations import CONVERSATIONS
from tests.support.collection.open_transaction import OpenTransaction
from tests.support.collection.pages import Page

TABLE = "conversations.conversation_sessions"
NOW = datetime(2026, 11, 20, 22, 47, tzinfo=UTC)
Collect = Callable[..., Awaitable[Page]]


@pytest.fixture
def filled(any_database: EmbeddedDatabase) -> EmbeddedDatabase:
    with any_database.connect(APP) as connection:
        conversations.fill(connection, datetime.now(UTC))
    return any_database


async def test_of_85_rows_18_are_active_and_all_of_these_are_orphaned(
    filled: EmbeddedDatabase, collect: Collect
) -> None:
    page = await collect(filled, CONVERSATIONS, role=EXPORTER)
    assert not page.failures
    assert page("sessions_active") == 18
    assert page("sessions_orphaned") == 18
    assert page("sessions_orphaned_after_seconds") == 7200
    assert page("sessions_orphaned_alert_threshold") == 5
    assert page("sessions_rows_estimated") == 85
    assert page.by("kind", "sessions_inconsistent") == {
        "undated": 0,
        "future": 0,
        "ended_but_active": 0,
        "impossible_end": 0,
        "closed_without_end": 0,
    }
    assert page.by("collector", "session_exporter_index_missing") == {"active": 0, "daily": 0}
    assert page.by("collector", "session_exporter_collection_success") == {
        "active": 1,
        "daily": 1,
        "size": 1,
    }


async def test_the_oldest_started_444_hours_ago(filled: EmbeddedDatabase, collect: Collect) -> None:
    started = (datetime.now(UTC) - timedelta(hours=444)).timestamp()
    page = await collect(filled, CONVERSATIONS, role=EXPORTER)
    for name in ("active_start", "orphan_last_seen"):
        at = page(f"sessions_oldest_{name}_timestamp_seconds")
        assert at == pytest.approx(started, abs=5)
    with filled.connect() as connection:
        ((oldest,),) = connection.execute(
            f"SELECT extract(epoch FROM min(session_start))::float8 FROM {TABLE} WHERE is_active"
        ).fetchall()
    assert at == oldest


async def test_the_ages_are_between_9_and_444_hours(
    filled: EmbeddedDatabase, collect: Collect
) -> None:
    page = await collect(filled, CONVERSATIONS, role=EXPORTER)
    buckets = page.by("le", "sessions_active_age_seconds_bucket")
    assert len(buckets) == 13
    assert buckets["28800.0"] == 0
    assert buckets["86400.0"] >= 1
    assert 0 < buckets["604800.0"] < 18
    assert buckets["2592000.0"] == buckets["+Inf"] == 18
    assert page("sessions_active_age_seconds_gcount") == 18
    with filled.connect() as connection:
        ((seconds,),) = connection.execute(
            f"SELECT sum(extract(epoch FROM now() - session_start))::float8 FROM {TABLE}"
            " WHERE is_active"
        ).fetchall()
    assert page("sessions_active_age_seconds_gsum") == pytest.approx(seconds, abs=18 * 5)
    assert page("sessions_active_silence_seconds_gcount") is None


@pytest.mark.quick("York", "Apia")
@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia", "Europe/London"]
)
async def test_the_seven_days_are_those_of_a_plain_query_by_calendar_day(
    any_database: EmbeddedDatabase, collect: Collect, zone: str
) -> None:
    with any_database.connect(APP) as connection:
        conversations.fill(connection, NOW)
    database_clock.set_clock(any_database, NOW)
    page = await collect(any_database, CONVERSATIONS + f"  timezone: {zone}\n", role=EXPORTER)
    assert not page.failures

    today = NOW.astimezone(ZoneInfo(zone)).date()
    with any_database.connect() as connection:
        connection.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
        plain = connection.execute(
            f"""
            SELECT session_start::date::text, count(*), avg(duration_seconds),
                count(*) FILTER (WHERE is_active)
            FROM {TABLE}
            WHERE session_start >= %s::date AND session_start < %s::date
            GROUP BY session_start::date
            """,
            (today - timedelta(days=6), today + timedelta(days=1)),
        ).fetchall()
    assert {row[0] for row in plain} <= {str(today - timedelta(days=n)) for n in range(7)}
    assert len(plain) >= 6

    started = page.days("sessions_daily_started")
    assert list(started) == [str(today - timedelta(days=n)) for n in range(7)]
    still_active = page.days("sessions_daily_still_active")
    ended = page.days("sessions_daily_ended")
    average = page.average_durations()
    assert {day: count for day, count in started.items() if count} == {r[0]: r[1] for r in plain}
    assert {day: count for day, count in still_active.items() if count} == {
        row[0]: row[3] for row in plain if row[3]
    }
    assert {day: started[day] - still_active[day] for day in started} == ended
    assert average == pytest.approx({r[0]: r[2] for r in plain if r[2] is not None}, rel=1e-12)
    assert page("sessions_today_started") == started[str(today)]


async def orphans(database: EmbeddedDatabase, source: Source, **options: float) -> OrphanList:
    """What `session-exporter orphans` reads."""
    pool = Database(declarations.settings_of(database.dsn_for(EXPORTER)))
    try:
        table = await sessions.bind(reader := pool.reader(), source)
        return await list_orphans(reader, table, **{"limit": 100, **options})  # type: ignore[arg-type]
    finally:
        await pool.close()


async def test_the_list_of_orphans_has_all_18_with_their_users_and_the_longest_silent_first(
    filled: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    found = await orphans(filled, source_of(CONVERSATIONS))
    assert found.orphaned_count == len(found.orphans) == 18
    with filled.connect() as connection:
        rows = connection.execute(
            f"SELECT session_id::text, left(user_id, 200) FROM {TABLE} WHERE is_active"
            " ORDER BY session_start"
        ).fetchall()
    assert [(each.id, each.show["user_id"]) for each in found.orphans] == rows
    assert found.orphans[0].silence == pytest.approx(444 * 3600, abs=60)
    assert found.orphans[-1].age == pytest.approx(9 * 3600, abs=60)
    assert all(older.silence > younger.silence for older, younger in pairwise(found.orphans))


async def test_the_list_is_cut_but_the_count_is_not(
    filled: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    found = await orphans(filled, source_of(CONVERSATIONS), limit=3)
    assert (found.orphaned_count, len(found.orphans)) == (18, 3)
    assert found.orphans[0].silence == pytest.approx(444 * 3600, abs=60)


async def test_the_operators_own_check_looks_further_than_the_alert(
    filled: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    with filled.connect(APP) as connection:
        connection.execute(
            f"""
            INSERT INTO {TABLE} (session_id, user_id, is_active, session_start)
            SELECT gen_random_uuid(), age, true, now() - age::interval
            FROM unnest(ARRAY['30 minutes', '61 minutes', '119 minutes', '121 minutes']) AS age
            """
        )
    source = source_of(CONVERSATIONS)
    assert (await orphans(filled, source)).orphaned_count == 19
    checked = await orphans(filled, source, older_than=3600)
    assert checked.orphaned_count == 21
    assert [each.show["user_id"] for each in checked.orphans][-3:] == [
        "121 minutes",
        "119 minutes",
        "61 minutes",
    ]


async def test_two_hours_to_the_microsecond_are_not_orphaned_yet(
    any_database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    source = source_of(CONVERSATIONS)
    with any_database.connect() as connection, connection.transaction(force_rollback=True):
        reader = OpenTransaction(connection, source)
        connection.execute(
            f"""
            INSERT INTO {TABLE} (session_id, user_id, is_active, session_start)
            SELECT gen_random_uuid(), beyond, true,
                now() - interval '2 hours' - beyond::interval
            FROM unnest(ARRAY['-1 microsecond', '0', '1 microsecond', '1 second']) AS beyond
            """
        )
        table = await sessions.bind(reader, source)
        found = await Active().collect(reader, table, None)
        listed = await list_orphans(reader, table, limit=10)
    assert found.total.active == 4
    assert found.total.orphaned == listed.orphaned_count == 2
    assert [each.show["user_id"] for each in listed.orphans] == ["1 second", "1 microsecond"]
    # In the bucket of two hours are those that are at most two hours old.
    assert found.age.buckets[5] == 2


async def test_after_all_are_closed_nothing_is_active_and_nothing_missing(
    filled: EmbeddedDatabase, collect: Collect
) -> None:
    with filled.connect(APP) as connection:
        connection.execute(
            f"""
            UPDATE {TABLE} SET is_active = false, session_end = now(), ended_at = now(),
                duration_seconds = extract(epoch FROM now() - session_start)
            WHERE is_active
            """
        )
    page = await collect(filled, CONVERSATIONS, role=EXPORTER)
    assert page("sessions_active") == page("sessions_orphaned") == 0
    assert page("sessions_oldest_active_start_timestamp_seconds") is None
    assert page("sessions_oldest_orphan_last_seen_timestamp_seconds") is None
    assert page("sessions_active_age_seconds_gcount") == 0
    assert page("sessions_inconsistent", kind="closed_without_end") == 0
    assert set(page.by("days_ago", "sessions_daily_still_active").values()) == {0}


async def test_a_day_without_sessions_counts_none_and_has_no_average(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    page = await collect(any_database, CONVERSATIONS, role=EXPORTER)
    assert list(page.by("days_ago", "sessions_daily_started").values()) == [0] * 7
    assert not page.average_durations()
    assert page("sessions_rows_estimated") == 0
