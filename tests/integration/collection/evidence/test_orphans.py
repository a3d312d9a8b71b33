"""The list of orphans of a source with owners and a list, and the keys that they block."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter import sessions
from exporter.cli.output.orphans import orphan_json, orphan_table
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Reader
from exporter.sessions.orphan_list import list_blocked_keys, list_orphans
from exporter.sessions.verdict import Verdict
from tests.support.collection import declarations
from tests.support.collection.evidence import source_with_evidence
from tests.support.servers.statements import execute

CALLS = """\
calls:
  table: public.calls
  active: is_open
  started_at: started
  id: id
  owner: {of: server, in: servers}
  list: calls
  limit_per: {key: caller, max: 1}
  orphaned_after: ORPHANED_AFTER
  show: [caller]
"""
THRESHOLDS = {"fixed": "2h", "of the row": "{sql: s.patience}"}


@pytest.fixture
async def reader(database: EmbeddedDatabase) -> AsyncIterator[Reader]:
    execute(
        database,
        "CREATE TABLE public.calls (id int, caller text, server text, started timestamptz,"
        " is_open bool DEFAULT true, patience interval DEFAULT '2 h')",
        "INSERT INTO public.calls SELECT id, 'caller ' || id, server,"
        " now() - age::interval FROM (VALUES (1, NULL, '3 h'), (2, 'a', '1 min'),"
        " (3, 'b', '1 min'), (4, 'b', '5 h'), (5, 'b', '1 min'), (6, 'b', '4 h'))"
        " AS calls (id, server, age)",
    )
    pool = Database(declarations.settings_of(database.dsn))
    yield pool.reader()
    await pool.close()


@pytest.mark.quick("fixed")
@pytest.mark.parametrize("after", THRESHOLDS.values(), ids=THRESHOLDS)
async def test_each_orphan_has_its_cause_and_its_owner(
    reader: Reader, tmp_path: Path, after: str
) -> None:
    source = source_with_evidence(tmp_path, CALLS.replace("ORPHANED_AFTER", after))
    table = await sessions.bind(reader, source)
    now = float(await reader.value("SELECT extract(epoch FROM pg_catalog.now())::float8"))
    verdict = Verdict(
        dead_owners=frozenset("a"),
        listed={"4": now, "5": now - 3 * 3600},
        ghosts=frozenset("3"),
    )
    found = await list_orphans(reader, table, limit=10, verdict=verdict)
    causes = {each.id: (each.cause, each.owner, each.show["caller"]) for each in found.orphans}
    assert found.orphaned_count == 5
    assert causes == {
        "1": ("age", None, "caller 1"),
        "2": ("ownerless", "a", "caller 2"),
        "3": ("ghost", "b", "caller 3"),
        "5": ("stale_in_list", "b", "caller 5"),
        "6": ("age", "b", "caller 6"),
    }
    printed = orphan_table(source, "app", found, source.fixed_threshold)
    assert [line.split()[1:3] for line in printed.splitlines()[3:]] == [
        [causes[line.split()[0]][0], causes[line.split()[0]][1] or "-"]
        for line in printed.splitlines()[3:]
    ]
    programs: object = orphan_json(source, "app", found, source.fixed_threshold)
    assert isinstance(programs, dict)
    assert {each["id"]: (each["cause"], each["owner"]) for each in programs["orphans"]} == {
        key: (cause, owner) for key, (cause, owner, _) in causes.items()
    }
    blocked = await list_blocked_keys(reader, table, limit=10, verdict=verdict)
    assert {each.key for each in blocked.keys} == {f"caller {key}" for key in causes}


async def test_those_silent_for_longer_are_found_whatever_their_cause(
    reader: Reader, tmp_path: Path
) -> None:
    """Of a listed session its silence in the list counts."""
    source = source_with_evidence(tmp_path, CALLS.replace("ORPHANED_AFTER", "2h"))
    table = await sessions.bind(reader, source)
    now = float(await reader.value("SELECT extract(epoch FROM pg_catalog.now())::float8"))
    verdict = Verdict(
        dead_owners=frozenset("ab"), listed={"1": now - 4.5 * 3600}, ghosts=frozenset("3")
    )
    found = await list_orphans(reader, table, limit=10, older_than=4.2 * 3600, verdict=verdict)
    assert {each.id: each.cause for each in found.orphans} == {
        "4": "ownerless",
        "1": "stale_in_list",
    }
