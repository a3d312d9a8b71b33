"""What may happen before, beside and after an undo, and what has to come of it."""

import uuid

from tests.support.recovery.chats import ACTS, END
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.scenarios.races import check_after_recovery


def recovered(recoveries: Recoveries) -> uuid.UUID:
    """Recover chats 1 and 2."""
    recoveries.chats.add(1, 2)
    with recoveries.recovery() as recovery:
        return recovery.finish().run


def what_comes_after_the_commit_wins(recoveries: Recoveries, act: str) -> None:
    """It finds the row as recovery left it, and undo leaves alone what was written since."""
    chats = recoveries.chats
    chats.add(1, 2)
    before = chats.row()
    with recoveries.recovery() as recovery:
        run = recovery.finish().run
    with chats.application() as application:
        written = application.do(ACTS[act])
    after = chats.row()
    check_after_recovery(after, act, written)
    is_as_it_was_left = after is not None and after["ended_by"] == "recovery"
    with recoveries.undoing(run) as undoing:
        assert undoing.finish() == (2 if is_as_it_was_left else 1)
    assert chats.row() == (before if is_as_it_was_left else after)
    assert chats.audited == ([] if is_as_it_was_left else [1])


def what_came_before_the_undo_stays(recoveries: Recoveries, act: str) -> None:
    """The application writes to a row between the plan of the undo and its lock."""
    chats, run = recoveries.chats, recovered(recoveries)
    with recoveries.undoing(run) as undoing, chats.application() as application:
        undoing.until("lock")
        assert application.do(ACTS[act]) == 1
        before = chats.row()
        assert undoing.finish() == 1
    assert chats.row() == before
    assert chats.audited == [1]


def undo_passes_over_who_works_on_a_row(recoveries: Recoveries, act: str) -> None:
    """The others are taken back meanwhile, and the one is left to whom it belongs."""
    chats, run = recoveries.chats, recovered(recoveries)
    with recoveries.undoing(run) as undoing, chats.application() as application:
        undoing.until("lock")
        with application.connection.transaction():
            assert application.do(ACTS[act]) == 1
            assert undoing.finish() == 1
        before = chats.row()
    assert chats.row() == before
    assert chats.audited == [1]


def undo_keeps_the_application_waiting(recoveries: Recoveries, step: str) -> None:
    """Who comes after its lock goes on from the row as it was before the recovery."""
    chats, run = recoveries.chats, recovered(recoveries)
    with recoveries.undoing(run) as undoing, chats.application() as application:
        undoing.until(step)
        call = application.begin(f"{END} WHERE id = 1 AND (is_active OR ended_by = 'recovery')")
        application.waits(call)
        assert undoing.finish() == 2
        assert call.result(20) == 1
    row = chats.row()
    assert row is not None
    assert row["ended_by"] == "application"
    assert chats.audited == []


def what_is_undone_stays_undone(recoveries: Recoveries) -> None:
    """What the audit calls undone is not undone, even if the row looks as it was left."""
    chats, run = recoveries.chats, recovered(recoveries)
    chats.do("UPDATE session_exporter.recovery SET undone_at = now() WHERE session = '{1}'")
    before = chats.row()
    with recoveries.undoing(run, [row["number"] for row in chats.audit]) as undoing:
        assert undoing.finish() == 1
    assert chats.row() == before


def two_undos_take_back_once(recoveries: Recoveries) -> None:
    """The second passes over what the first is working on, and finds nothing afterwards."""
    chats, run = recoveries.chats, recovered(recoveries)
    with recoveries.undoing(run) as first, recoveries.undoing(run) as second:
        second.until("lock")
        first.until("commit")
        assert second.finish() == 0
        assert first.finish() == 2
    assert chats.audited == []
    assert chats.recovered == []


def only_the_run_is_undone_and_each_session_gets_its_own_back(recoveries: Recoveries) -> None:
    """One run of two, with sessions that were not alike before, and are afterwards."""
    chats = recoveries.chats
    chats.add(1, 2, 3)
    chats.do(
        "UPDATE public.chats AS s SET ended_by = 'nobody ' || s.id,"
        " started_at = o.started_at, last_seen_at = o.last_seen_at"
        " FROM public.chats AS o WHERE o.id = 1"
    )
    before = [chats.row(1), chats.row(2)]
    with recoveries.recovery(1, 2) as recovery:
        run = recovery.finish().run
    with recoveries.recovery(3) as recovery:
        recovery.finish()
    with recoveries.undoing(run) as undoing:
        assert undoing.finish() == 2
    assert [chats.row(1), chats.row(2)] == before
    assert chats.recovered == chats.audited == [3]
