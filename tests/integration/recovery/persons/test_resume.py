"""What a person resumes, and what that does not decide: a wave that no exporter has found yet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from exporter.check.recovery import check_recovery
from exporter.cli.output.stops import resume_text
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import SourceError
from exporter.recovery.audit.control import resumed_until
from exporter.recovery.manual import ResumePlan, plan_resume
from exporter.recovery.status import Pause
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.live_sessions import add_live, lose_ten, passes, stops
from tests.support.recovery.automatic.runner import Recover, Runner, sessions
from tests.support.servers.statements import execute


@pytest.fixture(autouse=True)
def live(database: EmbeddedDatabase, recover: Recover) -> None:
    add_live(database)


@asynccontextmanager
async def held_by_budget(database: EmbeddedDatabase, recover: Recover) -> AsyncIterator[Runner]:
    """Ten sessions were lost one after the other; three are closed, and seven wait."""
    lose_ten(database, every="10 hours")
    async with recover(is_trusted=False) as runner:
        await runner.run()
    passes(database, "40 minutes")
    # Only four candidates are read.
    async with recover(is_trusted=False, per_run=2, max_count=2) as runner:
        state = await runner.run(3)
        assert (state.held, state.candidates) == (7, 8)
        skipped = state.skipped["budget"]
        assert skipped >= 7
        assert (await runner.run()).skipped["budget"] == skipped + 7  # counted in each run
        yield runner


@pytest.mark.quick("by statements")
async def test_a_resume_of_the_budget_waives_no_wave(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with held_by_budget(database, recover) as runner:
        held = await runner.by_hand.held()
        assert held is not None
        assert (held.stop.brake, held.count) == ("budget", 7)
        sessions(database, 20, 20, seen="70 minutes")  # no exporter has observed it yet
        held = await runner.by_hand.resume()
        assert held is not None
        assert (held.stop.brake, held.count) == ("share", 27)
        shown = resume_text(ResumePlan(held, None, ()), "chat", "app")
        why = "20 of 60 sessions became orphaned together"
        assert shown.startswith(f"chat (app) is about to be stopped by the next run, because {why}")


@pytest.mark.quick("by statements")
async def test_while_the_application_is_silent_no_budget_is_resumed(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with held_by_budget(database, recover) as runner:
        execute(database, "UPDATE public.chat SET seen = now() - interval '40 m' WHERE id >= 100")
        with pytest.raises(SourceError, match=r"nothing was resumed.*silent: no recent sign"):
            await runner.by_hand.resume()
    assert stops(database) == []


@pytest.mark.quick("by statements")
@pytest.mark.parametrize("mode", ["auto", "disabled"])
async def test_a_resume_says_what_else_keeps_sessions_from_being_closed(
    database: EmbeddedDatabase, recover: Recover, mode: str
) -> None:
    execute(
        database,
        "INSERT INTO session_exporter.stop (source, brake, why) VALUES ('chat', 'share', 'x')",
    )
    let_pass(database, "40 minutes")
    sessions(database, 1, 5, seen="2 hours")
    async with (
        recover(mode=mode, is_trusted=False) as runner,
        runner.by_hand.reader() as reader,
    ):
        plan = await plan_resume(reader, runner.by_hand.source, show=0)
    assert plan.held is not None
    shown = resume_text(plan, "chat", "app")
    pause = Pause(0.0, "alice", None)
    paused = resume_text(replace(plan, held=None, paused=pause), "chat", "app")
    obstacle = {
        "auto": "silent: no recent sign of life in any of 45 active sessions; is the application "
        "itself down? Sessions have to show life first, and then for 30m more",
        "disabled": "mode disabled: nothing is closed automatically; set recovery.mode: auto",
    }
    for text in (shown, paused):
        assert f"\n  nothing is closed while this lasts: {obstacle[mode]}" in text


@pytest.mark.quick("by statements")
async def test_a_resume_shows_each_brake_that_it_waives(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    """A stop because sessions return holds all, also a wave that no person has seen."""
    execute(
        database,
        "INSERT INTO session_exporter.stop (source, brake, why) VALUES ('chat', 'returned', 'x')",
    )
    sessions(database, 1, 20, seen="70 minutes")
    async with recover(is_trusted=False) as runner, runner.by_hand.reader() as reader:
        plan = await plan_resume(reader, runner.by_hand.source, show=0)
    first, second, *_ = resume_text(plan, "chat", "app").splitlines()
    assert first.startswith("chat (app) is stopped since ")
    assert first.endswith(", because x")
    assert second.startswith("  and share: 20 of 60 sessions became orphaned together")


@pytest.mark.quick("by statements")
async def test_a_resume_by_a_rule_that_no_exporter_has_says_so(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    """A config that was edited, while the exporters still run with the one before."""

    async def obstacles(runner: Runner) -> tuple[str, ...]:
        async with runner.by_hand.reader() as reader:
            return (await plan_resume(reader, runner.by_hand.source, show=0)).obstacles

    async with recover(is_trusted=False) as running:
        assert await obstacles(running) == ()  # no exporter runs
        await running.run()
        assert await obstacles(running) == ()
        async with recover(is_trusted=False, end_at="now()") as edited:
            (other,) = await obstacles(edited)
            assert other.startswith("the exporters had another rule than this config at ")
            await edited.run()  # they are restarted with it, one by one
            assert await obstacles(edited) == ()
            passes(database, "2 hours")
            assert await obstacles(running) == ()  # none runs any more


@pytest.mark.quick("by statements")
async def test_without_evidence_it_is_not_known_what_is_held(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(database, "CREATE TABLE public.guard (id int)")
    async with recover(evidence="EXISTS (SELECT FROM public.guard)") as runner:
        execute(database, "DROP TABLE public.guard")
        with pytest.raises(SourceError, match="the evidence cannot be read"):
            await runner.by_hand.resume()
    sessions(database, 1, 1)
    async with recover(evidence="1 / (s.id - 1) > 5") as runner:
        checked = check_recovery(runner.by_hand.settings, runner.by_hand.source)
        found = {each.check: each.message async for each in checked}
    assert found["recovery evidence"].startswith("the evidence cannot be read: recovery.evidence")
    assert "correct this expression" in found["recovery evidence"]
    assert "recovery other" not in found


@pytest.mark.quick("by statements")
@pytest.mark.parametrize("mode", ["dry_run", "disabled"])
async def test_where_nothing_is_closed_automatically_no_budget_holds_anything(
    database: EmbeddedDatabase, recover: Recover, mode: str
) -> None:
    sessions(database, 1, 20, seen="5 hours")
    async with recover(mode=mode) as runner:
        assert await runner.by_hand.resume() is None
    assert stops(database) == []


@pytest.mark.quick("by statements")
async def test_a_resume_while_the_clock_was_ahead_hides_no_later_stop(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 20, seen="61 minutes")
    async with recover() as runner:
        execute(
            database,
            "INSERT INTO session_exporter.stop (source, at, brake, why, resumed_at, wave, rule)"
            " SELECT 'chat', later, 'share', 'a test', later, 99, rule"
            " FROM session_exporter.observation, (SELECT now() + interval '3 h' AS later)",
        )
        assert (await runner.run(2)).brakes == {"share"}
        assert (await runner.run(2)).held == 20
        async with runner.by_hand.reader() as reader:
            resumed = await resumed_until(reader, "chat")
            now = await reader.value("SELECT extract(epoch FROM now())::float8")
            assert float("-inf") < resumed < now  # not the one of the future
        assert await runner.by_hand.resume() is not None
        assert stops(database) == ["share"]
        assert (await runner.run(2)).brakes == frozenset()
