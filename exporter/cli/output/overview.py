"""The values of the collections: counts by source, and the days of each."""

from collections.abc import Collection, Mapping
from typing import Any

from exporter.cli.output.terminal.table import Above, table
from exporter.collection.active import ActiveValues
from exporter.collection.daily import DailyValues
from exporter.collection.daily.calendar_days import Day
from exporter.collection.size import SizeValues
from exporter.collection.snapshots import Snapshots
from exporter.text import UNKNOWN, age, finite, iso, some_of


def overview(snapshots: Snapshots, limits: Mapping[str, int | None]) -> str:
    """The values of one collection of all sources: counts by source, then the days of each."""
    parts = [counts(snapshots, limits)]
    for (database, source), values in _collected(snapshots).items():
        if "daily" in values:
            parts.append(f"{source} ({database}) by day of the start\n{_days(values['daily'])}")
    return "\n\n".join(parts)


def counts(snapshots: Snapshots, limits: Mapping[str, int | None] | None = None) -> str:
    """The counts of the last collections, one line per source; `limits` are the `alert_above`."""
    rows = [
        [
            source,
            database,
            *_counted(values.get("active"), values.get("daily"), (limits or {}).get(source)),
            _row_count(values.get("size")),
        ]
        for (database, source), values in _collected(snapshots).items()
    ]
    headers = ["source", "database", "active", "orphaned_count", "overlong", "oldest"]
    return table([*headers, "inconsistent", "rows"], rows)


def overview_json(
    snapshots: Snapshots, limits: Mapping[str, int | None], unknown: Mapping[str, Collection[str]]
) -> list[dict[str, object]]:
    """The same for programs; docs/commands.md describes it.

    `unknown` are the causes of each source of which one collection knows no orphan.
    """
    collectors: dict[tuple[str, str], list[dict[str, object]]] = {}
    for key, state in snapshots.states.items():
        found = state.snapshot if state.succeeded else None
        collectors.setdefault((key.database, key.source), []).append(
            {
                "collector": key.collector,
                "last_success_at": iso(None if found is None else found.timestamp),
                "duration_seconds": finite(state.duration),
                "reason": state.reason,
                "failure": state.failure,
            }
        )
    return [
        {
            "source": source,
            "database": database,
            **_counts_json(values.get("active"), values.get("daily"), unknown.get(source, ())),
            "alert_above": limits.get(source),
            "rows_estimated": values["size"].rows if "size" in values else None,
            "days": [_day_json(day) for day in values["daily"].days] if "daily" in values else [],
            "collectors": collectors[database, source],
        }
        for (database, source), values in _collected(snapshots).items()
    ]


def _counts_json(
    values: ActiveValues | None, daily: DailyValues | None, unknown: Collection[str]
) -> dict[str, object]:
    kinds = {} if daily is None else daily.kinds
    keys = None if values is None else values.keys
    newest = daily or values  # of a source without a table, which has no daily statistics
    orphaned = None if values is None else values.total.orphaned
    by_cause = None if values is None else values.by_cause
    return {
        "active_count": None if values is None else values.total.active,
        "orphaned_count": orphaned,
        "overlong_count": None if values is None else values.total.overlong,
        "orphaned_by_cause": {"age": orphaned or 0}
        if by_cause is None
        else {**by_cause, **dict.fromkeys(unknown)},
        "oldest_orphan_last_seen_at": iso(
            None if values is None else values.oldest_orphan_last_seen
        ),
        "oldest_active_start_at": iso(None if values is None else values.oldest_start),
        "newest_start_at": iso(None if newest is None else newest.newest_start),
        "inconsistent": {
            kind: count
            for kind, count in {**({} if values is None else values.inconsistent), **kinds}.items()
            if count
        },
        "keys_at_limit": None if keys is None else keys.at_limit,
        "keys_blocked_by_orphans": None if keys is None else keys.blocked,
    }


def _day_json(day: Day) -> dict[str, object]:
    return {
        "date": day.date,
        "started": day.total.started,
        "ended": day.total.ended,
        "recovered": day.total.recovered,
        "lost": day.total.lost,
        "still_active": day.total.still_active,
        "average_duration_seconds": finite(day.total.average_duration),
    }


def _collected(snapshots: Snapshots) -> dict[tuple[str, str], dict[str, Any]]:
    """The values of every collector that succeeded, by database and source."""
    collected: dict[tuple[str, str], dict[str, Any]] = {}
    for key, state in snapshots.states.items():
        values = collected.setdefault((key.database, key.source), {})
        if state.snapshot is not None and state.succeeded:
            values[key.collector] = state.snapshot.values
    return collected


def _counted(
    values: ActiveValues | None, daily: DailyValues | None, limit: int | None
) -> list[str]:
    if values is None:
        return [UNKNOWN] * 5
    now, oldest, orphaned = values.now, values.oldest_start, values.total.orphaned
    kinds = {**values.inconsistent, **({} if daily is None else daily.kinds)}
    contradictions = [f"{kind} {count}" for kind, count in kinds.items() if count]
    return [
        str(values.total.active),
        Above(orphaned) if limit is not None and orphaned > limit else str(orphaned),
        str(values.total.overlong),
        age(None if now is None or oldest is None else now - oldest),
        some_of(contradictions) or "0",
    ]


def _row_count(values: SizeValues | None) -> str:
    return UNKNOWN if values is None or values.rows is None else f"~{values.rows:.0f}"


def _days(values: DailyValues) -> str:
    rows = []
    for day in values.days:
        total, average = day.total, day.total.average_duration
        seconds = UNKNOWN if average is None else f"{average:.1f}"
        fates = (total.ended, total.recovered, total.lost)
        counted = (UNKNOWN if each is None else str(each) for each in fates)
        rows.append([day.date, str(total.started), *counted, str(total.still_active), seconds])
    headers = ["date", "started", "ended", "recovered", "lost", "still active"]
    return table([*headers, "average duration in s"], rows)
