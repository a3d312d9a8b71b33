"""One session takes longer to close than a statement may: it is set aside, and the others go on."""

from collections.abc import Callable

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import TimedOut
from exporter.recovery.close.batches import SLOW_IN_A_ROW
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.statements.changes import with_setting
from tests.support.recovery.statements.templates import Templates
from tests.support.servers.statements import execute

#: The application does much when a session ends, for some sessions.
SLOW = """
CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.id IN (SELECT id FROM public.slow) THEN PERFORM pg_sleep(60); END IF;
    RETURN NULL;
END $$;
CREATE TABLE public.slow (id integer);
"""
TRIGGER = "CREATE TRIGGER dawdle AFTER UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION public.dawdle()"


@pytest.fixture(autouse=True)
def impatient(templates: Templates) -> None:
    """A shorter deadline of a statement; test_partners.py holds the real one."""
    templates.change("recovery/close/begin", with_setting("statement_timeout", "300ms"))


@pytest.fixture
def slow(recoveries: Recoveries) -> Callable[..., None]:
    """Chats that take long to close."""
    chats = recoveries.chats
    chats.do(SLOW)
    chats.do(TRIGGER.format("public.chats"))

    def add(*ids: int) -> None:
        chats.add(*ids)
        for id_ in ids:
            chats.do("INSERT INTO public.slow VALUES (%s)", id_)

    return add


def test_the_batch_is_done_again_without_the_session_that_takes_long(
    recoveries: Recoveries, slow: Callable[..., None]
) -> None:
    chats = recoveries.chats
    chats.add(1, 3, 4)
    slow(2)
    with recoveries.recovery() as recovery:
        outcome = recovery.finish()
    assert list(outcome.refused) == ["2"]
    assert "canceling statement due to statement timeout" in outcome.refused["2"]
    assert sorted(each.session for each in outcome.recovered) == ["1", "3", "4"]
    assert chats.recovered == chats.audited == [1, 3, 4]


@pytest.mark.slow  # the other ones have slow sessions, too
def test_a_database_that_is_slow_for_all_of_them_ends_the_run(
    recoveries: Recoveries, slow: Callable[..., None]
) -> None:
    slow(*range(1, SLOW_IN_A_ROW + 1))
    recoveries.chats.add(99)
    with recoveries.recovery() as recovery, pytest.raises(TimedOut, match="5 sessions in a row"):
        recovery.finish()
    assert recoveries.chats.recovered == recoveries.chats.audited == []


@pytest.mark.slow  # the other ones have slow sessions, too
def test_slow_sessions_between_others_end_nothing(
    recoveries: Recoveries, slow: Callable[..., None]
) -> None:
    chats = recoveries.chats
    for first in (1, 10):
        slow(*range(first, first + SLOW_IN_A_ROW - 1))
        chats.add(first + 8)
    with recoveries.recovery() as recovery:
        outcome = recovery.finish()
    assert len(outcome.refused) == 2 * (SLOW_IN_A_ROW - 1)
    assert chats.recovered == chats.audited == [9, 18]


@pytest.fixture
def slow_chats(database: EmbeddedDatabase) -> Callable[..., None]:
    """The same for the table of auto."""

    def make(*ids: int) -> None:
        values = ", ".join(f"({id_})" for id_ in ids)
        execute(database, SLOW, TRIGGER.format("public.chat"))
        execute(database, f"INSERT INTO public.slow VALUES {values}")

    return make


@pytest.mark.quick("by statements")
async def test_auto_sets_it_aside_and_closes_the_others(
    database: EmbeddedDatabase, recover: Recover, slow_chats: Callable[..., None]
) -> None:
    sessions(database, 1, 3)
    sessions(database, 4, 12, seen="5 minutes")
    slow_chats(2)
    async with recover() as runner:
        state = await runner.run(2)
        assert open_ones(database) & {1, 2, 3} == {2}
        assert (state.failed["refused"], state.failed["timeout"]) == (1, 0)
        execute(database, "TRUNCATE public.slow")
        state = await runner.run(10)  # it is left alone for a minute
        assert state.failed["refused"] == 1
        assert open_ones(database) & {1, 2, 3} == {2}
        await runner.run(6)
        assert open_ones(database) & {1, 2, 3} == set()


@pytest.mark.quick("by functions")
async def test_auto_that_gives_up_goes_on_with_others_the_next_time(
    database: EmbeddedDatabase, recover: Recover, slow_chats: Callable[..., None]
) -> None:
    """Those that were silent for longest come first, and must not keep it from the rest."""
    sessions(database, 1, SLOW_IN_A_ROW)
    sessions(database, 6, 1, seen="90 minutes")
    sessions(database, 7, 40, seen="5 minutes")
    slow_chats(*range(1, SLOW_IN_A_ROW + 1))
    async with recover() as runner:
        state = await runner.run(2)
        assert (state.failed["refused"], state.failed["timeout"]) == (SLOW_IN_A_ROW, 1)
        assert 6 in open_ones(database)
        await runner.run()
        assert 6 not in open_ones(database)


@pytest.mark.quick("by statements")
async def test_what_is_over_the_budget_is_counted_once_when_a_batch_is_done_again(
    database: EmbeddedDatabase, recover: Recover, slow_chats: Callable[..., None]
) -> None:
    sessions(database, 1, 5)
    sessions(database, 6, 40, seen="5 minutes")
    slow_chats(2)
    async with recover(per_hour=2) as runner:
        state = await runner.run(2)
        assert len(open_ones(database)) == 40 + 3
        assert state.skipped == {"budget": 2, "busy": 0, "paused": 0}
