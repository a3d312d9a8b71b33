"""The worlds in which automatic recovery must not close what lives: applications and faults."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf

from tests.support.recovery.worlds.simulation.application import (
    HOUR,
    Application,
    break_heartbeats,
    make_flaky,
)
from tests.support.recovery.worlds.simulation.audit import DAY, Closure
from tests.support.recovery.worlds.simulation.exporter import Exporter
from tests.support.recovery.worlds.simulation.simulation import Simulation

MINUTE = 60.0
#: 300 live sessions: how long they last, in hours, and how many start in an hour.
LASTING = ((1, 300), (5, 60), (24, 12))
HEARTBEATS = (1, 2.5, 5, 10, 20, 60)
THRESHOLDS = {"10m": 10 * MINUTE, "2h": 2 * HOUR}
SHARES = {"all": 1.0, "93%": 0.93, "third": 1 / 3, "15%": 0.15, "10%": 0.1}
FAULTS = ("for_ever", "passing", "6h_without_ends")
#: The most live sessions that may be closed where few are broken.
FEW = 3

Strike = Callable[[Simulation], object]


@dataclass(frozen=True)
class World:
    """What is struck; with `owned`, the broken part is one of three servers that own sessions."""

    name: str
    application: Application
    after: float
    strike: Strike
    most: int = 0
    """The most live sessions that may be closed."""

    def run(self, seed: int, *, is_restarted: bool = False) -> Exporter:
        simulation = self.simulate(seed)
        if is_restarted:
            moment = simulation.fault_at + simulation.dice.random() * 4 * self.after
            simulation.at(moment, simulation.restart_exporter)
        return simulation.run()

    def simulate(self, seed: int) -> Simulation:
        simulation = Simulation(self.application, self.after, seed)
        self.strike(simulation)
        return simulation

    def __str__(self) -> str:
        return self.name


def cut_off(share: float, fault: str, *, owner: str | None = None) -> Strike:
    """The heartbeat writers of that share of the sessions break."""

    def strike(simulation: Simulation) -> None:
        since, ends_too = simulation.fault_at, fault == "6h_without_ends"
        until = since + {"for_ever": inf, "passing": 1.3 * simulation.after}.get(fault, 6 * HOUR)
        break_heartbeats(
            simulation.lives,
            simulation.dice,
            since,
            until,
            share=share,
            owner=owner,
            are_ends_lost=ends_too,
        )

    return strike


def broken_writers(seed: int) -> Iterator[World]:
    """The grid; how long sessions last, and whether their owner is known, changes by seed."""
    hours, per_hour = LASTING[seed % 3]
    is_owned = seed // 3 % 2 == 1
    for part, share in SHARES.items():
        owners = (("a", share), ("b", (1 - share) / 2), ("c", (1 - share) / 2)) if is_owned else ()
        owner = "a" if is_owned and share < 1 else None
        for interval in HEARTBEATS:
            application = Application(
                hours * HOUR, per_hour, interval=interval * MINUTE, owners=owners
            )
            for threshold, after in THRESHOLDS.items():
                for fault in FAULTS:
                    yield World(
                        f"{part}-every_{interval}m-after_{threshold}-{fault}",
                        application,
                        after,
                        cut_off(share, fault, owner=owner),
                        0 if is_owned or share >= 0.15 else FEW,
                    )


def small_populations(fault: str) -> Iterator[World]:
    """Of four broken ones among others one may end first, see four_of_19(): three are a trickle."""
    for population, broken in ((2, 2), (4, 4), (4, 1), (19, 18), (19, 4), (19, 2)):
        for hours, _ in LASTING:
            for threshold, after in THRESHOLDS.items():
                yield World(
                    f"{broken}_of_{population}-lasting_{hours}h-after_{threshold}-{fault}",
                    Application(hours * HOUR, population=population),
                    after,
                    cut_off(broken / population, fault),
                    0 if broken == population >= 3 or broken > 4 else FEW,
                )


def four_of_19(fault: str) -> list[World]:
    return [world for world in small_populations(fault) if str(world).startswith("4_of_19-")]


def night_and_morning(simulation: Simulation) -> None:
    """60 of 80 sessions fall silent at night; 400 others start in the morning."""
    since = simulation.fault_at
    cut_off(0.75, "for_ever")(simulation)
    morning = Application(8 * HOUR, 4000).live(
        random.Random(simulation.dice.random()), since + 6 * HOUR, since + 6.1 * HOUR, 0
    )
    simulation.lives += [
        replace(life, name=f"morning {life.name}")
        for life in morning
        if life.start > since + 6 * HOUR
    ]


def step_clock(offset: float) -> Strike:
    return lambda simulation: simulation.at(
        simulation.fault_at, lambda: simulation.set_clock(offset)
    )


def promote(simulation: Simulation) -> None:
    simulation.at(simulation.fault_at, lambda: simulation.promote(5 * MINUTE))


def lower_threshold(simulation: Simulation) -> None:
    simulation.at(simulation.fault_at, lambda: simulation.lower_threshold(2 * MINUTE))


def flaky(simulation: Simulation) -> None:
    make_flaky(
        simulation.lives,
        simulation.dice,
        simulation.fault_at,
        share=0.1,
        after=simulation.after,
    )


def close_backlog_before(strike: Strike) -> Strike:
    """50,000 sessions that were silent for weeks are closed by hand the day before."""

    def prepare(simulation: Simulation) -> None:
        strike(simulation)
        _ = simulation.table
        at = simulation.fault_at - DAY
        for number in range(50_000):
            simulation.exporter.audit.add(
                Closure(f"old {number}", at, at - 30 * DAY + number, is_automatic=False)
            )

    return prepare


def others() -> Iterator[World]:
    """One world for each other accident."""
    for threshold, after in THRESHOLDS.items():
        for interval in (1, 5, 20, 60):
            usual = Application(5 * HOUR, 60, interval=interval * MINUTE)
            for name, strike in {
                "3h_ahead": step_clock(3 * HOUR),
                "3h_back": step_clock(-3 * HOUR),
                "promotion": promote,
                "backlog_before": close_backlog_before(cut_off(0.93, "for_ever")),
            }.items():
                yield World(f"{name}-every_{interval}m-after_{threshold}", usual, after, strike)
            yield World(f"flaky-every_{interval}m-after_{threshold}", usual, after, flaky, FEW)
        night = Application(12 * HOUR, population=80)
        yield World(f"night_and_morning-after_{threshold}", night, after, night_and_morning)
    for interval in (1, 5, 20):
        usual = Application(5 * HOUR, 60, interval=interval * MINUTE)
        yield World(f"lowered-every_{interval}m", usual, 2 * HOUR, lower_threshold)


#: The thresholds that sessions have themselves: some are as short as a heartbeat's pause of others.
OWN = {
    "10m_to_1h": (10 * MINUTE, 30 * MINUTE, HOUR),
    "10m_or_1d": (10 * MINUTE, 24 * HOUR),
    "5m_to_8h": (5 * MINUTE, HOUR, 8 * HOUR),
}


def own_thresholds() -> Iterator[World]:
    """Each session has its own threshold, and beats as often as others, or in proportion."""
    for name, thresholds in OWN.items():
        for pace, application in {
            "every_1m": Application(5 * HOUR, 60, thresholds=thresholds),
            "every_tenth": Application(5 * HOUR, 60, thresholds=thresholds, beats=0.1),
            "every_third": Application(5 * HOUR, 60, thresholds=thresholds, beats=1 / 3),
        }.items():
            for part, share in SHARES.items():
                for fault in FAULTS:
                    most = 0 if share >= 0.15 else FEW
                    yield World(
                        f"{part}-{pace}-own_{name}-{fault}",
                        application,
                        max(thresholds),
                        cut_off(share, fault),
                        most,
                    )
