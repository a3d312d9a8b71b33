"""Which days the daily statistics read again, by a clock that the test sets."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter import sessions
from exporter.collection.daily import Daily, DailyValues, calendar_days
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection import database_clock, pages
from tests.support.collection.declarations import CONVERSATIONS
from tests.support.collection.open_transaction import Connection, OpenTransaction

TABLE = "conversations.conversation_sessions"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = "2026-11-20"


class Clinic:
    """One source, its rows, its clock, and what the last collection read."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self.connection = connection
        self.source = source
        self.values: DailyValues | None = None
        self.reader = OpenTransaction(connection, source)
        self.at(NOON)

    def at(self, now: datetime) -> None:
        database_clock.set_clock_of(self.connection, now)

    def add(
        self, start: str, *, active: bool = False, seconds: float = 10, user: str = "u"
    ) -> None:
        self.connection.execute(
            f"INSERT INTO {TABLE} VALUES (gen_random_uuid(), %s, %s, %s,"
            " %s::timestamptz + interval '1 s', NULL, %s)",
            (user, active, start, start, seconds),
        )

    def run(self, change: str, *parameters: Any) -> None:
        self.connection.execute(change.encode(), parameters)

    async def collect(self) -> set[str]:
        """Collect, and give the dates that were read anew."""
        table = await sessions.bind(self.reader, self.source)
        self.reader.reads.clear()
        before = {id(day) for day in self.values.days} if self.values else set()
        self.values = await Daily().collect(self.reader, table, self.values)
        return {day.date for day in self.values.days if id(day) not in before}

    def day(self, date: str) -> Any:
        assert self.values is not None
        (found,) = (day.total for day in self.values.days if day.date == date)
        return found

    def scans(self) -> int:
        """How many stretches of the table the last collection looks up in an index.

        After the first collection one of them is that of the active sessions.
        """
        self.run("SET enable_seqscan = off")
        plans = [
            self.connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode()).fetchall()
            for statement in self.reader.statements
            if TABLE.partition(".")[2] in statement
        ]
        self.run("RESET enable_seqscan")
        return str(plans).count("'Index Cond'")

    @property
    def reads(self) -> int:
        """How many round trips the last collection took."""
        return len(self.reader.reads)


@pytest.fixture
def clinic(database: EmbeddedDatabase, source_of: Callable[[str], Source]) -> Iterator[Clinic]:
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        yield Clinic(connection, source_of(CONVERSATIONS))


def dates(*days: int) -> set[str]:
    return {f"2026-11-{day}" for day in days}


WEEK = dates(14, 15, 16, 17, 18, 19, 20)


async def test_the_first_run_reads_all_days_as_one_stretch(clinic: Clinic) -> None:
    clinic.add("2026-11-17 10:00Z")
    assert await clinic.collect() == WEEK
    assert clinic.scans() == 1
    assert clinic.day("2026-11-17").started == 1


async def test_a_run_after_that_reads_only_today(clinic: Clinic) -> None:
    clinic.add("2026-11-17 10:00Z", seconds=10)
    clinic.add("2026-11-18 10:00Z", active=True)
    clinic.add("2026-11-20 10:00Z")
    await clinic.collect()
    # What an index cannot tell without reading the day: it stays as it was.
    clinic.run(f"UPDATE {TABLE} SET duration_seconds = 99 WHERE NOT is_active")
    assert await clinic.collect() == {TODAY}
    assert clinic.scans() == 2
    assert clinic.reads == 1
    assert clinic.day("2026-11-17").average_duration == 10
    assert clinic.day(TODAY).average_duration == 99


async def test_the_only_past_day_is_not_read_again_while_none_of_its_sessions_is_active(
    clinic: Clinic,
) -> None:
    daily = clinic.source.daily
    assert daily is not None
    shorter = daily.model_copy(update={"days": 2})
    clinic.source = clinic.source.model_copy(update={"daily": shorter})
    clinic.add("2026-11-19 10:00Z")
    assert await clinic.collect() == {"2026-11-19", TODAY}
    assert await clinic.collect() == {TODAY}
    assert clinic.reads == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {} SET is_active = false, duration_seconds = 50 WHERE user_id = 'open'",
        "DELETE FROM {} WHERE user_id = 'open'",
        "INSERT INTO {} VALUES (gen_random_uuid(), 'new', true, '2026-11-17 23:59:59.999999Z')",
        "UPDATE {} SET is_active = true WHERE user_id = 'closed'",
    ],
)
async def test_a_past_day_is_read_again_when_its_active_sessions_change(
    clinic: Clinic, change: str
) -> None:
    clinic.add("2026-11-17 00:00Z", active=True, user="open")
    clinic.add("2026-11-17 10:00Z", user="closed")
    clinic.add("2026-11-18 00:00Z", active=True)
    await clinic.collect()
    clinic.run(change.format(TABLE))
    assert await clinic.collect() == {"2026-11-17", TODAY}
    assert clinic.scans() == 3
    assert clinic.reads == 2
    counted = clinic.connection.execute(
        f"SELECT count(*), count(*) FILTER (WHERE is_active) FROM {TABLE}"
        " WHERE session_start >= '2026-11-17Z' AND session_start < '2026-11-18Z'"
    ).fetchall()
    day = clinic.day("2026-11-17")
    assert [(day.started, day.still_active)] == counted
    assert await clinic.collect() == {TODAY}


async def test_neighbouring_days_are_read_as_one_stretch(clinic: Clinic) -> None:
    for day in (14, 16, 17, 18, 19):
        clinic.add(f"2026-11-{day} 10:00Z", active=True)
    await clinic.collect()
    clinic.run(f"UPDATE {TABLE} SET is_active = false WHERE session_start < '2026-11-17Z'")
    assert await clinic.collect() == dates(14, 16, 20)
    assert clinic.scans() == 4
    clinic.run(f"UPDATE {TABLE} SET is_active = false")
    assert await clinic.collect() == dates(17, 18, 19, 20)
    assert clinic.scans() == 3
    assert clinic.reads == 2


async def test_a_day_that_was_not_over_when_it_was_read_is_read_once_more(clinic: Clinic) -> None:
    clinic.at(datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC))
    clinic.add("2026-11-20 10:00Z")
    await clinic.collect()
    clinic.add("2026-11-20 23:59:59.5Z")
    clinic.at(datetime(2026, 11, 21, 0, 0, 1, tzinfo=UTC))
    assert await clinic.collect() == {TODAY, "2026-11-21"}
    assert clinic.day(TODAY).started == 2
    assert clinic.day("2026-11-21").started == 0
    clinic.at(datetime(2026, 11, 21, 0, 5, 0, tzinfo=UTC))
    assert await clinic.collect() == {"2026-11-21"}


async def test_at_midnight_the_oldest_day_leaves_and_today_counts_from_zero(clinic: Clinic) -> None:
    clinic.at(datetime(2026, 11, 20, 23, 59, 59, 999999, tzinfo=UTC))
    clinic.add("2026-11-14 10:00Z")
    clinic.add("2026-11-20 10:00Z")
    await clinic.collect()
    assert clinic.values is not None
    assert [day.date for day in clinic.values.days] == sorted(WEEK, reverse=True)
    clinic.at(datetime(2026, 11, 21, tzinfo=UTC))
    await clinic.collect()
    assert [day.date for day in clinic.values.days] == sorted(
        WEEK - {"2026-11-14"} | {"2026-11-21"}, reverse=True
    )
    found = pages.values(Daily().samples(clinic.source, clinic.values))
    assert found["sessions_today_started", frozenset()] == 0
    assert not any(("date", "2026-11-14") in labels for _, labels in found)


async def test_days_that_were_read_an_hour_ago_are_read_again(clinic: Clinic) -> None:
    """All at once after an hour without a collection."""
    clinic.add("2026-11-15 10:00Z", seconds=10)
    await clinic.collect()
    at_noon = clinic.values
    clinic.run(f"UPDATE {TABLE} SET duration_seconds = 99")
    clinic.at(NOON + timedelta(seconds=3599))
    assert await clinic.collect() == {TODAY}
    assert clinic.day("2026-11-15").average_duration == 10
    clinic.values = at_noon
    clinic.at(NOON + timedelta(seconds=3600))
    assert await clinic.collect() == WEEK
    assert clinic.day("2026-11-15").average_duration == 99
    clinic.at(NOON + timedelta(seconds=3601))
    assert await clinic.collect() == {TODAY}


EVERY = 300


@pytest.mark.parametrize("begin", [0, 77, 1234])
async def test_one_past_day_at_a_time_is_read_again_and_each_within_the_hour(
    clinic: Clinic, begin: int
) -> None:
    clinic.add("2026-11-15 10:00Z", seconds=10)
    at = NOON + timedelta(seconds=begin)
    clinic.at(at)
    await clinic.collect()
    clinic.run(f"UPDATE {TABLE} SET duration_seconds = 99")
    read_at = dict.fromkeys(WEEK - {TODAY}, at)
    for run in range(1, 3 * 3600 // EVERY + 1):
        clinic.at(at := at + timedelta(seconds=EVERY))
        read = await clinic.collect() - {TODAY}
        assert clinic.reads == 1, f"run {run}"
        assert len(read) <= 1, f"run {run}"
        read_at |= dict.fromkeys(read, at)
        assert at - min(read_at.values()) <= timedelta(hours=1), f"run {run}"
    assert clinic.day("2026-11-15").average_duration == 99


async def test_days_that_changed_together_are_still_read_in_turn_later(clinic: Clinic) -> None:
    for day in (14, 15, 16, 17, 18, 19):
        clinic.add(f"2026-11-{day} 10:00Z", active=True)
    await clinic.collect()
    clinic.at(at := NOON + timedelta(seconds=EVERY))
    clinic.run(f"UPDATE {TABLE} SET is_active = false")
    assert await clinic.collect() == WEEK
    for run in range(1, 2 * 3600 // EVERY):
        clinic.at(at := at + timedelta(seconds=EVERY))
        assert len(await clinic.collect() - {TODAY}) <= 1, f"run {run}"


async def test_sources_have_their_turns_at_different_times(clinic: Clinic) -> None:
    await clinic.collect()
    assert clinic.values is not None
    past = clinic.values.days[:0:-1]
    in_a_minute = {
        name: bool(calendar_days.due(name, past, clinic.values.at + 60, every=EVERY))
        for name in map(str, range(1000))
    }
    # A minute is a tenth of the time between two turns.
    assert 50 < sum(in_a_minute.values()) < 150


async def test_a_changed_day_is_read_at_once_though_another_has_its_turn(clinic: Clinic) -> None:
    for day in (14, 15, 16, 17, 18, 19):
        clinic.add(f"2026-11-{day} 10:00Z", active=True)
    await clinic.collect()
    at, turns = NOON, set[str]()
    while not turns:
        before = clinic.values
        clinic.at(at := at + timedelta(seconds=EVERY))
        turns = await clinic.collect() - {TODAY}
    other = min(WEEK - turns)
    clinic.values = before
    clinic.run(f"UPDATE {TABLE} SET is_active = false WHERE session_start::date = '{other}'")
    assert await clinic.collect() == {*turns, other, TODAY}
    assert clinic.reads == 2
    assert clinic.day(other).still_active == 0
    clinic.run(f"UPDATE {TABLE} SET is_active = false WHERE session_start::date = '{min(turns)}'")
    clinic.values = before
    assert await clinic.collect() == {*turns, other, TODAY}
    assert clinic.day(min(turns)).still_active == 0


@pytest.mark.quick(
    "seconds0-UTC",
    "seconds1-Europe/Berlin-2025-10-25",
    "seconds2-Europe/Berlin-2025-03-29",
    "seconds0-America/Havana-2025-11-02T05",
    "seconds1-Australia",
    "seconds2-Pacific",
)
@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("UTC", "2026-11-20T00:00Z"),
        ("Europe/Berlin", "2025-10-25T22:00Z"),
        ("Europe/Berlin", "2025-10-26T23:00Z"),
        ("Europe/Berlin", "2025-03-29T23:00Z"),
        ("America/Havana", "2025-11-02T04:00Z"),
        ("America/Havana", "2025-11-02T05:00Z"),
        ("America/Havana", "2025-03-09T05:00Z"),
        ("Asia/Beirut", "2025-03-29T22:00Z"),
        ("Australia/Lord_Howe", "2025-04-05T15:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00Z"),
    ],
)
@pytest.mark.parametrize("seconds", [(-600, -300, 0, 300), (-301, -1, 299), (-1, 40_000, 86_399)])
async def test_runs_across_midnight_and_a_clock_change_know_what_a_first_run_knows(
    database: EmbeddedDatabase,
    source_of: Callable[[str], Source],
    *,
    zone: str,
    midnight: str,
    seconds: tuple[int, ...],
) -> None:
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        clinic = Clinic(connection, source_of(CONVERSATIONS + f"  timezone: {zone}\n"))
        at = datetime.fromisoformat(midnight)
        connection.execute(
            f"INSERT INTO {TABLE} SELECT gen_random_uuid(), 'u', n %% 7 = 0, at, at, NULL, n"
            " FROM generate_series(-9 * 144, 9 * 144) AS n,"
            " LATERAL (SELECT %s::timestamptz + n * interval '10 min' AS at) AS _",
            (at,),
        )
        for offset in seconds:
            clinic.at(at + timedelta(seconds=offset))
            await clinic.collect()
            reads = clinic.reads
            assert clinic.values is not None
            found = clinic.values.days
            table = await sessions.bind(clinic.reader, clinic.source)
            first = await Daily().collect(clinic.reader, table, None)
            assert [(d.date, d.start, d.end, d.total) for d in found] == [
                (d.date, d.start, d.end, d.total) for d in first.days
            ]
            # One more where half a day has passed since the run before.
            assert reads <= 2 + (offset > EVERY)


async def test_deleted_closed_rows_are_gone_at_the_next_full_read(clinic: Clinic) -> None:
    clinic.add("2026-11-15 10:00Z")
    await clinic.collect()
    clinic.run(f"DELETE FROM {TABLE}")
    await clinic.collect()
    assert clinic.day("2026-11-15").started == 1
    clinic.at(NOON + timedelta(hours=1))
    await clinic.collect()
    assert clinic.day("2026-11-15").started == 0
    assert clinic.day("2026-11-15").average_duration is None


async def test_after_days_without_a_collection_the_days_in_between_are_read(clinic: Clinic) -> None:
    await clinic.collect()
    clinic.add("2026-11-22 10:00Z")
    clinic.at(NOON + timedelta(days=3))
    await clinic.collect()
    assert clinic.day("2026-11-22").started == 1
    assert clinic.day("2026-11-23").started == 0


async def test_a_clock_that_was_put_back_reads_everything_it_has_not_seen(clinic: Clinic) -> None:
    clinic.at(NOON + timedelta(days=1))
    await clinic.collect()
    clinic.add("2026-11-14 10:00Z")
    clinic.at(NOON)
    assert "2026-11-14" in await clinic.collect()
    assert clinic.day("2026-11-14").started == 1


async def test_a_change_between_labels_is_a_change_though_the_sum_is_the_same(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    labelled = CONVERSATIONS + "  labels: {user: {value: user_id, values: [a, b]}}\n"
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        clinic = Clinic(connection, source_of(labelled))
        clinic.add("2026-11-16 10:00Z", active=True, user="a")
        clinic.add("2026-11-17 10:00Z", active=True, user="a")
        await clinic.collect()
        clinic.run(f"UPDATE {TABLE} SET user_id = 'b' WHERE session_start < '2026-11-17Z'")
        assert await clinic.collect() == {"2026-11-16", TODAY}


async def test_a_table_may_have_columns_of_the_names_by_which_days_are_grouped(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    source = source_of(
        "chat: {table: public.chat, active: is_open, started_at: started, orphaned_after: 2h,"
        " labels: {mood: {value: label_0, values: [a]}}}\n"
    )
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        connection.execute(
            "CREATE TABLE public.chat (is_open bool, started timestamptz, day int, label_0 text);"
            "INSERT INTO public.chat SELECT true, '2026-11-17Z'::timestamptz + n * interval '1 h',"
            " n, CASE WHEN n < 12 THEN 'a' ELSE n::text END FROM generate_series(0, 47) AS n"
        )
        clinic = Clinic(connection, source)
        assert await clinic.collect() == WEEK
        assert await clinic.collect() == {TODAY}
        assert clinic.values is not None
        active = {
            day.date: {mood: counts.still_active for (mood,), counts in day.by_label.items()}
            for day in clinic.values.days
            if day.total.still_active
        }
        assert active == {"2026-11-17": {"a": 12, "other": 12}, "2026-11-18": {"a": 0, "other": 24}}


@pytest.mark.parametrize(
    ("zone", "now", "oldest", "hours"),
    [
        ("Europe/Berlin", datetime(2025, 3, 31, 12, tzinfo=UTC), "2025-03-30", 23),
        ("Europe/Berlin", datetime(2025, 10, 27, 12, tzinfo=UTC), "2025-10-26", 25),
        ("Australia/Lord_Howe", datetime(2025, 4, 7, 2, tzinfo=UTC), "2025-04-06", 24.5),
        ("Asia/Kathmandu", datetime(2026, 11, 20, 18, 15, tzinfo=UTC), "2026-11-20", 24),
    ],
)
async def test_a_day_is_as_long_as_the_clock_says(
    database: EmbeddedDatabase,
    source_of: Callable[[str], Source],
    *,
    zone: str,
    now: datetime,
    oldest: str,
    hours: float,
) -> None:
    """A session in every half hour of the zone's day, each counted on that day alone."""
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        clinic = Clinic(connection, source_of(CONVERSATIONS + f"  timezone: {zone}\n"))
        clinic.at(now)
        connection.execute(
            f"""
            INSERT INTO {TABLE}
            SELECT gen_random_uuid(), 'u', false, at
            FROM generate_series(%s::timestamptz - interval '4 days', %s, interval '30 min') AS at
            """,
            (now.replace(minute=0), now),
        )
        await clinic.collect()
        assert clinic.values is not None
        assert [day.date for day in clinic.values.days[:2]][-1] == oldest
        assert clinic.day(oldest).started == hours * 2


@pytest.mark.quick("00:59:59", "2025-11-02 01:30", "2025-11-03 01:30")
@pytest.mark.parametrize(
    ("local", "date"),
    [
        ("2025-11-02 00:59:59.999999", None),
        ("2025-11-02 01:00", "2025-11-02"),
        ("2025-11-02 01:29:59", "2025-11-02"),
        ("2025-11-02 01:30", "2025-11-02"),
        ("2025-11-02 01:59", "2025-11-02"),
        ("2025-11-03 01:29:59.999999", "2025-11-02"),
        ("2025-11-03 01:30", "2025-11-03"),
    ],
)
async def test_a_midnight_within_an_hour_that_another_zone_has_twice(
    database: EmbeddedDatabase, source_of: Callable[[str], Source], local: str, date: str | None
) -> None:
    """New York's midnight lies in the hour that St. John's, 90 minutes ahead, has twice: what is
    written in it means the second time.
    """
    source = source_of(
        "chat: {table: public.chat, active: is_open, started_at: started, orphaned_after: 2h,"
        " timezone: America/New_York, timestamps_in: America/St_Johns, daily: {days: 2}}\n"
    )
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        connection.execute("CREATE TABLE public.chat (is_open bool, started timestamp)")
        connection.execute("INSERT INTO public.chat VALUES (false, %s::timestamp)", (local,))
        clinic = Clinic(connection, source)
        clinic.at(datetime(2025, 11, 3, 12, tzinfo=UTC))
        await clinic.collect()
        assert clinic.values is not None
        counted = {day.date: day.total.started for day in clinic.values.days}
        assert counted == {"2025-11-03": 0, "2025-11-02": 0} | ({date: 1} if date else {})
