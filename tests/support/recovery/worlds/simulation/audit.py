"""The audit of a model: what was closed, and what it says of a source."""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import takewhile
from math import inf

from exporter.recovery.decision.observation import ClosedDay, Record

DAY = 86400.0
WEEK = 7 * DAY
#: So many days back, days with closures are searched for.
LOOK_BACK = 28


@dataclass(slots=True, eq=False)
class Closure:
    """Times are of the database's clock."""

    name: str
    at: float
    orphaned_at: float
    is_automatic: bool
    is_wrong: bool = False

    @property
    def is_young(self) -> bool:
        """Whether the session had become orphaned less than a day before."""
        return self.at - self.orphaned_at < DAY


@dataclass
class Audit:
    """Closures and what became of them."""

    half: float
    closures: list[Closure] = field(default_factory=list)
    _earning: list[float] = field(default_factory=list)
    _earning_wrong: list[float] = field(default_factory=list)
    _by_hand: list[float] = field(default_factory=list)
    _by_hand_wrong: list[float] = field(default_factory=list)
    _automatic: list[float] = field(default_factory=list)
    _automatic_wrong: list[float] = field(default_factory=list)
    _growing: list[tuple[float, float, float]] = field(default_factory=list)
    """When it became orphaned at the earliest, in which run, and at the latest."""
    _spans: dict[float, tuple[list[float], list[float]]] = field(default_factory=dict)
    """Of the closures that make the largest wave: right, young, of the last week, and complete."""
    _largest: int = 0
    _waves_counted_at: float = -inf

    def add(self, closure: Closure) -> None:
        self.closures.append(closure)
        if closure.is_automatic or closure.is_young:
            insort(self._earning, closure.at)
        if closure.is_young and not closure.is_automatic:
            insort(self._by_hand, closure.at)
        if closure.is_young:
            heappush(self._growing, self._span(closure))
        if closure.is_automatic:
            insort(self._automatic, closure.at)

    def mark_wrong(self, closure: Closure) -> None:
        closure.is_wrong = True
        self._waves_counted_at = -inf
        if closure.is_automatic or closure.is_young:
            insort(self._earning_wrong, closure.at)
        if closure.is_young and not closure.is_automatic:
            insort(self._by_hand_wrong, closure.at)
        if closure.is_automatic:
            insort(self._automatic_wrong, closure.at)

    def record(self, now: float) -> Record:
        if not 0 <= now - self._waves_counted_at < 3600:
            self._count_waves(now)
        while self._growing and self._growing[0][0] <= now - 2 * self.half:
            self._complete(*heappop(self._growing))
        days = []
        if by_hand := _between(self._by_hand, now - DAY, now):
            wrong = _between(self._by_hand_wrong, now - DAY, now)
            days.append(ClosedDay(by_hand, wrong, by_hand))
        for back in range(1, LOOK_BACK):
            since, until = now - (back + 1) * DAY, now - back * DAY
            if closed := _between(self._earning, since, until):
                wrong = _between(self._earning_wrong, since, until)
                days.append(ClosedDay(closed, wrong, _between(self._by_hand, since, until)))
        spent = self.closed_within(DAY, now)
        spent += _between(self._automatic_wrong, now - WEEK, now - DAY)
        return Record(self._largest, tuple(days[:7]), spent)

    def closed_within(self, seconds: float, now: float) -> int:
        return _between(self._automatic, now - seconds, now)

    def count_wrong(self, since: float) -> int:
        """Of what was closed since then, what was contradicted."""
        return sum(each.is_wrong and each.at > since for each in reversed(self.closures))

    def count_by_hand(self, since: float) -> int:
        """Of what a person has closed since then, what is right."""
        later = takewhile(lambda each: each.at > since, reversed(self.closures))
        return sum(not each.is_automatic and not each.is_wrong for each in later)

    def _count_waves(self, now: float) -> None:
        self._waves_counted_at = now
        self._spans = {}
        self._largest = 0
        self._growing = sorted(
            self._span(each)
            for each in self.closures
            if each.is_young and not each.is_wrong and each.at > now - WEEK
        )

    def _span(self, closure: Closure) -> tuple[float, float, float]:
        """As record.sql has it; all that a person closes at one moment is one run."""
        first, at = closure.orphaned_at, closure.at
        if closure.is_automatic:
            return first, -inf, max(first, at - self.half)
        return first, at, first

    def _complete(self, first: float, run: float, last: float) -> None:
        if last > first + self.half:
            return
        firsts, lasts = self._spans.setdefault(run, ([], []))
        insort(firsts, first)
        insort(lasts, last)
        begin, end = bisect_left(firsts, last - self.half), bisect_right(firsts, first)
        for number in range(begin, end):
            wave = bisect_right(lasts, firsts[number] + self.half) - number
            self._largest = max(self._largest, wave)


def _between(moments: list[float], since: float, until: float) -> int:
    return bisect_right(moments, until) - bisect_right(moments, since)
