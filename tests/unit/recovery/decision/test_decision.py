"""What automatic recovery may close: seen twice the same, and not while a brake is on."""

from dataclasses import replace

import pytest

from exporter.config import RecoverySettings
from exporter.recovery.decision.decision import Decision, Memory, decide
from exporter.recovery.decision.observation import CandidateState, Observation, SessionCounts

RULE = RecoverySettings.model_validate(
    {"set": {"is_active": "false"}, "end_at": "now", "grace": "1m"}
)
EVERY = 30.0
STARTED = 1000.0
CALM = STARTED + 600.0


def sight(
    at: float, *sessions: str, active: int = 10, server: str = "a", **looks: CandidateState
) -> Observation:
    seen = {session: CandidateState("1", 5.0) for session in sessions} | looks
    counts = SessionCounts(live=active - len(seen), ready=len(seen))
    return Observation(at, counts, seen, server)


def run(*sights: Observation, rule: RecoverySettings = RULE) -> Decision:
    """What the last of several runs decides."""
    decision = Decision(Memory(started_at=STARTED), frozenset(), ())
    for each in sights:
        decision = decide(decision.memory, each, rule, min_interval=EVERY / 2)
    return decision


def test_what_looks_the_same_twice_is_confirmed() -> None:
    assert run(sight(CALM, "x")).confirmed == ()
    assert run(sight(CALM, "x"), sight(CALM + EVERY, "x")).confirmed == ("x",)


def test_two_runs_that_are_too_close_together_are_one() -> None:
    close = [sight(CALM + n, "x") for n in range(10)]
    assert run(*close).confirmed == ()
    assert run(*close, sight(CALM + EVERY, "x")).confirmed == ("x",)


@pytest.mark.parametrize("look", [CandidateState("2", 5.0), CandidateState("1", 6.0)])
def test_any_change_starts_confirming_over(look: CandidateState) -> None:
    first, second = sight(CALM, "x"), sight(CALM + EVERY, x=look)
    assert run(first, second).confirmed == ()
    assert run(first, second, replace(second, at=CALM + 2 * EVERY)).confirmed == ("x",)


def test_what_was_gone_for_a_run_starts_over() -> None:
    back = sight(CALM + 2 * EVERY, "x")
    assert run(sight(CALM, "x"), sight(CALM + EVERY), back).confirmed == ()


def test_more_runs_can_be_asked_for() -> None:
    rule = RULE.model_copy(update={"confirm": 3})
    runs = [sight(CALM + n * EVERY, "x") for n in range(3)]
    assert run(*runs[:2], rule=rule).confirmed == ()
    assert run(*runs, rule=rule).confirmed == ("x",)


def names(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("orphans", "active", "is_on"),
    [(4, 20, False), (5, 20, True), (19, 19, False), (20, 100, False), (21, 100, True)],
)
def test_the_share_brake_is_about_what_turned_up_since_the_run_before(
    orphans: int, active: int, is_on: bool
) -> None:
    first = sight(CALM, *names(orphans), active=active)
    assert ("share" in run(first).brakes) == is_on
    again = [replace(first, at=CALM + n * EVERY) for n in range(1, 5)]
    assert ("share" in run(first, *again).brakes) == is_on  # until somebody has looked
    fewer = sight(CALM + 5 * EVERY, "s0", active=active)
    assert "share" not in run(first, *again, fewer).brakes


def test_what_turned_up_little_by_little_is_no_brake() -> None:
    runs = [sight(CALM + n * EVERY, *names(4 * (n + 1)), active=20) for n in range(4)]
    assert "share" not in run(*runs).brakes


@pytest.mark.parametrize(("orphans", "is_on"), [(200, False), (201, True)])
def test_the_count_brake(orphans: int, is_on: bool) -> None:
    assert ("count" in run(sight(CALM, *names(orphans), active=10_000)).brakes) == is_on


def test_when_a_brake_ends_confirming_starts_over() -> None:
    many = sight(CALM, "x", *names(300), active=10_000)
    assert run(many, replace(many, at=CALM + EVERY)).brakes == {"count"}
    few = sight(CALM + 2 * EVERY, "x", active=10_000)
    assert run(many, few).brakes == frozenset()
    assert run(many, few).confirmed == ()
    assert run(many, few, replace(few, at=CALM + 3 * EVERY)).confirmed == ("x",)


def test_grace_after_the_start_and_after_a_failover() -> None:
    early = sight(STARTED + 59, "x")
    assert run(early).brakes == {"grace"}
    assert run(sight(STARTED + 60, "x")).brakes == frozenset()
    moved = sight(CALM + EVERY, "x", server="b")
    assert run(sight(CALM, "x"), moved).brakes == {"grace"}
    over = [sight(CALM + EVERY + t, "x", server="b") for t in (60.0, 90.0)]
    assert run(sight(CALM, "x"), moved, *over).confirmed == ("x",)


@pytest.mark.parametrize(("active", "is_on"), [(2, False), (3, True)])
def test_no_sign_of_life_at_all_is_the_application_itself(active: int, is_on: bool) -> None:
    assert ("silent" in run(sight(CALM, *names(active), active=active)).brakes) == is_on
    assert "silent" not in run(sight(CALM, *names(active), active=active + 1)).brakes


def test_who_comes_back_after_silence_has_time_to_show_it() -> None:
    silent = sight(CALM, *names(5), active=5)
    back = [sight(CALM + n * EVERY, *names(4), active=5) for n in range(1, 30)]
    assert run(silent, back[0]).brakes == {"grace"}
    assert run(silent, *back[:2]).brakes == frozenset()  # a minute of grace is over
    assert run(silent, *back[:2]).confirmed == ()
    assert len(run(silent, *back[:3]).confirmed) == 4
    decision = run(silent)
    for each in back:
        decision = decide(
            decision.memory, each, RULE, min_interval=EVERY / 2, recovery_window=600.0
        )
        assert ("grace" in decision.brakes) == (each.at < CALM + 600)


def test_blind_is_a_brake_that_forgets_what_was_confirmed_but_not_what_was_seen() -> None:
    blind = Observation(CALM + EVERY, SessionCounts(), {}, "a", blind="no right")
    after = sight(CALM + 2 * EVERY, "x")
    assert run(sight(CALM, "x"), blind).brakes == {"blind"}
    assert run(sight(CALM, "x"), blind, after).confirmed == ()
    assert run(sight(CALM, "x"), blind, after, replace(after, at=CALM + 3 * EVERY)).confirmed == (
        "x",
    )
