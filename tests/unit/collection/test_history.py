"""What is remembered of earlier counts: since when there are too many, and what changes."""

from exporter.collection.active import ActiveValues, Counts
from exporter.collection.active.history import OrphanHistory, next_history
from exporter.collection.age_cells import Histogram

NOTHING = Histogram((0,) * 13, 0.0)


def _history(*counts: tuple[float, int], limit: int | None = 5) -> OrphanHistory:
    found = None
    for at, orphaned in counts:
        found = next_history(found, _values(at, orphaned), at, limit)
    assert found is not None
    return found


def _values(at: float, orphaned: int) -> ActiveValues:
    total = Counts(active=99, orphaned=orphaned)
    return ActiveValues(at, total, {}, NOTHING, NOTHING, None, None, 0.0, {})


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


def test_against_another_limit_the_remembered_counts_say_since_when_it_is_exceeded() -> None:
    minutes = [(60.0 * n, 4 if n < 20 else 8) for n in range(60)]
    found = _history(*minutes, limit=5)
    assert (found.above_since, found.is_above_longer) == (1200, False)
    assert found.under(5) is found
    for lower, since in ((7, 1200), (4, 1200), (3, 0), (0, 0)):
        under = found.under(lower)
        assert (under.alert_above, under.above_since, under.is_above_longer) == (lower, since, True)
    for higher in (8, 100, None):
        under = found.under(higher)
        assert (under.alert_above, under.above_since, under.is_above_longer) == (
            higher,
            None,
            False,
        )
    after = next_history(found, _values(3600.0, 8), 3600.0, 3)
    assert after is not None
    assert (after.alert_above, after.above_since) == (3, 0)


def test_a_lower_limit_is_exceeded_at_least_as_long_as_the_higher_one() -> None:
    day = [(60.0 * n, 8) for n in range(1440)]
    assert _history(*day).under(4).above_since == 0
    assert _history(*day).under(6).above_since == 1439 * 60 - 3540


def test_other_collectors_have_none() -> None:
    assert next_history(None, object(), 0.0, 5) is None
