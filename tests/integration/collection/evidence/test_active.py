"""What one collection counts and compares of a source with owners and a list."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter import sessions
from exporter.collection.active import Active, ActiveValues
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Reader
from exporter.sessions.verdict import NO_EVIDENCE, Verdict
from tests.support.collection import declarations
from tests.support.collection.evidence import source_with_evidence
from tests.support.collection.pages import values
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
  overlong_after: 10h
  daily: null
"""
HOUR = 3600.0


@pytest.fixture
async def reader(database: EmbeddedDatabase) -> AsyncIterator[Reader]:
    pool = Database(declarations.settings_of(database.dsn))
    yield pool.reader()
    await pool.close()


def rows(database: EmbeddedDatabase, *sessions_: tuple[str, str, str, str]) -> None:
    """Each as id, server (SQL), and the ages of its start and of its last sign of life."""
    listed = ", ".join(
        f"('{key}', {server}, now() - interval '{age}', now() - interval '{silence}')"
        for key, server, age, silence in sessions_
    )
    execute(
        database,
        "CREATE TABLE public.calls (id text, server text, started timestamptz, seen timestamptz,"
        " is_open bool DEFAULT true)",
        f"INSERT INTO public.calls VALUES {listed}",
        "INSERT INTO public.calls VALUES ('undated', 'b', NULL, NULL)",
        "INSERT INTO public.calls VALUES ('closed', 'c', now(), now(), false)",
    )


async def collected(
    reader: Reader, folder: Path, verdict: Verdict, text: str = CALLS
) -> ActiveValues:
    table = await sessions.bind(reader, source_with_evidence(folder, text))
    found = await Active().collect(reader, table, None, verdict)
    samples = values(Active().samples(table.source, found))
    by_cause = {
        dict(labels)["cause"]: value
        for (name, labels), value in samples.items()
        if name == "sessions_orphaned_by_cause"
    }
    assert by_cause == found.by_cause
    assert sum(by_cause.values()) == samples["sessions_orphaned", frozenset()]
    return found


async def test_orphans_are_counted_by_cause(
    database: EmbeddedDatabase, reader: Reader, tmp_path: Path
) -> None:
    rows(
        database,
        ("old", "'a'", "5 h", "3 h"),
        ("older", "NULL", "6 h", "4 h"),
        ("dead", "'b'", "20 h", "1 min"),
        ("dead too", "'b'", "20 h", "5 h"),
        ("ghost", "'a'", "20 h", "1 min"),
        ("stale", "'a'", "5 h", "3 h"),
        ("stale by the list", "'a'", "5 h", "1 min"),
        ("listed", "'a'", "5 h", "3 h"),
        ("long", "'a'", "20 h", "1 min"),
    )
    now = await reader.value("SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8")
    found = await collected(
        reader,
        tmp_path,
        Verdict(
            dead_owners=frozenset("b"),
            listed={
                "stale": now - 3 * HOUR,
                "stale by the list": now - 2.5 * HOUR,
                "listed": now,
                "another": now,
                "closed": None,
            },
            ghosts=frozenset({"ghost"}),
            list_at=7.0,
        ),
    )
    assert found.by_cause == {"ownerless": 2, "stale_in_list": 2, "ghost": 1, "age": 2}
    assert (found.total.active, found.total.orphaned, found.total.overlong) == (10, 7, 1)
    # Of the two by age, and of the one whose row is as silent as its list says.
    assert found.excess == pytest.approx((1 + 2 + 1) * HOUR, abs=60)
    assert found.inconsistent["undated"] == 1
    beside = found.evidence
    assert beside is not None
    assert (beside.list_at, beside.active, beside.listed) == (7.0, 10, 3)
    assert list(beside.unlisted) == ["dead too", "older", "old", *list(beside.unlisted)[3:]]
    assert set(beside.unlisted) == {"old", "older", "dead", "dead too", "ghost", "long"}
    assert beside.unlisted["older"] == pytest.approx(4 * HOUR, abs=60)
    assert beside.untracked == frozenset({"another", "closed"})
    assert beside.owners is not None
    assert {owner: each.active for owner, each in beside.owners.items()} == {"a": 6, "b": 3}
    assert beside.owners["b"].silence == pytest.approx(60, abs=60)


async def test_all_causes_are_served_where_nothing_is_known(
    database: EmbeddedDatabase, reader: Reader, tmp_path: Path
) -> None:
    rows(database, ("old", "'a'", "5 h", "3 h"))
    found = await collected(reader, tmp_path, NO_EVIDENCE)
    assert found.by_cause == {"ownerless": 0, "stale_in_list": 0, "ghost": 0, "age": 1}
    assert found.evidence is not None
    assert found.evidence.untracked == frozenset()
    assert set(found.evidence.unlisted) == {"old"}
