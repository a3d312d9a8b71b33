"""Collector `daily`: statistics of the sessions that started today and on the days before.

A past day hardly changes, so it is read again only when its number of active sessions did, when
it was last read before it was over, and with all the others once an hour.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from exporter.collection import calendar_days as calendar
from exporter.collection import label_split
from exporter.collection.calendar_days import Day, DayCounts
from exporter.collection.label_split import Combination
from exporter.config import Source
from exporter.metrics import catalog
from exporter.metrics.catalog import Family, Sample
from exporter.postgres import Reader, Row
from exporter.queries import join_lines, literal
from exporter.sessions import SessionTable

T = TypeVar("T")

READ_ALL_EVERY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class DailyValues:
    """The days, newest first, and when all of them were last read at once."""

    days: tuple[Day, ...]
    read_all_at: float

    @property
    def closed_without_end(self) -> int:
        """Ended rows of all days with a missing end or duration, or a negative duration."""
        return sum(day.total.closed_without_end for day in self.days)


class Daily:
    """Reads today on every run, and past days when they may have changed."""

    name = "daily"

    def every(self, source: Source) -> float | None:
        return source.daily.every if source.daily else None

    def timeout(self, source: Source) -> float | None:
        return source.daily.timeout if source.daily else None

    async def collect(
        self, reader: Reader, table: SessionTable, previous: DailyValues | None
    ) -> DailyValues:
        listed_days, active = await reader.read(
            calendar.days_query(table), _still_active_query(table)
        )
        now, days = listed_days.rows[0][2], calendar.days_from(listed_days.rows)
        known = {day.date: day for day in previous.days} if previous else {}
        still_active = _by_day(table.source, days, active.rows, lambda values: values[0])
        read_all_at, stale = now, days
        if previous and now - previous.read_all_at < READ_ALL_EVERY_SECONDS:
            read_all_at = previous.read_all_at
            stale = [day for day in days if _is_stale(day, known.get(day.date), still_active)]
        if stale:
            rows = await reader.rows(_daily_query(table, days, stale))
            known |= _read(table.source, days, stale, rows, now)
        return DailyValues(tuple(known[day.date] for day in reversed(days)), read_all_at)

    def samples(self, source: Source, values: DailyValues) -> Iterator[Sample]:

        def of(
            family: Family, day: Day, value: Callable[[DayCounts], float | None]
        ) -> Iterator[Sample]:
            labels = (("date", day.date),) if family.labels else ()
            return label_split.samples(
                source, family, day.total, day.by_label, value, labels=labels
            )

        yield from of(catalog.TODAY_STARTED, values.days[0], lambda counts: counts.started)
        for day in values.days:
            yield from of(catalog.DAILY_STARTED, day, lambda counts: counts.started)
            yield from of(catalog.DAILY_ENDED, day, lambda counts: counts.ended)
            yield from of(catalog.DAILY_STILL_ACTIVE, day, lambda counts: counts.still_active)
            yield from of(
                catalog.DAILY_AVERAGE_DURATION, day, lambda counts: counts.average_duration
            )
        if source.ended_at is not None or source.duration is not None:
            kinds = {"closed_without_end": values.closed_without_end}
            yield from catalog.INCONSISTENT.samples_by("kind", kinds)


async def query_of_all_days(reader: Reader, table: SessionTable) -> str:
    """The statement that reads every day, as the first run and then one run an hour do."""
    days = calendar.days_from(await reader.rows(calendar.days_query(table)))
    return _daily_query(table, days, days)


def _is_stale(
    day: Day, known: Day | None, still_active: Mapping[str, Mapping[Combination, int]]
) -> bool:
    if known is None or known.read_at < day.end:
        return True
    counts = known.by_label or {(): known.total}
    before = {key: count.still_active for key, count in counts.items() if count.still_active}
    return before != still_active.get(day.date, {})


def _still_active_query(table: SessionTable) -> str:
    assert table.source.daily is not None  # noqa: S101 - the collector has no interval otherwise
    return table.statement(
        "collection/still_active",
        first_instant=calendar.first_instant(literal(table.source.timezone)),
        oldest=str(table.source.daily.days - 1),
        labels="".join(f"{name}, " for name in label_split.names(table)),
        columns=join_lines([f"{table.started_at.sql} AS started_at", *label_split.columns(table)]),
        groups=", ".join(["day", *label_split.names(table)]),
    )


def _daily_query(table: SessionTable, days: list[Day], stale: list[Day]) -> str:
    columns = [
        f"{table.started_at.sql} AS started_at",
        f"coalesce({table.active}, false) AS is_active",
        *label_split.columns(table),
    ]
    missing = []
    if table.ended_at is not None:
        columns.append(f"{table.ended_at.sql} AS ended_at")
        missing.append("ended_at IS NULL")
    if table.duration is not None:
        columns.append(f"{table.duration} AS duration")
        missing += ["duration IS NULL", "duration < 0"]
    # A negative duration contradicts itself, NaN sorts above every number, and of numbers
    # near the largest the sum would overflow.
    valid = "NOT is_active AND duration >= 0 AND duration < 1e290"
    return table.statement(
        "collection/daily",
        day=calendar.day_number(days, stale),
        labels="".join(f"{name}, " for name in label_split.names(table)),
        measures=join_lines(
            [
                f"count(*) FILTER (WHERE {valid})" if table.duration else "0",
                f"coalesce(sum(duration) FILTER (WHERE {valid}), 0)" if table.duration else "0",
                f"count(*) FILTER (WHERE NOT is_active AND ({' OR '.join(missing) or 'false'}))",
            ]
        ),
        columns=join_lines(columns),
        started=calendar.started_on(table, stale),
        groups=", ".join(["day", *label_split.names(table)]),
    )


def _by_day(
    source: Source, days: list[Day], rows: Iterable[Row], value: Callable[[Row], T]
) -> dict[str, dict[Combination, T]]:
    """Sort result rows (day number, label numbers …, values …) by date and combination."""
    end = 1 + len(source.labels)
    found: defaultdict[str, dict[Combination, T]] = defaultdict(dict)
    for row in rows:
        if row[0] is not None and 1 <= row[0] <= len(days):
            labels = label_split.combination(source, row[1:end])
            found[days[row[0] - 1].date][labels] = value(row[end:])
    return found


def _read(
    source: Source, days: list[Day], stale: list[Day], rows: Iterable[Row], now: float
) -> dict[str, Day]:
    """The stale days with the counts just read; a day without rows counts 0."""
    found = _by_day(source, days, rows, lambda values: DayCounts(*values))
    read = {}
    for day in stale:
        by_label = {labels: DayCounts() for labels in label_split.combinations(source)}
        counted = found.get(day.date, {})
        total = sum(counted.values(), DayCounts())
        if source.labels:
            by_label |= counted
        read[day.date] = replace(day, read_at=now, total=total, by_label=by_label)
    return read
