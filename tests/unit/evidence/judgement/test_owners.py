"""When an owner is dead, missing, or alive."""

from random import Random

import pytest

from exporter.evidence.answers import OwnersAnswer
from exporter.evidence.judgement.owners import HeldSessions
from tests.support.evidence.asked import EVERY, START, AskedOwners


def test_an_owner_that_answers_lack_for_grace_is_dead_and_not_before() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    first = owners.ask("a")
    assert owners.ask_for(105, "a").dead == frozenset()
    state = owners.ask("a")
    assert state.dead == {"b"}
    assert state.missing == {"b": first.at}
    assert state.alive == {"a"}
    assert state.unknown == ""


def test_one_answer_is_not_enough_however_short_grace_is() -> None:
    owners = AskedOwners("a", "b", grace="1s")
    owners.ask("a", "b")
    assert owners.ask("a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}


@pytest.mark.parametrize(("missed", "needed"), [(30, 120), (60, 4 * 60), (105, 4 * 105)])
def test_an_owner_that_comes_back_dies_after_another_grace_and_four_times_as_long_as_it_missed(
    missed: int, needed: int
) -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    owners.ask_for(missed, "a")
    assert owners.ask("a", "b").missing == {}
    assert owners.ask_for(needed, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}
    owners.ask_for(3600, "a", "b")  # that is forgotten
    assert owners.ask_for(120, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}


def test_servers_of_which_each_lists_itself_make_none_dead() -> None:
    """One URL leads to both in turn; their sessions are quiet."""
    for seed in range(3):
        dice, owners = Random(seed), AskedOwners("a", "b")
        for _ in range(2000):
            assert owners.ask(dice.choice("ab")).dead == frozenset()


def test_an_owner_that_an_answer_has_had_is_not_among_those_that_none_has_had() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    state = owners.ask_for(150, "a")
    assert (state.dead, state.never_listed) == (frozenset("b"), frozenset())


def test_a_dead_owner_that_is_in_an_answer_again_is_alive_at_once() -> None:
    owners = AskedOwners("a", "b")
    assert owners.ask_for(150, "a").dead == {"b"}
    state = owners.ask("a", "b")
    assert state.dead == frozenset()
    assert state.alive == {"a", "b"}


def test_an_owner_that_died_before_the_first_answer_is_dead_after_grace() -> None:
    owners = AskedOwners("a", "b")
    assert owners.ask_for(120, "a").dead == frozenset()
    state = owners.ask("a")
    assert (state.dead, state.never_listed) == (frozenset("b"), frozenset("b"))


def test_one_that_no_answer_ever_had_and_that_lives_shows_that_answers_lack_owners() -> None:
    """Such as the pods of another namespace: of `b`, which is quiet, nothing is known then."""
    owners = AskedOwners("a", "a2", "b")
    owners.ask_for(60, "a", "a2")
    assert owners.held is not None
    owners.held["c"] = HeldSessions(1, owners.now)
    state = owners.ask_for(600, "a", "a2")
    assert (state.dead, state.unknown) == (frozenset(), "")


def test_that_answers_lack_owners_takes_back_a_death_that_rests_on_them() -> None:
    owners = AskedOwners("a", "a2", "b", "listed")
    owners.ask("a", "a2", "listed")
    assert owners.ask_for(150, "a", "a2").dead == {"b", "listed"}
    assert owners.held is not None
    owners.held["c"] = HeldSessions(1, owners.now)
    assert owners.ask_for(600, "a", "a2").dead == {"listed"}


def test_an_owner_that_registers_late_lives_and_delays_what_is_known_of_others() -> None:
    owners = AskedOwners("a", "a2", "b")
    owners.ask_for(60, "a", "a2")
    assert owners.held is not None
    owners.held["late"] = HeldSessions(1, owners.now)
    assert owners.ask_for(90, "a", "a2").dead == frozenset()
    assert owners.ask("a", "a2", "late").dead == {"b"}


def test_of_a_deployment_before_the_first_answer_the_old_ones_are_dead_and_no_new_one() -> None:
    owners = AskedOwners("old1", "old2")
    owners.ask("new1", "new2")
    assert owners.held is not None
    owners.held |= {each: HeldSessions(1, owners.now) for each in ("new1", "new2", "new3")}
    assert owners.ask_for(60, "new1", "new2").dead == frozenset()
    owners.held["new3"] = HeldSessions(1, owners.now)
    state = owners.ask_for(2 * 120 + EVERY, "new1", "new2", "new3")
    assert (set(state.dead), state.unknown) == ({"old1", "old2"}, "")


def test_of_more_owners_than_remain_nothing_is_known_before_these_have_lived_for_grace() -> None:
    owners = AskedOwners("a", "old1", "old2")
    assert owners.ask_for(120, "a").unknown != ""
    assert owners.ask_for(120, "a").dead == frozenset()
    assert owners.ask("a").dead == {"old1", "old2"}


def test_an_owner_that_no_answer_ever_had_and_that_began_to_hold_later_is_not_judged() -> None:
    owners = AskedOwners("a")
    owners.ask_for(60, "a")
    owners.held = {"a": HeldSessions(1, 0.0), "b": HeldSessions(1, owners.now)}
    state = owners.ask_for(600, "a")
    assert state.dead == frozenset()
    assert state.missing.keys() == {"b"}


def test_so_is_one_of_which_only_the_number_is_known() -> None:
    owners = AskedOwners()
    owners.held = {"a": HeldSessions(1)}
    owners.ask_for(60, "a")
    owners.held = {"a": HeldSessions(1), "b": HeldSessions(1)}
    assert owners.ask_for(600, "a").dead == frozenset()


def test_an_owner_of_which_only_the_number_is_known_is_dead_after_grace() -> None:
    owners = AskedOwners()
    owners.held = {"a": HeldSessions(1), "b": HeldSessions(1)}
    assert owners.ask_for(135, "a").dead == {"b"}


def test_an_owner_that_was_idle_when_it_was_listed_is_judged() -> None:
    owners = AskedOwners("a")
    owners.ask_for(60, "a", "b")
    started = owners.now + 1
    owners.ask("a")
    owners.held = {"a": HeldSessions(1, 0.0), "b": HeldSessions(1, started)}
    assert owners.ask_for(120, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}


def test_an_owner_that_died_while_no_answer_came_is_judged() -> None:
    owners = AskedOwners("a")
    owners.ask("a")
    owners.held = {"a": HeldSessions(1, 0.0), "b": HeldSessions(1, owners.now + 20)}
    owners.ask("a", after=100)
    assert owners.ask_for(120, "a").dead == {"b"}


@pytest.mark.parametrize(("unknowns", "dead"), [(2, {"b"}), (4, set())])
def test_some_answers_may_fail_within_grace_but_not_for_long(unknowns: int, dead: set[str]) -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    owners.ask_for(15, "a")
    for _ in range(unknowns):
        owners.fail()
    assert owners.ask_for(120 - EVERY * unknowns, "a").dead == dead


def test_a_sign_of_life_in_the_table_starts_grace_anew() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    owners.ask_for(60, "a")
    assert owners.held is not None
    owners.held["b"] = HeldSessions(1, owners.now + 1)
    assert owners.ask_for(120, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}


def test_a_sign_of_life_in_the_table_brings_a_dead_owner_back() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    assert owners.ask_for(150, "a").dead == {"b"}
    assert owners.held is not None
    owners.held["b"] = HeldSessions(1, owners.now + 1)
    assert owners.ask("a").dead == frozenset()
    assert owners.ask_for(105, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}


@pytest.mark.parametrize(("silence", "dead"), [(119.0, set()), (120.0, {"b"})])
def test_an_owner_is_not_dead_by_rows_that_were_read_within_grace_of_its_last_sign_of_life(
    silence: float, dead: set[str]
) -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    assert owners.held is not None
    owners.held["b"] = HeldSessions(1, owners.now - 1, owners.now - 1 + silence)
    assert owners.ask_for(300, "a").dead == dead


def test_an_owner_whose_last_report_lies_in_the_future_is_dead_like_any_other() -> None:
    owners = AskedOwners("a", "b", sql=None, table={"table": "public.a", "id": "id"})
    owners.ask("a", "b")
    owners.reported = {"b": 5000.0}
    assert owners.ask_for(120, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}


def test_one_whose_reports_in_the_future_change_has_a_wrong_clock_and_lives() -> None:
    owners = AskedOwners("a", "b", sql=None, table={"table": "public.a", "id": "id"})
    for number in range(20):
        owners.reported = {"b": 5000.0 + number // 3}  # it reports every 45 s, within is 1 minute
        state = owners.ask("a")
        assert state.dead == frozenset()
    assert state.alive == {"a", "b"}
    assert owners.ask_for(150, "a").dead == frozenset()
    assert owners.ask("a").dead == {"b"}


@pytest.mark.parametrize(("within", "known_after"), [("1m", 120), ("5m", 300)])
def test_one_whose_last_report_stays_old_is_known_although_no_answer_had_it_as_living(
    within: str, known_after: int
) -> None:
    """It died before the first one, as its row shows; that others are never listed says nothing."""
    table = {"table": "public.a", "id": "id", "within": within}
    owners = AskedOwners("a", "a2", "b", sql=None, table=table)
    owners.reported = {"b": 500.0}
    assert owners.held is not None
    owners.held["c"] = HeldSessions(1, START + 1)  # of another namespace
    state = owners.ask_for(known_after, "a", "a2")
    assert state.dead - state.never_listed == frozenset()
    state = owners.ask("a", "a2")
    assert (state.dead, state.never_listed) == (frozenset("b"), frozenset())


def test_one_whose_old_reports_change_has_a_clock_that_is_late_and_lives() -> None:
    owners = AskedOwners("a", "b", sql=None, table={"table": "public.a", "id": "id"})
    for number in range(20):
        owners.reported = {"b": 500.0 + number // 3}
        state = owners.ask("a")
        assert state.dead == frozenset()
    assert state.alive == {"a", "b"}
    assert owners.history.unreported({"a", "b"}) == {"b"}  # its row is asked for again


def test_an_owner_that_the_answer_says_has_ended_is_dead_at_once() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    assert owners.ask("a", ended=["b"]).dead == {"b"}


def test_an_owner_that_ended_and_shows_life_in_the_table_waits_for_grace() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    owners.ask("a", ended=["b"])
    assert owners.held is not None
    owners.held["b"] = HeldSessions(1, owners.now + 1)
    for _ in range(8):
        assert owners.ask("a", ended=["b"]).dead == frozenset()
    assert owners.ask("a", ended=["b"]).dead == {"b"}


def test_an_owner_that_is_alive_and_ended_in_one_answer_is_alive() -> None:
    owners = AskedOwners("a", "b")
    assert owners.ask("a", "b", ended=["b"]).dead == frozenset()


def test_where_ids_are_used_again_a_missing_owner_is_a_hint_and_never_dead() -> None:
    owners = AskedOwners("a", "b", unique_per_start=False)
    first = owners.ask("a")
    state = owners.ask_for(600, "a")
    assert state.dead == frozenset()
    assert state.missing == {"b": first.at}
    assert owners.ask("a", ended=["b"]).dead == frozenset()


def test_an_owner_without_active_sessions_is_neither_missing_nor_dead() -> None:
    owners = AskedOwners("a", "b")
    assert owners.held is not None
    owners.held["b"] = HeldSessions(0)
    state = owners.ask_for(300, "a")
    assert (state.dead, state.missing) == (frozenset(), {})


def test_an_answer_that_was_asked_for_earlier_than_the_last_one_is_not_taken() -> None:
    owners = AskedOwners("a", "b")
    owners.ask_for(150, "a")
    at = owners.now
    state = owners.history.observe(OwnersAnswer(frozenset({"a", "b"}), at), owners.held, at + 1)
    assert (set(state.dead), set(state.alive), state.at) == ({"b"}, {"a"}, at)


def test_an_owner_that_no_answer_ever_had_and_that_shows_life_is_not_dead_again() -> None:
    owners = AskedOwners("a", "b")
    assert owners.ask_for(150, "a").dead == {"b"}
    assert owners.held is not None
    owners.held["b"] = HeldSessions(1, owners.now + 1)
    assert owners.ask_for(600, "a").dead == frozenset()
    owners.ask("a", after=100)
    assert owners.ask_for(600, "a").dead == frozenset()


def test_one_that_ended_shows_life_and_is_listed_again_is_dead_at_once_when_it_ends() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    owners.ask("a", ended=["b"])
    assert owners.held is not None
    owners.held["b"] = HeldSessions(1, owners.now + 1)
    owners.ask("a", ended=["b"])
    owners.ask("a", "b")
    assert owners.ask("a", ended=["b"]).dead == {"b"}


def test_one_that_showed_life_after_the_answer_was_asked_for_has_not_ended_by_it() -> None:
    owners = AskedOwners("a", "b")
    owners.ask("a", "b")
    assert owners.held is not None
    owners.held["b"] = HeldSessions(1, owners.now + EVERY + 0.5)
    assert owners.ask("a", ended=["b"]).dead == frozenset()
    assert owners.ask("a", ended=["b"]).dead == {"b"}


def test_one_of_which_only_the_number_is_known_and_that_died_while_no_answer_came_is_judged() -> (
    None
):
    owners = AskedOwners()
    owners.held = {"a": HeldSessions(1)}
    owners.ask("a")
    owners.held = {"a": HeldSessions(1), "b": HeldSessions(1)}
    owners.ask("a", after=100)
    assert owners.ask_for(120, "a").dead == {"b"}


@pytest.mark.parametrize("is_held", [True, False])
def test_that_an_owner_was_listed_is_known_for_a_day_or_as_long_as_it_holds_sessions(
    is_held: bool,
) -> None:
    owners = AskedOwners("a", *(["b"] if is_held else []), every="1h", grace="2h")
    owners.ask("a", "b")
    for _ in range(26):
        owners.ask("a", after=3600)
    owners.held = {"a": HeldSessions(1, 0.0), "b": HeldSessions(1, owners.now)}
    for _ in range(5):
        state = owners.ask("a", after=3600)
    assert state.dead == ({"b"} if is_held else set())
