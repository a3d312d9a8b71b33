"""What evidence newly calls orphaned is lost once, and what it did from the beginning is not."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter import sessions
from exporter.collection.active import Active, ActiveValues
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Reader
from exporter.recovery.audit.installation import audit_script
from exporter.sessions import SessionTable
from exporter.sessions.verdict import Verdict
from tests.support.collection import declarations
from tests.support.collection.evidence import source_with_evidence
from tests.support.servers.statements import execute

CALLS = """\
calls:
  table: public.calls
  active: is_open
  started_at: started
  last_seen_at: seen
  id: id
  owner: {of: server, in: servers}
  list: calls
  orphaned_after: 2h
  future_tolerance: 1ms
  recovery: {set: {is_open: "false"}, end_at: now}
  daily: null
"""


@pytest.fixture
async def reader(database: EmbeddedDatabase) -> AsyncIterator[Reader]:
    pool = Database(declarations.settings_of(database.dsn))
    yield pool.reader()
    await pool.close()


class Counting:
    """Collections of one source, each of which goes on where the last one ended."""

    def __init__(self, reader: Reader, table: SessionTable) -> None:
        self._reader, self._table = reader, table
        self._values: ActiveValues | None = None

    async def lost(self, verdict: Verdict) -> int | None:
        """How many one collection counts as lost; None where it has no slice."""
        self._values = await Active().collect(self._reader, self._table, self._values, verdict)
        return None if self._values.losses is None else self._values.losses.lost


def close(database: EmbeddedDatabase, session: str, cause: str) -> None:
    """Close a session as recovery does that proved its loss by such a cause."""
    execute(
        database,
        "INSERT INTO session_exporter.recovery"
        " (run, source, relation, session, trigger, evidence, before, after, row_version)"
        " SELECT gen_random_uuid(), 'calls', 'calls', ARRAY[id], 'auto', jsonb_build_object("
        f"'last_seen', seen, 'cause', '{cause}', 'owner', server), '{{}}', '{{}}', '1'"
        f" FROM public.calls WHERE id = '{session}'",
        f"UPDATE public.calls SET is_open = false WHERE id = '{session}'",
    )


@pytest.fixture
async def counting(database: EmbeddedDatabase, reader: Reader, tmp_path: Path) -> Counting:
    execute(
        database,
        audit_script(),
        "CREATE TABLE public.calls (id text, server text, started timestamptz, seen timestamptz,"
        " is_open bool DEFAULT true)",
        "INSERT INTO public.calls SELECT id, server, now() - interval '5 h', now() - silence"
        " FROM (VALUES ('1', 'a', interval '1 min'), ('2', 'a', '1 min'), ('3', 'b', '1 min'),"
        " ('old', 'a', '3 h')) AS each(id, server, silence)",
    )
    return Counting(reader, await sessions.bind(reader, source_with_evidence(tmp_path, CALLS)))


ALIVE = Verdict(alive_owners=frozenset({"a", "b"}))
DEAD = Verdict(dead_owners=frozenset({"a"}), alive_owners=frozenset({"b"}))


async def test_sessions_of_an_owner_that_dies_are_lost_once(counting: Counting) -> None:
    assert [await counting.lost(each) for each in (ALIVE, ALIVE, DEAD, DEAD)] == [0, 0, 2, 0]


async def test_sessions_of_an_owner_that_was_dead_at_the_start_are_not_lost(
    counting: Counting,
) -> None:
    assert [await counting.lost(each) for each in (DEAD, DEAD)] == [0, 0]


@pytest.mark.parametrize("counted_first", [True, False])
async def test_sessions_of_a_dead_owner_that_recovery_closed_are_lost_once(
    counting: Counting, database: EmbeddedDatabase, *, counted_first: bool
) -> None:
    lost = [await counting.lost(ALIVE), await counting.lost(DEAD if counted_first else ALIVE)]
    for session in ("1", "2"):
        close(database, session, "ownerless")
    lost += [await counting.lost(DEAD) for _ in range(2)]
    assert lost == ([0, 2, 0, 0] if counted_first else [0, 0, 2, 0])


@pytest.mark.parametrize("counted_first", [True, False])
async def test_ghosts_that_recovery_closed_are_lost_once(
    counting: Counting, database: EmbeddedDatabase, *, counted_first: bool
) -> None:
    listed = Verdict(listed={"1": None, "2": None, "3": None})
    ghost = Verdict(listed={"1": None, "2": None}, ghosts=frozenset({"3"}))
    lost = [await counting.lost(listed), await counting.lost(ghost if counted_first else listed)]
    close(database, "3", "ghost")
    lost += [await counting.lost(ghost) for _ in range(2)]
    assert lost == ([0, 1, 0, 0] if counted_first else [0, 0, 1, 0])


async def test_while_evidence_is_unknown_the_slice_goes_on(counting: Counting) -> None:
    blind = Verdict(blind="the list did not answer")
    assert [await counting.lost(each) for each in (ALIVE, blind, blind, DEAD)] == [0, 0, 0, 2]


async def test_a_first_collection_without_evidence_has_no_slice(counting: Counting) -> None:
    blind = Verdict(blind="the list did not answer")
    assert [await counting.lost(each) for each in (blind, DEAD, DEAD)] == [None, 0, 0]


async def test_a_session_that_left_its_list_is_lost_once(counting: Counting) -> None:
    listed = Verdict(listed={"1": None, "2": None, "3": None})
    left = Verdict(listed={"1": None, "2": None})
    ghost = Verdict(listed={"1": None, "2": None}, ghosts=frozenset({"3"}))
    verdicts = (listed, left, ghost, ghost)
    assert [await counting.lost(each) for each in verdicts] == [0, 0, 1, 0]


async def test_what_its_age_orphans_when_it_leaves_its_list_is_lost_once(
    counting: Counting,
) -> None:
    listed = Verdict(listed={"1": None, "old": None})
    left = Verdict(listed={"1": None})
    assert [await counting.lost(each) for each in (listed, left, left)] == [0, 1, 0]


@pytest.mark.slow  # it waits until a line is crossed
async def test_what_goes_stale_in_its_list_is_lost_once(counting: Counting) -> None:
    seen = time.time() - 7200
    verdict = Verdict(listed={"1": seen + 1.5, "2": seen - 60, "3": None})
    assert [await counting.lost(verdict) for _ in range(2)] == [0, 0]
    await asyncio.sleep(1.8)
    assert [await counting.lost(verdict) for _ in range(2)] == [1, 0]
