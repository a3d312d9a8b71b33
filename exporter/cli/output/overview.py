"""What the collections found: counts by source, and the days of each."""

from typing import Any

from exporter.collection.active import ActiveValues
from exporter.collection.daily import DailyValues
from exporter.collection.size import SizeValues
from exporter.collection.snapshots import Snapshots
from exporter.text import UNKNOWN, age, some_of, table


def overview(snapshots: Snapshots) -> str:
    """What one collection of everything found: counts by source, then the days of each."""
    parts = [counts(snapshots)]
    for (database, source), values in _collected(snapshots).items():
        if "daily" in values:
            parts.append(f"{source} ({database}) by day of the start\n{_days(values['daily'])}")
    return "\n\n".join(parts)


def counts(snapshots: Snapshots) -> str:
    """What the last collections counted, one line per source."""
    rows = [
        [
            source,
            database,
            *_counted(values.get("active"), values.get("daily")),
            _row_count(values.get("size")),
        ]
        for (database, source), values in _collected(snapshots).items()
    ]
    headers = ["source", "database", "active", "orphaned_count", "overlong", "oldest"]
    return table([*headers, "inconsistent", "rows"], rows)


def _collected(snapshots: Snapshots) -> dict[tuple[str, str], dict[str, Any]]:
    """The values of every collector that succeeded, by database and source."""
    collected: dict[tuple[str, str], dict[str, Any]] = {}
    for key, state in snapshots.states.items():
        values = collected.setdefault((key.database, key.source), {})
        if state.snapshot is not None and state.succeeded:
            values[key.collector] = state.snapshot.values
    return collected


def _counted(values: ActiveValues | None, daily: DailyValues | None) -> list[str]:
    if values is None:
        return [UNKNOWN] * 5
    now, oldest = values.now, values.oldest_start
    kinds = {**values.inconsistent, **({} if daily is None else daily.kinds)}
    contradictions = [f"{kind} {count}" for kind, count in kinds.items() if count]
    return [
        str(values.total.active),
        str(values.total.orphaned),
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
        rows.append([day.date, str(total.started), seconds, str(total.still_active)])
    return table(["date", "started", "average duration in s", "still active"], rows)
