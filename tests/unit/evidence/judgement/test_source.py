"""What evidence proves of one source, and when it is blind."""

import gc
import tracemalloc

import pytest

from exporter.evidence.answers import ListAnswer, ListedSession, StoreAnswer
from exporter.evidence.judgement.source import SourceEvidence
from tests.support.evidence.asked import EVERY, START, AskedList, AskedOwners


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


@pytest.mark.parametrize(("rows", "is_blind"), [(2, False), (3, True)])
def test_an_empty_list_is_blind_while_three_sessions_are_active(rows: int, is_blind: bool) -> None:
    asked = AskedList(*numbers(1, rows))
    asked.round(numbers(1, rows))
    for _ in range(20):
        verdict = asked.round([])
    assert bool(verdict.blind) == is_blind
    assert verdict.ghosts == (frozenset() if is_blind else set(numbers(1, rows)))
    if is_blind:
        assert verdict.blind == f"list live: it is empty while {rows} sessions are active"


def test_a_list_of_other_ids_is_blind_while_three_sessions_are_active() -> None:
    asked = AskedList("1", "2", "3")
    for _ in range(20):
        verdict = asked.round(["session-1", "session-2", "session-3"])
        assert verdict.ghosts == frozenset()
    assert verdict.blind == (
        "list live: it holds none of the 3 active sessions: are these the same ids?"
    )
    asked.rows["session-1"] = 0.0
    asked.round(["session-1"])
    assert asked.round(["session-1"]).ghosts == {"1", "2", "3"}


def test_before_the_first_answer_it_is_blind_and_says_nothing_of_the_ids() -> None:
    asked = AskedList("1", "2", "3")
    verdict = asked.collect()
    assert verdict.blind == "list live: no store has answered yet"
    assert (verdict.list_at, verdict.listed, verdict.ghosts) == (0.0, {}, frozenset())
    asked.answer(["1", "2", "3"])
    assert asked.source.verdict(asked.now).blind == ""


@pytest.mark.parametrize(("left", "is_blind"), [(5, False), (6, True)])
def test_more_than_half_that_leave_at_once_while_active_blind_for_ghost_after(
    left: int, is_blind: bool
) -> None:
    asked = AskedList(*numbers(1, 10))
    asked.round(numbers(1, 10))
    for _ in range(4):
        verdict = asked.round(numbers(left + 1, 10))
        assert bool(verdict.blind) == is_blind
        assert verdict.ghosts == frozenset()
    if is_blind:
        assert verdict.blind == f"list live: {left} sessions that are active left it at once"
    verdict = asked.round(numbers(left + 1, 10))
    assert (verdict.blind, set(verdict.ghosts)) == ("", set(numbers(1, left)))


def test_sessions_that_end_properly_all_at_once_do_not_blind() -> None:
    asked = AskedList(*numbers(1, 10))
    asked.round(numbers(1, 10))
    asked.rows = {"10": 0.0}
    assert asked.round(["10"]).blind == ""


@pytest.mark.parametrize(("rows", "is_blind"), [(3, False), (4, True)])
def test_fewer_than_three_that_leave_at_once_do_not_blind(rows: int, is_blind: bool) -> None:
    asked = AskedList(*numbers(1, rows))
    asked.round(numbers(1, rows))
    assert bool(asked.round([str(rows)]).blind) == is_blind


def test_of_one_that_leaves_after_another_both_count() -> None:
    asked = AskedList(*numbers(1, 12))
    asked.round(numbers(1, 12))
    asked.round(numbers(8, 12))
    verdict = asked.round(numbers(11, 12))
    assert verdict.blind == "list live: 10 sessions that are active left it at once"


def test_ghosts_are_taken_back_while_sessions_come_back_together() -> None:
    asked = AskedList(*numbers(1, 10))
    asked.round(numbers(1, 10))
    for _ in range(5):
        verdict = asked.round(numbers(2, 10))
    assert verdict.ghosts == {"1"}
    asked.round(numbers(6, 10))
    assert asked.round(numbers(2, 10)).ghosts == frozenset()


def test_rows_that_were_never_listed_have_not_left() -> None:
    asked = AskedList(*numbers(1, 10))
    asked.round(numbers(1, 10))
    for _ in range(3):
        asked.round(numbers(2, 10))
    asked.rows |= {"new1": asked.now, "new2": asked.now}
    asked.round(numbers(2, 10))
    assert asked.round(numbers(2, 10)).ghosts == {"1"}


def test_ghosts_are_taken_back_while_more_than_half_has_left_at_once() -> None:
    asked = AskedList(*numbers(1, 10))
    asked.round(numbers(1, 10))
    for _ in range(5):
        verdict = asked.round(numbers(2, 10))
    assert verdict.ghosts == {"1"}
    assert asked.round(numbers(9, 10)).ghosts == frozenset()


@pytest.mark.parametrize(("left", "rounds"), [(1, 2), (2, 5)])
def test_several_that_leave_at_once_while_active_make_a_ghost_wait_until_that_is_stable(
    left: int, rounds: int
) -> None:
    asked = AskedList(*numbers(1, 10))
    asked.round(numbers(1, 10))
    for _ in range(3):
        asked.round(numbers(2, 10))
    seen = ["1" in asked.round(numbers(2 + left, 10)).ghosts for _ in range(rounds)]
    assert seen == [False] * (rounds - 1) + [True]


def test_two_of_twenty_that_leave_are_not_several() -> None:
    asked = AskedList(*numbers(1, 23))
    asked.round(numbers(1, 23))
    for _ in range(3):
        asked.round(numbers(2, 23))
    asked.round(numbers(4, 23))
    assert asked.round(numbers(4, 23)).ghosts == {"1"}


def test_a_ghost_stays_one_while_several_leave() -> None:
    asked = AskedList(*numbers(1, 10))
    asked.round(numbers(1, 10))
    for _ in range(5):
        asked.round(numbers(2, 10))
    assert asked.round(numbers(4, 10)).ghosts == {"1"}


def test_what_is_listed_in_two_answers_and_not_active_is_untracked() -> None:
    asked = AskedList("1")
    assert asked.source.untracked() is None
    asked.round(["1", "2", "3"])
    assert asked.source.untracked() is None
    asked.collect()  # the same answer
    assert asked.source.untracked() is None
    asked.round(["1", "2", "4"])
    assert asked.source.untracked() == frozenset({"2"})
    asked.rows["2"] = 0.0
    asked.collect()
    assert asked.source.untracked() == frozenset()


def test_the_verdict_holds_what_is_listed_with_its_last_sign_of_life() -> None:
    asked = AskedList()
    sessions = {"1": ListedSession(1.0, 2.0), "2": ListedSession(3.0)}
    asked.history.observe(ListAnswer({"x": StoreAnswer(sessions, START)}), START)
    assert asked.source.verdict(START).listed == {"1": 2.0, "2": None}


def test_owners_and_list_are_both_named_when_they_are_blind() -> None:
    owners, asked = AskedOwners("a"), AskedList("1")
    source = SourceEvidence(owners.history, asked.history)
    assert source.verdict(START).blind == (
        "owners servers: there was no usable answer yet; list live: no store has answered yet"
    )


def test_a_verdict_is_as_old_as_the_older_of_its_answers() -> None:
    owners, asked = AskedOwners("a"), AskedList("1")
    source = SourceEvidence(owners.history, asked.history)
    owners.ask("a")
    asked.answer(["1"], after=EVERY + 3)
    verdict = source.verdict(asked.now)
    assert (verdict.at, verdict.list_at) == (START, START + 3)
    asked.answer(["1"])
    owners.ask("a", after=40)
    assert source.verdict(owners.now).at == asked.now


def test_without_a_list_the_verdict_is_that_of_the_owners() -> None:
    owners = AskedOwners("a", "b")
    source = SourceEvidence(owners.history, None)
    owners.ask_for(135, "a")
    verdict = source.verdict(owners.now)
    assert (verdict.dead_owners, verdict.alive_owners) == (frozenset({"b"}), frozenset({"a"}))
    assert verdict.blind == ""
    assert verdict.at == owners.now


def test_owners_whose_ids_are_used_again_never_blind() -> None:
    owners = AskedOwners("a", unique_per_start=False)
    source = SourceEvidence(owners.history, None)
    owners.ask()
    assert owners.history.state(owners.now).unknown != ""
    assert source.verdict(owners.now).blind == ""


def test_without_owners_and_a_list_nothing_is_proved() -> None:
    verdict = SourceEvidence(None, None).verdict(START)
    assert (verdict.blind, verdict.at, verdict.dead_owners) == ("", 0.0, frozenset())


def test_a_long_list_that_stays_the_same_is_remembered_once() -> None:
    ids = [f"session {number}" for number in range(20_000)]
    calls = AskedList("session 1")
    for _ in range(2):
        calls.round(ids)
    tracemalloc.start(1)
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(4):
            calls.round(ids)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 5_000_000  # the last answer and its times; each copy of it takes 1 MB
