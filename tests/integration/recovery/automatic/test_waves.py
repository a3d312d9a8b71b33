"""A wave is what became orphaned together, by whatever made it so, whenever it is judged."""

from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.live_sessions import LIVE, add_live, passes, stops
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.recovery.webhooks import recover as recover_by_hand
from tests.support.servers.statements import execute, rows

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
    add_live(database)
    execute(database, "CREATE TABLE public.guard (id int)")


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
    passes(database, "3 hours")
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


@pytest.mark.quick("by statements-True")
@pytest.mark.parametrize("is_restarted", [True, False])
async def test_a_wave_that_is_closed_by_hand_and_opened_again_between_two_runs(
    database: EmbeddedDatabase, recover: Recover, is_restarted: bool
) -> None:
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen) SELECT n, now() - interval '30 days',"
        " now() - interval '61 m' - n * interval '25 m' FROM generate_series(1, 20) AS n",
        "INSERT INTO session_exporter.pause (source, reason) VALUES ('chat', 'a test')",
    )
    async with recover() as runner:
        assert (await runner.run(3)).brakes == frozenset()
        assert (await recover_by_hand(database, runner.by_hand.source)).closed == 20
        execute(database, GUARDS["opened again"][2], "DELETE FROM session_exporter.pause")
        if not is_restarted:
            assert (await runner.run(3)).brakes == {"share"}
    async with recover() as runner:
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
    passes(database, "29 minutes")
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
    sessions(database, 1, 7, seen="61 minutes")
    sessions(database, 10, 15, seen="5 minutes")  # more than chance makes of seven
    async with recover() as runner:
        assert (await runner.run(2)).brakes == {"share"}
    execute(database, "UPDATE public.chat SET seen = now() WHERE id BETWEEN 10 AND 24")
    for _ in range(8):
        passes(database, "25 minutes")
        async with recover() as runner:
            state = await runner.run(2)
    assert (state.brakes, state.held) == ({"share"}, 7)
    async with recover() as runner:
        await runner.by_hand.resume()
        state = await runner.run(3)
        assert (state.brakes, state.held) == ({"share"}, 22)
    assert open_ones(database) >= set(range(10, 25)) | LIVE


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
        passes(database, "25 minutes")
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
            passes(database, "40 minutes")
            assert "blind" in (await runner.run()).brakes
    execute(database, "ALTER TABLE public.hidden RENAME TO guard")
    async with recover(**config) as runner:
        assert (await runner.run(3)).brakes == {"share"}
    assert open_ones(database) == GUARDED | LIVE


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
    passes(database, "40 minutes")
    async with recover(max_age="60d", is_trusted=False) as runner:
        await runner.run(3)
    assert len(open_ones(database) & GUARDED) == 17


@pytest.mark.quick("by statements")
async def test_an_owner_whose_name_is_empty_may_fall_silent_too(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(database, "ALTER TABLE public.chat ADD COLUMN owner text NOT NULL DEFAULT 'b'")
    async with recover({"owner": "owner"}) as runner:
        await runner.run()
        sessions(database, 1, 3, seen="61 minutes")
        execute(database, "UPDATE public.chat SET owner = '' WHERE id < 4")
        assert (await runner.run()).brakes == {"owner"}
        ((why,),) = rows(database, "SELECT why FROM session_exporter.stop WHERE brake = 'owner'")
        assert why == 'no session of owner "" shows life, while those of others do'


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
