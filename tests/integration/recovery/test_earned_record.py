"""What the audit earns automatic recovery: the largest wave and the sessions of each day."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.decision.observation import ClosedDay, Observation, Record
from tests.support.recovery.automatic.runner import Recover
from tests.support.servers.statements import execute

#: Closed `closed` ago, when they had been orphaned for `waited`; orphaned_after is an hour.
CLOSED = """
INSERT INTO session_exporter.recovery (
    run, at, source, relation, session, trigger, rule, evidence, before, after, row_version,
    undone_at, contradicted_at
)
SELECT gen_random_uuid(), now() - interval '{closed}', 'chat', '"public"."chat"', ARRAY[n::text],
    '{trigger}', '{{}}', jsonb_build_object('last_seen',
        now() - interval '{closed}' - interval '{waited}' - interval '1 hour' - n * interval '1 s'
    ), '{{}}', '{{}}', '1', {undone}, {contradicted}
FROM generate_series(1, {count}) AS n
"""


def close(
    database: EmbeddedDatabase,
    count: int,
    closed: str,
    *,
    waited: str = "40 minutes",
    trigger: str = "manual",
    wrong: str = "",
) -> None:
    marks = {each: "now()" if each == wrong else "NULL" for each in ("undone", "contradicted")}
    execute(
        database,
        CLOSED.format(closed=closed, waited=waited, trigger=trigger, count=count, **marks),
    )


async def record(recover: Recover) -> Record:
    async with recover() as runner:
        observation: Observation = await runner.by_hand.observe()
    return observation.record


@pytest.mark.slow
async def test_a_backlog_that_is_closed_by_hand_earns_nothing(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    close(database, 50_000, "2 days", waited="25 hours")
    assert await record(recover) == Record()


@pytest.mark.quick("by statements")
async def test_a_day_counts_what_became_orphaned_within_a_day_before_it_was_closed(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    close(database, 2, "25 hours")
    close(database, 5, "47 hours", trigger="auto")
    close(database, 4, "49 hours", wrong="undone")
    close(database, 3, "3 days", wrong="contradicted", waited="23 hours")
    close(database, 9, "26 hours", trigger="close")  # a planned stop: they were no orphans
    close(database, 9, "26 hours", waited="25 hours")
    close(database, 9, "29 days")
    assert (await record(recover)).days == (ClosedDay(7, 0), ClosedDay(4, 4), ClosedDay(3, 3))


@pytest.mark.quick("by statements")
async def test_the_last_day_is_spent_and_earns_nothing_yet_but_by_hand(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    close(database, 6, "1 minute")
    close(database, 2, "23 hours", trigger="auto")
    close(database, 4, "25 hours", trigger="auto")
    close(database, 8, "6 days", trigger="auto", wrong="undone")
    close(database, 16, "6 days", trigger="auto", wrong="contradicted")
    close(database, 32, "8 days", trigger="auto", wrong="undone")
    found = await record(recover)
    assert found.spent == 2 + 8 + 16
    assert found.days == (ClosedDay(6, 0), ClosedDay(4, 0), ClosedDay(24, 24), ClosedDay(32, 32))


@pytest.mark.quick("by statements")
async def test_the_largest_wave_is_of_a_week_and_of_what_was_right(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    close(database, 5, "2 days")
    close(database, 4, "2 days", waited="75 minutes")  # 35 minutes before these
    close(database, 7, "2 days", wrong="contradicted")
    close(database, 8, "8 days")
    assert (await record(recover)).largest_wave == 5
    close(database, 3, "47 hours", waited="2 hours")  # between both, 20 minutes before the first
    assert (await record(recover)).largest_wave == 8
