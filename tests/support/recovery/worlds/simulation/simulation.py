"""A simulation: an application, its session table and automatic recovery, from event to event."""

import os
import random
from collections.abc import Callable
from functools import cached_property
from math import inf

from tests.support.recovery.worlds.simulation.application import HOUR, Application
from tests.support.recovery.worlds.simulation.exporter import Exporter
from tests.support.recovery.worlds.simulation.session_table import SessionTable

#: Each world is tried with so many seeds; ten take hours of processor time.
SEEDS = range(int(os.environ.get("SIMULATION_SEEDS", "1")))

#: For so long live sessions are counted that were closed after a fault.
AFTER_FAULT = 48 * HOUR


class Simulation:
    """The exporter starts at `began`; the fault is at `fault_at`. All is repeatable by seed."""

    def __init__(
        self,
        application: Application,
        after: float,
        seed: int,
        *,
        lasting: float = AFTER_FAULT,
        calm: float | None = None,
    ) -> None:
        """It ends `lasting` seconds after the fault, which comes after a calm time."""
        self.dice = random.Random(seed)
        self.after = after
        self.began = self.dice.uniform(0, 24 * HOUR)
        self.fault_at = self.began + (2 * after + HOUR if calm is None else calm)
        self.ends_at = self.fault_at + lasting
        self.lives = application.live(self.dice, self.began, self.ends_at, after)
        self._events: list[tuple[float, Callable[[], object]]] = []

    def at(self, moment: float, act: Callable[[], object]) -> None:
        self._events.append((moment, act))
        self._events.sort(key=lambda event: event[0])

    @cached_property
    def exporter(self) -> Exporter:
        return Exporter(SessionTable(self.lives, self.after, self.began))

    @property
    def table(self) -> SessionTable:
        return self.exporter.table

    def falling_silent(self) -> int:
        """Of the live sessions that are cut off at the fault, how many become orphaned.

        The others end before.
        """
        since = self.fault_at
        struck = [life for life in self.lives if life.gaps and life.start < since]
        lines = [(max(life.start, life.last_beat(since)) + self.after, life) for life in struck]
        return sum(line < life.end_written for line, life in lines)

    def run(self, until: float | None = None) -> Exporter:
        """Go on to that moment, or to the end."""
        table = self.table
        exporter = self.exporter
        while table.now < (self.ends_at if until is None else until):
            following = table.now + exporter.every
            while self._events and self._events[0][0] <= following:
                moment, act = self._events.pop(0)
                table.advance(max(table.now, moment))
                act()
            table.advance(following)
            exporter.run()
        return exporter

    def restart_exporter(self) -> None:
        self.exporter.restart()

    def set_clock(self, offset: float) -> None:
        self.table.set_clock(offset)

    def lower_threshold(self, after: float) -> None:
        """Another rule: it is observed from now on."""
        self.exporter.set_threshold(after)

    def promote(self, lag: float) -> None:
        """A standby takes over that lacks the last seconds: heartbeats, starts and ends."""
        table = self.table
        now, since = table.now, table.now - lag
        for life in self.lives:
            if since < life.start <= now:
                if life.name in table.rows:
                    table.remove(life.name)
                life.end = life.end_written = life.start
            elif since < life.end_written <= now and life.name not in table.removed:
                life.end_written = inf
                table.insert(life)
            if life.start <= since and now - life.end < lag:
                life.cut(since, now)
        table.read_again()
        self.exporter.server = "b"
