"""Sessions that are refused, locked or undone are not closed, and keep none of the others open."""

import re
from typing import Any

import pytest

from exporter.check.recovery import check_recovery
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.automatic.live_sessions import LIVE, add_live, lose_ten, passes, stops
from tests.support.recovery.automatic.runner import Recover, Runner, open_ones, sessions
from tests.support.servers.statements import execute, rows

LOST = set(range(1, 11))
COPY = """
INSERT INTO session_exporter.recovery
    (run, source, relation, session, trigger, evidence, before, after, row_version)
SELECT run, source, relation, session, trigger, evidence, before, after, row_version
FROM session_exporter.recovery WHERE session[1] = '1' LIMIT 1
"""


@pytest.fixture(autouse=True)
def live(database: EmbeddedDatabase, recover: Recover) -> None:
    add_live(database)


@pytest.mark.quick("by statements")
async def test_sessions_that_are_refused_take_nothing_of_the_budget_and_are_reported_once(
    database: EmbeddedDatabase, recover: Recover, caplog: pytest.LogCaptureFixture
) -> None:
    lose_ten(database, every="2 hours")
    async with recover(is_trusted=False) as runner:
        await runner.run()
    passes(database, "40 minutes")
    execute(
        database,
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'protected'; END $$",
        "CREATE TRIGGER refuse BEFORE UPDATE ON public.chat FOR EACH ROW WHEN (NEW.id <= 5)"
        " EXECUTE FUNCTION public.refuse()",
    )
    async with recover(is_trusted=False) as runner:
        await runner.run(5)
    assert LOST - open_ones(database) >= {6, 7, 8}
    assert open_ones(database) >= {1, 2, 3, 4, 5}
    reported = [vars(each) for each in caplog.records if each.message == "recovery_refused"]
    ((level, fields),) = [(each["levelname"], each["fields"]) for each in reported]
    assert (level, 1 <= fields["sessions"] <= 5) == ("WARNING", True)
    assert "a trigger raised an error" in fields["why"]
    assert "`exempt`" in fields["advice"]


@pytest.mark.quick("by statements")
async def test_sessions_that_others_hold_take_nothing_of_the_budget(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    lose_ten(database, every="2 hours")
    async with recover(is_trusted=False) as runner:
        await runner.run()
    passes(database, "40 minutes")
    with database.connect() as connection, connection.transaction():
        connection.execute("SELECT FROM public.chat WHERE id <= 5 FOR UPDATE")
        async with recover(is_trusted=False) as runner:
            await runner.run(5)
        assert LOST - open_ones(database) >= {6, 7, 8}


@pytest.mark.quick("by statements")
async def test_sessions_that_others_hold_for_long_keep_none_open_that_is_not_read_with_them(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    lose_ten(database, every="2 hours")
    with database.connect() as connection, connection.transaction():
        connection.execute("SELECT FROM public.chat WHERE id <= 6 FOR UPDATE")
        async with recover(per_run=2, max_count=2) as runner:
            await runner.run(8)
            assert LOST & open_ones(database) == {1, 2, 3, 4, 5, 6}
            connection.execute("ROLLBACK")
            await runner.run(6)  # they are tried again, when none of the others is left
            assert LOST & open_ones(database) == set()


async def undo_all(database: EmbeddedDatabase, runner: Runner, count: int) -> None:
    """Automatic recovery has closed sessions, and a person has undone that."""
    sessions(database, 1, count, seen="2 hours")
    await runner.run(2)
    assert await runner.by_hand.undo() == count


@pytest.mark.quick("by statements")
@pytest.mark.parametrize("owner", [None, "owner"])
async def test_sessions_that_were_undone_are_part_of_no_wave_and_stop_nothing(
    database: EmbeddedDatabase, recover: Recover, owner: str | None
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
    passes(database, "40 minutes")
    async with recover({"owner": owner}) as runner:
        state = await runner.run(3)
        assert (state.brakes, state.held, state.candidates) == (frozenset(), 0, 0)
        sessions(database, 20, 3, seen="61 minutes")  # with these, it would be a wave
        state = await runner.run(3)
        assert (state.brakes, state.candidates) == (frozenset(), 3)
    assert stops(database) == []


@pytest.mark.quick("by statements")
async def test_sessions_that_were_undone_wait_for_no_budget_and_the_log_says_why(
    database: EmbeddedDatabase, recover: Recover, caplog: pytest.LogCaptureFixture
) -> None:
    async with recover() as runner:
        await undo_all(database, runner, 4)
    execute(
        database,
        "DELETE FROM session_exporter.stop",
        # One of them was not undone, but closed three times.
        "UPDATE session_exporter.recovery SET undone_at = NULL WHERE session[1] = '1'",
        *[COPY] * 2,
    )
    caplog.clear()
    async with recover(is_trusted=False) as runner:
        assert (await runner.run(2)).held == 0
        assert await runner.by_hand.held() is None
        checked = check_recovery(runner.by_hand.settings, runner.by_hand.source)
        (now,) = [each.message async for each in checked if each.check == "recovery now"]
    (logged,) = [vars(each) for each in caplog.records if each.message == "recovery_leaves_alone"]
    assert logged["fields"]["sessions"] == 4
    assert re.fullmatch(
        "3 undone by a person, .*; 1 closed 3 times within 72 hours: .*", logged["fields"]["why"]
    )
    causes = "3 left alone: undone by a person, .*, 1 left alone: closed 3 times within 72 hours"
    assert re.search(f"{causes}, and 0 would be closed now", now)


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
async def test_pruning_keeps_what_was_undone_while_its_session_is_active(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    def audited() -> list[tuple[str]]:
        return rows(database, "SELECT session[1] FROM session_exporter.recovery ORDER BY 1")

    kept: dict[str, Any] = {"audit": {"keep": "7d"}, "max_age": "30d"}
    async with recover(**kept) as runner:
        await undo_all(database, runner, 2)
    execute(database, "UPDATE public.chat SET is_open = false WHERE id = 2")
    passes(database, "6 days")  # what is counted within a week is kept
    async with recover(is_trusted=False, **kept) as runner:
        await runner.run()
    assert audited() == [("1",), ("2",)]
    passes(database, "26 hours")
    async with recover(is_trusted=False, **kept) as runner:
        assert (await runner.run(2)).candidates == 0
    assert audited() == [("1",)]
    execute(database, "UPDATE public.chat SET is_open = false WHERE id = 1")
    async with recover(is_trusted=False, **kept) as runner:
        await runner.run()
    assert audited() == []


@pytest.mark.parametrize("lives", [True, False])
@pytest.mark.quick("by statements-True")
async def test_an_undone_session_that_evidence_proves_alive_is_not_left_alone_any_more(
    database: EmbeddedDatabase, recover: Recover, lives: bool
) -> None:
    config = {"evidence": "EXISTS (SELECT FROM public.guard AS g WHERE g.id = s.id)"}
    execute(database, "CREATE TABLE public.guard (id int)")
    async with recover() as runner:  # the evidence is declared because of what was closed wrongly
        await undo_all(database, runner, 1)
    async with recover(**config) as runner:
        if lives:
            execute(database, "INSERT INTO public.guard VALUES (1)")
        await runner.run()
        execute(database, "TRUNCATE public.guard")
        state = await runner.run(3)
        assert (state.contradicted, state.returned, 1 in open_ones(database)) == (0, 0, True)
    passes(database, "31 minutes")
    async with recover(**config) as runner:
        state = await runner.run(3)
        assert (1 not in open_ones(database)) == lives
        assert (state.brakes, state.candidates) == (frozenset(), 0)
        if lives:  # it was closed again, and is contradicted as any other
            execute(database, "INSERT INTO public.guard VALUES (1)")
            assert (await runner.run()).contradicted == 1
