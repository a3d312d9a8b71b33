"""What an exporter knows of the runs before it.

Decisions and silences are not forgotten; what was written under another rule, or while the clock
was ahead, counts for nothing.
"""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.live_sessions import LIVE, add_live, passes
from tests.support.recovery.automatic.runner import GRACE, Recover, open_ones, sessions
from tests.support.servers.statements import execute, rows

SHORT_GRACE = 300.0


@pytest.fixture(autouse=True)
def live(database: EmbeddedDatabase, recover: Recover) -> None:
    add_live(database)


@pytest.mark.quick("by statements")
async def test_a_silence_that_has_just_ended(database: EmbeddedDatabase, recover: Recover) -> None:
    execute(database, "DELETE FROM public.chat WHERE id > 102")
    async with recover() as runner:
        await runner.run(2)
    let_pass(database, "100 minutes")
    async with recover(is_trusted=False) as runner:
        assert "silent" in (await runner.run(2)).brakes
    let_pass(database, "10 minutes")
    execute(database, "UPDATE public.chat SET seen = now() WHERE id = 100")  # the first is back
    async with recover(is_trusted=False) as runner:
        runner.clock[0] += SHORT_GRACE - GRACE
        assert (await runner.run(3)).brakes == {"grace"}
    assert open_ones(database) == {100, 101, 102}


@pytest.mark.quick("by statements")
async def test_a_resume_under_another_rule_says_nothing_of_what_that_one_left_out(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    async with recover(max_age="60d", is_trusted=False) as runner:  # tried once, long ago
        await runner.run(2)
    passes(database, "20 days")
    sessions(database, 1, 20, seen="8 days")
    sessions(database, 50, 6, seen="61 minutes")
    async with recover(max_age="7d", is_trusted=False) as runner:
        await runner.run(2)
        held = await runner.by_hand.resume()
        assert held is not None
        assert held.count == 6
    async with recover(max_age="60d", is_trusted=False) as runner:
        assert "share" in (await runner.run(4)).brakes
    assert open_ones(database) >= set(range(1, 21)) | LIVE


@pytest.mark.quick("by statements")
async def test_a_resume_under_a_rule_that_no_exporter_has_observed_yet(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 6, seen="61 minutes")
    async with recover(is_trusted=False) as runner:
        assert (await runner.run(2)).brakes == {"share"}
    async with recover(max_age="8d", is_trusted=False) as runner:
        held = await runner.by_hand.resume()
        assert held is not None
        assert held.count == 6
        assert (await runner.run(3)).brakes == frozenset()


@pytest.mark.quick("by statements")
async def test_a_wave_that_is_opened_again_while_the_exporter_restarts(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 20, seen="95 minutes")
    async with recover() as runner:
        await runner.run(2)
        await runner.by_hand.resume()
        await runner.run(4)
    assert open_ones(database) == LIVE
    execute(database, "UPDATE public.chat SET is_open = true, ended = NULL WHERE id < 100")
    async with recover(is_trusted=False) as runner:
        assert (await runner.run(4)).candidates == 20
    assert open_ones(database) == LIVE | set(range(1, 21))


@pytest.mark.quick("by statements")
async def test_what_was_closed_long_ago_has_not_returned(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3)
    async with recover() as runner:
        await runner.run(2)
    assert open_ones(database) == LIVE
    execute(
        database,
        "UPDATE session_exporter.recovery SET at = at - interval '3 days'",
        "UPDATE session_exporter.observation SET until = until - interval '3 days',"
        " orphans = (SELECT jsonb_object_agg(n, 1.0) FROM generate_series(1, 3) AS n)",
    )
    async with recover(is_trusted=False) as runner:
        assert (await runner.run(2)).returned == 0


@pytest.mark.quick("by statements")
@pytest.mark.parametrize("ahead", ["since", "until", "judged", "orphans"])
async def test_what_was_written_while_the_clock_was_ahead(
    database: EmbeddedDatabase, recover: Recover, ahead: str
) -> None:
    sessions(database, 1, 2, seen="5 hours")
    moment, orphans = "now() + interval '2 days'", "extract(epoch FROM now() + interval '2 days')"
    value = f"jsonb_build_object('1', {orphans}, '2', {orphans})" if ahead == "orphans" else moment
    async with recover():
        execute(database, f"UPDATE session_exporter.observation SET {ahead} = {value}")
    async with recover(is_trusted=False) as runner:
        await runner.run(2)
    for _ in range(2):
        passes(database, "35 minutes")
        async with recover(is_trusted=False) as runner:
            await runner.run(3)
    assert open_ones(database) == LIVE


@pytest.mark.quick("by statements")
@pytest.mark.parametrize("owner", [None, "owner"])
async def test_sessions_that_were_undone_make_no_silence(
    database: EmbeddedDatabase, recover: Recover, owner: str | None
) -> None:
    execute(database, "ALTER TABLE public.chat ADD COLUMN owner text NOT NULL DEFAULT 'b'")
    sessions(database, 1, 3)
    execute(database, "UPDATE public.chat SET owner = 'a' WHERE id < 4")
    async with recover() as runner:
        await runner.run(3)
        assert await runner.by_hand.undo() == 3
    if owner is None:
        execute(database, "DELETE FROM public.chat WHERE id >= 100")
    passes(database, "1 day")
    sessions(database, 50, 1, seen="3 hours")
    execute(database, "UPDATE public.chat SET owner = 'a' WHERE id = 50")
    async with recover({"owner": owner}, is_trusted=False) as runner:
        assert (await runner.run(4)).brakes == frozenset()
    assert 50 not in open_ones(database)


@pytest.mark.quick("by statements")
async def test_an_older_release_has_judged_nothing(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 7, seen="61 minutes")
    sessions(database, 10, 15, seen="5 minutes")  # more than chance makes of seven
    async with recover() as runner:
        assert (await runner.run(2)).brakes == {"share"}
    execute(database, "UPDATE public.chat SET seen = now() WHERE id BETWEEN 10 AND 24")
    passes(database, "4 hours")
    # As version 3 has it, which noted each run.
    execute(
        database,
        "ALTER TABLE session_exporter.observation DROP COLUMN judged, DROP COLUMN orphans",
        "ALTER TABLE session_exporter.stop DROP COLUMN wave, DROP COLUMN rule",
        "UPDATE session_exporter.observation SET until = now(), returns = '[[1, 2, 3]]'",
        "COMMENT ON SCHEMA session_exporter IS 'session-exporter audit, version 3'",
        audit_script(3),
    )
    assert rows(database, "SELECT returns, judged FROM session_exporter.observation") == [
        ([], None)
    ]
    async with recover(is_trusted=False) as runner:
        await runner.run()
        held = await runner.by_hand.resume()
        assert held is not None
        assert held.count == 7
        assert (await runner.run(4)).held == 22
    assert open_ones(database) >= set(range(10, 25)) | LIVE
