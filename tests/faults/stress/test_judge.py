"""The judge of the stress finds each thing that recovery must not do, in a history that has it."""

from dataclasses import replace

import pytest

from tests.support.recovery.worlds.stress.forged import Forged
from tests.support.recovery.worlds.stress.history import StopEvent
from tests.support.recovery.worlds.stress.judge import HOUR, faults_of, most_in_an_hour

THRESHOLD = 10.0


@pytest.fixture
def forged() -> Forged:
    """A chat that was seen last at 100."""
    own = Forged()
    own.starts(50)
    own.lives(100)
    return own


def broken(forged: Forged, *stops: StopEvent) -> set[str]:
    """The rules that a history breaks."""
    return {fault.partition(":")[0] for fault in faults_of(forged.events, THRESHOLD, stops)}


def test_a_history_in_which_all_is_right_is_found_right(forged: Forged) -> None:
    forged.is_closed(111)
    forged.is_reopened(120)
    number = forged.is_closed(135, trigger="auto")
    forged.is_undone(136, number)
    forged.lives(140)
    forged.is_closed(160, trigger="auto")
    forged.is_reopened(161)
    forged.ends(162)
    stops = StopEvent(at=99, brake="share", committed=99, resumed=None)
    assert broken(forged, stops) == set()


def test_a_change_that_no_event_tells_of(forged: Forged) -> None:
    forged.lives(101)
    forged.lives(102)
    del forged.events[-2]
    assert broken(forged) == {"history_is_whole"}


@pytest.mark.parametrize("audits", [0, 2])
def test_a_closing_without_its_audit_or_with_two(forged: Forged, audits: int) -> None:
    forged.is_closed(120, audits=audits)
    assert broken(forged) == {"each_change_is_audited_once"}


def test_an_audit_of_what_was_not_closed(forged: Forged) -> None:
    forged.is_audited(120, 3)
    assert broken(forged) == {"each_change_is_audited_once"}


def test_an_audit_in_another_transaction(forged: Forged) -> None:
    forged.is_closed(120)
    forged.events[-1] = replace(forged.events[-1], xid=1)
    assert broken(forged) == {"each_change_is_audited_once"}


def test_one_that_is_closed_though_its_row_shows_life(forged: Forged) -> None:
    forged.is_closed(109)
    assert broken(forged) == {"none_alive_is_closed"}


def test_one_that_is_closed_though_it_was_opened_again(forged: Forged) -> None:
    forged.ends(101)
    forged.is_reopened(115)
    forged.is_closed(120)
    assert broken(forged) == {"none_alive_is_closed"}


def test_one_that_is_closed_after_a_message(forged: Forged) -> None:
    forged.sends(115)
    forged.is_closed(120)
    assert broken(forged) == {"none_alive_is_closed"}


def test_a_message_that_is_committed_after_the_closing_says_nothing(forged: Forged) -> None:
    forged.sends(115)
    forged.events[-1] = replace(forged.events[-1], committed=121)
    forged.is_closed(120)
    assert broken(forged) == set()


@pytest.mark.parametrize(("known_at", "is_wrong"), [(115.5, True), (119.95, False), (None, False)])
def test_one_that_is_closed_though_it_is_known_to_be_present(
    forged: Forged, known_at: float | None, is_wrong: bool
) -> None:
    forged.is_present(115, known_at=known_at)
    forged.is_closed(120)
    assert broken(forged) == ({"none_alive_is_closed"} if is_wrong else set())


def test_one_that_is_closed_twice(forged: Forged) -> None:
    forged.is_closed(120)
    forged.is_closed(130)
    assert broken(forged) == {"only_active_ones_are_closed"}


def test_an_end_of_the_application_that_is_overwritten(forged: Forged) -> None:
    forged.ends(101)
    forged.is_closed(120)
    assert broken(forged) == {"only_active_ones_are_closed", "no_end_is_overwritten"}


def test_an_end_of_the_application_that_is_undone(forged: Forged) -> None:
    number = forged.is_closed(120)
    forged.ends(121)
    forged.is_undone(122, number)
    assert broken(forged) == {"no_end_is_overwritten", "undo_restores"}


def test_undoing_that_writes_something_else(forged: Forged) -> None:
    number = forged.is_closed(120)
    forged.is_undone(121, number, ended_by="recovery")
    assert broken(forged) == {"undo_restores"}


def test_undoing_that_writes_another_column(forged: Forged) -> None:
    number = forged.is_closed(120)
    forged.is_undone(121, number, last_seen_at=forged.row["started_at"])
    assert broken(forged) == {"undo_restores"}


def test_undoing_what_was_undone(forged: Forged) -> None:
    number = forged.is_closed(120)
    forged.is_undone(121, number)
    forged.is_undone(122, number)
    assert broken(forged) == {"undo_restores"}


@pytest.mark.parametrize("trigger", ["auto", "manual"])
def test_one_that_is_closed_again_after_a_person_has_undone_it(
    forged: Forged, trigger: str
) -> None:
    forged.is_undone(121, forged.is_closed(120))
    forged.is_closed(125, trigger=trigger)
    assert broken(forged) == ({"undone_ones_are_left_alone"} if trigger == "auto" else set())


HELD = StopEvent(at=115, brake="share", committed=115, resumed=None)


@pytest.mark.parametrize(
    ("stops", "is_held"),
    [
        ([HELD], True),
        ([replace(HELD, at=99)], False),  # it holds what was seen before
        ([replace(HELD, at=99, brake="returned")], True),  # this one holds all
        ([replace(HELD, resumed=118)], False),
        ([replace(HELD, resumed=121)], True),
        ([HELD, replace(HELD, at=117, committed=117, resumed=118)], False),  # a later one
        ([HELD, replace(HELD, at=112, committed=112, resumed=118)], True),  # an earlier one
        ([replace(HELD, committed=120.5)], False),
    ],
)
def test_one_that_is_closed_though_a_stop_holds_it(
    forged: Forged, stops: list[StopEvent], is_held: bool
) -> None:
    forged.is_closed(120, trigger="auto")
    assert broken(forged, *stops) == ({"none_held_is_closed"} if is_held else set())


def test_a_person_may_close_what_a_stop_holds(forged: Forged) -> None:
    forged.is_closed(120)
    assert broken(forged, HELD) == set()


PAUSED = StopEvent(at=115, brake="pause", committed=115, resumed=None)


@pytest.mark.parametrize(
    ("pause", "is_wrong"),
    [
        (PAUSED, True),
        (replace(PAUSED, resumed=121), True),
        (replace(PAUSED, resumed=118), False),
        (replace(PAUSED, committed=119.5), False),  # its transaction had begun
    ],
)
def test_one_that_is_closed_automatically_in_a_pause(
    forged: Forged, pause: StopEvent, is_wrong: bool
) -> None:
    forged.is_closed(120, trigger="auto")
    assert broken(forged, pause) == ({"none_paused_is_closed"} if is_wrong else set())


def test_a_person_may_close_in_a_pause(forged: Forged) -> None:
    forged.is_closed(120)
    assert broken(forged, PAUSED) == set()


def test_the_most_in_an_hour_are_those_of_any_hour() -> None:
    assert most_in_an_hour([]) == 0
    assert most_in_an_hour([0, 1, HOUR - 1, HOUR, HOUR + 0.5, 3 * HOUR]) == 4
