"""Collector `daily`: statistics of the sessions that started today and on the days before.

A past day hardly changes, so it is read again only when its number of active sessions has changed,
when it was last read before its end, and once an hour. Each run counts how many active sessions of
each day are orphaned.

Nearly every run is one read: until midnight, the days are known from the previous run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from exporter.collection import label_split
from exporter.collection.active.kept_rows import InconsistentRow, KeptRows
from exporter.collection.daily import calendar_days as calendar
from exporter.collection.daily.calendar_days import Day, DayCounts
from exporter.collection.daily.day_counts import (
    day_queries,
    read_days,
    rows_by_day,
    still_active_query,
)
from exporter.collection.label_split import Combination
from exporter.config import Source
from exporter.errors import BadData, PermissionDenied, SchemaMismatch
from exporter.metrics import catalog
from exporter.metrics.catalog import Family, Sample
from exporter.postgres import Reader, Row
from exporter.sessions import SessionTable, evidence_settings
from exporter.sessions.grants import audit_access
from exporter.sessions.grants.audit_access import AuditAccess
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

#: The metrics of a day, with the attribute of its counts.
_OF_A_DAY: tuple[tuple[Family, Callable[[DayCounts], float | None]], ...] = (
    (catalog.DAILY_STARTED, lambda counts: counts.started),
    (catalog.DAILY_ENDED, lambda counts: counts.ended),
    (catalog.DAILY_RECOVERED, lambda counts: counts.recovered),
    (catalog.DAILY_LOST, lambda counts: counts.lost),
    (catalog.DAILY_STILL_ACTIVE, lambda counts: counts.still_active),
    (catalog.DAILY_KNOWN_DURATION, lambda counts: counts.known_duration),
    (catalog.DAILY_TIMED, lambda counts: counts.timed),
)


@dataclass(frozen=True, slots=True)
class DailyValues:
    """The days, newest first, and the time in the database when they were looked up."""

    days: tuple[Day, ...]
    at: float
    audit: AuditAccess = AuditAccess.ABSENT
    """The source of the knowledge about recovered sessions."""
    counts_seen_after_end: bool = False
    newest_start: float | None = None
    """Start of the session that started last, as Unix time; None: unknown."""
    inconsistent_rows: KeptRows[InconsistentRow] | None = None

    @property
    def kinds(self) -> dict[str, int]:
        """The inconsistent closed rows of all days, by kind."""
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
        verdict: Verdict = NO_EVIDENCE,
    ) -> DailyValues:
        if table.source.has_evidence:
            reader.preamble = await evidence_settings(verdict, table.encoding)
        try:
            return await self._collect(reader, table, previous, judges=True)
        except BadData:
            # Perhaps in what says which sessions are orphaned, which collector `active` reports:
            # what became of the others is known without it.
            return await self._collect(reader, table, previous, judges=False)

    async def _collect(
        self, reader: Reader, table: SessionTable, previous: DailyValues | None, *, judges: bool
    ) -> DailyValues:
        if previous is not None:
            try:
                refreshed = await self._refresh(reader, table, previous, judges=judges)
            except (PermissionDenied, SchemaMismatch):
                # Perhaps the audit, or the right to read it, is gone.
                if previous.audit is not AuditAccess.READABLE:
                    raise
                refreshed = None
            if refreshed is not None:
                return refreshed
        listed, access = await reader.read(calendar.days_query(table), audit_access.access_query())
        days, audit = calendar.days_from(listed.rows), audit_access.access_of(access)
        now = reader.began_at
        known = await _read_stale(reader, table, audit, days, days, judges=judges)
        return _values(table, days, known, now, audit)

    async def _refresh(
        self, reader: Reader, table: SessionTable, previous: DailyValues, *, judges: bool
    ) -> DailyValues | None:
        """Read today and the past days that are due, and then the days that have changed.

        None if every day has to be read, because access to the audit has changed.
        """
        *past, today = days = list(reversed(previous.days))
        every, audit = self.every(table.source) or 0.0, previous.audit
        may_be_over = previous.at + 2 * every >= today.end
        listing = [calendar.days_query(table)] if may_be_over else []
        turns = calendar.due(table.source.name, past, previous.at, every=every)
        still_active = [still_active_query(table, days, past, judges=judges)] if past else []
        access, *results = await reader.read(
            audit_access.access_query(),
            *listing,
            *still_active,
            *day_queries(table, audit, days, turns, judges=judges),
            *day_queries(table, audit, days, [today], judges=judges),
        )
        if audit_access.access_of(access) is not audit:
            return None
        now = reader.began_at
        listed = results.pop(0).rows if may_be_over else []
        active = [results.pop(0)] if past else []
        active_by_day = rows_by_day(table.source, days, active)
        fresh = read_days(table.source, audit, days, [*turns, today], results, now)
        known = {day.date: _with_orphaned(day, active_by_day) for day in past} | fresh
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
                or _still_active(before) != _active(active_by_day.get(day.date, {}))
            )

        stale = list(filter(is_stale, days))
        known |= await _read_stale(reader, table, audit, days, stale, now, judges=judges)
        return _values(table, days, known, now, audit, previous.newest_start)

    def samples(self, source: Source, values: DailyValues) -> Iterator[Sample]:
        today = values.days[0]
        yield from label_split.samples(
            source, catalog.TODAY_STARTED, today.total, today.by_label, lambda each: each.started
        )
        for days_ago, day in enumerate(values.days):
            number = (("days_ago", str(days_ago)),)
            for family, value in _OF_A_DAY:
                yield from label_split.samples(
                    source, family, day.total, day.by_label, value, labels=number
                )
            yield Sample(catalog.DAILY_INFO, (*number, ("date", day.date)), 1)
        yield from catalog.NEWEST_START.samples(values.newest_start)
        if source.ended_at is not None or source.duration is not None:
            yield from catalog.INCONSISTENT.samples_by("kind", values.kinds)


async def query_of_all_days(reader: Reader, table: SessionTable) -> str:
    """The statement that reads every day, as the first run does without an audit."""
    days = await calendar.read_days(reader, table)
    return day_queries(table, AuditAccess.ABSENT, days, days)[0]


async def _read_stale(  # noqa: PLR0917 - in the order in which they become known
    reader: Reader,
    table: SessionTable,
    audit: AuditAccess,
    days: list[Day],
    stale: list[Day],
    now: float | None = None,
    *,
    judges: bool,
) -> dict[str, Day]:
    if not stale:
        return {}
    results = await reader.read(*day_queries(table, audit, days, stale, judges=judges))
    now = reader.began_at if now is None else now
    return read_days(table.source, audit, days, stale, results, now)


def _values(  # noqa: PLR0917 - in the order in which they become known
    table: SessionTable,
    days: list[Day],
    known: Mapping[str, Day],
    at: float,
    audit: AuditAccess,
    before: float | None = None,
) -> DailyValues:
    """`before` is the newest start of the previous run, which may be older than all days."""
    newest_first = tuple(known[day.date] for day in reversed(days))
    if before is not None and before >= days[0].start:
        before = None  # by now the days include that start
    starts = (before, *(day.newest_start for day in newest_first))
    newest = max((each for each in starts if each is not None), default=None)
    return DailyValues(newest_first, at, audit, table.seen_after_end is not None, newest)


def _still_active(day: Day) -> dict[Combination, int]:
    """By combination, without zeros, because the database returns no group for them."""
    counts = day.by_label or {(): day.total}
    return {labels: each.still_active for labels, each in counts.items() if each.still_active}


def _active(counted: Mapping[Combination, Row]) -> dict[Combination, int]:
    """The same of the rows of still_active.sql."""
    return {labels: active for labels, (active, _) in counted.items() if active}


def _with_orphaned(day: Day, by_day: Mapping[str, Mapping[Combination, Row]]) -> Day:
    counted = by_day.get(day.date, {})
    return calendar.with_orphaned(
        day, {labels: orphaned for labels, (_, orphaned) in counted.items()}
    )
