"""Left alone: what has not settled, what a person has undone, what was closed three times."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.plan.observer import Observer
from exporter.recovery.rule.binding import bind_rule
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.servers.statements import execute, rows

LIVE = set(range(100, 140))


@pytest.fixture(autouse=True)
def live(database: EmbeddedDatabase, recover: Recover) -> None:
    sessions(database, 100, 40, seen="1 minute")


def show_life(database: EmbeddedDatabase) -> None:
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")


@pytest.mark.quick("by statements")
async def test_nothing_is_closed_before_half_of_orphaned_after_more(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1, seen="89 minutes")
    async with recover() as runner:
        state = await runner.run(4)
        assert (state.candidates, state.brakes) == (1, frozenset())
    assert open_ones(database) == LIVE | {1}
    let_pass(database, "1 minute")
    async with recover() as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE


@pytest.mark.quick("by statements")
async def test_it_begins_with_the_first_observation_of_the_rule_by_any_exporter(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1, seen="5 hours")
    for passed in ("0 minutes", "20 minutes", "9 minutes"):
        let_pass(database, passed)
        show_life(database)
        async with recover(is_trusted=False) as runner:
            await runner.run(3)
            assert open_ones(database) == LIVE | {1}
    let_pass(database, "1 minute")
    async with recover(is_trusted=False) as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE
    assert rows(database, "SELECT count(*) FROM session_exporter.observation") == [(1,)]


@pytest.mark.quick("by statements")
async def test_a_threshold_that_is_lowered_starts_over(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1, seen="5 hours")
    sessions(database, 2, 1, seen="100 hours")
    async with recover({"orphaned_after": "8h"}) as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE | {1}
    async with recover(is_trusted=False) as runner:
        state = await runner.run(3)
        assert (state.candidates, state.brakes) == (1, frozenset())
    assert open_ones(database) == LIVE | {1}
    let_pass(database, "30 minutes")
    show_life(database)
    async with recover(is_trusted=False) as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE


@pytest.mark.quick("by statements")
@pytest.mark.parametrize(("passed", "runs"), [("10 hours", 2), ("6 minutes", 1)])
async def test_a_threshold_that_is_raised_and_lowered_again_starts_over(
    database: EmbeddedDatabase, recover: Recover, passed: str, runs: int
) -> None:
    sessions(database, 1, 1, seen="85 minutes")
    async with recover() as runner:
        await runner.run(2)
    let_pass(database, passed)
    show_life(database)
    async with recover({"orphaned_after": "8h"}, is_trusted=False) as runner:
        await runner.run(2)
    for left in reversed(range(runs)):
        async with recover(is_trusted=False) as runner:
            await runner.run(2)
        assert open_ones(database) == (LIVE | {1} if left else LIVE)
        let_pass(database, "30 minutes")
        show_life(database)


@pytest.mark.quick("by statements")
async def test_a_rule_that_changes_while_the_exporter_runs_starts_over(recover: Recover) -> None:
    async with recover() as runner, runner.by_hand.reader() as reader:
        source = runner.by_hand.source
        observer = Observer(source)
        for orphaned_after in (3600.0, 1800.0):
            changed = source.model_copy(update={"orphaned_after": orphaned_after})
            rule = await bind_rule(reader, changed)
            first, again = [await observer.observe(reader, rule, at=at) for at in (0.0, 4.0)]
            is_known = orphaned_after == 3600.0
            assert (first.control.observed_since == first.now) != is_known
            assert again.control.observed_since == first.control.observed_since


@pytest.mark.quick("by statements")
async def test_an_undone_session_is_left_alone_until_it_shows_life(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    async with recover() as runner:
        await runner.run(2)
        assert open_ones(database) == LIVE
        assert await runner.by_hand.undo() == 2
        state = await runner.run(3)
        assert (state.candidates, open_ones(database)) == (0, LIVE | {1, 2})
    let_pass(database, "1 day")
    show_life(database)
    # Another column is no sign of life.
    execute(
        database,
        "UPDATE public.chat SET seen = now() - interval '2 hours' WHERE id = 1",
        "UPDATE public.chat SET ended = NULL WHERE id = 2",
    )
    async with recover() as runner:
        await runner.run(3)
    assert open_ones(database) == LIVE | {2}


@pytest.mark.quick("by statements")
async def test_the_third_closure_of_a_session_within_three_days_is_the_last(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1, seen="4 hours")
    for _ in range(3):
        async with recover() as runner:
            await runner.run(2)
            assert open_ones(database) == LIVE
            execute(database, "UPDATE public.chat SET is_open = true, ended = NULL WHERE id = 1")
            await runner.run()  # it has to settle again
        let_pass(database, "31 minutes")
        show_life(database)
    async with recover() as runner:
        state = await runner.run(3)
        assert (state.candidates, open_ones(database)) == (0, LIVE | {1})
    let_pass(database, "72 hours")
    execute(database, "UPDATE public.chat SET seen = now() - interval '4 hours' WHERE id = 1")
    show_life(database)
    async with recover() as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE
