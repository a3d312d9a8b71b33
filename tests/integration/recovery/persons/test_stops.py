"""A wave stops automatic recovery for all exporters, until a person resumes or nothing is held."""

import asyncio

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import SourceError
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.servers.statements import execute, rows

WAVE = set(range(1, 7))
LIVE = set(range(100, 120))


@pytest.fixture(autouse=True)
def wave(database: EmbeddedDatabase, recover: Recover) -> None:
    """Six of 26 sessions have become orphaned together."""
    sessions(database, 1, 6, seen="61 minutes")
    sessions(database, 100, 20, seen="5 minutes")


def stops(database: EmbeddedDatabase) -> list[tuple[str, bool]]:
    query = "SELECT brake, resumed_at IS NULL FROM session_exporter.stop WHERE why <> 'a test'"
    return rows(database, f"{query} ORDER BY at")


@pytest.mark.quick("by statements")
async def test_it_is_written_once_and_outlasts_restarts_and_dilution(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover() as one, recover() as other:
        await one.run()
        for runner in (other, one, other):
            state = await runner.run()
            assert (state.brakes, state.held) == ({"share"}, 6)
    assert stops(database) == [("share", True)]
    let_pass(database, "10 hours")
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")
    sessions(database, 1000, 400, seen="1 minute")  # the night is over
    async with recover() as runner:
        state = await runner.run(3)
        assert (state.brakes, state.held) == ({"share"}, 6)
    assert open_ones(database) >= WAVE
    assert stops(database) == [("share", True)]


@pytest.mark.quick("by statements")
async def test_one_resume_is_enough_for_exporters_that_stop_at_the_same_moment(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover() as one, recover() as other:
        await asyncio.gather(one.run(), other.run())
        assert await one.by_hand.resume() is not None
        await one.run(2)
        assert (one.state.brakes, open_ones(database) & WAVE) == (frozenset(), WAVE)
    let_pass(database, "30 minutes")  # they have settled
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")
    async with recover() as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE


@pytest.mark.quick("by statements")
async def test_it_ends_when_no_session_is_left_that_it_holds(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 50, 1, seen="65 minutes")
    async with recover() as runner:
        assert (await runner.run(2)).held == 7
        execute(database, "DELETE FROM public.chat WHERE id < 50")
        assert (await runner.run()).brakes == {"share"}
        execute(database, "DELETE FROM public.chat WHERE id = 50")
        state = await runner.run()
        assert (state.brakes, state.held) == (frozenset(), 0)
    let_pass(database, "3 hours")
    sessions(database, 60, 1)  # a single one, orphaned since
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")
    async with recover() as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE
    assert stops(database) == [("share", True)]


@pytest.mark.quick("by statements")
async def test_what_fell_silent_after_the_stop_is_another_wave_for_another_resume(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 10, 14, seen="5 minutes")
    async with recover() as runner:
        await runner.run()
    execute(database, "UPDATE public.chat SET seen = now() WHERE id BETWEEN 10 AND 23")
    let_pass(database, "65 minutes")  # more than twice as many as were held, and than by chance
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")
    async with recover() as runner:
        state = await runner.run()
        assert (state.candidates, state.held) == (20, 6)
        held = await runner.by_hand.resume()
        assert held is not None
        assert (held.count, held.stop.brake) == (6, "share")
        state = await runner.run(3)
        assert (state.brakes, state.held) == ({"share"}, 20)
        assert stops(database) == [("share", False), ("share", True)]
    assert len(open_ones(database)) == 40


@pytest.mark.quick("by statements")
async def test_what_is_held_is_closed_after_the_resume_and_its_return_is_not(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover() as runner:
        await runner.run()
        await runner.by_hand.resume()
        execute(database, "UPDATE public.chat SET seen = now() WHERE id = 1")
    let_pass(database, "31 minutes")
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")
    async with recover() as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE | {1}


@pytest.mark.quick("by statements")
async def test_a_stop_that_has_ended_does_not_come_back(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    evidence = {"evidence": "EXISTS (SELECT FROM public.guard AS g WHERE g.id = s.id)"}
    execute(database, "CREATE TABLE public.guard (id int)", "INSERT INTO public.guard VALUES (50)")
    sessions(database, 50, 1, seen="2 days")
    async with recover(**evidence) as runner:
        assert (await runner.run(2)).held == 6
        execute(database, "DELETE FROM public.chat WHERE id < 7")
        assert (await runner.run(3)).brakes == frozenset()
    let_pass(database, "2 days")
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")
    async with recover(**evidence, is_trusted=False) as runner:
        assert (await runner.run(2)).brakes == frozenset()
    async with recover(**evidence, is_trusted=False) as runner:
        execute(database, "TRUNCATE public.guard")
        state = await runner.run(2)
        assert (state.brakes, state.candidates) == (frozenset(), 1)
        assert stops(database) == [("share", True)]


@pytest.mark.quick("by statements")
async def test_a_resume_of_the_budget_that_fails_leaves_no_stop_behind(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(
        database,
        "UPDATE public.chat SET seen = now() - n * interval '1 h' - interval '2 h'"
        " FROM generate_series(1, 6) AS n WHERE id = n",
    )
    async with recover() as runner:
        execute(
            database,
            "DELETE FROM session_exporter.stop",
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION 'no resuming'; END $$",
            "CREATE TRIGGER refuse BEFORE UPDATE ON session_exporter.stop"
            " FOR EACH ROW EXECUTE FUNCTION public.refuse()",
        )
        await runner.run(3)
        with pytest.raises(SourceError):
            await runner.by_hand.resume()
    assert stops(database) == []


@pytest.mark.quick("by statements")
async def test_a_resume_lifts_the_budget_of_a_day(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(
        database,
        "UPDATE public.chat SET seen = now() - n * interval '1 h' - interval '2 h'"
        " FROM generate_series(1, 6) AS n WHERE id = n",
    )
    async with recover() as runner:
        execute(database, "DELETE FROM session_exporter.stop")
        state = await runner.run(3)
        assert (state.brakes, state.held) == (frozenset(), 3)
        assert open_ones(database) == {1, 2, 3} | LIVE
        held = await runner.by_hand.held()
        assert held is not None
        assert (held.count, held.stop.brake, stops(database)) == (3, "budget", [])
        await runner.by_hand.resume()
        assert stops(database) == [("budget", False)]
        await runner.run(2)
        assert (open_ones(database), await runner.by_hand.held()) == (LIVE, None)


@pytest.mark.quick("by statements")
async def test_a_wave_whose_stop_could_not_be_written_is_not_forgotten(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover() as runner:  # which observed long ago
        let_pass(database, "2 hours")
        execute(
            database,
            "UPDATE public.chat SET seen = now() WHERE id >= 100",
            "ALTER TABLE session_exporter.stop ADD CHECK (brake <> 'share') NOT VALID",
        )
        assert sum((await runner.run()).failed.values()) == 1
    execute(database, "ALTER TABLE session_exporter.stop DROP CONSTRAINT stop_brake_check")
    async with recover() as runner:
        state = await runner.run(3)
    assert (state.brakes, state.held) == ({"share"}, 6)
    assert open_ones(database) >= WAVE
