"""What is truly lost is closed: by simulations of healthy applications, and of one that crashed."""

import random
from math import inf

import pytest

from exporter.recovery.decision.budget import day_limit
from tests.support.recovery.worlds.simulation.application import HOUR, Application
from tests.support.recovery.worlds.simulation.service import HEALTHY, WEEK, judge
from tests.support.recovery.worlds.simulation.simulation import SEEDS, Simulation
from tests.support.recovery.worlds.simulation.worlds import THRESHOLDS

DAY = 24 * HOUR


def serve(name: str, threshold: str, seed: int, *, lasting: float, by_hand: bool = False) -> None:
    """A day after the start a person decides once; from then on nothing stops."""
    simulation = Simulation(HEALTHY[name], THRESHOLDS[threshold], seed, calm=DAY, lasting=lasting)
    exporter = simulation.run(simulation.fault_at)
    (exporter.recover if by_hand else exporter.resume)()
    decided_at, stops = simulation.table.now, len(exporter.stops)
    simulation.run()
    assert exporter.stops[stops:] == []
    lost, late = judge(simulation, decided_at)
    assert late <= 0.05 * lost, f"{late} of {lost}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("name", HEALTHY)
def test_a_week_of_a_healthy_application(name: str, threshold: str, seed: int) -> None:
    serve(name, threshold, seed, lasting=WEEK)


@pytest.mark.slow  # it simulates weeks
def test_an_application_that_always_loses_a_quarter_is_asked_about_once() -> None:
    serve("half_an_hour_of_which_25%_are_lost", "2h", 1, lasting=DAY / 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("name", HEALTHY)
def test_a_recovery_by_hand_is_as_good(name: str, threshold: str, seed: int) -> None:
    serve(name, threshold, seed, lasting=WEEK, by_hand=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_budget_is_earned_day_by_day_and_one_mistake_does_not_take_it_back(seed: int) -> None:
    application = Application(12 * HOUR, 30, interval=600, lost=0.1)
    simulation = Simulation(application, 2 * HOUR, seed, calm=DAY / 4, lasting=5 * DAY)
    exporter = simulation.run(simulation.fault_at)
    limits = [day_limit(exporter.observe())]
    for day in range(3):
        simulation.run(simulation.fault_at + (day + 1) * DAY)
        limits.append(day_limit(exporter.observe()))
    assert limits == [3, 6, 12, 24]
    exporter.audit.mark_wrong(exporter.audit.closures[-30])
    assert day_limit(exporter.observe()) in {22, 24}


def test_a_crash_that_loses_many_waits_for_a_person() -> None:
    simulation = Simulation(Application(5 * HOUR, 60), 2 * HOUR, 1, lasting=12 * HOUR)
    crash(simulation, 0.4)
    exporter = simulation.run(simulation.fault_at + 8 * HOUR)
    assert [stop.brake for stop in exporter.stops] == ["share"]
    assert exporter.closed == []
    exporter.resume()
    simulation.run()
    lost, _ = judge(simulation, simulation.began)
    assert len(exporter.closed) >= lost
    assert exporter.live_closed == []


@pytest.mark.parametrize(
    ("users", "brakes"), [(("ann",), []), (("ann", "bob"), ["returned"]), ((), ["returned"])]
)
def test_one_user_who_comes_back_again_and_again_does_not_stop_recovery(
    users: tuple[str, ...], brakes: list[str]
) -> None:
    """Six sessions sleep for longer than the threshold, one after the other, and live on."""
    after = THRESHOLDS["10m"]
    simulation = Simulation(Application(5 * HOUR, 60), after, 1, lasting=12 * HOUR)
    lasting = [
        life
        for life in simulation.lives
        if life.start < simulation.fault_at and life.end > simulation.fault_at + 3 * HOUR
    ]
    for number, life in enumerate(lasting[:6]):
        falls = simulation.fault_at + number * HOUR / 3
        life.cut(falls, falls + 1.3 * after)
    exporter = simulation.exporter  # it reads how the sessions live
    if users:
        exporter.keys |= {each.name: users[n % len(users)] for n, each in enumerate(lasting)}
    simulation.run()
    assert [stop.brake for stop in exporter.stops] == brakes
    assert exporter.live_closed == []


def crash(simulation: Simulation, share: float) -> None:
    """A server dies with that share of the sessions."""
    dice = random.Random(simulation.dice.random())
    for life in simulation.lives:
        is_open = life.start < simulation.fault_at < life.end
        if is_open and dice.random() < share:
            life.end, life.end_written = simulation.fault_at, inf
