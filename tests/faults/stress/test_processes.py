"""An application, daemons, persons and faults at once, judged from a history kept by triggers.

`make test-all` lets them act for SECONDS and until each has happened; `make stress` for
STRESS_SECONDS, a minute if nothing else is said. STRESS_SEED repeats the dice of a run, not the
order in which processes meet.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import wait_for
from tests.support.recovery.worlds.stress.actor import Actor, acting, total
from tests.support.recovery.worlds.stress.application import ChatWriter, Population
from tests.support.recovery.worlds.stress.exporters import DaemonKeeper, HandRecoverer, Processes
from tests.support.recovery.worlds.stress.faults import Faults
from tests.support.recovery.worlds.stress.history import (
    AUTOMATIC,
    UNLIKE,
    chats_of,
    print_of,
    stops_of,
    values_of,
)
from tests.support.recovery.worlds.stress.judge import faults_of, most_in_an_hour
from tests.support.recovery.worlds.stress.leftovers import has_locked_chats, open_transactions
from tests.support.recovery.worlds.stress.persons import CALLED, Pauser, Resumer, Undoer
from tests.support.recovery.worlds.stress.world import THRESHOLD, World, stressed_world

SECONDS = 10.0

#: What automatic recovery may close in all exporters together, at least and for each second.
FEWEST_PER_HOUR, PER_SECOND = 15, 1

#: For how many seconds more each may take to happen, on a busy machine.
DEADLINE = 180.0

LOST = 30

HAPPENED = {
    "closed by auto": "recovery WHERE trigger = 'auto'",
    "closed by hand": "recovery WHERE trigger = 'manual'",
    "closed by a function": f"run WHERE role = '{RECOVERY_ROLE}'",
    "undone": "recovery WHERE undone_at IS NOT NULL",
    "undone by a function": f"recovery WHERE undo_reason = '{CALLED}'",
    "paused": "pause WHERE resumed_at IS NOT NULL",
    "stopped": "stop WHERE why <> 'a test'",
    "resumed": "stop WHERE why <> 'a test' AND resumed_at IS NOT NULL",
}


@pytest.mark.slow
def test_nothing_is_closed_undone_or_left_locked_that_must_not_be(
    program: str, tmp_path: Path, fast_folder: Path | None
) -> None:
    seconds = float(os.environ.get("STRESS_SECONDS") or SECONDS)
    seed = int(os.environ.get("STRESS_SEED") or random.randrange(10**6))
    print(f"STRESS_SEED={seed}")  # noqa: T201 - to look at a failure
    per_hour = max(FEWEST_PER_HOUR, int(PER_SECOND * seconds))
    with stressed_world(program, tmp_path, fast_folder, lost=LOST, per_hour=per_hour) as world:
        done = stress(world, tmp_path, seed, seconds)
        wait_for(lambda: not open_transactions(world.database), "all transactions end")
        assert not has_locked_chats(world.database)
        found = Counter[str]()
        judge(world.database, per_hour, found)
        print("\n".join(f"{count:8} {what}" for what, count in sorted((done + found).items())))  # noqa: T201


def stress(world: World, folder: Path, seed: int, seconds: float) -> Counter[str]:
    """Let all of them act; what they did."""
    processes, population = Processes(), Population(LOST + 1)
    silence = 1.6 * THRESHOLD
    configs = [world.direct, world.pooled, world.called]
    actors: list[Actor] = [
        *(ChatWriter(f"writer {n}", seed, world.database, population, silence) for n in range(4)),
        *(
            DaemonKeeper(f"daemon {n}", seed, config, folder, processes)
            for n, config in enumerate(configs)
        ),
        *(HandRecoverer(f"hand-{n}", seed, configs, folder, processes) for n in range(2)),
        Undoer("undoer", seed, world.direct),
        Undoer("undoer by functions", seed, world.called),
        Pauser("pauser", seed, world.direct),
        Resumer("resumer", seed, world.direct),
    ]
    faults = Faults(seed, world.database, world.bouncer, processes)
    with acting(actors) as check:
        with acting([faults]) as check_faults:

            def checked(condition: Callable[[], bool]) -> bool:
                check()
                check_faults()
                return condition()

            def has_each_fault() -> bool:
                kinds = {name.partition(":")[0] for name in faults.done}
                return kinds >= {"killed", "crash", "terminated backend"}

            faults.is_over.wait(seconds)
            wait_for(lambda: checked(has_each_fault), "each fault happens", seconds=DEADLINE)
        wait_for(
            lambda: checked(lambda: not missing(world.database)),
            "each has happened",
            seconds=DEADLINE,
            every=0.5,
            details=lambda: f"{missing(world.database)}, {total(actors)}",
        )
    return total([*actors, faults])


def missing(database: EmbeddedDatabase) -> list[str]:
    query = "SELECT 1 FROM session_exporter.{rows} LIMIT 1"
    return [
        what
        for what, rows in HAPPENED.items()
        if not values_of(database, query.replace("{rows}", rows))
    ]


def judge(database: EmbeddedDatabase, per_hour: int, found: Counter[str]) -> None:
    stops = stops_of(database)
    found.update("pauses" if stop.brake == "pause" else "stops" for stop in stops)
    for events in chats_of(database):
        found.update(f"history: {event.kind}" for event in events)
        found["chats"] += 1
        wrong = faults_of(events, THRESHOLD, stops)
        assert wrong == [], f"{wrong}\n{stops}\n{print_of(events)}"
    automatic = values_of(database, AUTOMATIC)
    found["closed by auto"] = len(automatic)
    assert most_in_an_hour(automatic) <= per_hour
    assert values_of(database, UNLIKE) == []
