"""AgeCells: ages as boundaries, between which width_bucket() places each row; a grid of them."""

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from exporter.metrics.catalog import BUCKETS
from exporter.sessions import STATEMENT_TIME

# PostgreSQL's resolution: strictly later than t is the same as at t + 1 µs or later.
_MICROSECOND = 1e-6

# Older than every finite time of PostgreSQL, which begins in 4714 BC, but not as old as -infinity.
_FOREVER = 1e12


def seconds_ahead(column: str) -> str:
    """SQL: how long after now a timestamptz is, in seconds as float8, less than 0 if before.

    A difference of timestamps is an interval, whose length takes ten times as long to compute.
    Within 285 years of 2000 it is exact, like every bound: whole microseconds, divided once.
    """
    return f"pg_catalog.tstzrange_subdiff({column}, {STATEMENT_TIME.now})"


@dataclass(frozen=True, slots=True)
class AgeCells:
    """Ages in seconds, oldest first: cell 0 is before the first of them, cell n after the last.

    A row that is exactly as old as a boundary is in the cell after it, so that the cells before
    hold the strictly older rows. One more cell holds the rows without a time.
    """

    ages: tuple[float, ...]

    @classmethod
    @lru_cache(maxsize=512)  # few are different, and each collection requests its own
    def of(cls, *ages: float | None, future_tolerance: float) -> "AgeCells":
        """The histogram's buckets, further ages where they are set, and the edge of the future.

        The rows between forever and now have ages that can be summed.
        """
        wanted = {float(age) for age in ages if age is not None} | {float(b) for b in BUCKETS}
        wanted |= {_FOREVER, 0.0}
        return cls((*sorted(wanted, reverse=True), -(future_tolerance + _MICROSECOND)))

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self.ages) + 2

    @property
    def undated(self) -> int:
        """The cell of the rows without a time."""
        return len(self.ages) + 1

    @property
    def future(self) -> int:
        """The cell of the rows further in the future than the tolerance."""
        return len(self.ages)

    def cell(self, column: str) -> str:
        """SQL that gives the cell of a timestamptz column."""
        bounds = ",".join(f"{0 - age:.6f}" for age in self.ages)
        bucket = f"pg_catalog.width_bucket({seconds_ahead(column)}, '{{{bounds}}}'::float8[])"
        return f"coalesce({bucket}, {self.undated})"

    def cell_of(self, ahead: float | None) -> int:
        """The cell of a time this many seconds after now; None: there is no time.

        The result equals that of the SQL of cell().
        """
        if ahead is None:
            return self.undated
        return bisect.bisect_right(self.ages, ahead, key=float.__neg__)

    def is_older(self, cell: int, age: float) -> bool:
        """Whether all rows of a cell are strictly older than one of the ages."""
        return cell <= self.ages.index(age)

    def is_future(self, cell: int) -> bool:
        """Whether the rows of a cell are further in the future than the tolerance."""
        return cell == self.future


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many rows are at most as old as each bucket's bound; the last bucket is +Inf."""

    buckets: tuple[int, ...]
    sum: float

    @classmethod
    def of(cls, ages: AgeCells, cells: Iterable[tuple[int, int, float | None]]) -> "Histogram":
        """Add up `cells`: number of the cell, number of its rows, sum of their ages in seconds."""
        rows_of, lengths, now = [0] * ages.size, [], ages.ages.index(0.0)
        for cell, rows, seconds in cells:
            rows_of[cell] += rows
            if seconds is not None and 0 < cell <= now:  # neither infinitely old nor in the future
                lengths.append(seconds)
        firsts = [*(ages.ages.index(bound) + 1 for bound in BUCKETS), 0]
        buckets = [sum(rows_of[first : ages.undated]) for first in firsts]
        return cls(tuple(buckets), math.fsum(lengths))


def grid_cell(sizes: Sequence[int], coordinates: Sequence[str]) -> str:
    """SQL that combines a row's coordinates into one number: one column is fastest for GROUP BY.

    Each coordinate is SQL, from 0 to below its size.
    """
    number = coordinates[0]
    for size, coordinate in zip(sizes[1:], coordinates[1:], strict=True):
        number = f"({number}) * {size} + {coordinate}"
    return number


def grid_coordinate(sizes: Sequence[int], cell: str, number: int) -> str:
    """SQL that gives one coordinate of a cell, which is SQL too."""
    return f"({cell} / {math.prod(sizes[number + 1 :])} % {sizes[number]})"


def grid_coordinates(sizes: Sequence[int], number: int) -> list[int]:
    """The coordinates of a cell number of grid_cell()."""
    found = []
    for size in reversed(sizes):
        number, coordinate = divmod(number, size)
        found.append(coordinate)
    return found[::-1]
