"""Counts, the list and recovery ask one function what is orphaned."""

from pathlib import Path

import pytest

from exporter import sessions
from exporter.collection.active import Active
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from exporter.recovery.close.candidates import find_candidates
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.selection import orphaned_sessions
from exporter.sessions import session_table
from exporter.sessions.orphan_list import list_orphans
from tests.support.collection import declarations
from tests.support.servers.statements import execute

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  id: id
  orphaned_after: 2h
  recovery: {set: {is_open: "false"}, end_at: now}
"""
TIMES = {
    "start": CHAT,
    "heartbeat": CHAT.replace("  id:", "  last_seen_at: seen\n  id:"),
    "number": CHAT.replace("started_at: started", "started_at: {column: number, epoch: s}"),
}


@pytest.mark.parametrize("source", TIMES.values(), ids=TIMES)
async def test_counts_list_and_recovery_follow_a_change_of_the_condition(
    database: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    """Also one that has nothing to do with ages: here a single young session is orphaned."""
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool, started timestamptz,"
        " seen timestamptz, number bigint)",
        "INSERT INTO public.chat SELECT id, true, at, at, extract(epoch FROM at)"
        " FROM (SELECT id, now() - id * interval '1 h' AS at FROM generate_series(0, 5) AS id)"
        " AS sessions",
    )
    monkeypatch.setattr(session_table, "is_orphaned", lambda *_: "(s.id = 1)")
    chat = declarations.source_of(tmp_path, source)
    pool = Database(declarations.settings_of(database.dsn))
    try:
        reader = pool.reader()
        table = await sessions.bind(reader, chat)
        counted = await Active().collect(reader, table, None)
        listed = await list_orphans(reader, table, limit=10)
        selection = orphaned_sessions(await bind_rule(reader, chat), with_backlog=True)
        found = [each.session async for page in find_candidates(reader, selection) for each in page]
    finally:
        await pool.close()
    assert counted.total.orphaned == listed.orphaned_count == 1
    assert [each.id for each in listed.orphans] == found == ["1"]
