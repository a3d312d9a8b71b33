"""Which sessions of a day were ended, recovered or lost, by an audit that the test writes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter import sessions
from exporter.collection.daily import Daily, DailyValues
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.collection import database_clock, pages
from tests.support.collection.declarations import CONVERSATIONS
from tests.support.collection.open_transaction import Connection, OpenTransaction

TABLE = "conversations.conversation_sessions"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Ward:
    """One source with its rows, its audit and its clock."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self.connection, self.source = connection, source
        self.reader = OpenTransaction(connection, source)
        self.values: DailyValues | None = None
        self.at(NOON)

    def at(self, now: datetime) -> None:
        database_clock.set_clock_of(self.connection, now)

    def run(self, change: str, *parameters: Any) -> None:
        self.connection.execute(change.encode(), parameters)

    def add(self, start: str, user: str, *, active: bool = False, seconds: float = 300) -> None:
        self.run(
            f"INSERT INTO {TABLE} VALUES (gen_random_uuid(), %s, %s, %s,"
            " %s::timestamptz + interval '300 s', NULL, %s)",
            *(user, active, start, start, seconds),
        )

    def recover(self, user: str, at: str = "2026-11-20 11:00Z") -> None:
        """Close the sessions of a user as recovery does."""
        self.run(f"UPDATE {TABLE} SET is_active = false WHERE user_id = %s", user)
        self.run(
            "INSERT INTO session_exporter.recovery"
            " (run, at, source, relation, session, trigger, evidence, before, after, row_version)"
            " SELECT gen_random_uuid(), %s, 'conversations', %s, ARRAY[session_id::text], 'auto',"
            f" '{{}}', '{{}}', '{{}}', '1' FROM {TABLE} WHERE user_id = %s",
            *(at, '"conversations"."conversation_sessions"', user),
        )

    async def collect(self) -> dict[str, float]:
        """The counts of yesterday, by the part of the name that tells them apart."""
        table = await sessions.bind(self.reader, self.source)
        self.values = await Daily().collect(self.reader, table, self.values)
        found = pages.values(Daily().samples(self.source, self.values))
        yesterday = frozenset({("days_ago", "1")})
        return {
            name.removeprefix("sessions_daily_"): value
            for (name, labels), value in found.items()
            if labels == yesterday
        }


@pytest.fixture
def ward(database: EmbeddedDatabase, source_of: Callable[[str], Source]) -> Iterator[Ward]:
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        connection.execute(b"DROP SCHEMA IF EXISTS session_exporter CASCADE")
        yield Ward(connection, source_of(CONVERSATIONS))


async def test_recovered_sessions_are_lost_and_have_no_part_in_the_durations(ward: Ward) -> None:
    ward.run(audit_script())
    ward.add("2026-11-19 10:00Z", "ended", seconds=300)
    ward.add("2026-11-19 10:00Z", "left", active=True, seconds=7200)
    ward.add("2026-11-19 10:00Z", "other", active=True)
    found = await ward.collect()
    assert (found["started"], found["ended"], found["still_active"]) == (3, 1, 2)
    assert (found["recovered"], found["lost"]) == (0, 2)
    ward.recover("left")
    found = await ward.collect()
    assert (found["ended"], found["recovered"], found["lost"], found["still_active"]) == (
        *(1, 1, 2),
        1,
    )
    assert (found["known_duration_seconds"], found["timed"]) == (300, 1)


async def test_what_was_undone_or_contradicted_is_not_lost(ward: Ward) -> None:
    ward.run(audit_script())
    for user in ("undone", "contradicted"):
        ward.add("2026-11-19 10:00Z", user, active=True)
        ward.recover(user)
    assert (await ward.collect())["lost"] == 2
    ward.run("UPDATE session_exporter.recovery SET contradicted_at = now()")
    ward.run(
        "UPDATE session_exporter.recovery SET undone_at = now() WHERE session[1] ="
        f" (SELECT session_id::text FROM {TABLE} WHERE user_id = 'undone')"
    )
    ward.at(NOON + timedelta(hours=1))
    found = await ward.collect()
    assert (found["ended"], found["recovered"], found["lost"]) == (1, 1, 0)


async def test_an_orphan_of_a_past_day_is_lost_at_the_next_run_though_the_day_is_not_read(
    ward: Ward,
) -> None:
    ward.add("2026-11-19 23:30Z", "late", active=True)
    ward.at(datetime(2026, 11, 20, 1, 30, tzinfo=UTC))  # orphaned after 2 h: not a moment earlier
    assert (await ward.collect())["lost"] == 0
    ward.at(datetime(2026, 11, 20, 1, 30, 0, 1, tzinfo=UTC))
    assert (await ward.collect())["lost"] == 1
    assert len(ward.reader.reads) < 10
    ward.run(f"UPDATE {TABLE} SET is_active = false")
    assert (await ward.collect())["lost"] == 0


async def test_a_session_that_had_the_id_before_does_not_make_it_recovered(ward: Ward) -> None:
    ward.run(audit_script())
    ward.add("2026-11-19 10:00Z", "again")
    ward.recover("again", at="2026-11-18 11:00Z")
    found = await ward.collect()
    assert (found["ended"], found["recovered"]) == (1, 0)


async def test_an_audit_that_is_created_counts_from_the_next_run(ward: Ward) -> None:
    ward.add("2026-11-19 10:00Z", "left", active=True)
    assert (await ward.collect())["recovered"] == 0
    ward.run(audit_script())
    ward.recover("left")
    assert (await ward.collect())["recovered"] == 1


async def test_without_the_right_to_read_the_audit_only_the_rest_is_served(ward: Ward) -> None:
    ward.run(audit_script())
    ward.add("2026-11-19 10:00Z", "ended")
    ward.run("SET ROLE session_exporter")
    assert (await ward.collect()) == {"started": 1, "still_active": 0}


async def test_without_an_id_what_was_recovered_is_unknown_only_where_something_was(
    ward: Ward,
) -> None:
    ward.source = ward.source.model_copy(update={"id": None})
    ward.run(audit_script())
    ward.add("2026-11-19 10:00Z", "ended")
    ward.add("2026-11-19 10:00Z", "left", active=True)
    assert (await ward.collect())["ended"] == 1
    ward.recover("left")
    assert "ended" not in await ward.collect()
