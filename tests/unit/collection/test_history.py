"""What is remembered of earlier counts: since when there are too many, and what changes."""

from exporter.collection.active import ActiveValues, Counts
from exporter.collection.active.history import OrphanHistory, next_history
from exporter.collection.age_cells import Histogram

NOTHING = Histogram((0,) * 13, 0.0)


def _history(*counts: tuple[float, int], limit: int | None = 5) -> OrphanHistory:
    found = None
    for at, orphaned in counts:
        total = Counts(active=99, orphaned=orphaned)
        values = ActiveValues(at, total, {}, NOTHING, NOTHING, None, None, 0.0, {})
        found = next_history(found, values, at, limit)
    assert found is not None
    return found


def test_it_is_above_the_limit_since_the_first_count_that_was() -> None:
    assert _history((0, 5), (30, 6), (60, 9)).above_since == 30
    assert _history((0, 9), (30, 5), (60, 6)).above_since == 60
    assert _history((0, 9), (30, 5)).above_since is None
    assert _history((0, 9), (30, 9), limit=None).above_since is None


def test_what_was_above_at_the_first_count_may_have_been_for_longer() -> None:
    assert _history((0, 9), (30, 9)).is_above_longer
    assert not _history((0, 5), (30, 9)).is_above_longer
    assert not _history((0, 9), (30, 5), (60, 9)).is_above_longer


def test_the_change_is_that_of_about_an_hour() -> None:
    assert _history((0, 3)).change is None
    assert _history((0, 3), (30, 5)).change == (2, 30)
    day = _history(*((30.0 * n, n) for n in range(2880)))
    assert day.change is not None
    change, seconds = day.change
    assert 3600 - 300 <= seconds <= 3600
    assert change == seconds / 30
    assert len(day.points) <= 13


def test_a_clock_that_was_set_back_begins_anew() -> None:
    found = _history((1000, 9), (1300, 9), (500, 9))
    assert (found.above_since, found.points) == (500, ((500, 9),))


def test_other_collectors_have_none() -> None:
    assert next_history(None, object(), 0.0, 5) is None
