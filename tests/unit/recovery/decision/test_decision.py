"""What automatic recovery may close: settled, seen twice the same, not while a brake is on."""

from dataclasses import replace

import pytest

from exporter.recovery.decision.decision import Decision, Memory, decide, is_still_proved
from exporter.recovery.decision.observation import (
    CandidateState,
    Control,
    Observation,
    Owner,
    Record,
    Resume,
    Returns,
    SessionCounts,
    Stop,
)
from exporter.sessions.verdict import NO_EVIDENCE, Verdict
from tests.support.recovery.worlds.simulation.exporter import SETTINGS

AFTER = 600.0
EVERY = 30.0
#: On the monotonic clock; the database's is later by OFFSET.
NOW = 10_000.0
OFFSET = 1_000_000.0
#: What became orphaned before this is settled at NOW + EVERY.
SETTLED = NOW + EVERY + OFFSET - AFTER / 2
LONG_AGO = Control(observed_since=0.0, judged_until=0.0)


def observe(
    *sessions: str, at: float = NOW, seen: float = SETTLED - 1, live: int = 100, **others: object
) -> Observation:
    values: dict[str, object] = {
        "candidates": {session: CandidateState("1", seen) for session in sessions},
        "orphaned_at": dict.fromkeys(sessions, seen),
        "counts": SessionCounts(live=live, ready=len(sessions)),
        "beating": live,
        "control": LONG_AGO,
        "server": "a",
    }
    return Observation(at=at, now=at + OFFSET, **(values | others))  # type: ignore[arg-type]


def run(*observations: Observation) -> Decision:
    """What the last of several runs decides; the exporter has started long before."""
    memory = Memory(started_at=0.0)
    for each in observations:
        decision = decide(memory, each, SETTINGS, half=AFTER / 2, min_interval=EVERY / 2)
        memory = decision.memory
    return decision


def run_again(observation: Observation, *, after: float = EVERY) -> Decision:
    again = replace(observation, at=observation.at + after, now=observation.now + after)
    return run(observation, again)


@pytest.mark.parametrize(("seen", "confirmed"), [(SETTLED - 1, ("x",)), (SETTLED, ())])
def test_a_session_settles_for_half_of_the_threshold(
    seen: float, confirmed: tuple[str, ...]
) -> None:
    assert run(observe("x", seen=seen)).confirmed == ()
    assert run_again(observe("x", seen=seen)).confirmed == confirmed


@pytest.mark.parametrize(("age", "confirmed"), [(AFTER / 2, ("x",)), (AFTER / 2 - 1, ())])
def test_settling_starts_over_with_another_rule(age: float, confirmed: tuple[str, ...]) -> None:
    control = Control(observed_since=NOW + EVERY + OFFSET - age, judged_until=0.0)
    assert run_again(observe("x", control=control)).confirmed == confirmed
    assert run_again(observe("x", control=Control())).confirmed == ()


@pytest.mark.parametrize(("after", "confirmed"), [(EVERY / 2, ("x",)), (EVERY / 2 - 1, ())])
def test_two_runs_that_are_too_close_together_are_one(
    after: float, confirmed: tuple[str, ...]
) -> None:
    assert run_again(observe("x", seen=SETTLED - EVERY), after=after).confirmed == confirmed


@pytest.mark.parametrize("state", [CandidateState("2", 0.0), CandidateState("1", 1.0)])
def test_any_change_starts_confirming_over(state: CandidateState) -> None:
    first = observe("x", seen=0.0)
    changed = observe("x", at=NOW + EVERY, candidates={"x": state})
    assert run(first, changed).confirmed == ()
    assert run(first, changed, replace(changed, at=NOW + 2 * EVERY)).confirmed == ()
    calm = replace(changed, at=NOW + 2 * EVERY, now=changed.now + EVERY)
    assert run(first, changed, calm).confirmed == ("x",)


def test_a_brake_makes_confirming_start_over() -> None:
    blind = observe("x", at=NOW + EVERY, blind="permission denied")
    after = observe("x", at=NOW + 2 * EVERY)
    assert run(observe("x"), blind, after).confirmed == ()


@pytest.mark.parametrize(("after", "is_on"), [(299.9, True), (300.0, False)])
def test_a_start_lasts_as_long_as_owners_and_lists_are_unknown(after: float, is_on: bool) -> None:
    """The exporter has started long before, and so may the application only now."""
    control = Control(observed_since=0.0, judged_until=NOW + OFFSET - 1)
    unknown = observe("x", blind="late", is_evidence_unknown=True, control=control)
    assert run(unknown).brakes.keys() == {"blind"}
    assert ("grace" in run(unknown, observe("x", at=NOW + after)).brakes) == is_on


@pytest.mark.parametrize(("at", "is_on"), [(299.9, True), (300.0, False)])
def test_grace_after_a_start_a_failover_and_silence(at: float, is_on: bool) -> None:
    start = Memory(started_at=0.0)
    late = observe(at=at)
    decision = decide(start, late, SETTINGS, half=AFTER / 2, min_interval=0.0)
    assert ("grace" in decision.brakes) == is_on
    moved, silent = observe(server="b"), observe(beating=0)
    for cause in (moved, silent):
        later = replace(cause, at=NOW + at, now=NOW + at + OFFSET, beating=1)
        assert ("grace" in run(observe(at=NOW - EVERY), cause, later).brakes) == is_on


def proved(at: float = NOW, **others: object) -> Observation:
    """One ghost, a session of a dead owner, and one that is old."""
    of_owner = CandidateState("1", NOW + OFFSET, "dead")
    ghost = CandidateState("1", NOW + OFFSET, cause="ghost")
    found = observe(
        "owned",
        "ghost",
        "old",
        at=at,
        candidates={"owned": of_owner, "ghost": ghost, "old": CandidateState("1", 0.0)},
        owners={"dead": Owner(1, 0, 1, is_dead=True)},
        proved=2,
    )
    return replace(found, **others)  # type: ignore[arg-type]


def test_grace_after_a_start_does_not_hold_what_evidence_proves_lost() -> None:
    memory = Memory(started_at=NOW)
    for at in (NOW, NOW + EVERY):
        decision = decide(memory, proved(at), SETTINGS, half=AFTER / 2, min_interval=EVERY / 2)
        memory = decision.memory
        assert decision.brakes.keys() == {"grace"}
    assert decision.confirmed == ("owned", "ghost")


def test_nor_does_grace_after_a_silence() -> None:
    silent = proved(NOW - EVERY, beating=0)
    decision = run(silent, proved(), proved(NOW + EVERY))
    assert decision.brakes.keys() == {"grace"}
    assert decision.confirmed == ("owned", "ghost")


@pytest.mark.parametrize(
    "others",
    [{"server": "b"}, {"beating": 0}, {"blind": "late"}],
    ids=["failover", "silent", "blind"],
)
def test_a_failover_a_silence_and_what_is_unknown_hold_that_too(others: dict[str, object]) -> None:
    later = (proved(NOW + EVERY, **others), proved(NOW + 2 * EVERY, **others))
    decision = run(proved(), *later)
    assert decision.brakes
    assert decision.confirmed == ()


@pytest.mark.parametrize(("judged_ago", "waits"), [(149.0, 1.0), (150.0, 600.0), (None, 600.0)])
def test_after_a_start_a_silence_may_have_just_ended(
    judged_ago: float | None, waits: float
) -> None:
    settings = SETTINGS.model_copy(update={"grace": 1.0})
    judged = None if judged_ago is None else NOW + OFFSET - judged_ago
    memory = Memory(started_at=NOW)
    for later in (0.0, waits - 1, waits):
        observation = observe(at=NOW + later, control=replace(LONG_AGO, judged_until=judged))
        decision = decide(memory, observation, settings, half=600.0, min_interval=0.0)
        memory = decision.memory
        assert ("grace" in decision.brakes) == (later < waits)


@pytest.mark.parametrize(("step", "is_on"), [(5.0, False), (5.1, True), (-5.1, True)])
def test_a_step_of_the_databases_clock(step: float, is_on: bool) -> None:
    first = observe(at=NOW - EVERY)
    stepped = replace(observe(), now=NOW + OFFSET + step)
    assert ("clock" in run(first, stepped).brakes) == is_on
    later = replace(stepped, at=NOW + 299, now=stepped.now + 299)
    assert ("clock" in run(first, stepped, later).brakes) == is_on
    later = replace(stepped, at=NOW + 300, now=stepped.now + 300)
    assert "clock" not in run(first, stepped, later).brakes


@pytest.mark.parametrize(
    ("brake", "observation"),
    [
        ("share", observe("x", live=10, wave=4)),
        ("count", observe("x", live=10_000, wave=201)),
        ("owner", observe("x", owners={"a": Owner(3, 0, 1), "b": Owner(1, 1, 0)})),
        ("returned", observe("x", returns=Returns(3, 3))),
    ],
)
def test_what_only_a_person_can_judge_stops(brake: str, observation: Observation) -> None:
    stop = run(observation).stop
    assert stop is not None
    assert (stop.at, stop.brake) == (NOW + OFFSET, brake)
    nothing = replace(observation, counts=SessionCounts(live=10_000))
    assert run(nothing).stop is None  # nothing would be held


@pytest.mark.parametrize(
    "observation",
    [observe("x", beating=0), observe("x", blind="permission denied")],
    ids=["silent", "blind"],
)
def test_what_ends_without_a_person_does_not_stop(observation: Observation) -> None:
    decision = run(observation)
    assert decision.brakes
    assert decision.stop is None


@pytest.mark.parametrize(
    ("brake", "held", "is_on"),
    [("share", 1, True), ("share", 0, False), ("returned", 1, True), ("returned", 0, True)],
)
def test_a_stop_lasts_while_it_holds_something_or_sessions_returned(
    brake: str, held: int, is_on: bool
) -> None:
    control = replace(LONG_AGO, stop=Stop(0.0, brake, "some cause"), held=held)
    decision = run_again(observe("x", control=control))
    why = f"{brake}: stopped since 1970-01-01 00:00:00Z, because some cause"
    assert decision.brakes == ({brake: why} if is_on else {})
    assert decision.confirmed == (() if is_on else ("x",))
    assert decision.stop is None


@pytest.mark.parametrize(("brake", "is_new"), [("share", True), ("returned", False)])
def test_that_sessions_return_replaces_another_stop(brake: str, is_new: bool) -> None:
    control = replace(LONG_AGO, stop=Stop(0.0, brake, f"{brake}: why"), held=1)
    stop = run(observe("x", control=control, returns=Returns(3, 3))).stop
    assert (stop is not None) == is_new
    assert run(observe("x", "y", live=1, wave=4, control=control)).stop is None


def test_what_waits_for_the_budget_is_held_and_the_longest_silent_are_closed() -> None:
    waiting = observe("a", "b", "c", record=Record(spent=1))
    decision = run_again(waiting)
    assert decision.confirmed == ("a", "b")
    assert (decision.day_limit, decision.held) == (3, 1)


def test_what_waits_for_the_budget_is_counted_also_where_it_is_not_read() -> None:
    many = {str(number): SETTLED - 1 for number in range(900)} | {"young": SETTLED}
    waiting = observe("a", record=Record(spent=1), orphaned_at=many)
    assert run_again(waiting).held == 898
    resumed = replace(LONG_AGO, resume=Resume(NOW + OFFSET, 0.0))
    assert run_again(replace(waiting, control=resumed)).held == 0
    assert run_again(replace(waiting, beating=0)).held == 0  # it waits for the application
    assert run_again(replace(waiting, control=Control())).held == 0  # the rule is new


def test_sessions_of_a_dead_owner_neither_settle_nor_take_of_the_budget() -> None:
    dead = observe(
        "a",
        candidates={"a": CandidateState("1", NOW + OFFSET, "dead")},
        owners={"dead": Owner(1, 0, 1, is_dead=True)},
        record=Record(spent=3),
    )
    assert run_again(dead).confirmed == ("a",)


@pytest.mark.parametrize(
    ("verdict", "is_still"),
    [
        (Verdict(dead_owners=frozenset({"dead"})), True),
        (Verdict(ghosts=frozenset({"a"})), True),
        (Verdict(ghosts=frozenset({"a"}), listed={"a": None}), False),
        (Verdict(dead_owners=frozenset({"other"}), ghosts=frozenset({"b"})), False),
        (NO_EVIDENCE, False),
    ],
    ids=["its owner is dead", "it is a ghost", "a list has it", "others are lost", "nothing"],
)
def test_what_the_newer_answer_no_longer_proves_is_not_closed_as_proved(
    verdict: Verdict, is_still: bool
) -> None:
    assert is_still_proved("a", CandidateState("1", NOW + OFFSET, "dead"), verdict) is is_still


def test_of_a_session_without_an_owner_no_dead_owner_proves_anything() -> None:
    verdict = Verdict(dead_owners=frozenset({"dead"}))
    assert not is_still_proved("a", CandidateState("1", NOW + OFFSET), verdict)
