"""Where each row has a threshold of its own, automatic recovery waits for the longest of them."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.runner import Recover, open_ones
from tests.support.servers.statements import execute

OWN = {"orphaned_after": {"sql": "s.patience"}, "future_tolerance": "1m"}
LIVE = set(range(100, 140))


@pytest.fixture(autouse=True)
def patience(database: EmbeddedDatabase, recover: Recover) -> None:
    execute(database, "ALTER TABLE public.chat ADD patience interval")
    chats(database, 100, 40, seen="1 minute", patience="8 hours")


def chats(
    database: EmbeddedDatabase, first: int, count: int, *, seen: str, patience: str | None
) -> None:
    own = "NULL" if patience is None else f"'{patience}'"
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen, patience)"
        f" SELECT n, now() - interval '30 days', now() - interval '{seen}', {own}"
        f" FROM generate_series({first}, {first + count - 1}) AS n",
    )


def show_life(database: EmbeddedDatabase) -> None:
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100")


@pytest.mark.quick("by statements")
async def test_a_session_settles_for_half_of_the_longest_threshold(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    """Orphaned after an hour, it is closed four hours later, because others have eight."""
    chats(database, 1, 1, seen="4 hours 59 minutes", patience="1 hour")
    async with recover(OWN) as runner:
        runner.clock[0] += 4 * 3600
        state = await runner.run(4)
        assert (state.candidates, state.brakes) == (1, frozenset())
    assert open_ones(database) == LIVE | {1}
    let_pass(database, "2 minutes")
    show_life(database)
    async with recover(OWN) as runner:
        runner.clock[0] += 4 * 3600
        await runner.run(3)
    assert open_ones(database) == LIVE


async def test_backlog_and_unusable_thresholds_make_nothing_wait(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(database, "UPDATE public.chat SET patience = '1 hour' WHERE id >= 100")
    chats(database, 1, 1, seen="91 minutes", patience="1 hour")
    chats(database, 2, 1, seen="20 days", patience="10 days")
    chats(database, 3, 1, seen="20 days", patience=None)
    async with recover(OWN) as runner:
        await runner.run(3)
    assert open_ones(database) == LIVE | {2, 3}


async def test_a_threshold_that_a_mistake_lowers_starts_settling(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    """The row itself says when it became orphaned; it was not observed then."""
    chats(database, 1, 1, seen="7 hours", patience="8 hours")
    async with recover(OWN) as runner:
        runner.clock[0] += 4 * 3600
        await runner.run(2)
        execute(database, "UPDATE public.chat SET patience = '2 minutes' WHERE id = 1")
        state = await runner.run(4)
        assert (state.candidates, state.brakes) == (1, frozenset())
    assert open_ones(database) == LIVE | {1}


@pytest.mark.parametrize(("others", "brakes"), [(3, {"share"}), (0, set())])
async def test_those_that_may_be_silent_for_longer_are_a_part_of_the_wave(
    database: EmbeddedDatabase, recover: Recover, others: int, brakes: set[str]
) -> None:
    """Four of one hour are orphaned; those of eight fell silent with them, and are not yet."""
    chats(database, 1, 4, seen="4 hours 30 minutes", patience="1 hour")
    chats(database, 5, others, seen="4 hours 30 minutes", patience="8 hours")
    async with recover(OWN) as runner:
        runner.clock[0] += 4 * 3600
        state = await runner.run(4)
        assert (state.candidates, state.brakes) == (4, frozenset(brakes))
    assert open_ones(database) == LIVE | set(range(1, 5 + others))


async def test_a_dry_run_reports_what_would_be_closed(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    chats(database, 1, 1, seen="5 hours 30 minutes", patience="1 hour")
    async with recover(OWN, mode="dry_run") as runner:
        runner.clock[0] += 4 * 3600
        state = await runner.run(2)
        assert (state.candidates, state.brakes) == (1, frozenset())
    assert open_ones(database) == LIVE | {1}
