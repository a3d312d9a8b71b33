"""The days of the daily statistics: what is counted on each, and its bounds as SQL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import pairwise
from operator import add

from exporter.collection.label_split import Combination
from exporter.postgres import Row
from exporter.queries import fill, literal
from exporter.sessions import SessionTable


@dataclass(frozen=True, slots=True)
class DayCounts:
    """The sessions that started on one day. Durations are of ended sessions, in seconds."""

    started: int = 0
    still_active: int = 0
    durations: int = 0
    duration_sum: float = 0.0
    closed_without_end: int = 0

    def __add__(self, other: "DayCounts") -> "DayCounts":
        return DayCounts(*map(add, astuple(self), astuple(other)))

    @property
    def ended(self) -> int:
        return self.started - self.still_active

    @property
    def average_duration(self) -> float | None:
        """In seconds; None for a day on which no session ended."""
        return self.duration_sum / self.durations if self.durations else None


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day, [start, end) in Unix timestamps; `by_label` covers every combination."""

    date: str
    start: float
    end: float
    read_at: float = 0.0
    total: DayCounts = DayCounts()
    by_label: Mapping[Combination, DayCounts] = field(default_factory=dict)


def days_query(table: SessionTable) -> str:
    """The statement that lists the days, for days_from()."""
    assert table.source.daily is not None  # noqa: S101 - the collector has no interval otherwise
    zone, oldest = literal(table.source.timezone), str(table.source.daily.days - 1)
    return fill("collection/days", zone=zone, oldest=oldest, first_instant=first_instant(zone))


def first_instant(zone: str) -> str:
    """The instant at which the day `n` days ago begins in a zone, as SQL.

    Where the clock is put back over midnight (Havana, the Azores), AT TIME ZONE gives the second of
    two midnights, and the day begins an hour earlier.
    """
    date = f"((now() AT TIME ZONE {zone})::date - n)"
    midnight = f"({date}::timestamp AT TIME ZONE {zone})"
    earlier = f"{midnight} - interval '1 hour'"
    began_before = f"(({earlier}) AT TIME ZONE {zone})::date = {date}"
    return f"CASE WHEN {began_before} THEN {earlier} ELSE {midnight} END"


def days_from(rows: Sequence[Row]) -> list[Day]:
    """The days that the rows of days.sql describe, oldest first."""
    return [Day(date, start, end) for (date, start, _), (_, end, _) in pairwise(rows)]


def day_number(days: list[Day], stale: list[Day]) -> str:
    """The number of the day on which a row started, from 1.

    Most runs read today alone, where looking up every row among the days would cost half as much
    again.
    """
    if len(stale) == 1:
        return str(days.index(stale[0]) + 1)
    bounds = ", ".join(_instant(day.start) for day in days)
    return f"pg_catalog.width_bucket(started_at, ARRAY[{bounds}, {_instant(days[-1].end)}])"


def _instant(timestamp: float) -> str:
    return f"pg_catalog.to_timestamp({timestamp:.6f})"


def started_on(table: SessionTable, days: list[Day]) -> str:
    """The condition that a row started on one of these days; an index on the start serves it."""
    started = table.started_at
    return " OR ".join(
        f"({started.from_(_instant(start))} AND {started.before(_instant(end))})"
        for start, end in _ranges(days)
    )


def _ranges(days: list[Day]) -> Iterator[tuple[float, float]]:
    """Join neighbouring days, so that a week is one range and not seven."""
    start, end = days[0].start, days[0].end
    for day in days[1:]:
        if day.start != end:
            yield start, end
            start = day.start
        end = day.end
    yield start, end
