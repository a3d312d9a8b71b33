"""Whatever persons do and in whatever order, by random stories around one fault.

What is lost is closed in the end, and no wave is closed that still grew at the last decision.
"""

import random
from math import inf

import pytest

from tests.support.recovery.worlds.simulation.application import HOUR, Application, break_heartbeats
from tests.support.recovery.worlds.simulation.simulation import SEEDS, Simulation

AFTER = 600.0
#: What may still be missing of a wave when a person decides: less than this share of the sessions.
TRICKLE = 0.12


def tell(seed: int) -> None:
    dice = random.Random(seed)
    application = Application(5 * HOUR, 30, interval=dice.choice((60, 150, 300)), lost=0.02)
    simulation = Simulation(application, AFTER, seed, lasting=10 * HOUR)
    fault_at = simulation.fault_at
    usual = [life for life in simulation.lives if life.start < fault_at < life.end]
    until = fault_at + dice.choice((1.3 * AFTER, 3 * HOUR))
    share = dice.choice((0.2, 0.5, 1.0))
    broken = break_heartbeats(simulation.lives, dice, fault_at, until, share=share)
    exporter = simulation.exporter
    resumed: list[float] = []

    def resume() -> None:
        exporter.resume()
        resumed.append(simulation.table.now)

    acts = {
        "resume": resume,
        "recover": exporter.recover,
        "pause": exporter.pause,
        "restart": exporter.restart,
    }
    story = []
    for _ in range(dice.randrange(8)):
        moment = fault_at + dice.choice((AFTER, HOUR, 3 * HOUR)) * dice.uniform(-0.5, 2)
        act = dice.choice(list(acts))
        story.append((round(moment - fault_at), act))
        simulation.at(moment, acts[act])
    simulation.run(fault_at + 7 * HOUR)
    wave = {
        life.name: crossing
        for life in usual
        if life.name in broken and (crossing := life.last_beat(fault_at) + AFTER) < life.end
    }
    unseen = []
    for at, life in exporter.live_closed:
        decided_at = max((each for each in resumed if each <= at), default=-inf)
        growing = sum(crossing > decided_at for crossing in wave.values())
        if life.name in wave and growing > TRICKLE * len(usual):
            unseen.append(round(at - fault_at))
    assert len(unseen) <= 3, (seed, sorted(story), unseen)
    for _ in range(2):
        exporter.resume()
        simulation.run(simulation.table.now + HOUR)
    overdue = simulation.table.now - 2 * (AFTER + exporter.every)
    left = [
        row.life.name
        for row in simulation.table.rows.values()
        if row.life.end_written == inf and row.life.end < simulation.table.now
        if row.category == "ready" and row.last_seen < overdue
    ]
    assert left == [], (seed, sorted(story), left)


@pytest.mark.parametrize("seed", range(2))
def test_stories(seed: int) -> None:
    tell(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 2 + 10 * len(SEEDS)))
def test_more_stories(seed: int) -> None:
    tell(seed)
