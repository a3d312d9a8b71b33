"""Slices of time in which sessions are lost, at their edges, with a clock that the test sets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter import sessions
from exporter.collection.active import Active, ActiveValues
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from exporter.sessions import SessionTable
from tests.support.collection import database_clock, declarations
from tests.support.collection.open_transaction import Connection, OpenTransaction

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

CHAT = """\
chat:
  table: public.chat
  active: open
  started_at: started
  id: id
  orphaned_after: {threshold}
  recovery:
    set: {{open: "false"}}
    end_at: now
  daily: null
"""


class Slices:
    """Collections of one source, each of which goes on where the last one ended."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self._connection, self._folder = connection, folder
        self._values: ActiveValues | None = None
        self._reader: OpenTransaction
        self._table: SessionTable
        self.at(0)

    async def declare(self, threshold: str) -> None:
        source = declarations.source_of(self._folder, CHAT.format(threshold=threshold))
        self._reader = OpenTransaction(self._connection, source)
        self._table = await sessions.bind(self._reader, source)

    def run(self, statement: str) -> None:
        self._connection.execute(statement.encode())

    def at(self, minutes: float) -> None:
        """It is so many minutes past noon."""
        database_clock.set_clock_of(self._connection, NOON + timedelta(minutes=minutes))

    def start(self, session: int, minutes: float, own: str = "1 h") -> None:
        started = NOON + timedelta(minutes=minutes)
        self.run(f"INSERT INTO public.chat VALUES ({session}, '{started}', true, '{own}')")

    def close(self, session: int, minutes: float) -> None:
        """Close a session as recovery does, so many minutes past noon."""
        at = NOON + timedelta(minutes=minutes)
        self.run(f"UPDATE public.chat SET open = false WHERE id = {session}")
        self.run(
            "INSERT INTO session_exporter.recovery"
            " (run, at, source, relation, session, trigger, evidence, before, after, row_version)"
            f" SELECT gen_random_uuid(), '{at}', 'chat', 'chat', ARRAY[id::text], 'manual',"
            " jsonb_build_object('last_seen', started, 'orphaned_after_seconds',"
            f" extract(epoch FROM own)), '{{}}', '{{}}', '1' FROM public.chat WHERE id = {session}"
        )

    async def lost(self, minutes: float) -> int:
        """How many a collection counts as lost that runs so many minutes past noon."""
        self.at(minutes)
        self._values = await Active().collect(self._reader, self._table, self._values)
        assert self._values.losses is not None
        return self._values.losses.lost


@pytest.fixture
def slices(database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Slices]:
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        connection.execute(
            b"CREATE TABLE public.chat (id int PRIMARY KEY, started timestamptz, open bool,"
            b" own interval)"
        )
        connection.execute(audit_script().encode())
        yield Slices(connection, tmp_path)


async def test_slices_join_up_through_an_outage_of_any_length(slices: Slices) -> None:
    await slices.declare("1h")
    assert await slices.lost(0) == 0  # its slice ends at -1
    slices.start(1, -61)  # each crosses the line an hour after its start
    slices.start(2, -61.0001)
    slices.start(3, 300)
    slices.start(4, 359)
    assert [await slices.lost(each) for each in (420, 420, 420.01)] == [2, 0, 1]


async def test_a_row_with_a_threshold_of_its_own_is_lost_when_it_crosses_that(
    slices: Slices,
) -> None:
    await slices.declare('{sql: "s.own"}')
    slices.start(1, -20, own="15 min")
    assert await slices.lost(0) == 0
    slices.start(2, -10, own="15 min")
    slices.start(3, -10, own="1 h")
    slices.start(4, -10, own="-1 s")  # no usable threshold
    assert [await slices.lost(each) for each in (6, 7, 51, 52)] == [0, 1, 0, 1]


@pytest.mark.parametrize("threshold", ["1h", '{sql: "s.own"}'])
async def test_what_recovery_closes_before_it_was_counted_is_lost_once(
    slices: Slices, threshold: str
) -> None:
    await slices.declare(threshold)
    for session in (1, 2, 3):
        slices.start(session, -59.9)
    slices.start(4, -30)
    assert await slices.lost(0) == 0
    slices.close(1, 0.3)  # 12 s after it crossed the line
    slices.close(4, 0.3)  # its server stopped: it was not orphaned
    assert await slices.lost(0.5) == 0  # the slice ends before the line was crossed
    assert await slices.lost(2) == 3  # one by the audit, two that are active
    slices.close(2, 2.5)
    assert [await slices.lost(each) for each in (3, 4)] == [0, 0]


async def test_what_was_closed_and_undone_is_lost_once(slices: Slices) -> None:
    await slices.declare("1h")
    slices.start(1, -59.9)
    assert await slices.lost(0) == 0
    slices.close(1, 0.3)
    slices.run("UPDATE session_exporter.recovery SET undone_at = now()")
    slices.run("UPDATE public.chat SET open = true")
    assert [await slices.lost(each) for each in (2, 3)] == [1, 0]


async def test_where_all_sessions_were_closed_they_are_lost_all_the_same(slices: Slices) -> None:
    await slices.declare("1h")
    slices.start(1, -59.9)
    assert await slices.lost(0) == 0
    slices.close(1, 0.3)
    assert [await slices.lost(each) for each in (2, 3)] == [1, 0]


async def test_without_the_audit_the_active_sessions_are_counted(slices: Slices) -> None:
    slices.run("DROP SCHEMA session_exporter CASCADE")
    await slices.declare("1h")
    slices.start(1, -59.9)
    assert [await slices.lost(each) for each in (0, 2)] == [0, 1]


async def test_a_clock_that_is_set_back_a_little_counts_nothing_twice(slices: Slices) -> None:
    await slices.declare("1h")
    slices.start(1, -60.5)
    assert await slices.lost(0) == 0
    assert [await slices.lost(each) for each in (1, 0.98, 1.1)] == [1, 0, 0]
