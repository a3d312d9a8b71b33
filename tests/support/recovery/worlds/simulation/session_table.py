"""The session table of a model: what the rows say, by category, kept up to date by events."""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from tests.support.recovery.worlds.simulation.life import Life

#: A heartbeat so much later than the start is one of its own.
STARTING = 10.0

#: What lies further ahead than this has a time in the future.
FUTURE = 60.0

MAX_AGE = 7 * 86400.0

#: Moments are compared exactly in SQL; here an event is due so much later.
LATER = 1e-3


@dataclass(slots=True)
class Row:
    life: Life
    category: str
    is_beating: bool = False
    last_seen: float = -inf
    """On the database's clock."""


class SessionTable:
    """The rows of the active sessions. `now` is true time; the database's clock has an offset."""

    def __init__(self, lives: Iterable[Life], orphaned_after: float, now: float) -> None:
        self.now, self.offset = now, 0.0
        self._steps: list[tuple[float, float]] = []
        self.orphaned_after = orphaned_after
        self._coming = sorted(lives, key=lambda life: -life.start)
        self.rows: dict[str, Row] = {}
        self._due: list[tuple[float, str]] = []
        self.counts: Counter[str] = Counter()
        self.beating = 0
        self.owners: dict[str, list[int]] = {}
        """Of each owner its active sessions, and those of them that beat."""
        self.orphans: dict[str, Row] = {}
        """Longest silent first, without the backlog."""
        self.crossings: dict[str, float] = {}
        """When each of them became orphaned, in the same order."""
        self._afters: Counter[float] = Counter()
        """The thresholds that active sessions have themselves."""
        self.removed: set[str] = set()
        self.changes = 0
        """How often the orphans have changed."""
        self.advance(now)

    def after_of(self, life: Life) -> float:
        """The threshold of a session."""
        return self.orphaned_after if life.after is None else life.after

    @property
    def has_own(self) -> bool:
        """Whether sessions have thresholds of their own."""
        return bool(self._afters)

    @property
    def longest(self) -> float:
        """The longest threshold of the active sessions."""
        return max(self._afters, default=self.orphaned_after)

    @property
    def clock(self) -> float:
        return self.now + self.offset

    def advance(self, now: float) -> None:
        self.now = now
        while self._coming and self._coming[-1].start <= now:
            self.insert(self._coming.pop())
        due, rows = self._due, self.rows
        while due and due[0][0] <= now:
            _, name = heapq.heappop(due)
            row = rows.get(name)
            if row is not None:
                self._classify(row)

    def insert(self, life: Life) -> None:
        if life.end_written <= self.now:
            return
        row = self.rows[life.name] = Row(life, "new")
        if life.after is not None:
            self._afters[life.after] += 1
        self._classify(row)

    def remove(self, name: str) -> None:
        """Close a row otherwise than by the application, or delete it."""
        self.removed.add(name)
        self._leave(self.rows[name])

    def _leave(self, row: Row) -> None:
        del self.rows[row.life.name]
        if (after := row.life.after) is not None:
            self._afters[after] -= 1
            self._afters += Counter()  # without those of which none is left
        self._move(row, "gone", is_beating=False)

    def set_clock(self, offset: float) -> None:
        self._steps.append((self.now, self.offset))
        self.offset = offset
        self.read_again()

    def read_again(self) -> None:
        """Classify every row, after the clock, the threshold or the heartbeats were changed."""
        self._due.clear()
        for row in list(self.rows.values()):
            self._classify(row)
        ordered = sorted(self.orphans.items(), key=lambda item: item[1].last_seen)
        self.orphans = dict(ordered)
        self.crossings = {name: row.last_seen + self.after_of(row.life) for name, row in ordered}
        self.changes += 1

    def _stamp(self, at: float) -> float:
        """What the database's clock showed then."""
        for until, offset in self._steps:
            if at < until:
                return at + offset
        return at + self.offset

    def _classify(self, row: Row) -> None:
        life, now, after = row.life, self.now, self.after_of(row.life)
        half = after / 2
        if life.end_written <= now:
            self._leave(row)
            return
        beat = life.last_beat(now)
        started = self._stamp(life.start)
        stamped = self._stamp(beat) if beat > -inf else -inf
        clock = self.clock
        seen = max(stamped, started)
        row.last_seen = seen
        is_beating = stamped > started + STARTING and clock - half <= stamped
        age = clock - seen
        events = [life.end_written]
        if not is_beating:
            events.append(life.next_beat(now))
        if age < -FUTURE:
            category = "unknown"
            events += [now - age, life.next_beat(now)]
        elif age <= half:
            category = "live"
            last = life.beats_until(beat, half) if is_beating else beat
            events.append(last + half if last > beat else now + half - age)
        elif age <= after:
            category = "quiet"
            events.append(now + after - age)
        elif age <= MAX_AGE:
            category = "ready"
            events.append(now + MAX_AGE - age)
        else:
            category = "backlog"
        self._move(row, category, is_beating=is_beating)
        heapq.heappush(self._due, (max(min(events), now) + LATER, life.name))

    def _move(self, row: Row, category: str, *, is_beating: bool) -> None:
        name, owner = row.life.name, row.life.owner
        self.counts[row.category] -= 1
        self.counts[category] += 1
        self.beating += is_beating - row.is_beating
        if owner is not None:
            counts = self.owners.setdefault(owner, [0, 0])
            counts[0] += (row.category == "new") - (category == "gone")
            counts[1] += is_beating - row.is_beating
        if (category == "ready") != (row.category == "ready"):
            self.changes += 1
            if category == "ready":
                self.orphans[name] = row
                self.crossings[name] = row.last_seen + self.after_of(row.life)
            else:
                del self.orphans[name], self.crossings[name]
        row.category, row.is_beating = category, is_beating
