"""Which brakes are on: the same for automatic recovery, for the plan, and for `check --live`."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from exporter.config import RecoverySettings
from exporter.recovery.decision.brakes import BRAKES, find_brakes
from exporter.recovery.decision.decision import Memory, decide
from exporter.recovery.decision.observation import CandidateState, Observation, SessionCounts
from exporter.recovery.plan import Plan
from exporter.recovery.rule.limits import NO_LIMITS

SETTINGS = RecoverySettings.model_validate(
    {"set": {"is_active": "false"}, "end_at": "now", "grace": "1m"}
)
NOW = 1000.0

#: Counts of sessions, and the brakes that are on.
CASES: list[tuple[SessionCounts, set[str]]] = [
    (SessionCounts(), set()),
    # the backlog counts neither among the orphans nor among the active sessions
    (SessionCounts(live=40, quiet=5, backlog=50, ready=5), set()),
    (SessionCounts(live=40, quiet=5, backlog=50, ready=11), set()),
    (SessionCounts(live=40, quiet=5, backlog=50, ready=12), {"share"}),
    (SessionCounts(live=1, backlog=18, ready=1), {"share"}),
    (SessionCounts(live=10, backlog=300), set()),
    # more than max_share, from 20 active sessions on
    (SessionCounts(live=16, ready=4), set()),
    (SessionCounts(live=15, ready=5), {"share"}),
    (SessionCounts(live=9, ready=10), set()),
    (SessionCounts(live=10, ready=10), {"share"}),
    # orphans that are not closed are none of too many
    (SessionCounts(live=40, alive=20, ready=5), set()),
    (SessionCounts(live=40, nameless=9, exempt=9, endless=9, ready=5), set()),
    # more than max_count
    (SessionCounts(live=10_000, ready=200), set()),
    (SessionCounts(live=10_000, ready=201), {"count"}),
    (SessionCounts(live=201, ready=201), {"share", "count"}),
    # no sign of life in three active sessions or more, whatever else they are
    (SessionCounts(ready=2), set()),
    (SessionCounts(ready=3), {"silent"}),
    (SessionCounts(live=1, ready=3), set()),
    (SessionCounts(quiet=2), set()),
    (SessionCounts(quiet=3), {"silent"}),
    (SessionCounts(unknown=2, ready=1), {"silent"}),
    (SessionCounts(backlog=3), {"silent"}),
]


def automatically(counts: SessionCounts, *, at: float = NOW, blind: str = "") -> set[str]:
    """The brakes of the first run after the start."""
    candidates = {str(n): CandidateState("1", 5.0) for n in range(counts.ready)}
    observation = Observation(at, counts, candidates, "a", blind)
    return set(decide(Memory(started_at=0.0), observation, SETTINGS, min_interval=15.0).brakes)


def by_hand(counts: SessionCounts, *, with_backlog: bool = False) -> set[str]:
    """The brakes of a plan."""
    rule = SimpleNamespace(table=SimpleNamespace(source=SimpleNamespace(recovery=SETTINGS)))
    selection = SimpleNamespace(rule=rule, with_backlog=with_backlog)
    plan = Plan(
        cast("Any", selection),
        NO_LIMITS,
        counts,
        selected=0,  # brakes are judged on the whole source
        count=0,
        unselected={},
        previews=(),
    )
    return {sentence.partition(": ")[0] for sentence in plan.brakes}


@pytest.mark.parametrize(
    ("counts", "brakes"),
    CASES,
    ids=lambda each: str(sorted(each) if isinstance(each, set) else each),
)
@pytest.mark.parametrize("decides", [automatically, by_hand])
def test_both_decide_the_same(decides: Any, counts: SessionCounts, brakes: set[str]) -> None:
    assert decides(counts) == brakes


@pytest.mark.parametrize(("backlog", "brakes"), [(199, set()), (200, {"count"})])
def test_a_backlog_that_is_to_be_closed_counts_for_the_number_and_not_for_the_share(
    backlog: int, brakes: set[str]
) -> None:
    counts = SessionCounts(live=30, backlog=backlog, ready=1)
    assert by_hand(counts, with_backlog=True) == brakes
    assert by_hand(counts) == set()


@pytest.mark.parametrize(("at", "brakes"), [(59.9, {"grace"}), (60.0, set())])
def test_grace_is_for_automatic_recovery_alone(at: float, brakes: set[str]) -> None:
    counts = SessionCounts(live=10, ready=1)
    assert automatically(counts, at=at) == brakes
    assert by_hand(counts) == set()


def test_evidence_that_cannot_be_read_is_blind_for_both() -> None:
    assert automatically(SessionCounts(), blind="permission denied") == {"blind"}
    brakes = find_brakes(SessionCounts(), SETTINGS, new=0, blind="permission denied")
    assert brakes == {"blind": "blind: the evidence cannot be read: permission denied"}


def test_every_brake_has_a_sentence() -> None:
    counts = SessionCounts(ready=300)
    brakes = find_brakes(counts, SETTINGS, new=300, is_in_grace=True, blind="permission denied")
    assert list(brakes) == list(BRAKES)
    assert [sentence.partition(": ")[0] for sentence in brakes.values()] == list(BRAKES)
