"""Recovery by evidence closes nothing that lives: simulated.

Owners and lists answer wrongly a tenth of the time: nothing, half, a page less, an old answer, two
in turns. Servers die, and come up again under new ids, all at once or one after the other.
"""

import pytest

from exporter.sessions.verdict import Verdict
from tests.support.recovery.worlds.evidence import Recovering

#: Servers, stores, whether sessions have heartbeats, and orphaned_after in seconds.
WORLDS = [
    pytest.param(3, 3, False, 7200.0, id="a store for each of three servers"),
    pytest.param(3, 1, False, 7200.0, id="one store for three servers"),
    pytest.param(1, 1, False, 600.0, id="one server"),
    pytest.param(3, 3, False, 600.0, id="sessions that live longer than orphaned_after"),
    pytest.param(6, 6, True, 600.0, id="six servers with heartbeats"),
    pytest.param(2, 2, True, 600.0, id="two servers with heartbeats"),
]


class NotBraked(Recovering):
    """A mutant to which unknown evidence is as good as any."""

    def blind(self, verdict: Verdict) -> str:
        return ""


class NotAskedAgain(Recovering):
    """A mutant that closes by what it has observed."""

    def fresh(self, observed: Verdict, after: float) -> Verdict:
        return observed


@pytest.mark.quick("one store for three servers", "two servers with heartbeats")
@pytest.mark.parametrize(("slots", "stores", "has_heartbeats", "after"), WORLDS)
def test_wrong_answers_about_owners_and_sessions_close_nothing_that_lives(
    slots: int, stores: int, has_heartbeats: bool, after: float
) -> None:
    world = Recovering(1, True, slots, has_heartbeats, stores, after=after, has_sleepers=True)
    world.run(3000)
    assert world.live_closed == []
    assert {"ownerless", "ghost"} <= {each.cause for each in world.closings} <= CLOSABLE


CLOSABLE = {"ownerless", "ghost", "age"}


@pytest.mark.slow  # the test above runs a thirtieth of it
@pytest.mark.parametrize(("slots", "stores", "has_heartbeats", "after"), WORLDS)
def test_wrong_answers_close_nothing_that_lives_by_other_chances(
    slots: int, stores: int, has_heartbeats: bool, after: float
) -> None:
    for seed in range(2, 12):
        world = Recovering(seed, True, slots, has_heartbeats, stores, after=after)
        world.run(10_000)
        assert world.live_closed == [], seed


@pytest.mark.slow  # it tells about the tests above, which change rarely
@pytest.mark.parametrize("mutant", [NotBraked, NotAskedAgain])
def test_the_simulation_finds_live_sessions_that_recovery_without_its_guards_closes(
    mutant: type[Recovering],
) -> None:
    """Or the tests above would prove nothing."""
    closed = 0
    for seed in range(3):
        world = mutant(seed, True, 3, False, 1, has_sleepers=True)
        world.run(3000)
        closed += len(world.live_closed)
    assert closed > 0
