"""OrphanHistory: the orphan counts of earlier collections within an hour."""

import math
from dataclasses import dataclass, replace

from exporter.collection.active import ActiveValues

#: The interval between remembered counts, and how long they are kept, in seconds.
STEP_SECONDS = 300.0
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class OrphanHistory:
    """The counts of one source's collections up to the last one. Times are Unix time."""

    at: float
    orphaned: int
    alert_above: int | None
    """The limit to which `above_since` refers."""
    above_since: float | None
    """Since when there have been more than `alert_above`; None: there are not more."""
    is_above_longer: bool
    """Whether this may have begun before the remembered counts."""
    points: tuple[tuple[float, int], ...]
    """Times and counts, oldest first, at most LONGEST_SECONDS old."""

    @property
    def change(self) -> tuple[int, float] | None:
        """The change of the number of orphans in this time; None: it is the first count."""
        at, orphaned = self.points[0]
        return None if at == self.at else (self.orphaned - orphaned, self.at - at)

    def under(self, alert_above: int | None) -> "OrphanHistory":
        """The same counts with another limit: `points` show since when they exceed it."""
        if alert_above == self.alert_above:
            return self
        since, limit = None, math.inf if alert_above is None else alert_above
        if self.orphaned > limit:
            since = self.at
            for at, orphaned in reversed(self.points):
                if orphaned <= limit:
                    break
                since = at
            if self.above_since is not None and limit <= (self.alert_above or 0):
                since = min(since, self.above_since)
        return replace(
            self, alert_above=alert_above, above_since=since, is_above_longer=since is not None
        )


def next_history(
    before: OrphanHistory | None, values: object, at: float, alert_above: int | None
) -> OrphanHistory | None:
    """The history with the count of one more collection, which began at a Unix time.

    None for a collector that counts no orphans.
    """
    if not isinstance(values, ActiveValues):
        return None
    orphaned = values.total.orphaned
    is_above = alert_above is not None and orphaned > alert_above
    since = at if is_above else None
    if before is None or at <= before.at:  # after the clock was set back, the times are unknown
        return OrphanHistory(at, orphaned, alert_above, since, is_above, ((at, orphaned),))
    before = before.under(alert_above)
    points = before.points
    if at - points[-1][0] >= STEP_SECONDS:
        points = (*points, (at, orphaned))
    points = tuple(point for point in points if at - point[0] <= LONGEST_SECONDS)
    points = points or ((at, orphaned),)
    if is_above and before.above_since is not None:
        return replace(before, at=at, orphaned=orphaned, points=points)
    return OrphanHistory(at, orphaned, alert_above, since, False, points)
