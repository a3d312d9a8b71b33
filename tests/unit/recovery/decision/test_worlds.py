"""Live sessions stay open whatever breaks: two days after each fault, by simulation."""

import pytest

from tests.support.recovery.worlds.simulation.simulation import SEEDS
from tests.support.recovery.worlds.simulation.worlds import (
    FAULTS,
    FEW,
    World,
    broken_writers,
    four_of_19,
    others,
    own_thresholds,
    small_populations,
)

#: Of the grid, worlds that each need another part of the decision.
TYPICAL = [
    world
    for world in broken_writers(seed=1)
    if str(world) in {"15%-every_60m-after_2h-for_ever", "10%-every_5m-after_2h-for_ever"}
]


def assert_live_sessions_stay_open(world: World, seed: int) -> None:
    exporter = world.run(seed, is_restarted=seed % 2 == 1)
    closed = [(round(at), life.name) for at, life in exporter.live_closed]
    assert len(closed) <= world.most, f"{world}, seed {seed}: {closed}, {exporter.stops}"


@pytest.mark.parametrize("world", TYPICAL, ids=str)
def test_broken_heartbeat_writers_close_no_more_than_a_few(world: World) -> None:
    assert_live_sessions_stay_open(world, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [str(world) for world in broken_writers(0)])
def test_broken_heartbeat_writers_in_all_proportions(name: str) -> None:
    for seed in SEEDS:
        for world in broken_writers(seed):
            if str(world) == name:
                assert_live_sessions_stay_open(world, seed)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_broken_heartbeat_writers_in_small_populations(fault: str, seed: int) -> None:
    for world in small_populations(fault):
        assert_live_sessions_stay_open(world, seed)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_four_of_19_that_become_orphaned_together_all_stay_open(fault: str, seed: int) -> None:
    for world in four_of_19(fault):
        simulation = world.simulate(seed)
        silent = simulation.falling_silent()
        closed = simulation.run().live_closed
        assert len(closed) <= (0 if silent == 4 else FEW), f"{world}: {silent} silent, {closed}"


@pytest.mark.quick("night_and_morning-after_2h", "3h_ahead-every_20m-after_2h")
@pytest.mark.parametrize("world", list(others()), ids=str)
def test_other_accidents(world: World) -> None:
    assert_live_sessions_stay_open(world, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("world", list(others()), ids=str)
def test_other_accidents_by_other_chances(world: World) -> None:
    for seed in SEEDS:
        assert_live_sessions_stay_open(world, seed)


@pytest.mark.quick("15%-every_tenth-own_10m_to_1h-6h_without_ends")
@pytest.mark.parametrize("world", list(own_thresholds()), ids=str)
def test_sessions_with_thresholds_of_their_own_are_one_wave(world: World) -> None:
    """Those that may be silent for long are waited for before the first of the others is closed."""
    for seed in SEEDS:
        assert_live_sessions_stay_open(world, seed)
