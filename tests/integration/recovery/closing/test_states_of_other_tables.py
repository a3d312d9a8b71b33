"""Why `recovery.evidence` is a key of its own: other keys say less of a state of another table.

Session 1 lives as long as a task of it runs, which is a state and has no time.
"""

from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.servers.statements import execute

pytestmark = pytest.mark.quick("by statements")

RUNS = "EXISTS (SELECT FROM public.task AS t WHERE t.session = s.id AND t.running)"
SEEN_NOW = f"greatest(s.seen, CASE WHEN {RUNS} THEN now() END)"

#: Ways to declare it: keys of the source, and of its recovery.
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "evidence": ({}, {"evidence": RUNS}),
    "exempt": ({}, {"exempt": RUNS}),
    "last_seen_at": ({"last_seen_at": SEEN_NOW}, {}),
}


@pytest.fixture(autouse=True)
def tasks(database: EmbeddedDatabase, recover: Recover) -> None:
    execute(database, "CREATE TABLE public.task (session int, running bool)")


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_keeps_a_session_from_being_closed(
    database: EmbeddedDatabase, recover: Recover, way: str
) -> None:
    source, recovery = WAYS[way]
    sessions(database, 1, 2)
    sessions(database, 100, 60, seen="5 minutes")
    execute(database, "INSERT INTO public.task VALUES (1, true)")
    async with recover(source, **recovery) as runner:
        await runner.run(3)
    assert open_ones(database) == {1, *range(100, 160)}


@pytest.mark.parametrize(("way", "is_noticed"), [("evidence", True), ("last_seen_at", False)])
async def test_a_state_as_a_sign_of_life_hides_that_heartbeats_have_stopped(
    database: EmbeddedDatabase, recover: Recover, way: str, is_noticed: bool
) -> None:
    source, recovery = WAYS[way]
    sessions(database, 1, 5, seen="61 minutes")
    execute(database, "INSERT INTO public.task VALUES (1, true)")
    async with recover(source, **recovery) as runner:
        assert ("silent" in (await runner.run(2)).brakes) == is_noticed


@pytest.mark.parametrize(
    ("way", "contradicted"), [("evidence", 1), ("exempt", 0), ("last_seen_at", 0)]
)
async def test_only_as_evidence_a_state_contradicts_that_a_session_was_closed(
    database: EmbeddedDatabase, recover: Recover, way: str, contradicted: int
) -> None:
    """So recovery learns that it was wrong, and the brake `returned` counts it."""
    source, recovery = WAYS[way]
    sessions(database, 1, 1)
    sessions(database, 100, 60, seen="5 minutes")
    async with recover(source, **recovery) as runner:
        await runner.run(3)
        assert 1 not in open_ones(database)
        execute(database, "INSERT INTO public.task VALUES (1, true)")
        assert (await runner.run()).contradicted == contradicted
