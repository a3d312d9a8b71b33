"""When an answer about owners is not trusted, and how that ends."""

import pytest

from exporter.evidence.judgement.owners import HeldSessions
from tests.support.evidence.asked import EVERY, START, AskedOwners


def test_before_the_first_answer_nothing_is_known() -> None:
    owners = AskedOwners("a")
    state = owners.history.state(START)
    assert state.unknown == "there was no usable answer yet"
    assert (state.alive, state.dead, state.at) == (frozenset(), frozenset(), 0.0)
    assert owners.fail().unknown == "there was no usable answer yet: no answer within 5 s"


@pytest.mark.parametrize(("age", "is_known"), [(120.0, True), (120.5, False)])
def test_no_usable_answer_for_longer_than_grace_is_unknown(age: float, is_known: bool) -> None:
    owners = AskedOwners("a", "b")
    owners.ask_for(150, "a")
    state = owners.history.state(owners.now + age)
    assert (state.dead == {"b"}, state.alive == {"a"}) == (is_known, is_known)
    assert state.unknown == ("" if is_known else "there was no usable answer for 120 s")


def test_with_a_short_grace_three_intervals_have_to_pass() -> None:
    owners = AskedOwners("a", "b", grace="20s")
    owners.ask_for(60, "a")
    assert owners.history.state(owners.now + 45).unknown == ""
    assert owners.history.state(owners.now + 46).unknown != ""


def test_an_answer_without_a_living_owner_is_unknown_and_counts_for_nothing() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    state = owners.ask_for(600)
    assert state.unknown == "no owner in the answer lives"
    assert state.dead == frozenset()
    assert owners.ask_for(120, "a").dead == frozenset()


def test_an_empty_answer_is_known_while_no_owner_holds_sessions() -> None:
    owners = AskedOwners()
    assert owners.ask().unknown == ""


def test_what_was_dead_is_not_acted_upon_while_the_answer_is_not_trusted() -> None:
    owners = AskedOwners("a", "b")
    assert owners.ask_for(150, "a").dead == {"b"}
    assert owners.ask().dead == frozenset()
    assert owners.ask("a").dead == {"b"}


def test_owners_of_another_kind_prove_nothing_however_long_they_live() -> None:
    owners = AskedOwners("a", "b")
    state = owners.ask_for(6000, "web-1", "web-2")
    assert state.dead == frozenset()
    assert state.unknown.startswith("none of the owners that hold sessions is in the answer")


def test_as_long_as_no_collection_said_who_holds_sessions_nothing_is_judged() -> None:
    owners = AskedOwners("a", "b")
    held, owners.held = owners.held, None
    assert owners.ask_for(600, "a").unknown == "it is not known yet which owners hold sessions"
    owners.held = held
    assert owners.ask_for(120, "a").dead == frozenset()


def test_half_of_the_owners_may_be_gone_at_once() -> None:
    owners = AskedOwners("a", "b", "c", "d")
    owners.ask("a", "b", "c", "d")
    assert owners.ask_for(135, "a", "b").dead == {"c", "d"}


def test_more_than_half_gone_at_once_is_unknown_until_the_others_have_lived_for_grace() -> None:
    owners = AskedOwners("a", "b", "c")
    owners.ask("a", "b", "c")
    state = owners.ask_for(120, "a")
    assert state.unknown == "2 of the 3 owners that hold sessions are gone at once"
    assert owners.ask("a").unknown == ""
    assert owners.ask_for(105, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b", "c"}


def test_what_comes_back_after_more_than_half_was_gone_starts_the_wait_anew() -> None:
    owners = AskedOwners("a", "b", "c", "d", "e")
    owners.ask("a", "b", "c", "d", "e")
    owners.ask_for(105, "a")
    owners.ask("a", "b")
    assert owners.ask_for(105, "a", "b").unknown != ""
    assert owners.ask("a", "b").unknown == ""


def test_owners_that_take_turns_are_never_dead() -> None:
    owners = AskedOwners("a", "b", "c", "d", "e")
    for _ in range(100):
        assert owners.ask("a", "b").dead == frozenset()
        assert owners.ask("c", "d", "e").dead == frozenset()


def test_a_deployment_one_after_the_other_ends_with_the_old_ones_dead() -> None:
    owners = AskedOwners("old1", "old2", "old3")
    owners.ask_for(150, "old1", "old2", "old3")
    owners.ask_for(45, "old2", "old3", "new1")
    owners.ask_for(45, "old3", "new1", "new2")
    owners.ask_for(45, "new1", "new2", "new3")
    assert owners.held is not None
    owners.held["new1"] = HeldSessions(1, owners.now)
    assert owners.ask_for(2 * 120 + EVERY, "new1", "new2", "new3").dead == {"old1", "old2", "old3"}


def test_a_deployment_of_all_at_once_ends_with_the_old_ones_dead() -> None:
    owners = AskedOwners("old1", "old2", "old3")
    owners.ask_for(150, "old1", "old2", "old3")
    assert owners.ask_for(60).dead == frozenset()
    owners.ask_for(60, "new1", "new2")
    assert owners.held is not None
    owners.held["new1"] = HeldSessions(1, owners.now)
    state = owners.ask_for(2 * 120 + EVERY, "new1", "new2")
    assert (set(state.dead), state.unknown) == ({"old1", "old2", "old3"}, "")


def test_new_owners_have_to_live_for_grace_after_a_deployment_of_all() -> None:
    owners = AskedOwners("old1", "old2", "new1")
    owners.ask_for(150, "old1", "old2")
    for number in range(20):  # each new one is gone in the next answer
        assert owners.held is not None
        owners.held["new1"] = HeldSessions(1, owners.now)
        state = owners.ask(*(["new1"] if number % 2 else ["new2"]))
        assert state.dead == frozenset()
    assert state.unknown != ""


def test_pods_that_ended_are_no_loss_of_more_than_half() -> None:
    owners = AskedOwners("a", "b", "c")
    owners.ask("a", "b", "c")
    assert owners.ask("a", ended=["b", "c"]).dead == {"b", "c"}


def test_pods_that_ended_show_that_the_ids_are_the_same_when_the_new_ones_hold_nothing() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    assert owners.ask("new", ended=["a", "b"]).dead == {"a", "b"}


def test_one_answer_that_is_not_trusted_starts_grace_anew() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    owners.ask_for(60, "a")
    owners.ask()
    assert owners.ask_for(120, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}


def test_owners_that_are_dead_already_are_no_part_of_what_is_gone_at_once() -> None:
    owners = AskedOwners("a", "b", "c", "d", "e")
    owners.ask("a", "b", "c", "d", "e")
    assert owners.ask_for(300, "a", "e").dead == {"b", "c", "d"}
    owners.ask("a")
    assert owners.ask("a", "e").unknown == ""


def test_new_owners_that_live_for_one_answer_each_prove_nothing() -> None:
    owners = AskedOwners("old1", "old2")
    owners.ask("old1", "old2")
    for number in range(20):
        new = f"new{number}"
        owners.held = dict.fromkeys(["old1", "old2", new], HeldSessions(1, 0.0))
        state = owners.ask(new)
    assert state.unknown == "2 of the 3 owners that hold sessions are gone at once"


def test_after_a_gap_the_others_have_to_live_for_grace_again() -> None:
    owners = AskedOwners("a", "b", "c")
    owners.ask("a", "b", "c")
    owners.ask("a")
    assert owners.ask("a", after=200).unknown != ""
    assert owners.ask_for(105, "a").unknown != ""
    assert owners.ask("a").unknown == ""
