"""The statements that count the sessions of days, and the evaluation of their rows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from exporter.collection import label_split
from exporter.collection.age_cells import grid_coordinates
from exporter.collection.daily import calendar_days as calendar
from exporter.collection.daily import closed_rows, recovered_rows
from exporter.collection.daily.calendar_days import Day, DayCounts
from exporter.collection.label_split import Combination
from exporter.config import Source
from exporter.postgres import Result, Row
from exporter.queries import join_lines
from exporter.sessions import STATEMENT_TIME, SessionTable, interval, orphaned
from exporter.sessions.grants.audit_access import AuditAccess

#: More rows than a day can have: the base of a number that encodes three counts.
_MANY = 2**31


def day_queries(
    table: SessionTable,
    audit: AuditAccess,
    days: Sequence[Day],
    stale: Sequence[Day],
    *,
    judges: bool = True,
) -> list[str]:
    """A statement for each run of neighbouring days of those that are `stale`.

    Unless it `judges`, how many sessions are orphaned is unknown.
    """
    return [_query(table, audit, days, run, judges=judges) for run in calendar.runs_of(stale)]


def read_days(  # noqa: PLR0917 - the first three are the same for all days
    source: Source,
    audit: AuditAccess,
    days: Sequence[Day],
    stale: Iterable[Day],
    results: Iterable[Result],
    now: float,
) -> dict[str, Day]:
    """The stale days by date, with the counts just read; a day without rows counts 0."""
    found = rows_by_day(source, days, results)
    nothing = _counts(source, audit)
    read = {}
    for day in stale:
        rows = found[day.date]
        counted = {
            labels: _counts(source, audit, started, *others)
            for labels, (started, _, *others) in rows.items()
        }
        starts = (row[1] for row in rows.values() if row[1] is not None)
        newest = max(starts, default=None)
        total = calendar.total_of([nothing, *counted.values()])
        by_label = dict.fromkeys(label_split.combinations(source), nothing)
        if source.labels:
            by_label |= counted
        read[day.date] = replace(
            day, read_at=now, newest_start=newest, total=total, by_label=by_label
        )
    return read


def rows_by_day(
    source: Source, days: Sequence[Day], results: Iterable[Result]
) -> dict[str, dict[Combination, Row]]:
    """Sort result rows (day number, label numbers …, values …) by date and combination."""
    end = 1 + len(source.labels)
    found: dict[str, dict[Combination, Row]] = {day.date: {} for day in days}
    for row in (row for result in results for row in result.rows):
        if row[0] is not None and 1 <= row[0] <= len(days):
            labels = label_split.combination(source, row[1:end])
            found[days[row[0] - 1].date][labels] = row[end:]
    return found


def still_active_query(
    table: SessionTable, days: Sequence[Day], past: Sequence[Day], *, judges: bool = True
) -> str:
    """The statement that counts what of past days is active, and orphaned if it `judges`."""
    parts = calendar.by_day(
        table, days, past, started_at=table.started_at.dated, labels=table.labels
    )
    orphaned_count = _orphaned_count(table.orphaned(STATEMENT_TIME), judges=judges)
    return table.statement("collection/daily/still_active", orphaned=orphaned_count, **parts)


def _orphaned_count(condition: str, *, judges: bool) -> str:
    return f"pg_catalog.count(*) FILTER (WHERE {condition})" if judges else "NULL::int8"


def _query(
    table: SessionTable,
    audit: AuditAccess,
    days: Sequence[Day],
    run: Sequence[Day],
    *,
    judges: bool,
) -> str:
    columns = [*closed_rows.columns(table), *label_split.columns(table)]
    if judges:
        # Of closed rows, an expression may read a whole document, or fail.
        when = f"WHEN ({table.active}) IS TRUE THEN {table.orphaned(STATEMENT_TIME)}"
        columns.append(f"CASE {when} END AS is_orphaned")
    complete = closed_rows.complete(table)
    duration, known = "0", list[str]()
    if table.ended_at is not None:
        known = [orphaned.is_end_of_closed("started_at", "ended_at")]
        duration = "pg_catalog.date_part('epoch', ended_at - started_at)"
    if table.source.duration is not None:
        # A negative duration contradicts itself, NaN sorts above every number, and of numbers
        # near the largest the sum would overflow.
        duration, known = "duration", ["duration >= '0'", "duration < '1e290'"]
    timed, recovered = ["NOT is_active", *known], "0"
    if audit is AuditAccess.READABLE:
        since = f"{calendar.instant(run[0].start)} - {interval(table.source.future_tolerance)}"
        is_any = recovered_rows.is_any_recovered(table, since=since)
        if table.id:
            columns.append(f"{recovered_rows.id_array(table)} AS session_exporter_id")
            # First a hash, which decides nearly all rows; then for each whether it was closed since
            # its own start.
            candidate = recovered_rows.is_recovered(table, since=since)
            exact = recovered_rows.is_recovered(table, since=since, further=_after_start(table))
            is_recovered = f"{is_any} AND {candidate} AND {exact}"
            timed.append(f"NOT ({is_recovered})")
            recovered = _recovered(table, since, is_recovered, " AND ".join(known) or "true")
        else:
            recovered = f"pg_catalog.count(*) FILTER (WHERE NOT is_active AND {is_any})"
    is_plain = " AND ".join(["NOT is_active", *dict.fromkeys([*complete, *known])])
    kinds = " + ".join(
        f"CASE WHEN {' AND '.join(conditions) or 'true'} THEN 0 ELSE {number} END"
        for number, conditions in ((_MANY, complete), (_MANY**2, known))
    )
    kind = f"CASE WHEN is_active THEN 1 ELSE {kinds} END"
    has_started = f"started_at <= {STATEMENT_TIME.ago(-table.source.future_tolerance)}"
    measures = [
        f"extract(epoch FROM pg_catalog.max(started_at) FILTER (WHERE {has_started}))::float8",
        f"coalesce(pg_catalog.sum({duration}) FILTER (WHERE {' AND '.join(timed)}), 0)",
        f"coalesce(pg_catalog.sum({kind}) FILTER (WHERE ({is_plain}) IS NOT TRUE), 0)",
        _orphaned_count("is_orphaned", judges=judges),
        recovered,
    ]
    if (after_end := table.seen_after_end) is not None:
        columns.append(f"({after_end}) AS is_seen_after_end")
        measures.append("pg_catalog.count(*) FILTER (WHERE is_seen_after_end)")
    labels = label_split.names(table)
    return table.statement(
        "collection/daily/counts",
        measures=join_lines(measures),
        columns=join_lines(columns),
        **calendar.by_day(table, days, run, started_at="started_at", labels=labels),
    )


def _after_start(table: SessionTable) -> str:
    """Whether an audit row is about this session, not about an earlier one with the same id."""
    return f"a.at >= started_at - {interval(table.source.future_tolerance)}"


def _recovered(table: SessionTable, since: str, is_recovered: str, known: str) -> str:
    """Encodes the numbers of recovered rows, contradicted ones, and those with a duration."""
    is_lost = recovered_rows.is_recovered(
        table, since=since, further=f"a.contradicted_at IS NULL AND {_after_start(table)}"
    )
    return (
        f"coalesce(pg_catalog.sum(1 + CASE WHEN {is_lost} THEN 0 ELSE {_MANY} END"
        f" + CASE WHEN {known} THEN {_MANY**2} ELSE 0 END)"
        f" FILTER (WHERE NOT is_active AND {is_recovered}), 0)"
    )


def _counts(  # noqa: PLR0917 - the columns of counts.sql
    source: Source,
    audit: AuditAccess,
    started: int = 0,
    duration_sum: float = 0.0,
    kinds: int = 0,
    orphaned_count: int | None = 0,
    recovered_kinds: int = 0,
    seen_after_end: int = 0,
) -> DayCounts:
    """The counts in a row of counts.sql; `kinds` encodes the rows that are not plain."""
    unknown, incomplete, active = grid_coordinates([_MANY] * 3, int(kinds))
    recovered, contradicted, recovered_timed = None, 0, 0
    if source.id is not None and audit is not AuditAccess.UNREADABLE:
        coordinates = grid_coordinates([_MANY] * 3, int(recovered_kinds))
        recovered_timed, contradicted, recovered = coordinates
    elif audit is not AuditAccess.UNREADABLE and not recovered_kinds:
        recovered = 0
    timed = None
    if recovered is not None and (source.ended_at or source.duration) is not None:
        timed = started - active - unknown - recovered_timed
    return DayCounts(
        started=started,
        still_active=active,
        orphaned=orphaned_count,
        recovered=recovered,
        contradicted=contradicted,
        timed=timed,
        duration_sum=duration_sum,
        closed_without_end=incomplete,
        seen_after_end=seen_after_end,
    )
