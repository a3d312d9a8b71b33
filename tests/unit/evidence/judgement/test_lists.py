"""What a list holds, store by store, and when absence from it proves nothing."""

from typing import Any

import pytest

from exporter.evidence.answers import ListAnswer, ListedSession, StoreAnswer
from tests.support.evidence.asked import EVERY, LATE, START, AskedList

TWO: dict[str, Any] = {"urls": {"x": "http://x", "y": "http://y"}}


def test_the_sessions_of_all_stores_are_listed() -> None:
    state = AskedList(**TWO).answer({"1", "2"}, {"3"})
    assert state.sessions.keys() == {"1", "2", "3"}
    assert state.live == {"x": 2, "y": 1}
    assert (state.unknown, state.at) == ("", START)


@pytest.mark.parametrize("stores", ["any", "all"])
def test_of_a_session_in_two_stores_the_newest_sign_of_life_counts(stores: str) -> None:
    asked = AskedList(**TWO, stores=stores)
    older, newer = ListedSession(1.0, 10.0), ListedSession(2.0, 20.0)
    for one, other in ((older, newer), (newer, older), (ListedSession(5.0), newer)):
        asked.now += EVERY
        x, y = StoreAnswer({"1": one}, asked.now), StoreAnswer({"1": other}, asked.now)
        state = asked.history.observe(ListAnswer({"x": x, "y": y}), asked.now)
        assert state.sessions == {"1": newer}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (ListedSession(10.0, 20.0), 20.0),
        (ListedSession(20.0, 10.0), 20.0),
        (ListedSession(None, 10.0), 10.0),
        (ListedSession(10.0), None),
        (ListedSession(), None),
    ],
)
def test_the_start_is_a_sign_of_life_beside_an_older_one(
    listed: ListedSession, expected: float | None
) -> None:
    asked = AskedList()
    answer = ListAnswer({"x": StoreAnswer({"1": listed}, START)})
    asked.history.observe(answer, START)
    assert asked.history.times() == {"1": expected}


def test_before_the_first_answer_nothing_is_known() -> None:
    state = AskedList().history.state(START)
    assert (state.sessions, state.at, state.round) == ({}, 0.0, 0.0)
    assert state.unknown == "no store has answered yet"


@pytest.mark.parametrize(("age", "is_listed"), [(50.0, True), (50.5, False)])
def test_what_a_store_held_counts_for_three_intervals_and_the_time_limit(
    age: float, is_listed: bool
) -> None:
    asked = AskedList(**TWO)
    asked.answer({"1"}, {"2"})
    state = asked.answer({"1"}, LATE, after=age)
    assert state.sessions.keys() == ({"1", "2"} if is_listed else {"1"})
    assert state.live == {"x": 1, "y": 1 if is_listed else None}
    assert state.unknown == "store y: no answer within 5 s"
    assert state.at == (START if is_listed else START + age)
    assert state.round == START + age


def test_between_two_rounds_it_is_forgotten_too() -> None:
    asked = AskedList()
    asked.answer({"1"})
    assert asked.history.state(asked.now + 50).sessions.keys() == {"1"}
    assert asked.history.state(asked.now + 51).sessions == {}


def test_an_answer_that_was_asked_for_no_later_than_the_last_one_is_unknown() -> None:
    asked = AskedList()
    asked.answer({"1"})
    state = asked.answer({"2"}, after=0.0)
    assert state.sessions.keys() == {"1"}
    assert state.unknown == "store x: the answer is not newer than the last one"


def test_what_one_store_has_and_another_lacks_in_two_answers_is_disagreeing() -> None:
    asked = AskedList(**TWO, stores="all")
    assert asked.answer({"1", "2"}, {"1", "3"}).disagreeing is None
    assert asked.answer({"1", "2", "4"}, {"1"}).disagreeing == frozenset({"2"})
    assert asked.answer({"1", "2"}, {"1", "2"}).disagreeing == frozenset()


def test_an_empty_answer_of_one_of_two_stores_counts_for_disagreeing() -> None:
    asked = AskedList(**TWO, stores="all")
    asked.answer({"1"}, set())
    assert asked.answer({"1"}, set()).disagreeing == frozenset({"1"})


def test_with_one_store_that_answers_nothing_is_known_of_disagreement() -> None:
    asked = AskedList(**TWO, stores="all")
    asked.answer({"1"}, {"2"})
    assert asked.answer({"1"}, LATE).disagreeing is None
    assert asked.answer({"1"}, {"1"}).disagreeing == frozenset()


def test_stores_that_hold_sessions_of_their_own_do_not_disagree() -> None:
    asked = AskedList(**TWO)
    asked.answer({"1"}, {"2"})
    assert asked.answer({"1"}, {"2"}).disagreeing is None


def test_sessions_that_come_back_together_make_absence_unknown_for_ghost_after() -> None:
    asked = AskedList()
    asked.answer({"1", "2", "3", "4"})
    asked.answer({"4"})
    state = asked.answer({"1", "2", "3", "4"})
    assert state.unknown == "3 sessions were absent and came back, so absence is no loss"
    for _ in range(3):
        assert asked.answer({"1", "2", "3", "4"}).unknown != ""
    assert asked.answer({"1", "2", "3", "4"}).unknown == ""


def test_a_few_that_come_back_of_many_that_left_do_not() -> None:
    asked = AskedList()
    everything = {str(number) for number in range(20)}
    asked.answer(everything)
    asked.answer({"0"})
    assert asked.answer({"0", "1", "2", "3"}).unknown == ""


def test_two_that_come_back_do_not() -> None:
    asked = AskedList()
    asked.answer({"1", "2", "3"})
    asked.answer({"1"})
    assert asked.answer({"1", "2", "3"}).unknown == ""


def ask_apart(asked: AskedList, x: float, y: float, *sessions: str) -> None:
    held = dict.fromkeys(sessions, ListedSession())
    answers = {"x": StoreAnswer(held, START + x), "y": StoreAnswer({}, START + y)}
    asked.history.observe(ListAnswer(answers), START + max(x, y))


def test_a_round_is_as_old_as_the_store_that_was_asked_first() -> None:
    asked = AskedList(**TWO)
    ask_apart(asked, 0, 9)
    assert asked.history.absence.at == START
    assert asked.history.absence.since("1", START + 5) is None


def test_a_round_that_began_before_the_last_one_had_ended_is_not_complete() -> None:
    asked = AskedList(**TWO)
    ask_apart(asked, 0, 9, "1")
    ask_apart(asked, 9, 20, "1")
    assert asked.history.absence.at == START
    ask_apart(asked, 21, 30)
    assert asked.history.absence.at == START + 21
    assert asked.history.absence.since("1", 0.0) == START + 21


def test_an_id_that_stays_in_the_list_is_kept_once() -> None:
    """Of 100,000 sessions each copy has 8 MB, and several answers are remembered."""
    asked, before = AskedList(), dict[str, str]()
    for number in range(4):
        state = asked.answer([f"call {each}" for each in range(number, number + 3)])
        kept = {each: each for each in state.sessions}
        assert all(kept[each] is before[each] for each in before.keys() & kept)
        before = kept
    assert list(before) == ["call 3", "call 4", "call 5"]
