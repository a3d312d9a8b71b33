"""The days of the daily statistics: counts, bounds as SQL, and the times of reading.

A past day is read again once an hour even without a sign of a change: each at another minute, so
that no run reads many days and the sources do not read their days together.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from exporter.collection.label_split import Combination
from exporter.postgres import Reader, Row
from exporter.queries import literal
from exporter.sessions import STATEMENT_TIME, SessionTable

HOUR_SECONDS = 3600.0


class DayCounts(NamedTuple):
    """The sessions that started on one day. None is unknown."""

    started: int = 0
    still_active: int = 0
    orphaned: int | None = 0
    """Of those that are still active."""
    recovered: int | None = 0
    """Closed by recovery, and not undone."""
    contradicted: int = 0
    """Recovered sessions that later showed life or got a genuine end."""
    timed: int | None = 0
    """Ended sessions with a known duration."""
    duration_sum: float = 0.0
    """The durations of these, in seconds."""
    closed_without_end: int = 0
    seen_after_end: int = 0

    @property
    def ended(self) -> int | None:
        """Closed by the application."""
        if self.recovered is None:
            return None
        return self.started - self.still_active - self.recovered

    @property
    def lost(self) -> int | None:
        """Orphaned now, or recovered and not contradicted."""
        if self.recovered is None or self.orphaned is None:
            return None
        return self.orphaned + self.recovered - self.contradicted

    @property
    def known_duration(self) -> float | None:
        """The sum of the known durations, in seconds."""
        return None if self.timed is None else self.duration_sum

    @property
    def average_duration(self) -> float | None:
        """In seconds; None for a day on which no session ended."""
        return self.duration_sum / self.timed if self.timed else None


def total_of(counts: Iterable[DayCounts]) -> DayCounts:
    """The sum of at least one item; unknown if one is unknown."""
    columns = zip(*counts, strict=True)
    return DayCounts._make(None if None in each else sum(each) for each in columns)


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day, [start, end) in Unix timestamps; `by_label` covers every combination."""

    date: str
    start: float
    end: float
    read_at: float = 0.0
    total: DayCounts = field(default_factory=DayCounts)
    by_label: Mapping[Combination, DayCounts] = field(default_factory=dict)
    newest_start: float | None = None
    """Start of the session that started last; starts in the future are ignored."""


def with_orphaned(day: Day, orphaned: Mapping[Combination, int | None]) -> Day:
    """The day with other numbers of orphaned sessions, by combination; the same where none is."""
    by_label = {
        labels: counts._replace(orphaned=orphaned.get(labels, 0))
        for labels, counts in day.by_label.items()
    }
    known = [each for each in orphaned.values() if each is not None]
    total = day.total._replace(orphaned=sum(known) if len(known) == len(orphaned) else None)
    if (total, by_label) == (day.total, day.by_label):
        return day
    return replace(day, total=total, by_label=by_label)


async def read_days(reader: Reader, table: SessionTable) -> list[Day]:
    """The days up to today, oldest first."""
    return days_from(await reader.rows(days_query(table)))


def days_query(table: SessionTable, *, days: int | None = None) -> str:
    """The statement that lists the days, for days_from(): the declared number, unless given."""
    assert table.source.daily is not None  # noqa: S101 - the collector has no interval otherwise
    zone = literal(table.source.timezone)
    return table.statement(
        "collection/daily/days",
        now=STATEMENT_TIME.now,
        zone=zone,
        oldest=str((days or table.source.daily.days) - 1),
        first_instant=_first_instant(zone),
    )


def _first_instant(zone: str) -> str:
    """The instant at which the day `n` days ago begins in a zone, as SQL.

    Where the clock is set back across midnight (Havana, the Azores), AT TIME ZONE gives the second
    of two midnights, and the day begins an hour earlier.
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


def by_day(
    table: SessionTable,
    days: Sequence[Day],
    run: Sequence[Day],
    *,
    started_at: str,
    labels: Sequence[str],
) -> dict[str, str]:
    """The parts of a statement that counts the rows of neighbouring days, by day and label.

    `started_at` and `labels` are SQL. Groups are numbered: names may be those of columns too.

    The number of the day counts from 1 in `days`. Most runs are a single day, for which assigning
    each row to a day would add half of the cost.
    """
    groups = [str(2 + n) for n in range(len(labels))]
    day = str(days.index(run[0]) + 1)
    if len(run) > 1:
        # In seconds since the first day, which is planned and computed fastest.
        ends = ",".join(f"{each.end - days[0].start:.6f}" for each in days)
        since = f"pg_catalog.tstzrange_subdiff({started_at}, {instant(days[0].start)})"
        day = f"pg_catalog.width_bucket({since}, '{{0,{ends}}}'::float8[])"
        groups.insert(0, "1")
    return {
        "day": day,
        "labels": "".join(f"{label}, " for label in labels),
        "started": started_within(table, run),
        "groups": f"GROUP BY {', '.join(groups)}" if groups else "",
    }


def started_within(table: SessionTable, run: Sequence[Day]) -> str:
    """Whether a row started on one of these neighbouring days, by an index on the start."""
    first, end = instant(run[0].start), instant(run[-1].end)
    return f"{table.started_at.from_(first)} AND {table.started_at.before(end)}"


def instant(timestamp: float) -> str:
    """A Unix time as SQL."""
    return f"pg_catalog.to_timestamp({timestamp:.6f})"


def due(source: str, past_days: Sequence[Day], now: float, *, every: float) -> list[Day]:
    """The past days that have become due since they were read, at `now`.

    The due times of one source are spread evenly, from a minute that follows from its name. They
    are slightly less than an hour apart, because a run notices them late.
    """
    period = max(HOUR_SECONDS - every, every)
    begin = zlib.crc32(source.encode())

    def turn(number: int, at: float) -> float:
        return (at - begin - number * period / len(past_days)) // period

    return [
        day
        for number, day in enumerate(past_days)
        if turn(number, day.read_at) != turn(number, now)
    ]


def is_overdue(day: Day, now: float) -> bool:
    """Whether a day was read an hour ago or, after the clock was set back, in the future."""
    return not 0 <= now - day.read_at < HOUR_SECONDS
