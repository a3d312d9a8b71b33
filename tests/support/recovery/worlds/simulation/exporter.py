"""A model of automatic recovery: it observes a table, decides by the real decision, and closes."""

import heapq
from dataclasses import replace
from itertools import islice
from math import inf

from exporter.config import RecoverySettings
from exporter.recovery.decision.decision import Decision, Memory, decide
from exporter.recovery.decision.observation import (
    CandidateState,
    Control,
    Observation,
    Owner,
    Record,
    Resume,
    Returns,
    SessionCounts,
    Stop,
)
from exporter.recovery.decision.watch import DAY, Watch, find_whole, largest_wave
from tests.support.recovery.worlds.simulation.audit import Audit, Closure
from tests.support.recovery.worlds.simulation.life import Life
from tests.support.recovery.worlds.simulation.session_table import SessionTable

SETTINGS = RecoverySettings.model_validate(
    {"set": {"is_active": "false"}, "end_at": "now", "max_share": "10%"}
)

HOUR = 3600.0
#: The most candidates that one observation reads.
MOST = 100


class Exporter:
    """All that exporters and persons do with one source, and what they have written."""

    def __init__(self, table: SessionTable) -> None:
        self.table = table
        self.audit = Audit(table.orphaned_after / 2)
        self.control = Control()
        self.is_paused = False
        self.server = "a"
        self.stops: list[Stop] = []
        self.live_closed: list[tuple[float, Life]] = []
        self.closed: list[tuple[float, Life]] = []
        self.keys: dict[str, str] = {}
        """Whose session each is, where it is known."""
        self._saved = Watch()
        self.restart()
        self._contradicting: list[tuple[float, int, Closure]] = []
        self._contradicted: list[tuple[float, float]] = []

    @property
    def every(self) -> float:
        return min(60.0, self.table.orphaned_after / 20)

    def restart(self) -> None:
        """Lose the memory; what is in the database stays."""
        self.memory = Memory(started_at=self.table.now)
        self.watch = self._saved
        self._changes = -1

    def set_threshold(self, after: float) -> None:
        """Another rule; the database does not know since when it is observed."""
        self.table.orphaned_after = after
        self.table.read_again()
        self.audit.half = after / 2
        self.control = replace(self.control, observed_since=None, judged_until=None, resume=None)
        self._saved = Watch()
        self.restart()

    def run(self) -> Decision:
        """Observe, decide and close."""
        table = self.table
        if self.control.observed_since is None:
            self.control = replace(self.control, observed_since=table.clock)
        observation = self.observe()
        decision = decide(
            self.memory,
            observation,
            SETTINGS,
            half=table.longest / 2,
            min_interval=self.every / 2,
        )
        self.memory = decision.memory
        stop = decision.stop or self.control.stop
        self.control = replace(self.control, stop=stop)
        if decision.is_judged:
            self.control = replace(self.control, stop=None, judged_until=table.clock)
        if table.clock >= self._saved.until + table.orphaned_after / 16:
            self._saved = self.watch
        if decision.stop is not None:
            self.stops.append(decision.stop)
        if not self.is_paused:
            room = SETTINGS.per_hour - self.audit.closed_within(HOUR, table.clock)
            for name in decision.confirmed[: max(0, min(SETTINGS.per_run, room))]:
                self.close(name)
        return decision

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        """A person resumes, and names the stop that there is."""
        table, stop = self.table, self.control.stop
        stop_at = stop.at if stop else table.clock
        whole_until = find_whole(stop_at, table.clock, table.longest)
        held = (
            at
            for name, at in self.watch.known.items()
            if name in table.orphans
            and at <= whole_until
            and table.orphans[name].last_seen < stop_at
        )
        wave = largest_wave(held, table.longest / 2)
        self.is_paused = False
        resume = Resume(table.clock, stop_at, wave)
        self.control = replace(self.control, stop=None, resume=resume)

    def recover(self) -> None:
        """A person closes by hand all that is orphaned."""
        for name in list(self.table.orphans):
            self.close(name, is_automatic=False)

    def close(self, name: str, *, is_automatic: bool = True) -> None:
        table = self.table
        row = table.rows[name]
        life, now = row.life, table.now
        table.remove(name)
        closure = Closure(name, table.clock, row.last_seen + table.after_of(life), is_automatic)
        self.audit.add(closure)
        self.closed.append((now, life))
        if is_automatic and life.is_alive(now):
            self.live_closed.append((now, life))
        shown = min(life.next_beat(now), life.end_written)
        heapq.heappush(self._contradicting, (shown, len(self.closed), closure))

    def observe(self) -> Observation:
        table, clock = self.table, self.table.clock
        returns = self._count_returns()
        control = self._count_held()
        since = control.judged_since(0.0 if table.has_own else table.orphaned_after)
        counts = table.counts
        orphaned: dict[str | None, int] = {}
        if table.owners:
            for name, crossing in reversed(table.crossings.items()):
                if crossing <= since:
                    break
                owner = table.orphans[name].life.owner
                orphaned[owner] = orphaned.get(owner, 0) + 1
        return Observation(
            at=table.now,
            now=clock,
            server=self.server,
            counts=SessionCounts(
                live=counts["live"],
                quiet=counts["quiet"],
                unknown=counts["unknown"],
                backlog=counts["backlog"],
                ready=counts["ready"],
            ),
            beating=table.beating,
            wave=self._count_wave(since),
            candidates={
                name: CandidateState(str(row.last_seen), self.watch.known[name], row.life.owner)
                for name, row in islice(table.orphans.items(), MOST)
            },
            owners={
                name: Owner(active, live, orphaned.get(name, 0))
                for name, (active, live) in table.owners.items()
                if active
            },
            returns=returns,
            record=self._record(),
            control=control,
        )

    def _record(self) -> Record:
        record = self.audit.record(self.table.clock)
        if self.table.has_own:  # of no time it is known that a wave was complete then
            record = replace(record, largest_wave=0)
        resume, wrong = self.control.resume, 0
        if resume is not None:
            wrong = self.audit.count_wrong(resume.at)
        accepted = self.control.accepted_wave(self.table.clock, wrong)
        return replace(record, wrong=wrong, accepted_wave=accepted)

    def _count_wave(self, since: float) -> int:
        half, judged_until = self.table.longest / 2, self.control.judged_until
        if judged_until is not None:
            since = max(since, min(self.table.clock, judged_until) - half)
        return self.watch.wave(half, since=since)

    def _count_held(self) -> Control:
        stop = self.control.stop
        if stop is None:
            return self.control
        held = sum(row.last_seen < stop.at for row in self.table.orphans.values())
        held += self.table.counts["backlog"]
        by_hand = self.audit.count_by_hand(stop.at) if stop.brake == "returned" else 0
        return replace(self.control, held=held, closed_by_hand=by_hand)

    def _count_returns(self) -> Returns:
        table, clock = self.table, self.table.clock
        since = -inf if self.control.resume is None else self.control.resume.at
        if table.changes == self._changes and clock >= self.watch.until:
            # The same orphans: each would be found again as it is known.
            self.watch = replace(self.watch, until=clock)
        else:
            self._changes = table.changes
            orphans = table.crossings.copy()
            returned = [each for each in self.watch.find_gone(orphans) if each not in table.removed]
            keys = {name: self.keys[name] for name in returned if name in self.keys}
            self.watch = self.watch.count(orphans, returned, clock, since=since, keys=keys)
        contradicting = self._contradicting
        while contradicting and contradicting[0][0] <= table.now - self.every:
            closure = heapq.heappop(contradicting)[2]
            self.audit.mark_wrong(closure)
            self._contradicted.append((closure.orphaned_at, clock))
        first = max(since, clock - DAY)
        counted = self.watch.returns(since=first, now=clock)
        wrong = sum(
            orphaned_at > since and found_at > first for orphaned_at, found_at in self._contradicted
        )
        return Returns(
            counted.orphaned + wrong,
            counted.returned + wrong,
            are_of_one_key=counted.are_of_one_key and not wrong,
        )
