"""When an active row that no store lists is a ghost."""

from itertools import count
from typing import Any

import pytest

from tests.support.evidence.asked import LATE, START, AskedList

TWO: dict[str, Any] = {"urls": {"x": "http://x", "y": "http://y"}}


def rounds_until_ghost(asked: AskedList, *stores: set[str]) -> int:
    """Ask until session 1 is a ghost; return how often."""
    for number in count(1):
        if asked.round(*stores).ghosts:
            return number
        assert number < 30
    raise AssertionError


def test_what_left_the_list_ghost_after_ago_is_a_ghost_and_not_before() -> None:
    asked = AskedList("1", "2")
    asked.round({"1", "2"})
    for _ in range(4):  # absent for 0, 15, 30 and 45 s
        assert asked.round({"2"}).ghosts == frozenset()
    verdict = asked.round({"2"})
    assert verdict.ghosts == {"1"}
    assert verdict.blind == ""
    assert (verdict.at, verdict.list_at) == (asked.now, asked.now)


def test_it_is_none_any_more_once_it_is_listed_again() -> None:
    asked = AskedList("1", "2", "3", "4")
    asked.round({"1", "2", "3", "4"})
    for _ in range(5):
        verdict = asked.round({"2", "3"})
    assert verdict.ghosts == {"1", "4"}
    assert asked.round({"1", "2", "3"}).ghosts == {"4"}
    assert asked.round({"2", "3"}).ghosts == {"4"}


def test_one_that_closes_and_is_active_again_starts_anew() -> None:
    asked = AskedList("1", "2")
    asked.round({"2"})
    assert rounds_until_ghost(asked, {"2"}) == 5
    seen = asked.rows.pop("1")
    assert asked.round({"2"}).ghosts == frozenset()
    asked.rows["1"] = seen
    assert rounds_until_ghost(asked, {"2"}) == 6


def test_one_that_was_never_listed_is_a_ghost_ghost_after_it_was_found_active() -> None:
    asked = AskedList("2")
    for _ in range(10):
        asked.round({"2"})
    asked.rows["1"] = 0.0  # an old row that is active again
    assert asked.round({"2"}).ghosts == frozenset()
    assert rounds_until_ghost(asked, {"2"}) == 5


def test_one_that_started_is_a_ghost_ghost_after_the_first_answer_after_its_start() -> None:
    asked = AskedList("2")
    for _ in range(10):
        asked.round({"2"})
    asked.rows["1"] = asked.now + 5
    assert rounds_until_ghost(asked, {"2"}) == 5


def test_one_that_started_after_the_list_was_asked_for_is_not_absent_from_it() -> None:
    asked = AskedList("2")
    for _ in range(10):
        asked.round({"2"})
    asked.answer({"2"})
    asked.rows["1"] = asked.now + 0.5
    asked.collect()
    assert rounds_until_ghost(asked, {"2"}) == 5


def test_a_sign_of_life_after_it_left_the_list_starts_the_time_anew() -> None:
    asked = AskedList("1", "2")
    asked.round({"1", "2"})
    for _ in range(3):
        asked.round({"2"})
    asked.rows["1"] = asked.now + 0.5
    assert rounds_until_ghost(asked, {"2"}) == 5


def test_a_ghost_that_shows_life_is_none_until_that_is_ghost_after_ago() -> None:
    asked = AskedList("1", "2")
    for _ in range(8):
        verdict = asked.round({"2"})
    assert verdict.ghosts == {"1"}
    asked.rows["1"] = asked.now + 5  # before the next answer
    assert asked.round({"2"}).ghosts == frozenset()
    assert rounds_until_ghost(asked, {"2"}) == 4


def test_a_ghost_that_was_in_one_answer_is_none_until_that_is_ghost_after_ago() -> None:
    """Also where nobody asked for a verdict while it was listed."""
    asked = AskedList("1", "2", "3", "4")
    asked.round({"1", "2", "3", "4"})
    for _ in range(6):
        verdict = asked.round({"3"})
    assert verdict.ghosts == {"1", "2", "4"}
    asked.answer({"1", "3"})
    assert asked.round({"3"}).ghosts == {"2", "4"}
    for _ in range(3):
        assert asked.round({"3"}).ghosts == {"2", "4"}
    assert asked.round({"3"}).ghosts == {"1", "2", "4"}


@pytest.mark.parametrize(("silence", "is_ghost"), [(59.0, False), (60.0, True)])
def test_a_row_that_was_read_within_ghost_after_of_its_last_sign_of_life_is_none(
    silence: float, is_ghost: bool
) -> None:
    asked = AskedList("1", "2", seen=START + 15)
    asked.round({"2"})
    asked.answer({"2"})
    asked.collect(after=silence)  # the rows are not read again
    for _ in range(8):
        asked.answer({"2"})
    assert asked.source.verdict(asked.now).ghosts == ({"1"} if is_ghost else frozenset())


def test_a_round_that_was_asked_for_after_the_row_was_found_has_to_lack_it() -> None:
    asked = AskedList("1", "2")
    for _ in range(10):
        asked.answer({"2"})
    asked.rows["1"] = START
    asked.source.verdict(asked.now)
    assert asked.collect().ghosts == frozenset()


def test_while_a_store_does_not_answer_no_absence_is_counted() -> None:
    asked = AskedList("1", "2", **TWO)
    asked.round({"1"}, {"2"})
    asked.round(set(), {"2"})
    for _ in range(20):
        verdict = asked.round(LATE, {"2"})
        assert verdict.ghosts == frozenset()
        assert verdict.blind == "list live: store x: no answer within 5 s"


def test_a_failure_that_does_not_last_takes_no_ghost_back_and_blinds() -> None:
    asked = AskedList("1", "2", **TWO)
    asked.round({"1"}, {"2"})
    rounds_until_ghost(asked, set(), {"2"})
    verdict = asked.round(LATE, {"2"})
    assert verdict.ghosts == {"1"}
    assert verdict.blind != ""
    asked.answer(LATE, {"2"})
    assert asked.source.verdict(asked.now + 20).ghosts == {"1"}
    assert asked.source.verdict(asked.now + 21).ghosts == frozenset()


@pytest.mark.parametrize(("unknowns", "expected"), [(2, 1), (3, 5)])
def test_some_answers_may_fail_within_ghost_after_but_not_for_long(
    unknowns: int, expected: int
) -> None:
    asked = AskedList("1", "2")
    asked.round({"1", "2"})
    asked.round({"2"})
    asked.round({"2"})
    for _ in range(unknowns):
        asked.round(LATE)
    assert rounds_until_ghost(asked, {"2"}) == expected


def test_presence_in_one_store_counts_while_another_does_not_answer() -> None:
    asked = AskedList("1", "2", **TWO)
    asked.round({"1"}, {"2"})
    for _ in range(3):
        asked.round(set(), {"2"})
    asked.round({"1"}, LATE)
    assert rounds_until_ghost(asked, set(), {"2"}) == 5


def test_stores_that_take_turns_make_no_ghost() -> None:
    asked = AskedList("1", "2", "3", "4")
    for _ in range(50):
        assert asked.round({"1", "2"}).ghosts == frozenset()
        assert asked.round({"3", "4"}).ghosts == frozenset()


def test_where_the_only_one_that_left_comes_back_the_time_of_all_starts_anew() -> None:
    asked = AskedList("1", "2", "3")
    asked.round({"2", "3"})
    asked.round({"3"})
    asked.round({"3"})
    assert asked.round({"3", "2"}).blind == ""
    assert rounds_until_ghost(asked, {"3", "2"}) == 4


def test_where_one_of_two_that_left_comes_back_it_does_not() -> None:
    asked = AskedList("1", "2", "3")
    asked.round({"1", "2", "3"})
    asked.round({"3"})
    asked.round({"3"})
    asked.round({"3", "2"})
    assert rounds_until_ghost(asked, {"3", "2"}) == 2


@pytest.mark.parametrize(("left", "expected"), [(7, 4), (8, 2)])
def test_two_that_come_back_start_it_anew_where_they_are_more_than_a_quarter(
    left: int, expected: int
) -> None:
    rows = [str(number) for number in range(1, 21)]
    asked = AskedList(*rows)
    asked.round(set(rows))
    gone = rows[:left]
    stays = set(rows) - set(gone)
    asked.round(stays)
    asked.round(stays)
    asked.round(stays | {"2", "3"})
    assert rounds_until_ghost(asked, stays | {"2", "3"}) == expected


def test_what_left_long_ago_is_no_part_of_what_comes_back() -> None:
    asked = AskedList("1", "2", "3")
    asked.round({"2", "3", *(f"ended{number}" for number in range(9))})
    for _ in range(10):
        asked.round({"2", "3"})
    asked.round({"3"})
    asked.round({"2", "3"})
    assert asked.history.absence.since("1", 0.0) == asked.now


def test_answers_before_it_left_the_list_count_for_nothing() -> None:
    asked = AskedList("1", "2")
    asked.round({"1", "2"})
    for _ in range(10):
        asked.answer({"1", "2"})
    assert rounds_until_ghost(asked, {"2"}) == 5


def test_one_that_a_collection_finds_late_has_to_be_absent_from_one_more_round() -> None:
    asked = AskedList("1", "2")
    asked.round({"1", "2"})
    for _ in range(10):
        asked.answer({"2"})
    assert asked.collect().ghosts == frozenset()
    asked.answer({"2"})
    assert asked.source.verdict(asked.now).ghosts == {"1"}


def test_one_that_was_listed_while_its_row_was_not_active_is_known_active_from_then_on() -> None:
    asked = AskedList("2")
    asked.round({"1", "2"})
    asked.answer({"2"})
    asked.rows["1"] = 0.0
    asked.collect()
    assert rounds_until_ghost(asked, {"2"}) == 5
