"""Each transaction of automatic recovery heeds the stops that are there when it closes."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.close.batches import CloseRun, make_closer
from exporter.recovery.close.closer import Permission
from exporter.recovery.functions.installed import find_recover_function
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.connections import open_writer
from exporter.recovery.rule.selection import orphaned_sessions
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.recovery.close_runs import all_candidates
from tests.support.servers.statements import execute

STOP = (
    "INSERT INTO session_exporter.stop (source, at, brake, why)"
    " VALUES ('chat', now() - interval '{}', '{}', 'a test')"
)


async def test_a_stop_that_is_written_after_the_decision_holds_what_was_orphaned(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 1, seen="70 minutes")
    async with recover() as runner:
        source, settings = runner.by_hand.source, runner.by_hand.settings
        permission = Permission((await runner.by_hand.observe()).server)
        async with runner.by_hand.reader() as reader, open_writer(settings, source) as writer:
            rule = await bind_rule(reader, source)
            orphans = orphaned_sessions(rule, with_backlog=False)
            found = await all_candidates(reader, rule)
            function = await find_recover_function(reader, rule)

            async def close(*stops: str) -> set[int]:
                """What is open after the stops are written, and what was found is closed."""
                execute(database, *stops)
                closer = make_closer(writer, reader, orphans, function, permission=permission)
                outcome = await CloseRun(closer, 50, 0.0).close(found)
                assert outcome.closed + outcome.skipped == 3
                assert not outcome.refused
                return open_ones(database)

            never_judged = "UPDATE session_exporter.observation SET judged = NULL"
            assert await close(STOP.format("1 minute", "share"), never_judged) == {1, 2, 3}
            # It holds what was seen before it, and ends by itself: what came later is not held.
            at = "UPDATE session_exporter.stop SET {} WHERE resumed_at IS NULL"
            assert await close(at.format("at = now() - interval '90 minutes'")) == {1, 2}
            # One because sessions return holds all, also after a newer one that would not.
            returned = at.format("at = at - interval '1 day', brake = 'returned'")
            assert await close(returned, STOP.format("3 hours", "share")) == {1, 2}
            # One that is older than one that was resumed counts no more.
            older = STOP.format("2 days", "share")
            assert await close(at.format("resumed_at = now()"), older) == set()


@pytest.mark.quick("by functions")
async def test_a_stop_that_has_ended_holds_nothing_more(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    async with recover() as runner:
        execute(database, STOP.format("2 minutes", "share"))
        judged = "UPDATE session_exporter.observation SET judged = now() - interval '{}'"
        for ago, held in (("70 seconds", 2), ("-1 day", 2), ("50 seconds", 0)):
            execute(database, judged.format(ago))
            assert (await runner.by_hand.observe()).control.held == held
        assert (await runner.run(2)).brakes == frozenset()
        assert open_ones(database) == set()
        execute(database, "UPDATE session_exporter.stop SET brake = 'returned'")
        assert (await runner.run()).brakes == {"returned"}


@pytest.mark.quick("by statements")
async def test_what_another_rule_has_found_tells_where_this_one_was_not_in_use(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    async with recover() as runner:
        execute(
            database,
            STOP.format("2 minutes", "share"),
            "INSERT INTO session_exporter.observation (source, rule, since, until, judged, returns)"
            " SELECT source, 'another', since, until, now() - interval '50 seconds', '[]'"
            " FROM session_exporter.observation",
        )
        for since, held in ((52, 2), (48, 0)):
            execute(
                database,
                "UPDATE session_exporter.observation SET judged = NULL,"
                f" since = now() - interval '{since} seconds' WHERE rule <> 'another'",
            )
            assert (await runner.by_hand.observe()).control.held == held
        execute(database, "DELETE FROM session_exporter.observation WHERE rule <> 'another'")
        assert (await runner.by_hand.observe()).control.held == 0
