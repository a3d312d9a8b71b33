"""No live session is called a ghost or ownerless, and lost ones are found; on simulated worlds."""

import pytest

from tests.support.evidence.simulation import Simulation

#: Servers, stores, and whether sessions have heartbeats. With them the wrong answers of a store may
#: last for ten minutes; otherwise an answer that looks complete is wrong for less than ghost_after,
#: or grace: what looks so for longer cannot be told from the truth.
WORLDS = [
    pytest.param(3, 3, False, id="a store for each of three servers"),
    pytest.param(3, 1, False, id="one store for three servers"),
    pytest.param(1, 1, False, id="one server"),
    pytest.param(6, 6, True, id="six servers with heartbeats"),
    pytest.param(2, 2, True, id="two servers with heartbeats"),
]

GHOST_AFTER, GRACE, INTERVAL, TICK = 60, 120, 30, 5


@pytest.mark.parametrize(("slots", "stores", "has_heartbeats"), WORLDS)
def test_wrong_answers_make_no_live_session_a_ghost_or_ownerless(
    slots: int, stores: int, has_heartbeats: bool
) -> None:
    simulation = Simulation(1, True, slots, has_heartbeats, stores)
    simulation.run(2000)
    assert simulation.wrong == []
    assert simulation.observations > 3000


@pytest.mark.slow  # the test above runs a fiftieth of it
@pytest.mark.parametrize(("slots", "stores", "has_heartbeats"), WORLDS)
def test_in_a_million_observations_no_live_session_is_called_lost_and_each_lost_one_is_found(
    slots: int, stores: int, has_heartbeats: bool
) -> None:
    observations = 0
    for seed in range(4):
        simulation = Simulation(seed, True, slots, has_heartbeats, stores)
        simulation.run(30_000)
        assert simulation.wrong == []
        assert simulation.unfound(7200) == []
        observations += simulation.observations
        faults = [*simulation.store_faults, simulation.owner_faults]
        assert sum(each.counted for each in faults) > 0.07 * sum(each.rounds for each in faults)
    assert observations > 200_000  # of each of five worlds


@pytest.mark.parametrize("stores", [1, 3])
def test_without_faults_a_lost_session_is_a_ghost_within_ghost_after_and_two_intervals(
    stores: int,
) -> None:
    simulation = Simulation(2, False, stores=stores, is_changing=False)
    simulation.run(4000)
    assert len(simulation.ghosts_found) > 20
    assert max(simulation.ghosts_found.values()) <= GHOST_AFTER + 2 * INTERVAL + TICK
    assert simulation.unfound(GHOST_AFTER + 2 * INTERVAL + TICK) == []


def test_without_faults_a_killed_server_is_dead_within_grace_and_two_intervals() -> None:
    found = []
    for seed in range(4):
        simulation = Simulation(seed, False, is_changing=False)
        simulation.run(400)
        server = simulation.application.kill(1, simulation.now)
        simulation.run(100)
        found.append(simulation.owners_found[server])
    assert max(found) <= GRACE + 2 * INTERVAL + TICK
    assert min(found) > GRACE


def test_a_killed_server_makes_its_sessions_ghosts_once_its_store_answers_again() -> None:
    simulation = Simulation(3, False, stores=3, is_changing=False)
    simulation.run(400)
    server = simulation.application.kill(0, simulation.now)
    killed = simulation.now
    lost = {key for key, each in simulation.application.rows.items() if each.owner == server}
    up = simulation.application.up_at[0] - killed
    simulation.run(100)
    assert lost <= simulation.ghosts_found.keys()
    assert max(simulation.ghosts_found[each] for each in lost) <= up + GHOST_AFTER + 3 * INTERVAL
