"""AgeCells: ages as boundaries in time, between which width_bucket() places each row."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.metrics.catalog import BUCKETS
from exporter.sessions import interval

# PostgreSQL's resolution: strictly later than t is the same as at t + 1 µs or later.
_MICROSECOND = 1e-6


@dataclass(frozen=True, slots=True)
class AgeCells:
    """Ages in seconds, oldest first: cell 0 lies before the first of them, cell n behind the last.

    A row that is exactly as old as a boundary lies in the cell behind it, so that the cells before
    hold the rows that are strictly older.
    """

    ages: tuple[float, ...]

    @classmethod
    def of(cls, ages: Iterable[float | None], *, future_tolerance: float) -> "AgeCells":
        """The histogram's buckets, further ages where they are set, and the edge of the future."""
        wanted = {float(age) for age in ages if age is not None} | {float(b) for b in BUCKETS}
        return cls((*sorted(wanted, reverse=True), -(future_tolerance + _MICROSECOND)))

    def cell(self, column: str) -> str:
        """SQL that gives the cell of a timestamptz column; NULL for NULL."""
        bounds = ", ".join(f"now() - {interval(age)}" for age in self.ages)
        return f"pg_catalog.width_bucket({column}, (SELECT ARRAY[{bounds}]))"

    def is_older(self, cell: int | None, age: float) -> bool:
        """Whether all rows of a cell are strictly older than one of the ages."""
        return cell is not None and cell <= self.ages.index(age)

    def is_future(self, cell: int | None) -> bool:
        """Whether the rows of a cell lie further ahead than the tolerance."""
        return cell == len(self.ages)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many rows are at most as old as each bucket's bound; the last bucket is +Inf."""

    buckets: tuple[int, ...]
    sum: float

    @classmethod
    def of(
        cls, ages: AgeCells, cells: Iterable[tuple[int | None, int, float | None]]
    ) -> "Histogram":
        """Add up `cells`: number of the cell, number of its rows, sum of their ages in seconds."""
        known = [each for each in cells if each[0] is not None]
        buckets = [
            sum(rows for cell, rows, _ in known if not ages.is_older(cell, bound))
            for bound in BUCKETS
        ]
        total = math.fsum(seconds or 0.0 for _, _, seconds in known)
        return cls((*buckets, sum(rows for _, rows, _ in known)), total)
