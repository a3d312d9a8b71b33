"""Collector `daily`: statistics of the sessions that started today and on the days before.

A past day hardly changes, so it is read again only when its number of active sessions did, when
it was last read before it was over, and once an hour.

Nearly every run is one read: which days there are is known from the run before, until midnight.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from exporter.collection import label_split
from exporter.collection.active.kept_rows import InconsistentRow, KeptRows
from exporter.collection.age_cells import grid_coordinates
from exporter.collection.daily import calendar_days as calendar
from exporter.collection.daily import closed_rows
from exporter.collection.daily.calendar_days import Day, DayCounts
from exporter.collection.label_split import Combination
from exporter.config import Source
from exporter.metrics import catalog
from exporter.metrics.catalog import Family, Sample
from exporter.postgres import Reader, Result, Row
from exporter.queries import join_lines
from exporter.sessions import STATEMENT_TIME, SessionTable, orphaned
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

#: More rows than a day has: the base of the number that adds up three kinds of them.
_MANY = 2**31


@dataclass(frozen=True, slots=True)
class DailyValues:
    """The days, newest first, and the time in the database when they were looked up."""

    days: tuple[Day, ...]
    at: float
    counts_seen_after_end: bool = False
    newest_start: float | None = None
    """When the session started that started last, as Unix time; None: it is not known."""
    inconsistent_rows: KeptRows[InconsistentRow] | None = None

    @property
    def kinds(self) -> dict[str, int]:
        """Closed rows of all days that contradict themselves, by kind."""
        seen = {"seen_after_end": sum(day.total.seen_after_end for day in self.days)}
        ended = {"closed_without_end": sum(day.total.closed_without_end for day in self.days)}
        return ended | (seen if self.counts_seen_after_end else {})


class Daily:
    """Reads today on every run, and past days when they may have changed."""

    name = "daily"

    def every(self, source: Source) -> float | None:
        return source.daily.every if source.daily else None

    def timeout(self, source: Source) -> float | None:
        return source.daily.timeout if source.daily else None

    async def collect(
        self,
        reader: Reader,
        table: SessionTable,
        previous: DailyValues | None,
        _verdict: Verdict = NO_EVIDENCE,
    ) -> DailyValues:
        if previous is not None:
            return await self._refresh(reader, table, previous)
        days = await calendar.read_days(reader, table)
        now = reader.began_at
        return _values(table, days, await _read_days(reader, table, days, days, now), now, None)

    async def _refresh(
        self, reader: Reader, table: SessionTable, previous: DailyValues
    ) -> DailyValues:
        """Read today and the past days whose turn it is, and then those that have changed."""
        *past, today = days = list(reversed(previous.days))
        every = self.every(table.source) or 0.0
        may_be_over = previous.at + 2 * every >= today.end
        listing = [calendar.days_query(table)] if may_be_over else []
        turns = calendar.due(table.source.name, past, previous.at, every=every)
        still_active = [_still_active_query(table, days, past)] if past else []
        results = await reader.read(
            *listing,
            *still_active,
            *_daily_queries(table, days, turns),
            *_daily_queries(table, days, [today]),
        )
        now = reader.began_at
        listed = results.pop(0).rows if may_be_over else []
        active = results.pop(0).rows if past else []
        active_by_day = {
            date: {labels: sessions for labels, (sessions,) in counted.items() if sessions}
            for date, counted in _by_day(table.source, days, active).items()
        }
        fresh = _read(table.source, days, [*turns, today], _rows(results), now)
        known = {day.date: day for day in past} | fresh
        if may_be_over:
            days = calendar.days_from(listed)
        elif not today.start <= now < today.end:
            days = await calendar.read_days(reader, table)

        def is_stale(day: Day) -> bool:
            before = known.get(day.date)
            if before is None or (before.start, before.end) != (day.start, day.end):
                return True
            return day.date not in fresh and (
                before.read_at < day.end
                or calendar.is_overdue(before, now)
                or _still_active(before) != active_by_day.get(day.date, {})
            )

        stale = list(filter(is_stale, days))
        known |= await _read_days(reader, table, days, stale, now)
        return _values(table, days, known, now, previous.newest_start)

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
        yield from catalog.NEWEST_START.samples(values.newest_start)
        if source.ended_at is not None or source.duration is not None:
            yield from catalog.INCONSISTENT.samples_by("kind", values.kinds)


async def query_of_all_days(reader: Reader, table: SessionTable) -> str:
    """The statement that reads every day, as the first run does."""
    days = await calendar.read_days(reader, table)
    return _daily_queries(table, days, days)[0]


async def _read_days(
    reader: Reader, table: SessionTable, days: list[Day], stale: list[Day], now: float
) -> dict[str, Day]:
    if not stale:
        return {}
    results = await reader.read(*_daily_queries(table, days, stale))
    return _read(table.source, days, stale, _rows(results), now)


def _values(
    table: SessionTable, days: list[Day], known: Mapping[str, Day], at: float, before: float | None
) -> DailyValues:
    """`before` is the newest start of the run before: it may be older than all of the days."""
    newest_first = tuple(known[day.date] for day in reversed(days))
    if before is not None and before >= days[0].start:
        before = None  # the days say by now when that was
    starts = (before, *(day.newest_start for day in newest_first))
    newest = max((each for each in starts if each is not None), default=None)
    return DailyValues(newest_first, at, table.seen_after_end is not None, newest)


def _still_active(day: Day) -> dict[Combination, int]:
    """By combination, without zeros: the database may have no group for one."""
    counts = day.by_label or {(): day.total}
    return {labels: each.still_active for labels, each in counts.items() if each.still_active}


def _still_active_query(table: SessionTable, days: list[Day], past: list[Day]) -> str:
    parts = calendar.by_day(
        table, days, past, started_at=table.started_at.dated, labels=table.labels
    )
    return table.statement("collection/still_active", **parts)


def _daily_queries(table: SessionTable, days: list[Day], stale: list[Day]) -> list[str]:
    """A statement for each run of neighbouring days."""
    if not stale:
        return []
    columns = [*closed_rows.columns(table), *label_split.columns(table)]
    complete = closed_rows.complete(table)
    duration, known = "0", list[str]()
    if table.ended_at is not None:
        known = [orphaned.is_end_of_closed("started_at", "ended_at")]
        duration = "pg_catalog.date_part('epoch', ended_at - started_at)"
    if table.source.duration is not None:
        # A negative duration contradicts itself, NaN sorts above every number, and of numbers
        # near the largest the sum would overflow.
        duration, known = "duration", ["duration >= '0'", "duration < '1e290'"]
    is_known = " AND ".join(["NOT is_active", *known])
    is_plain = " AND ".join(["NOT is_active", *dict.fromkeys([*complete, *known])])
    kinds = " + ".join(
        f"CASE WHEN {' AND '.join(conditions) or 'true'} THEN 0 ELSE {number} END"
        for number, conditions in ((_MANY, complete), (_MANY**2, known))
    )
    labels = label_split.names(table)
    kind = f"CASE WHEN is_active THEN 1 ELSE {kinds} END"
    has_started = f"started_at <= {STATEMENT_TIME.ago(-table.source.future_tolerance)}"
    measures = [
        f"extract(epoch FROM pg_catalog.max(started_at) FILTER (WHERE {has_started}))::float8",
        f"coalesce(pg_catalog.sum({duration}) FILTER (WHERE {is_known}), 0)",
        f"coalesce(pg_catalog.sum({kind}) FILTER (WHERE ({is_plain}) IS NOT TRUE), 0)",
    ]
    if (after_end := table.seen_after_end) is not None:
        columns.append(f"({after_end}) AS is_seen_after_end")
        measures.append("pg_catalog.count(*) FILTER (WHERE is_seen_after_end)")
    return [
        table.statement(
            "collection/daily",
            measures=join_lines(measures),
            columns=join_lines(columns),
            **calendar.by_day(table, days, run, started_at="started_at", labels=labels),
        )
        for run in calendar.runs_of(stale)
    ]


def _counts(
    source: Source, started: int, duration_sum: float, kinds: int, seen_after_end: int = 0
) -> DayCounts:
    """What a row of daily.sql counts; `kinds` adds up the rows that are not plain."""
    unknown, incomplete, active = grid_coordinates([_MANY] * 3, int(kinds))
    has_durations = source.ended_at is not None or source.duration is not None
    durations = started - active - unknown if has_durations else 0
    return DayCounts(started, active, durations, duration_sum, incomplete, seen_after_end)


def _rows(results: Iterable[Result]) -> list[Row]:
    return [row for result in results for row in result.rows]


def _by_day(
    source: Source, days: list[Day], rows: Iterable[Row]
) -> dict[str, dict[Combination, Row]]:
    """Sort result rows (day number, label numbers …, values …) by date and combination."""
    end = 1 + len(source.labels)
    found: dict[str, dict[Combination, Row]] = {day.date: {} for day in days}
    for row in rows:
        if row[0] is not None and 1 <= row[0] <= len(days):
            labels = label_split.combination(source, row[1:end])
            found[days[row[0] - 1].date][labels] = row[end:]
    return found


def _read(
    source: Source, days: list[Day], stale: list[Day], rows: Iterable[Row], now: float
) -> dict[str, Day]:
    """The stale days with the counts just read; a day without rows counts 0."""
    found = _by_day(source, days, rows)
    read = {}
    for day in stale:
        rows_of_day = found[day.date]
        counted = {
            labels: _counts(source, started, *others)
            for labels, (started, _, *others) in rows_of_day.items()
        }
        newest = max((row[1] for row in rows_of_day.values() if row[1] is not None), default=None)
        total = DayCounts(*map(sum, zip(DayCounts(), *counted.values(), strict=True)))
        by_label = dict.fromkeys(label_split.combinations(source), DayCounts())
        if source.labels:
            by_label |= counted
        read[day.date] = replace(
            day, read_at=now, newest_start=newest, total=total, by_label=by_label
        )
    return read
