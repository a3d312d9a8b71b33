"""A session that a person has undone is closed by hand only by another person's wish."""

import json
from pathlib import Path
from typing import Any

import pytest

from exporter.check.recovery import check_recovery
from exporter.cli.output.plan import plan_json, plan_text
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.manual import plan_stop
from exporter.recovery.plan.plan import Plan, make_plan
from exporter.recovery.rule.limits import Limits
from tests.support.recovery.automatic.runner import Recover, Runner, open_ones, runners, sessions
from tests.support.servers.statements import execute, rows


async def undo_two(database: EmbeddedDatabase, runner: Runner) -> None:
    """Automatic recovery has closed 1 and 2, a person has undone that, and 3 and 4 are lost."""
    sessions(database, 1, 2, seen="3 hours")
    await runner.run(2)
    assert await runner.by_hand.undo() == 2
    sessions(database, 3, 2)


async def plan_of(runner: Runner, *, with_undone: bool = False, **limits: Any) -> Plan:
    async with runner.by_hand.reader() as reader:
        return await make_plan(
            reader,
            runner.by_hand.source,
            with_backlog=False,
            with_undone=with_undone,
            show=20,
            limits=Limits(**limits),
        )


@pytest.mark.quick("by statements")
async def test_the_plan_counts_what_was_undone_and_closes_it_only_when_asked(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover() as runner:
        await undo_two(database, runner)
        plan = await plan_of(runner, ids=("1", "3"), older_than=7200.0)
        assert (plan.count, plan.undone, plan.eligible) == (1, 2, 2)
        assert [each.session for each in plan.previews] == ["3"]
        assert plan.unselected["1"].startswith("undone by a person")
        text = plan_text(plan, "app")
        assert "2 are left alone: undone by a person, and no life seen since; see --undone" in text
        assert "1 is left alone: not chosen by --id" in text
        shown: Any = plan_json(plan, "app")["plan"]
        assert (shown["left_alone"]["undone"], shown["would_close_undone"]) == (2, 0)

        checked = check_recovery(runner.by_hand.settings, runner.by_hand.source)
        (now,) = [each.message async for each in checked if each.check == "recovery now"]
        assert "2 left alone: undone by a person, without a sign of life since, and 2 would" in now
        if runner.by_hand.source.recovery.call is None:  # a planned stop is by statements
            async with runner.by_hand.reader() as reader:
                stop = await plan_stop(
                    reader,
                    runner.by_hand.source,
                    owner=None,
                    even_live=True,
                    show=0,
                    limits=Limits(),
                )
            assert (stop.count, stop.undone_count) == (4, 2)

        wished = await plan_of(runner, with_undone=True, most=3)
        assert "  3 would be closed, 2 of them undone by a person before" in plan_text(
            wished, "app"
        )
        shown = json.loads(json.dumps(plan_json(wished, "app")))["plan"]
        marks = {each["id"]: each["undone"] for each in shown["sessions"]}
        assert marks == {"1": True, "2": True, "3": False}
        assert (shown["would_close_undone"], "undone" in shown["left_alone"]) == (2, False)
        # What has shown life since is a session like any other.
        execute(database, "UPDATE public.chat SET seen = now() - interval '2 hours' WHERE id = 1")
        assert (await plan_of(runner)).count == 3


async def test_the_function_to_call_by_hand_leaves_alone_what_was_undone(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with runners(database, tmp_path, by_functions=True)() as runner:
        await undo_two(database, runner)
    closed = rows(database, "SELECT session_id FROM public.recover_stuck_chat()")
    assert sorted(closed) == [(3,), (4,)]
    assert open_ones(database) == {1, 2}
