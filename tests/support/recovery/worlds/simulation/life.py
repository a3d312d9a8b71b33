"""The life of one session as it truly is: start, heartbeats, end. Times are seconds, true ones."""

from dataclasses import dataclass, field
from math import ceil, inf

#: Floats of one moment may differ by this.
FUZZ = 1e-6

JUST = 1e-3


@dataclass(slots=True, eq=False)
class Life:
    """A session that beats every `interval` seconds from its start, but not in its `gaps`."""

    name: str
    start: float
    end: float
    """When it ends, or is lost."""
    interval: float
    owner: str | None = None
    end_written: float = inf
    """When the application writes the end; never, where the end is lost."""
    after: float | None = None
    """Its own threshold; None: that of all."""
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """In order; the heartbeats from the first moment until before the second are not written."""

    def is_alive(self, at: float) -> bool:
        return self.start <= at < self.end

    def last_beat(self, at: float) -> float:
        """The last heartbeat written until then; -inf before the first one."""
        beat = self._until(min(at, self.end - JUST))
        for since, until in reversed(self.gaps):
            if since <= beat < until:
                beat = self._until(since - JUST)
        return beat

    def next_beat(self, at: float) -> float:
        """The first heartbeat written after that moment; inf if there is none."""
        start, interval = self.start, self.interval
        beat = start + (int(max(at - start + FUZZ, 0.0) / interval) + 1) * interval
        for since, until in self.gaps:
            if since <= beat < until:
                if until == inf:
                    return inf
                beat = start + ceil((until - start) / interval) * interval
        return beat if beat < self.end else inf

    def beats_until(self, at: float, pause: float) -> float:
        """The last heartbeat before the first longer pause; `at` is the moment of one."""
        if self.interval > pause:
            return at
        for since, until in self.gaps:
            if until > at:
                last = max(at, self._until(min(since, self.end) - JUST))
                if self.next_beat(last) > last + pause:
                    return last
        return max(at, self._until(self.end - JUST))

    def _until(self, at: float) -> float:
        number = int((at - self.start + FUZZ) / self.interval) if at > self.start else 0
        return self.start + number * self.interval if number else -inf

    def cut(self, since: float, until: float) -> None:
        """Write no heartbeats meanwhile."""
        gaps = sorted([*self.gaps, (since, until)])
        merged = gaps[:1]
        for first, last in gaps[1:]:
            if first <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(merged[-1][1], last)
            else:
                merged.append((first, last))
        self.gaps = merged
