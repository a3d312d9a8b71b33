"""What may happen beside a recovery, and what has to come of it: used by the tests of races, and
again by those that take a guard out of the SQL and expect one of these to fail.
"""

import time

from tests.faults.recovery.chats import ACTS, Row
from tests.faults.recovery.recovering import Recoveries

#: How long a recovery may take that waits for nobody, in seconds; lock_timeout is 0.25.
AT_ONCE = 10.0


def what_came_first_stays(recoveries: Recoveries, act: str) -> None:
    """The application does something between detection and lock."""
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("lock")
        assert application.do(ACTS[act]) == 1
        before = chats.row()
        outcome = recovery.finish()
    assert [each.session for each in outcome.recovered] == ["2"]
    assert outcome.passed_over == 1
    assert chats.row() == before
    assert chats.recovered == chats.audited == [2]


def who_works_on_a_row_keeps_it(recoveries: Recoveries, act: str) -> None:
    """The application is in the middle of something when the lock is taken: it is passed over."""
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("lock")
        with application.connection.transaction():
            assert application.do(ACTS[act]) == 1
            outcome = recovery.finish()  # while the transaction is open
        before = chats.row()
    assert [each.session for each in outcome.recovered] == ["2"]
    assert outcome.passed_over == 1
    assert chats.row() == before
    assert before is None or before["ended_by"] != "recovery"
    assert chats.recovered == chats.audited == [2]


def who_comes_after_the_lock_waits(recoveries: Recoveries, act: str, step: str) -> None:
    """The application waits until recovery has closed the row, and goes on from there."""
    chats = recoveries.chats
    chats.add(1)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until(step)
        call = application.begin(ACTS[act])
        application.waits(call)
        outcome = recovery.finish()
        written = call.result(20)
    assert [each.session for each in outcome.recovered] == ["1"]
    assert chats.audited == [1]
    check_after_recovery(chats.row(), act, written)


def what_is_said_after_the_lock_is_heard(recoveries: Recoveries) -> None:
    """Evidence without a foreign key is committed between lock and write: nobody waits for us."""
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("write")
        assert application.do(ACTS["is present"]) == 1
        before = chats.row()
        outcome = recovery.finish()
    assert [each.session for each in outcome.recovered] == ["2"]
    assert chats.row() == before
    assert chats.audited == [2]


def check_after_recovery(row: Row | None, act: str, written: int) -> None:
    """What the application's act does to a chat that recovery has closed a moment ago."""
    match act:
        case "ends" | "shows life":  # it looks whether the chat is active, and does nothing
            assert written == 0
            assert row is not None
            assert row["ended_by"] == "recovery"
        case "ends without looking":  # a late genuine end wins
            assert written == 1
            assert row is not None
            assert row["ended_by"] == "application"
        case "is opened again":
            assert written == 1
            assert row is not None
            assert row["is_active"]
        case "is deleted":
            assert written == 1
            assert row is None
        case _:  # evidence that came too late
            assert written == 1
            assert row is not None
            assert row["ended_by"] == "recovery"


def only_who_is_to_be_closed_is_closed(
    recoveries: Recoveries, *protection: str, with_backlog: bool = False
) -> None:
    """Whoever asks for it: what is not to be recovered at the write is not recovered."""
    chats = recoveries.chats
    chats.add(1, 2)
    for statement in protection:
        chats.do(statement)
    before = chats.row()
    with recoveries.recovery(1, 2, is_asked=True, with_backlog=with_backlog) as recovery:
        outcome = recovery.finish()
    assert [each.session for each in outcome.recovered] == ["2"]
    assert outcome.passed_over == 1
    assert chats.row() == before
    assert chats.recovered == chats.audited == [2]


def the_others_are_not_locked(recoveries: Recoveries, act: str) -> None:
    """Between lock and write: whoever has ended meanwhile, or was not asked for, never waits."""
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery(2) as recovery, chats.application() as application:
        recovery.until("write")
        began = time.monotonic()
        application.connection.execute(b"SET lock_timeout = '5s'")
        assert application.do(ACTS[act]) == 1
        assert time.monotonic() - began < AT_ONCE
        recovery.finish()
    assert chats.audited == [2]


def an_ended_row_is_not_locked(recoveries: Recoveries) -> None:
    """Of two that were found the first ends before the lock: it is nobody's business any more."""
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("lock")
        application.do(ACTS["ends"])
        recovery.until("write")
        application.connection.execute(b"SET lock_timeout = '5s'")
        assert application.do(ACTS["ends without looking"]) == 1
        recovery.finish()
    assert chats.audited == [2]

