"""A dry run stops as automatic recovery does, and writes nothing: its stops are in its memory."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.rule.binding import bind_rule
from tests.support.recovery.automatic.live_sessions import add_live, stops
from tests.support.recovery.automatic.runner import Recover, Runner, sessions
from tests.support.servers.statements import execute

WAVE = 9


@pytest.fixture(autouse=True)
def wave(database: EmbeddedDatabase, recover: Recover) -> None:
    """Nine of 49 sessions have become orphaned together."""
    sessions(database, 1, WAVE, seen="61 minutes")
    add_live(database)


async def stopped(runner: Runner, database: EmbeddedDatabase) -> None:
    """The brake is on, and then off: many sessions have started."""
    assert (await runner.run()).held == WAVE
    sessions(database, 1000, 400, seen="1 minute")


@pytest.mark.parametrize("mode", ["auto", "dry_run", "dry_run without an audit"])
@pytest.mark.quick("by statements")
async def test_a_dry_run_stops_for_as_long_as_automatic_recovery(
    database: EmbeddedDatabase, recover: Recover, mode: str
) -> None:
    if mode == "dry_run without an audit":
        execute(database, "DROP SCHEMA session_exporter CASCADE")
    async with recover(mode=mode.split(maxsplit=1)[0], is_trusted=False) as runner:
        await stopped(runner, database)
        state = await runner.run(3)
        assert (state.brakes, state.held) == ({"share"}, WAVE)
        execute(database, "UPDATE public.chat SET seen = now() WHERE id = 1")
        state = await runner.run(2)
        assert (state.brakes, state.held) == ({"share"}, WAVE - 1)
        if mode == "auto":  # another exporter might have observed before it was written
            older = "UPDATE session_exporter.stop SET at = at - interval '2 minutes'"
            execute(database, older)
        execute(database, f"DELETE FROM public.chat WHERE id <= {WAVE}")
        state = await runner.run()
        assert (state.brakes, state.held) == (frozenset(), 0)
        # It has ended, and holds nothing new.
        execute(database, "UPDATE public.chat SET seen = now() - interval '61 m' WHERE id = 100")
        state = await runner.run(2)
        assert (state.brakes, state.held, state.candidates) == (frozenset(), 0, 1)
    if mode == "dry_run":
        assert stops(database) == []


@pytest.mark.quick("by statements")
async def test_a_resume_ends_what_a_dry_run_remembers(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover(mode="dry_run") as runner:
        await stopped(runner, database)
        assert (await runner.run()).held == WAVE
        async with runner.by_hand.reader() as reader:
            rule = await bind_rule(reader, runner.by_hand.source)
        execute(
            database,
            "INSERT INTO session_exporter.stop (source, brake, why, resumed_at, rule)"
            f" VALUES ('chat', 'share', 'another exporter', now(), '{rule.fingerprint}')",
        )
        state = await runner.run()
        assert (state.brakes, state.held) == (frozenset(), 0)
