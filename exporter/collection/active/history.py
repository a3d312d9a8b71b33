"""OrphanHistory: how many orphans earlier collections counted, as far back as an hour."""

from dataclasses import dataclass, replace

from exporter.collection.active import ActiveValues

#: What is remembered: a count every so many seconds, for so long.
STEP_SECONDS = 300.0
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class OrphanHistory:
    """What one source's collections counted up to the last one. Times are Unix time."""

    at: float
    orphaned: int
    above_since: float | None
    """Since when there are more than `alert_above`; None: there are not."""
    is_above_longer: bool
    """Whether there were more already at the first collection that is remembered."""
    points: tuple[tuple[float, int], ...]
    """Times and counts, oldest first, at most LONGEST_SECONDS old."""

    @property
    def change(self) -> tuple[int, float] | None:
        """How many more orphans there are than so many seconds ago; None: it is the first count."""
        at, orphaned = self.points[0]
        return None if at == self.at else (self.orphaned - orphaned, self.at - at)


def next_history(
    before: OrphanHistory | None, values: object, at: float, alert_above: int | None
) -> OrphanHistory | None:
    """The history with the count of one more collection, which began at a Unix time.

    None of a collector that counts no orphans.
    """
    if not isinstance(values, ActiveValues):
        return None
    orphaned = values.total.orphaned
    is_above = alert_above is not None and orphaned > alert_above
    if before is None or at <= before.at:  # where the clock was set back, the times are not known
        return OrphanHistory(at, orphaned, at if is_above else None, is_above, ((at, orphaned),))
    points = before.points
    if at - points[-1][0] >= STEP_SECONDS:
        points = (*points, (at, orphaned))
    points = tuple(point for point in points if at - point[0] <= LONGEST_SECONDS)
    points = points or ((at, orphaned),)
    if is_above and before.above_since is not None:
        return replace(before, at=at, orphaned=orphaned, points=points)
    return OrphanHistory(at, orphaned, at if is_above else None, False, points)
