"""What the audit earns automatic recovery: the largest wave and the sessions of each day."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.decision.observation import ClosedDay, Observation, Record
from tests.support.recovery.automatic.runner import Recover
from tests.support.servers.statements import execute

#: Closed `closed` ago, when they had been orphaned for `waited`; orphaned_after is an hour.
CLOSED = """
WITH r AS (
    INSERT INTO session_exporter.run (run, source, rule)
    VALUES (gen_random_uuid(), 'chat', '{{"orphaned_after_seconds": {after}}}')
    RETURNING run
)
INSERT INTO session_exporter.recovery (
    run, at, source, relation, session, trigger, evidence, before, after, row_version,
    undone_at, contradicted_at
)
SELECT r.run, now() - interval '{closed}', 'chat', '"public"."chat"', ARRAY[n::text],
    '{trigger}', jsonb_build_object('last_seen',
        now() - interval '{closed}' - interval '{waited}' - interval '1 hour' - n * interval '1 s'
    ), '{{}}', '{{}}', '1', {undone}, {contradicted}
FROM generate_series(1, {count}) AS n, r
"""


def close(
    database: EmbeddedDatabase,
    count: int,
    closed: str,
    *,
    waited: str = "40 minutes",
    trigger: str = "manual",
    wrong: str = "",
    after: int = 3600,
) -> None:
    marks = {each: "now()" if each == wrong else "NULL" for each in ("undone", "contradicted")}
    execute(
        database,
        CLOSED.format(
            closed=closed, waited=waited, trigger=trigger, count=count, after=after, **marks
        ),
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
    assert (await record(recover)).days == (
        ClosedDay(7, 0, by_hand=2),
        ClosedDay(4, 4, by_hand=4),
        ClosedDay(3, 3, by_hand=3),
    )


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
    assert found.days == (
        ClosedDay(6, 0, by_hand=6),
        ClosedDay(4, 0),
        ClosedDay(24, 24),
        ClosedDay(32, 32),
    )


@pytest.mark.quick("by statements-auto")
@pytest.mark.parametrize("trigger", ["auto", "manual"])
async def test_the_largest_wave_is_of_a_week_and_of_what_was_right(
    database: EmbeddedDatabase, recover: Recover, trigger: str
) -> None:
    close(database, 5, "2 days", trigger=trigger)
    close(database, 7, "2 days", wrong="contradicted", trigger=trigger)
    close(database, 7, "2 days", wrong="undone", trigger=trigger)
    close(database, 8, "8 days", trigger=trigger)
    close(database, 9, "10 minutes", waited="35 minutes", trigger=trigger)  # it may still grow
    close(database, 9, "2 days", trigger=trigger, after=600)  # by another rule
    assert (await record(recover)).largest_wave == 5


@pytest.mark.quick("statements-waves0", "statements-waves2", "statements-waves4")
@pytest.mark.parametrize(
    ("waves", "largest"),
    [
        ([("48 hours", "31 minutes"), ("47.7 hours", "32 minutes")], 5),  # 18 minutes apart
        ([("48 hours", "31 minutes"), ("47.4 hours", "32 minutes")], 3),  # 36 minutes apart
        # Their age allows that they became orphaned together, but not when they were closed.
        ([("48 hours", "31 minutes"), ("47.4 hours", "67 minutes")], 3),
        ([("48 hours", "31 minutes"), ("47.7 hours", "49 minutes")], 5),
        # The first has waited for so long that it may have become orphaned with any of the others.
        ([("48 hours", "61 minutes"), ("48 hours", "31 minutes")], 2),
    ],
)
async def test_what_was_closed_makes_a_wave_if_it_became_orphaned_together_for_certain(
    database: EmbeddedDatabase,
    recover: Recover,
    waves: list[tuple[str, str]],
    largest: int,
) -> None:
    for count, (closed, waited) in zip((3, 2), waves, strict=True):
        close(database, count, closed, waited=waited, trigger="auto")
    assert (await record(recover)).largest_wave == largest


@pytest.mark.quick("by statements")
async def test_what_a_person_closes_in_one_run_is_a_wave_by_its_age(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    close(database, 3, "2 days", waited="3 hours")
    close(database, 2, "2 days", waited="3 hours")  # another run
    assert (await record(recover)).largest_wave == 3
