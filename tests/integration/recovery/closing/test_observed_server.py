"""What is closed is on the server that was observed; owners, dry runs, and evidence that fails."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.errors import SourceError
from exporter.queries import fill
from exporter.recovery.close.batches import CloseRun, make_closer
from exporter.recovery.close.closer import Permission
from exporter.recovery.functions.installed import find_recover_function
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.connections import open_writer
from exporter.recovery.rule.selection import orphaned_sessions
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.recovery.close_runs import all_candidates
from tests.support.servers.statements import execute, rows


@pytest.mark.quick("by statements")
async def test_nothing_is_closed_on_another_server_than_the_one_that_was_observed(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    async with recover() as runner:
        source, settings = runner.by_hand.source, runner.by_hand.settings
        server = (await runner.by_hand.observe()).server
        async with runner.by_hand.reader() as reader, open_writer(settings, source) as writer:
            rule = await bind_rule(reader, source)
            orphans = orphaned_sessions(rule, with_backlog=False)
            found = await all_candidates(reader, rule)
            function = await find_recover_function(reader, rule)

            async def close_on(server: str) -> None:
                permission = Permission(server)
                closer = make_closer(writer, reader, orphans, function, permission=permission)
                await CloseRun(closer, 50, 0.0).close(found)

            with pytest.raises(SourceError, match="the server changed"):
                await close_on(server.replace("f", "t"))  # as if it had been a standby then
            assert open_ones(database) == {1, 2}
            await close_on(server)
    assert open_ones(database) == set()


async def test_the_server_is_the_same_for_every_role_setting_and_address(
    database: EmbeddedDatabase,
) -> None:
    query = f"SELECT {fill('recovery/observation/server')}"
    found = set(rows(database, query))
    with database.connect(EXPORTER) as connection:
        connection.execute("SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'")
        found |= set(connection.execute(query.encode()).fetchall())
        connection.execute("SET extra_float_digits = 0")
        found |= set(connection.execute(query.encode()).fetchall())
    assert len(found) == 1


@pytest.mark.quick("by statements")
async def test_an_owner_whose_sessions_all_fell_silent_stops_it_and_a_start_is_no_sign_of_life(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3, seen="61 minutes")
    sessions(database, 100, 40, seen="5 minutes")
    execute(
        database,
        "ALTER TABLE public.chat ADD node text",
        "UPDATE public.chat SET node = CASE WHEN id < 100 THEN 'a' ELSE 'b' END",
        "INSERT INTO public.chat (id, started, seen, node) VALUES (4, now(), now(), 'a')",
    )
    async with recover({"owner": "node"}) as runner:
        state = await runner.run()
        assert state.brakes == {"owner"}
        assert (await runner.run()).held == 3
        held = await runner.by_hand.held()
        assert held is not None
        assert held.stop.why == "no session of owner a shows life, while those of others do"


@pytest.mark.quick("by statements")
async def test_evidence_that_fails_for_one_session_makes_it_blind(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3)
    sessions(database, 100, 40, seen="5 minutes")
    async with recover(evidence="1 / (s.id - 1) < 0") as runner:
        assert (await runner.run(3)).brakes == {"blind"}
        assert len(open_ones(database)) == 43
        execute(database, "DELETE FROM public.chat WHERE id = 1")
        assert (await runner.run(2)).brakes == frozenset()
    assert open_ones(database) == set(range(100, 140))


async def test_a_dry_run_needs_no_right_but_to_read_the_sessions(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 100, 40, seen="5 minutes")
    execute(database, f"GRANT SELECT ON public.chat TO {EXPORTER}")
    dsn = database.dsn_for(EXPORTER)
    async with recover(mode="dry_run", dsn=dsn) as runner:
        state = await runner.run(3)
        assert (state.candidates, state.brakes) == (2, frozenset())
        assert (set(state.failed.values()), state.paused) == ({0}, False)
    assert rows(database, "SELECT count(*) FROM session_exporter.observation") == [(0,)]
    assert len(open_ones(database)) == 42
