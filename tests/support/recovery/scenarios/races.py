"""What may happen beside a recovery, and what has to come of it: used by the tests of races, and
again by those that take a guard out of the SQL and expect one of these to fail.
"""

import time

import pytest

from exporter.errors import ConnectFailed, IdleTooLong
from tests.support.recovery.chats import ACTS, Row
from tests.support.recovery.recoveries import Recoveries

#: An application waits for a frozen recovery for a second, and what a busy machine adds to it.
LONGEST = 4.0


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
    assert outcome.skipped == 1
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
    assert outcome.skipped == 1
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


#: What protects chat 1 without its row being written: from another table.
ELSEWHERE = {
    "it is present": ACTS["is present"],
    "it is exempt": "INSERT INTO public.kept VALUES (1)",
    "it has no end": "INSERT INTO public.endless VALUES (1)",
    "it exists no more": "INSERT INTO public.hidden VALUES (1)",
}

#: And the rest of what makes a chat none that is to be recovered.
BY_ITSELF = {
    "it has ended": ACTS["ends"],
    "it was just seen": ACTS["shows life"],
    "it is backlog": "UPDATE public.chats SET started_at = now() - interval '9 days',"
    " last_seen_at = now() - interval '8 days' WHERE id = 1",
}


def what_is_said_after_the_lock_is_heard(recoveries: Recoveries, protection: str) -> None:
    """Evidence elsewhere is committed between lock and write: nobody waits for us."""
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("write")
        assert application.do(protection) == 1
        before = chats.row()
        outcome = recovery.finish()
    assert [each.session for each in outcome.recovered] == ["2"]
    assert chats.row() == before
    assert chats.recovered == chats.audited == [2]


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


def only_who_is_to_be_closed_is_closed(recoveries: Recoveries, protection: str) -> None:
    """Whoever asks for it: what is not to be recovered is not recovered."""
    chats = recoveries.chats
    chats.add(1, 2)
    chats.do(protection)
    before = chats.row()
    with recoveries.recovery(1, 2, is_asked=True) as recovery:
        outcome = recovery.finish()
    assert [each.session for each in outcome.recovered] == ["2"]
    assert outcome.skipped == 1
    assert chats.row() == before
    assert chats.recovered == chats.audited == [2]


def who_was_not_asked_for_never_waits(recoveries: Recoveries, act: str) -> None:
    """Only what was found is locked."""
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery(2) as recovery, chats.application() as application:
        recovery.until("write")
        application.is_impatient()
        assert application.do(ACTS[act]) == 1
        recovery.finish()
    assert chats.audited == [2]


def who_has_ended_never_waits(recoveries: Recoveries) -> None:
    """Of two that were found the first ends before the lock, and is not locked any more."""
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("lock")
        assert application.do(ACTS["ends"]) == 1
        recovery.until("write")
        application.is_impatient()
        assert application.do(ACTS["ends without looking"]) == 1
        recovery.finish()
    assert chats.audited == [2]


def a_recovery_that_freezes_keeps_nobody_waiting_for_long(
    recoveries: Recoveries, step: str
) -> None:
    """The server sends away who holds locks and says nothing; all it did is taken back."""
    chats = recoveries.chats
    chats.add(1)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until(step)
        began = time.monotonic()
        call = application.begin(ACTS["shows life"])
        application.waits(call)
        assert call.result(LONGEST) == 1
        assert time.monotonic() - began < LONGEST
        with pytest.raises((ConnectFailed, IdleTooLong)):
            recovery.finish()
    assert chats.recovered == chats.audited == []


def a_locked_table_is_left_alone_soon(recoveries: Recoveries) -> None:
    """Somebody alters the table: recovery goes away, and comes again later."""
    chats = recoveries.chats
    chats.add(1)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("lock")
        with application.connection.transaction():
            application.do("LOCK public.chats IN ACCESS EXCLUSIVE MODE")
            outcome = recovery.finish()
    assert outcome.recovered == []
    assert outcome.skipped == 1
    with recoveries.recovery() as recovery:
        assert len(recovery.finish().recovered) == 1
    assert chats.recovered == chats.audited == [1]
