"""The values of the collectors for one source: counts, histograms, days, ages."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from exporter.collection.active import ActiveValues
from exporter.collection.active.history import OrphanHistory
from exporter.collection.daily import DailyValues
from exporter.collection.job import Key
from exporter.collection.snapshots import State
from exporter.config import AnySource, ListedSource
from exporter.daemon.pages.overview.values import (
    CollectorOverview,
    DayOverview,
    LimitOverview,
    SettingsOverview,
    SilenceBucket,
    Trend,
)
from exporter.metrics.catalog import BUCKETS
from exporter.text import finite


def fresh_values(states: Mapping[str, State], collector: str, now: float) -> Any:  # noqa: ANN401 - each collector's own values
    """The values of a collector at monotonic time `now`; None: none are fresh."""
    state = states.get(collector)
    if state is None or state.snapshot is None or not state.is_fresh(now):
        return None
    return state.snapshot.values


def collector_overview(
    key: Key, state: State, *, now: float, next_at: float | None, sees_details: bool
) -> CollectorOverview:
    """One collector at monotonic time `now`."""
    snapshot = state.snapshot
    return CollectorOverview(
        collector=key.collector,
        is_fresh=state.is_fresh(now),
        last_success_at=None if snapshot is None else snapshot.timestamp,
        age=None if snapshot is None else max(now - snapshot.at, 0.0),
        interval=state.interval,
        next_at=next_at,
        duration=state.duration,
        reason=None if state.failure is None else state.reason or "backoff",
        failure=state.failure if sees_details else None,
        has_run=state.succeeded or state.failure is not None,
    )


def limit_overview(
    source: AnySource, history: OrphanHistory | None, *, is_fresh: bool
) -> LimitOverview:
    """The orphans and `alert_above`; stale values have no trend."""
    if history is None or not is_fresh:
        return LimitOverview(source.alert_above, None, False, None, None, None)
    history = history.under(source.alert_above)  # a reload may have changed it since
    found = history.change
    change, seconds = (None, None) if found is None else found
    trend: Trend | None = None
    if change is not None:
        trend = "rising" if change > 0 else "falling" if change < 0 else "steady"
    return LimitOverview(
        alert_above=source.alert_above,
        above_since=history.above_since,
        is_above_longer=history.is_above_longer,
        trend=trend,
        change=change,
        trend_seconds=seconds,
    )


def causes(values: ActiveValues | None) -> dict[str, int]:
    """The orphans by cause; age is the only one where nothing else is declared."""
    if values is None:
        return {}
    return {"age": values.total.orphaned} if values.by_cause is None else dict(values.by_cause)


def settings_overview(source: AnySource) -> SettingsOverview:
    """What the config says that is beside the counts."""
    return SettingsOverview(
        orphaned_after=source.fixed_threshold,
        overlong_after=source.overlong_after,
        objective=None if isinstance(source, ListedSource) else source.objective,
    )


def silence_buckets(values: ActiveValues | None) -> tuple[SilenceBucket, ...]:
    """The active sessions in bands of silence, or of age without signs of life."""
    if values is None:
        return ()
    histogram = values.age if values.silence is None else values.silence
    counts = (0, *histogram.buckets)
    bounds = (*map(float, BUCKETS), None)
    return tuple(
        SilenceBucket(bound, after - before)
        for bound, (before, after) in zip(bounds, pairwise(counts), strict=True)
    )


def day_overviews(values: DailyValues | None) -> Iterator[DayOverview]:
    """The days, newest first."""
    for day in () if values is None else values.days:
        yield DayOverview(
            date=day.date,
            started=day.total.started,
            ended=day.total.ended,
            recovered=day.total.recovered,
            lost=day.total.lost,
            still_active=day.total.still_active,
            average_duration=finite(day.total.average_duration),
        )


def inconsistent_counts(values: Iterable[ActiveValues | DailyValues | None]) -> dict[str, int]:
    """The inconsistent rows by kind, only kinds that have any."""
    found = dict[str, int]()
    for each in values:
        if each is not None:
            found |= each.inconsistent if isinstance(each, ActiveValues) else each.kinds
    return {kind: count for kind, count in found.items() if count}
