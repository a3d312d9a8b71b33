"""A wave is what became orphaned together, by whatever made it so, whenever it is judged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import SourceError
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.runner import Recover, Runner, open_ones, sessions
from tests.support.servers.statements import execute, rows

LIVE = set(range(100, 140))

#: Sessions whose age alone makes them orphaned, and which something else keeps from it.
GUARDED = set(range(1, 21))

#: What keeps them from it, by its config, and what ends that for all of them at once.
GUARDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "evidence": (
        {"evidence": "EXISTS (SELECT FROM public.guard AS g WHERE g.id = s.id)"},
        "INSERT INTO public.guard SELECT generate_series(1, 20)",
        "TRUNCATE public.guard",
    ),
    "exempt": (
        {"exempt": "EXISTS (SELECT FROM public.guard AS g WHERE g.id = s.id)"},
        "INSERT INTO public.guard SELECT generate_series(1, 20)",
        "TRUNCATE public.guard",
    ),
    "opened again": (
        {},
        "UPDATE public.chat SET is_open = false WHERE id < 100",
        "UPDATE public.chat SET is_open = true WHERE id < 100",
    ),
}


@pytest.fixture(autouse=True)
def live(database: EmbeddedDatabase, recover: Recover) -> None:
    sessions(database, 100, 40, seen="1 minute")
    execute(database, "CREATE TABLE public.guard (id int)")


def beat(database: EmbeddedDatabase) -> None:
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")


def stops(database: EmbeddedDatabase) -> list[str]:
    found = rows(database, "SELECT brake FROM session_exporter.stop WHERE why <> 'a test'")
    return [brake for (brake,) in found]


@pytest.mark.quick("by statements-evidence")
@pytest.mark.parametrize("guard", GUARDS)
async def test_what_guards_many_sessions_ends_for_all_at_once(
    database: EmbeddedDatabase, recover: Recover, guard: str
) -> None:
    config, guarding, ending = GUARDS[guard]
    sessions(database, 1, 20, seen="5 hours")
    execute(database, guarding)
    async with recover(**config) as runner:
        assert (await runner.run(2)).brakes == frozenset()
        execute(database, ending)
        state = await runner.run(3)
        assert (state.brakes, state.held) == ({"share"}, 20)
    let_pass(database, "3 hours")
    beat(database)
    async with recover(**config) as runner:
        assert (await runner.run(3)).brakes == {"share"}
    assert open_ones(database) == GUARDED | LIVE


@pytest.mark.quick("by statements-evidence")
@pytest.mark.parametrize("guard", GUARDS)
async def test_while_no_exporter_ran(
    database: EmbeddedDatabase, recover: Recover, guard: str
) -> None:
    config, guarding, ending = GUARDS[guard]
    sessions(database, 1, 20, seen="5 hours")
    execute(database, guarding)
    async with recover(**config) as runner:
        await runner.run(2)
    execute(database, ending)
    async with recover(**config) as runner:
        assert (await runner.run(3)).brakes == {"share"}
    assert open_ones(database) == GUARDED | LIVE


@pytest.mark.quick("by statements-evidence")
@pytest.mark.parametrize("guard", GUARDS)
async def test_a_single_session_settles_from_then_on(
    database: EmbeddedDatabase, recover: Recover, guard: str
) -> None:
    config, guarding, ending = GUARDS[guard]
    sessions(database, 1, 1, seen="5 hours")
    execute(database, guarding)
    async with recover(**config) as runner:
        await runner.run(2)
        execute(database, ending)
        state = await runner.run(3)
        assert (state.brakes, state.candidates) == (frozenset(), 1)
    let_pass(database, "29 minutes")
    beat(database)
    async with recover(**config) as runner:  # another exporter knows since when, too
        await runner.run(3)
        assert open_ones(database) == {1} | LIVE
    let_pass(database, "2 minutes")
    async with recover(**config) as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE


@pytest.mark.quick("by statements")
async def test_a_second_wave_waits_for_its_own_decision_however_long_the_first_lasts(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 6, seen="61 minutes")
    sessions(database, 10, 13, seen="5 minutes")
    async with recover() as runner:
        assert (await runner.run(2)).brakes == {"share"}
    execute(database, "UPDATE public.chat SET seen = now() WHERE id BETWEEN 10 AND 22")
    for _ in range(8):
        let_pass(database, "25 minutes")
        beat(database)
        async with recover() as runner:
            state = await runner.run(2)
    assert (state.brakes, state.held) == ({"share"}, 6)
    async with recover() as runner:
        await runner.by_hand.resume()
        state = await runner.run(3)
        assert (state.brakes, state.held) == ({"share"}, 19)
    assert open_ones(database) >= set(range(10, 23)) | LIVE


@pytest.mark.quick("by statements")
async def test_a_second_wave_is_judged_when_nothing_is_left_of_the_first(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 6, seen="61 minutes")
    sessions(database, 10, 13, seen="5 minutes")
    async with recover() as runner:
        await runner.run(2)
    execute(database, "UPDATE public.chat SET seen = now() WHERE id BETWEEN 10 AND 22")
    for _ in range(6):
        let_pass(database, "25 minutes")
        beat(database)
        async with recover() as runner:
            await runner.run(2)
    execute(database, "DELETE FROM public.chat WHERE id < 10")
    async with recover() as runner:
        state = await runner.run(3)
        assert (state.brakes, state.held) == ({"share"}, 13)
    assert stops(database) == ["share", "share"]


@pytest.mark.quick("by statements")
async def test_a_wave_while_the_evidence_cannot_be_read_is_judged_afterwards(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    config, *_ = GUARDS["evidence"]
    sessions(database, 1, 20, seen="5 minutes")
    async with recover(**config) as runner:
        await runner.run(2)
        execute(database, "ALTER TABLE public.guard RENAME TO hidden")
        for _ in range(4):
            let_pass(database, "40 minutes")
            beat(database)
            assert "blind" in (await runner.run()).brakes
    execute(database, "ALTER TABLE public.hidden RENAME TO guard")
    async with recover(**config) as runner:
        assert (await runner.run(3)).brakes == {"share"}
    assert open_ones(database) == GUARDED | LIVE


@asynccontextmanager
async def held_by_budget(database: EmbeddedDatabase, recover: Recover) -> AsyncIterator[Runner]:
    """Ten sessions were lost one after the other; three are closed, and seven wait."""
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen) SELECT n, now() - interval '30 days',"
        " now() - n * interval '10 h' FROM generate_series(1, 10) AS n",
    )
    async with recover(is_trusted=False) as runner:
        await runner.run()
    let_pass(database, "40 minutes")
    beat(database)
    async with recover(is_trusted=False) as runner:
        assert (await runner.run(3)).held == 7
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
        assert "20 of 60 sessions became orphaned together" in held.stop.why


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
async def test_without_evidence_it_is_not_known_what_is_held(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover(evidence="EXISTS (SELECT FROM public.guard)") as runner:
        execute(database, "DROP TABLE public.guard")
        with pytest.raises(SourceError, match="the evidence cannot be read"):
            await runner.by_hand.resume()


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
async def test_a_higher_max_age_is_another_rule_that_no_person_has_resumed(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen) SELECT n, now() - interval '90 days',"
        " now() - interval '8 days' - n * interval '2 h' FROM generate_series(1, 20) AS n",
    )
    async with recover(max_age="7d") as runner:
        assert (await runner.run(3)).candidates == 0
    async with recover(max_age="60d", is_trusted=False) as runner:
        state = await runner.run(3)
        assert (state.candidates, state.brakes) == (20, frozenset())
    assert open_ones(database) == GUARDED | LIVE
    let_pass(database, "40 minutes")
    beat(database)
    async with recover(max_age="60d", is_trusted=False) as runner:
        await runner.run(3)
    assert len(open_ones(database) & GUARDED) == 17


@pytest.mark.quick("by statements")
async def test_sessions_that_are_refused_take_nothing_of_the_budget(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen) SELECT n, now() - interval '30 days',"
        " now() - interval '3 days' + n * interval '2 h' FROM generate_series(1, 10) AS n",
    )
    async with recover(is_trusted=False) as runner:
        await runner.run()
    let_pass(database, "40 minutes")
    beat(database)
    execute(
        database,
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'protected'; END $$",
        "CREATE TRIGGER refuse BEFORE UPDATE ON public.chat FOR EACH ROW WHEN (NEW.id <= 5)"
        " EXECUTE FUNCTION public.refuse()",
    )
    async with recover(is_trusted=False) as runner:
        await runner.run(5)
    assert GUARDED - open_ones(database) >= {6, 7, 8}
    assert open_ones(database) >= {1, 2, 3, 4, 5}


@pytest.mark.quick("by statements")
async def test_sessions_that_others_hold_take_nothing_of_the_budget(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen) SELECT n, now() - interval '30 days',"
        " now() - interval '3 days' + n * interval '2 h' FROM generate_series(1, 10) AS n",
    )
    async with recover(is_trusted=False) as runner:
        await runner.run()
    let_pass(database, "40 minutes")
    beat(database)
    with database.connect() as connection, connection.transaction():
        connection.execute("SELECT FROM public.chat WHERE id <= 5 FOR UPDATE")
        async with recover(is_trusted=False) as runner:
            await runner.run(5)
        assert GUARDED - open_ones(database) >= {6, 7, 8}


async def undo_all(database: EmbeddedDatabase, runner: Runner, count: int) -> None:
    """Automatic recovery has closed sessions, and a person has undone that."""
    sessions(database, 1, count, seen="2 hours")
    await runner.run(2)
    assert await runner.by_hand.undo() == count


@pytest.mark.quick("by statements")
@pytest.mark.parametrize("server", [None, "owner"])
async def test_sessions_that_were_undone_are_part_of_no_wave_and_stop_nothing(
    database: EmbeddedDatabase, recover: Recover, server: str | None
) -> None:
    execute(
        database,
        "ALTER TABLE public.chat ADD COLUMN owner text",
        "CREATE FUNCTION public.own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.owner := CASE WHEN NEW.id < 10 THEN 'a' ELSE 'b' END; RETURN NEW; END $$",
        "CREATE TRIGGER own BEFORE INSERT OR UPDATE ON public.chat FOR EACH ROW"
        " EXECUTE FUNCTION public.own()",
    )
    async with recover() as runner:
        await undo_all(database, runner, 4)
    more: dict[str, Any] = {} if server is None else {"server": server}
    let_pass(database, "40 minutes")
    beat(database)
    async with recover(**more) as runner:
        state = await runner.run(3)
        assert (state.brakes, state.held, state.candidates) == (frozenset(), 0, 0)
        sessions(database, 20, 3, seen="61 minutes")  # with these, it would be a wave
        state = await runner.run(3)
        assert (state.brakes, state.candidates) == (frozenset(), 3)
    assert stops(database) == []


@pytest.mark.quick("by statements")
async def test_sessions_that_were_undone_wait_for_no_budget(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover() as runner:
        await undo_all(database, runner, 4)
    execute(database, "DELETE FROM session_exporter.stop")
    async with recover(is_trusted=False) as runner:
        assert (await runner.run(2)).held == 0
        assert await runner.by_hand.held() is None


@pytest.mark.quick("by statements")
async def test_what_a_stop_shows_as_held_are_none_that_were_undone(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover() as runner:
        await undo_all(database, runner, 4)
        sessions(database, 20, 10, seen="61 minutes")
        assert (await runner.run(2)).held == 10
        held = await runner.by_hand.held(show=100)
        assert held is not None
        assert (held.count, len(held.previews)) == (10, 10)


@pytest.mark.quick("by statements")
async def test_an_undone_session_is_left_alone_by_each_source_of_its_table(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover() as runner:
        await undo_all(database, runner, 2)
    execute(database, "UPDATE session_exporter.recovery SET source = 'another'")
    async with recover() as runner:
        assert (await runner.run(3)).candidates == 0
    assert open_ones(database) == {1, 2} | LIVE


@pytest.mark.quick("by statements")
async def test_an_owner_whose_name_is_empty_may_fall_silent_too(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(database, "ALTER TABLE public.chat ADD COLUMN owner text NOT NULL DEFAULT 'b'")
    async with recover(server="owner") as runner:
        await runner.run()
        sessions(database, 1, 3, seen="61 minutes")
        execute(database, "UPDATE public.chat SET owner = '' WHERE id < 4")
        assert (await runner.run()).brakes == {"owner"}
        ((why,),) = rows(database, "SELECT why FROM session_exporter.stop WHERE brake = 'owner'")
        assert why == 'no session of "" shows life, while those of others do'


@pytest.mark.quick("by statements")
@pytest.mark.parametrize(
    "started", ["294276-12-31 23:59:59+00", "infinity", "4713-01-01 BC", "-infinity"]
)
async def test_a_start_at_the_end_of_time_stops_nothing(
    database: EmbeddedDatabase, recover: Recover, started: str
) -> None:
    sessions(database, 1, 2)
    execute(database, f"INSERT INTO public.chat VALUES (50, true, '{started}', now())")
    async with recover() as runner:
        assert (await runner.run(3)).brakes == frozenset()
    assert open_ones(database) == {50} | LIVE


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
        assert await runner.by_hand.resume() is not None
        assert stops(database) == ["share"]
        assert (await runner.run(2)).brakes == frozenset()
