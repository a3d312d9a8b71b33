"""The coaching of session_systems: in_progress for more than ten minutes is stuck."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from exporter import sessions
from exporter.collection.active import Active, ActiveValues
from exporter.config import Source
from exporter.demo.history import coaching
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.sessions.orphan_list import OrphanList, list_orphans
from tests.support.collection.declarations import COACHING
from tests.support.collection.open_transaction import OpenTransaction
from tests.support.collection.pages import Page

TABLE = "coaching.roleplay_sessions"
TRANSCRIPTS = """\
transcripts:
  table: coaching.transcripts
  active: |
    status = 'processing'
  started_at: created_at
  last_seen_at: updated_at
  id: id
  orphaned_after: 10m
  overlong_after: 1h
"""
Collect = Callable[..., Awaitable[Page]]
SourceOf = Callable[[str], Source]


async def found_among(
    database: EmbeddedDatabase, source: Source, insert: str
) -> tuple[ActiveValues, OrphanList]:
    """Insert and collect in one transaction, in which now() stands still."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        reader = OpenTransaction(connection, source)
        connection.execute(insert.encode())
        table = await sessions.bind(reader, source)
        return await Active().collect(reader, table, None), await list_orphans(
            reader, table, limit=100
        )


@pytest.mark.quick("10 minutes")
@pytest.mark.parametrize(
    ("age", "orphaned"),
    [
        ("9 minutes 59 seconds", 0),
        ("9 minutes 59.999999 seconds", 0),
        ("10 minutes", 0),
        ("10 minutes 0.000001 seconds", 1),
        ("10 minutes 1 second", 1),
    ],
)
async def test_a_call_is_stuck_after_strictly_more_than_ten_minutes(
    any_database: EmbeddedDatabase, source_of: SourceOf, age: str, orphaned: int
) -> None:
    found, listed = await found_among(
        any_database,
        source_of(COACHING),
        f"INSERT INTO {TABLE} (id, status, started_at)"
        f" VALUES (gen_random_uuid(), 'in_progress', now() - interval '{age}')",
    )
    assert found.total.active == 1
    assert found.total.orphaned == listed.orphaned_count == len(listed.orphans) == orphaned
    assert found.age.buckets[-1] == 1


async def test_a_call_without_a_start_is_undated_and_never_orphaned(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    found, listed = await found_among(
        any_database,
        source_of(COACHING),
        f"INSERT INTO {TABLE} (id, status, ended_at)"
        " VALUES (gen_random_uuid(), 'in_progress', now() - interval '1 year')",
    )
    assert (found.total.active, found.total.orphaned, listed.orphaned_count) == (1, 0, 0)
    kinds = {"undated": 1, "future": 0, "ended_but_active": 1, "impossible_end": 0}
    assert found.inconsistent == kinds
    assert found.age.buckets == (0,) * 13
    assert found.oldest_start is None


async def test_a_stuck_call_of_nobody_is_listed_like_any_other(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    _, listed = await found_among(
        any_database,
        source_of(COACHING),
        f"INSERT INTO {TABLE} (id, status, started_at)"
        " VALUES ('00000000-0000-0000-0000-00000000000a', 'in_progress', now() - interval '1 h')",
    )
    (orphan,) = listed.orphans
    assert orphan.id == "00000000-0000-0000-0000-00000000000a"
    assert orphan.show == {"trainee_id": None, "persona_id": None}
    assert orphan.age == orphan.silence == 3600.0


@pytest.mark.quick("idle", "IN_PROGRESS")
@pytest.mark.parametrize("status", ["idle", "completed", "abandoned", "IN_PROGRESS", ""])
async def test_every_other_status_is_not_active(
    database: EmbeddedDatabase, source_of: SourceOf, status: str
) -> None:
    found, listed = await found_among(
        database,
        source_of(COACHING),
        f"INSERT INTO {TABLE} (id, status, started_at)"
        f" VALUES (gen_random_uuid(), '{status}', now() - interval '1 day')",
    )
    assert (found.total.active, found.total.orphaned, listed.orphaned_count) == (0, 0, 0)


async def test_of_the_demos_calls_in_progress_nine_are_stuck(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    with any_database.connect(APP) as connection:
        coaching.fill(connection, datetime.now(UTC))
    page = await collect(any_database, COACHING, role=EXPORTER)
    assert not page.failures
    assert page("sessions_active") == 12
    assert page("sessions_orphaned") == 9
    assert page("sessions_inconsistent", kind="undated") == 0
    # Without a duration column it is the end minus the start.
    assert len(page.average_durations()) >= 6  # today may have none yet
    assert page("sessions_inconsistent", kind="closed_without_end") == 0


@pytest.mark.quick("NULL", "interval '9 minutes'", "overlong")
@pytest.mark.parametrize(
    ("created", "updated", "kind"),
    [
        ("11 minutes", "NULL::interval", "orphaned"),
        (
            "11 minutes",
            "interval '12 minutes'",
            "orphaned",
        ),  # older than the start: the start counts
        ("11 minutes", "interval '9 minutes'", "alive"),
        ("9 minutes", "interval '11 minutes'", "alive"),
        ("61 minutes", "interval '10 minutes'", "overlong"),
        ("61 minutes", "interval '10 minutes 1 second'", "orphaned"),
        ("60 minutes", "interval '1 minute'", "alive"),
        ("60 minutes 0.000001 seconds", "interval '1 minute'", "overlong"),
    ],
)
async def test_a_transcript_is_stuck_after_ten_minutes_without_an_update(
    database: EmbeddedDatabase, source_of: SourceOf, created: str, updated: str, kind: str
) -> None:
    found, _ = await found_among(
        database,
        source_of(TRANSCRIPTS),
        "INSERT INTO coaching.transcripts (id, status, created_at, updated_at)"
        f" VALUES (gen_random_uuid(), 'processing', now() - interval '{created}',"
        f" now() - {updated})",
    )
    assert found.total.active == 1
    assert found.total.orphaned == (kind == "orphaned")
    assert found.total.overlong == (kind == "overlong")


async def test_silence_is_counted_apart_from_age(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    with database.connect(APP) as connection:
        connection.execute(
            "INSERT INTO coaching.transcripts (id, status, created_at, updated_at)"
            " VALUES (gen_random_uuid(), 'processing', now() - interval '3 hours',"
            " now() - interval '2 minutes')"
        )
    page = await collect(database, TRANSCRIPTS, role=EXPORTER)
    assert page("sessions_active_age_seconds_bucket", le="7200.0") == 0
    assert page("sessions_active_age_seconds_bucket", le="14400.0") == 1
    assert page("sessions_active_silence_seconds_bucket", le="60.0") == 0
    assert page("sessions_active_silence_seconds_bucket", le="300.0") == 1
    assert page("sessions_overlong") == 1
    assert page("sessions_oldest_orphan_last_seen_timestamp_seconds") is None
