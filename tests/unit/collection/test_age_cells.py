"""On which side of a boundary an age lies, to PostgreSQL's microsecond."""

import math
from bisect import bisect_right

import pytest

from exporter.collection.age_cells import AgeCells, Histogram
from exporter.metrics.catalog import BUCKETS

MICROSECOND = 1e-6


def cell(cells: AgeCells, age: float) -> int:
    """What width_bucket() says about a row of this age: how many bounds are at or before it."""
    bounds = [-round(each * 1_000_000) for each in cells.ages]
    return bisect_right(bounds, -round(age * 1_000_000))


@pytest.mark.parametrize("limit", [0.5, 1.0, 60.0, 7200.0, 7201.0, 2592000.0, 315360000.0])
def test_exactly_as_old_as_the_limit_is_not_older(limit: float) -> None:
    cells = AgeCells.of(limit, future_tolerance=60)
    assert not cells.is_older(cell(cells, limit - MICROSECOND), limit)
    assert not cells.is_older(cell(cells, limit), limit)
    assert cells.is_older(cell(cells, limit + MICROSECOND), limit)


@pytest.mark.parametrize("tolerance", [0.001, 1.0, 60.0, 86400.0])
def test_exactly_as_far_ahead_as_the_tolerance_is_not_future(tolerance: float) -> None:
    cells = AgeCells.of(7200, future_tolerance=tolerance)
    assert not cells.is_future(cell(cells, 0))
    assert not cells.is_future(cell(cells, -tolerance))
    assert cells.is_future(cell(cells, -tolerance - MICROSECOND))
    assert not cells.is_older(cell(cells, -tolerance - 1), 7200)


def test_no_time_at_all_is_neither_old_nor_future() -> None:
    cells = AgeCells.of(7200, future_tolerance=60)
    assert not cells.is_older(cells.undated, 7200)
    assert not cells.is_future(cells.undated)


def test_several_limits_are_told_apart_and_none_of_them_may_be_missing() -> None:
    cells = AgeCells.of(600, None, 7200, 600, future_tolerance=60)
    between = cell(cells, 3600)
    assert cells.is_older(between, 600)
    assert not cells.is_older(between, 7200)
    # 600 and 7200 are buckets; added are forever, now, and the edge of the future.
    assert len(set(cells.ages)) == len(cells.ages) == len(BUCKETS) + 3
    assert list(cells.ages) == sorted(cells.ages, reverse=True)


def test_the_sql_compares_with_bounds_in_seconds_oldest_first() -> None:
    sql = AgeCells.of(90, future_tolerance=60).cell("started_at")
    assert "'{-1000000000000.000000,-2592000.000000,-604800.000000," in sql
    assert ",-90.000000,-60.000000,0.000000,60.000001}'::float8[]" in sql


@pytest.mark.parametrize("bound", BUCKETS)
def test_a_bucket_includes_its_bound(bound: float) -> None:
    cells = AgeCells.of(future_tolerance=60)
    number = BUCKETS.index(int(bound))
    on = Histogram.of(cells, [(cell(cells, bound), 1, bound)])
    assert on.buckets == (0,) * number + (1,) * (len(BUCKETS) + 1 - number)
    above = Histogram.of(cells, [(cell(cells, bound + MICROSECOND), 1, bound)])
    assert above.buckets == (0,) * (number + 1) + (1,) * (len(BUCKETS) - number)


def test_a_histogram_adds_up_its_cells() -> None:
    cells = AgeCells.of(7200, future_tolerance=60)
    histogram = Histogram.of(
        cells,
        [
            (cell(cells, 30), 2, 60.0),
            (cell(cells, 4000), 3, 12000.0),
            (cell(cells, 1e9), 1, None),  # minus infinity has an age, but adds to no sum
            (cell(cells, -3600), 5, 0.0),  # future: young, and as old as now
            (cells.undated, 7, None),  # undated: in no bucket
        ],
    )
    assert histogram.buckets[0] == 7
    assert histogram.buckets[BUCKETS.index(3600)] == 7
    assert histogram.buckets[BUCKETS.index(7200)] == 10
    assert histogram.buckets[-2:] == (10, 11)
    assert histogram.sum == 12060.0


def test_a_histogram_of_nothing_is_all_zeros() -> None:
    histogram = Histogram.of(AgeCells.of(future_tolerance=60), [])
    assert histogram.buckets == (0,) * (len(BUCKETS) + 1)
    assert histogram.sum == 0
    assert math.isfinite(histogram.sum)
