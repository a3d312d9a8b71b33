"""The days of the daily statistics: what is counted on each, and its bounds as SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from exporter.collection import label_split
from exporter.collection.label_split import Combination
from exporter.postgres import Row
from exporter.queries import literal
from exporter.sessions import STATEMENT_TIME, SessionTable


@dataclass(frozen=True, slots=True)
class DayCounts:
    """The sessions that started on one day. Durations are of ended sessions, in seconds."""

    started: int = 0
    still_active: int = 0
    durations: int = 0
    duration_sum: float = 0.0
    closed_without_end: int = 0

    def __add__(self, other: "DayCounts") -> "DayCounts":
        return DayCounts(
            self.started + other.started,
            self.still_active + other.still_active,
            self.durations + other.durations,
            self.duration_sum + other.duration_sum,
            self.closed_without_end + other.closed_without_end,
        )

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
    return table.statement(
        "collection/days",
        now=STATEMENT_TIME.now,
        zone=zone,
        oldest=oldest,
        first_instant=_first_instant(zone),
    )


def _first_instant(zone: str) -> str:
    """The instant at which the day `n` days ago begins in a zone, as SQL.

    Where the clock is put back over midnight (Havana, the Azores), AT TIME ZONE gives the second of
    two midnights, and the day begins an hour earlier.
    """
    date = f"(({STATEMENT_TIME.now} AT TIME ZONE {zone})::date - n)"
    midnight = f"({date}::timestamp AT TIME ZONE {zone})"
    earlier = f"{midnight} - interval '1 hour'"
    began_before = f"(({earlier}) AT TIME ZONE {zone})::date = {date}"
    return f"CASE WHEN {began_before} THEN {earlier} ELSE {midnight} END"


def days_from(rows: Sequence[Row]) -> list[Day]:
    """The days that the rows of days.sql describe, oldest first."""
    return [Day(date, start, end) for (date, start), (_, end) in pairwise(rows)]


def runs_of(days: Sequence[Day]) -> list[list[Day]]:
    """The days in runs of neighbours, each of which is one range of time."""
    runs: list[list[Day]] = []
    for day in days:
        if runs and runs[-1][-1].end == day.start:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def by_day(table: SessionTable, days: Sequence[Day], run: Sequence[Day]) -> dict[str, str]:
    """The parts of a statement that counts the rows of neighbouring days, by day and label.

    The number of the day counts from 1 in `days`. Most runs are a single day, where looking up
    every row among the days would cost half as much again.
    """
    labels = label_split.names(table)
    groups = labels
    day = str(days.index(run[0]) + 1)
    if len(run) > 1:
        bounds = ", ".join(_instant(day.start) for day in days)
        last = _instant(days[-1].end)
        day = f"pg_catalog.width_bucket(started_at, ARRAY[{bounds}, {last}])"
        groups = ["day", *labels]
    started, first, end = table.started_at, _instant(run[0].start), _instant(run[-1].end)
    return {
        "day": day,
        "labels": "".join(f"{name}, " for name in labels),
        "started": f"{started.from_(first)} AND {started.before(end)}",
        "groups": f"GROUP BY {', '.join(groups)}" if groups else "",
    }


def _instant(timestamp: float) -> str:
    return f"pg_catalog.to_timestamp({timestamp:.6f})"
