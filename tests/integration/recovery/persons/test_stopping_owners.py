"""`close --owner` beside evidence: a person says that this one stops, and no other."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.rule.selection import PlannedStop
from tests.support.recovery.planned_stops import (
    CHAT,
    chat,
    prepare,
    run,
    still_open,
    stopping,
)
from tests.support.servers.statements import rows

EVIDENCE = """\
owners:
  pods:
    unique_per_start: true
    sql: SELECT 'b'
lists:
  chats:
    sql: SELECT id FROM public.chat
"""
WITH_EVIDENCE = CHAT.replace("owner: node", "owner: {of: node, in: pods}\n  list: chats")
LIVE = {"seen": "now()"}


async def test_the_sessions_of_an_owner_are_closed_by_hand_whatever_is_known_of_it(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Of both owners one is alive; what the list holds was not asked."""
    prepare(
        database,
        chat("a", node="'a'", **LIVE),
        chat("b", node="'b'", **LIVE),
        chat("old of b", node="'b'", seen="now() - interval '3 hours'"),
        chat("of none", node="NULL", seen="now() - interval '3 hours'"),
        chat("upper", node="'A'", **LIVE),
        chat("kept", node="'a'", vip="true", **LIVE),
    )
    async with stopping(database, tmp_path, WITH_EVIDENCE, evidence=EVIDENCE) as it:
        plan = await it.plan(PlannedStop("a", even_live=True))
        assert (plan.ready, plan.exempt) == (1, 1)
        outcome, left = await it.close(plan)
    assert (len(outcome.recovered), left) == (1, 0)
    assert still_open(database) == {"b", "old of b", "of none", "upper", "kept"}
    audited = "SELECT session[1], evidence ->> 'owner' FROM session_exporter.recovery"
    assert rows(database, audited) == [("a", "a")]


@pytest.mark.parametrize("new", ["'b'", "NULL", "'A'"])
async def test_a_session_that_another_owner_has_taken_since_the_plan_stays_open(
    database: EmbeddedDatabase, tmp_path: Path, new: str
) -> None:
    prepare(database, *(chat(name, node="'a'", **LIVE) for name in ("kept", "moved", "moved too")))
    async with stopping(database, tmp_path, WITH_EVIDENCE, evidence=EVIDENCE) as it:
        plan = await it.plan(PlannedStop("a"))
        assert plan.count == 3
        run(database, f"UPDATE chat SET node = {new}, seen = now() WHERE id LIKE 'moved%'")
        outcome, _ = await it.close(plan)
    assert len(outcome.recovered) == 1
    assert still_open(database) == {"moved", "moved too"}


@pytest.mark.parametrize("given", ["", "A", "a ", "%", "null", "a' OR true --", "a\\"])
async def test_no_other_id_than_the_owners_own_closes_anything(
    database: EmbeddedDatabase, tmp_path: Path, given: str
) -> None:
    prepare(database, chat("a", node="'a'", **LIVE), chat("of none", node="NULL", **LIVE))
    async with stopping(database, tmp_path, WITH_EVIDENCE, evidence=EVIDENCE) as it:
        plan = await it.plan(PlannedStop(given))
        assert (plan.concerned, plan.count) == (0, 0)
        assert (await it.close(plan))[0].recovered == []
    assert still_open(database) == {"a", "of none"}
