"""Recovery against the application on two real connections, in both orders, at each step."""

import pytest

from exporter.recovery.close.candidates import Outcome
from tests.support.recovery.chats import ACTS
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.scenarios import races, undos

#: Acts that need the row: to write it, or to refer to it.
ON_THE_ROW = sorted(set(ACTS) - {"is present"})
TO_THE_ROW = sorted({"ends without looking", "is deleted", "is opened again"})


@pytest.mark.quick("ends", "shows life", "is present", "is deleted")
@pytest.mark.parametrize("act", ACTS)
def test_what_the_application_did_before_the_lock_stays(recoveries: Recoveries, act: str) -> None:
    races.what_came_first_stays(recoveries, act)


@pytest.mark.quick("ends without", "is deleted")
@pytest.mark.parametrize("act", ON_THE_ROW)
def test_a_row_that_the_application_works_on_is_passed_over(
    recoveries: Recoveries, act: str
) -> None:
    races.who_works_on_a_row_keeps_it(recoveries, act)


@pytest.mark.quick("write-ends", "write-is deleted", "write-sends", "commit-shows life")
@pytest.mark.parametrize("act", ON_THE_ROW)
@pytest.mark.parametrize("step", ["write", "commit"])
def test_who_comes_after_the_lock_waits_and_finds_a_closed_session(
    recoveries: Recoveries, step: str, act: str
) -> None:
    races.who_comes_after_the_lock_waits(recoveries, act, step)


@pytest.mark.parametrize("protection", races.ELSEWHERE)
def test_what_another_table_says_after_the_lock_keeps_a_session_open(
    recoveries: Recoveries, protection: str
) -> None:
    races.what_is_said_after_the_lock_is_heard(recoveries, races.ELSEWHERE[protection])


def test_a_default_isolation_level_does_not_make_recovery_look_at_the_past(
    recoveries: Recoveries,
) -> None:
    chats = recoveries.chats
    name = chats.database.name
    chats.do(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    races.what_is_said_after_the_lock_is_heard(recoveries, ACTS["is present"])


def test_evidence_that_nobody_can_see_yet_comes_too_late(recoveries: Recoveries) -> None:
    chats = recoveries.chats
    chats.add(1)
    with chats.application() as application, application.connection.transaction():
        assert application.do(ACTS["is present"]) == 1
        with recoveries.recovery() as recovery:
            assert len(recovery.finish().recovered) == 1
    assert chats.recovered == [1]


@pytest.mark.quick("ends without", "is present", "is deleted", "is opened")
@pytest.mark.parametrize("act", ACTS)
def test_what_comes_after_the_commit_wins_and_undo_leaves_it_alone(
    recoveries: Recoveries, act: str
) -> None:
    undos.what_comes_after_the_commit_wins(recoveries, act)


@pytest.mark.quick("ends without", "is deleted")
@pytest.mark.parametrize("act", TO_THE_ROW)
def test_what_was_written_before_an_undo_stays(recoveries: Recoveries, act: str) -> None:
    undos.what_came_before_the_undo_stays(recoveries, act)


@pytest.mark.quick("is opened")
@pytest.mark.parametrize("act", TO_THE_ROW)
def test_an_undo_passes_over_a_row_that_the_application_works_on(
    recoveries: Recoveries, act: str
) -> None:
    undos.undo_passes_over_who_works_on_a_row(recoveries, act)


@pytest.mark.quick("write")
@pytest.mark.parametrize("step", ["write", "commit"])
def test_who_comes_after_the_lock_of_an_undo_waits_and_finds_the_session_as_it_was(
    recoveries: Recoveries, step: str
) -> None:
    undos.undo_keeps_the_application_waiting(recoveries, step)


def test_what_was_undone_is_not_undone_again(recoveries: Recoveries) -> None:
    undos.what_is_undone_stays_undone(recoveries)


def test_two_undos_of_one_run_take_each_session_back_once(recoveries: Recoveries) -> None:
    undos.two_undos_take_back_once(recoveries)


@pytest.mark.quick("write")
@pytest.mark.parametrize("step", ["write", "commit"])
def test_a_second_recovery_passes_over_what_the_first_has_locked(
    recoveries: Recoveries, step: str
) -> None:
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery(1) as first, recoveries.recovery() as second:
        second.until("lock")
        first.until(step)
        assert closed(second.finish()) == ["2"]
        assert closed(first.finish()) == ["1"]
    assert chats.recovered == chats.audited == [1, 2]


def test_a_second_recovery_that_detected_the_same_closes_nothing_again(
    recoveries: Recoveries,
) -> None:
    chats = recoveries.chats
    chats.add(1, 2)
    with recoveries.recovery() as first, recoveries.recovery() as second:
        second.until("lock")
        first.until("lock")
        assert closed(first.finish()) == ["1", "2"]
        outcome = second.finish()
    assert closed(outcome) == []
    assert outcome.skipped == 2
    assert chats.audited == [1, 2]


def closed(outcome: Outcome) -> list[str]:
    return sorted(each.session for each in outcome.recovered)
