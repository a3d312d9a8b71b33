"""What a stop holds, run after run, until none of it is orphaned any more."""

import pytest

from exporter.cli.output.stops import resume_text
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.manual import ResumePlan, plan_resume
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.quick("by statements")


async def test_a_stop_is_one_and_holds_what_was_orphaned_until_none_of_it_is(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 20, seen="5 minutes")
    sessions(database, 21, 5, seen="70 minutes")
    async with recover() as runner:
        await runner.run()
        state = await runner.run(3)
        assert (state.held, state.brakes) == (5, frozenset({"share"}))
        # What was seen after the stop neither prolongs it nor is it held by it.
        execute(
            database,
            "UPDATE session_exporter.stop SET at = now() - interval '65 minutes'"
            " WHERE resumed_at IS NULL",
            "UPDATE session_exporter.observation SET judged = now() - interval '65 minutes'",
            "DELETE FROM public.chat WHERE id BETWEEN 21 AND 24",
        )
        sessions(database, 26, 1, seen="1 hour")
        state = await runner.run()
        assert state.held == 1
        stops = "SELECT brake FROM session_exporter.stop WHERE resumed_at IS NULL"
        assert rows(database, stops) == [("share",)]
        execute(database, "DELETE FROM public.chat WHERE id = 25")
        state = await runner.run()
        assert (state.held, state.brakes) == (0, frozenset())
    assert open_ones(database) == {*range(1, 21), 26}


async def test_the_wait_for_a_budget_is_no_stop_and_an_infinite_one_is_resumed(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 4)
    sessions(database, 100, 40, seen="5 minutes")
    async with recover() as runner:
        execute(database, "DELETE FROM session_exporter.stop")
        async with runner.by_hand.reader() as reader:
            plan = await plan_resume(reader, runner.by_hand.source, show=0)
        shown = resume_text(plan, "chat", "app")
        assert shown.startswith("chat (app) is not stopped, but may close fewer sessions within 24")
        execute(
            database,
            "INSERT INTO session_exporter.stop (source, at, brake, why)"
            " VALUES ('chat', 'infinity', 'share', 'a broken clock')",
        )
        held = await runner.by_hand.resume()
        assert held is not None
        shown = resume_text(ResumePlan(held, None, ()), "chat", "app")
        assert "is stopped since infinity" in shown
    (row,) = rows(database, "SELECT resumed_at IS NOT NULL FROM session_exporter.stop")
    assert row == (True,)
