"""Which orphaned sessions count as returned: those that live, or that the application has ended."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.decision.observation import Returns
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.recovery.webhooks import recover as recover_by_hand
from tests.support.servers.statements import execute, rows

END = "UPDATE public.chat SET is_open = false, ended = now() WHERE id = "


@pytest.mark.parametrize("mode", ["auto", "dry_run"])
@pytest.mark.quick("by statements-auto", "by statements-dry_run")
async def test_life_and_a_genuine_end_are_returns_and_nothing_else_is(
    database: EmbeddedDatabase, recover: Recover, mode: str
) -> None:
    sessions(database, 1, 6, seen="80 minutes")
    sessions(database, 100, 400, seen="1 minute")
    async with recover(mode=mode, is_trusted=False) as runner:
        assert (await runner.run()).returned == 0
        execute(database, "UPDATE public.chat SET seen = now() WHERE id = 1")
        assert (await runner.run()).returned == 1
        execute(database, f"{END}2")
        assert (await runner.run()).returned == 2
        execute(database, "DELETE FROM public.chat WHERE id = 3")
        execute(database, "UPDATE public.chat SET seen = seen - interval '1 min' WHERE id = 4")
        assert (await runner.run(2)).returned == 2
        execute(database, "UPDATE public.chat SET is_open = true, seen = now() WHERE id = 2")
        assert (await runner.run(2)).returned == 2  # counted once


@pytest.mark.quick("by statements")
async def test_life_by_evidence_is_a_return_and_protection_is_none(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3, seen="80 minutes")
    sessions(database, 100, 40, seen="1 minute")
    execute(database, "CREATE TABLE public.ping (id int)", "CREATE TABLE public.kept (id int)")
    evidence = "EXISTS (SELECT FROM public.ping AS p WHERE p.id = s.id)"
    exempt = "EXISTS (SELECT FROM public.kept AS k WHERE k.id = s.id)"
    async with recover(evidence=evidence, exempt=exempt) as runner:
        assert (await runner.run()).candidates == 3
        execute(
            database, "INSERT INTO public.ping VALUES (1)", "INSERT INTO public.kept VALUES (2)"
        )
        state = await runner.run()
        assert (state.candidates, state.returned) == (1, 1)


@pytest.mark.quick("by statements")
async def test_what_recovery_closes_is_no_return_and_neither_is_an_undo(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 100, 40, seen="1 minute")
    async with recover() as runner:
        await runner.run(2)
        assert not open_ones(database) & {1, 2}
        assert (await runner.run(2)).returned == 0
        assert await runner.by_hand.undo() == 2
        assert (await runner.run(2)).returned == 0


@pytest.mark.quick("by statements")
async def test_three_returns_stop_recovery_also_after_a_restart_and_before_it_has_closed_any(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3, seen="61 minutes")
    sessions(database, 10, 1, seen="5 hours")
    sessions(database, 100, 40, seen="1 minute")
    async with recover(is_trusted=False) as runner:
        await runner.run()
        execute(database, "UPDATE public.chat SET seen = now() WHERE id < 4")
        assert (await runner.run()).brakes == {"returned"}
    let_pass(database, "31 minutes")
    execute(database, "UPDATE public.chat SET seen = now() WHERE id <> 10")
    async with recover(is_trusted=False) as runner:
        state = await runner.run(3)
        assert (state.brakes, state.held, state.returned) == ({"returned"}, 1, 0)
        assert 10 in open_ones(database)
        await runner.by_hand.resume()
        state = await runner.run(2)
        assert (state.brakes, 10 in open_ones(database)) == (frozenset(), False)


@pytest.mark.quick("by statements")
async def test_a_person_who_closes_more_by_hand_than_return_lets_recovery_go_on(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    for id_ in range(1, 4):
        sessions(database, id_, 1, seen=f"{id_ + 1} hours")
    sessions(database, 100, 40, seen="1 minute")
    async with recover(is_trusted=False) as runner:
        await runner.run()
        execute(
            database,
            "INSERT INTO session_exporter.stop (source, at, brake, why)"
            " VALUES ('chat', now() - interval '2 minutes', 'returned', 'three of ten returned')",
            "UPDATE public.chat SET seen = now() WHERE id = 1",
        )
        state = await runner.run()
        assert (state.brakes, state.held, state.returned) == ({"returned"}, 2, 1)
        assert (await recover_by_hand(database, runner.by_hand.source)).closed == 2
        assert (await runner.run()).brakes == frozenset()
    execute(database, "DELETE FROM public.chat WHERE id IN (2, 3)")  # their ends do not move
    sessions(database, 60, 1, seen="55 minutes")
    let_pass(database, "40 minutes")
    execute(database, "UPDATE public.chat SET seen = now() WHERE id = 1 OR id >= 100")
    async with recover(is_trusted=False) as runner:
        await runner.run(2)  # it has ended for all exporters
        assert 60 not in open_ones(database)
        execute(database, "UPDATE session_exporter.recovery SET undone_at = now()")
        assert (await runner.run()).brakes == {"returned"}


@pytest.mark.quick("by statements")
async def test_a_session_whose_evidence_flickers_has_returned_once(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1, seen="3 hours")
    sessions(database, 100, 40, seen="1 minute")
    execute(database, "CREATE TABLE public.ping (id int)", "INSERT INTO public.ping VALUES (1)")
    evidence = "EXISTS (SELECT FROM public.ping AS p WHERE p.id = s.id)"
    for _ in range(2):
        async with recover(evidence=evidence, is_trusted=False) as runner:
            for _ in range(2):
                execute(database, "TRUNCATE public.ping")
                await runner.run()
                execute(database, "INSERT INTO public.ping VALUES (1)")
                await runner.run()
            assert runner.state.brakes == frozenset()
    assert (await runner.by_hand.observe()).returns == Returns(1, 1)


@pytest.mark.quick("by statements")
async def test_a_session_that_is_contradicted_again_and_again_has_returned_once(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1)
    sessions(database, 100, 40, seen="1 minute")
    execute(
        database,
        "INSERT INTO session_exporter.recovery (run, at, source, relation, session, trigger,"
        " evidence, before, after, row_version, contradicted_at) SELECT gen_random_uuid(),"
        " now() - interval '1 hour', 'chat',"
        """ '"public"."chat"', ARRAY['1'], 'auto', jsonb_build_object('last_seen',"""
        " now() - interval '2 hours'), '{}', '{}', '1', now() FROM generate_series(1, 2)",
    )
    async with recover(is_trusted=False) as runner:
        assert (await runner.by_hand.observe()).returns.returned == 1
        await runner.run()
        execute(database, "UPDATE public.chat SET seen = now() WHERE id = 1")
        assert (await runner.run()).returned == 1
        assert (await runner.by_hand.observe()).returns.returned == 1


@pytest.mark.quick("by statements")
async def test_returns_of_one_user_do_not_stop_recovery_and_those_of_two_do(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    """Also across a restart; who has returned is not written down."""
    sessions(database, 1, 3, seen="61 minutes")
    sessions(database, 10, 2, seen="61 minutes")
    sessions(database, 100, 80, seen="1 minute")
    users = {"limit_per": {"key": "'user ' || s.id / 10", "max": 3}}
    async with recover(users, is_trusted=False) as runner:
        await runner.run()
        execute(database, "UPDATE public.chat SET seen = now() WHERE id < 4")
        state = await runner.run()
        assert (state.brakes, state.returned) == (frozenset(), 3)
        assert (await runner.by_hand.observe()).returns == Returns(5, 3, are_of_one_key=True)
    written = rows(database, "SELECT returns::text FROM session_exporter.observation")
    assert "user" not in str(written)
    async with recover(users, is_trusted=False) as runner:
        assert (await runner.run()).brakes == frozenset()
        execute(database, "UPDATE public.chat SET seen = now() WHERE id = 10")
        assert (await runner.run()).brakes == {"returned"}


@pytest.mark.quick("by statements")
async def test_sessions_that_are_nobody_s_return_each_for_itself(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3, seen="61 minutes")
    sessions(database, 100, 40, seen="1 minute")
    nobody = {"limit_per": {"key": "nullif(s.id, s.id)", "max": 1}}
    async with recover(nobody, is_trusted=False) as runner:
        await runner.run()
        execute(database, "UPDATE public.chat SET seen = now() WHERE id < 4")
        assert (await runner.run()).brakes == {"returned"}
