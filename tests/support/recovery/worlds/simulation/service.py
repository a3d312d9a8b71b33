"""How well lost sessions are closed: which of them were closed late, or not at all."""

from math import inf

from tests.support.recovery.worlds.simulation.application import HOUR, Application
from tests.support.recovery.worlds.simulation.simulation import Simulation

MINUTE = 60.0
WEEK = 7 * 24 * HOUR

HEALTHY = {
    "10_minutes_of_which_5%_are_lost": Application(10 * MINUTE, 100, lost=0.05),
    "8_hours_of_which_2%_are_lost": Application(8 * HOUR, 40, lost=0.02),
    "half_an_hour_of_which_25%_are_lost": Application(HOUR / 2, 100, lost=0.25),
    "3_starts_a_day_of_which_15%_are_lost": Application(HOUR, 3 / 24, lost=0.15),
    "some_sleep_and_some_end_late": Application(HOUR, 100, lost=0.05, late=0.01, asleep=0.02),
}


def judge(simulation: Simulation, since: float) -> tuple[int, int]:
    """How many sessions were lost since then, and how many of them were not closed in time.

    In time is within twice the threshold of the last sign of life, and two runs.
    """
    exporter, after = simulation.exporter, simulation.after
    closed_at = {life.name: at for at, life in exporter.closed}
    lost = late = 0
    for life in simulation.lives:
        seen = max(life.last_beat(life.end), life.start)
        due = seen + 2 * (after + exporter.every)
        if life.end_written <= due or seen < since or due > simulation.table.now:
            continue
        lost += 1
        late += closed_at.get(life.name, inf) > due
    return lost, late
