"""`session-exporter once`: one collection, printed."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer
import uvloop

from exporter import logs
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, load
from exporter.collection.active import ActiveValues
from exporter.collection.daily import DailyValues
from exporter.collection.size import SizeValues
from exporter.collection.snapshots import Snapshots
from exporter.daemon import machine_clock
from exporter.daemon.app import Exporter
from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.text import UNKNOWN, age, printable, table


class MetricsFormat(StrEnum):
    """What `once` can print."""

    PROMETHEUS = "prometheus"
    OPENMETRICS = "openmetrics"
    TABLE = "table"


def once(
    config_file: ConfigFile = DEFAULT_CONFIG,
    format_: Annotated[
        MetricsFormat, typer.Option("--format", help="Output format.")
    ] = MetricsFormat.TABLE,
) -> bool:
    """Collect everything once and print it; exit 1 if a source failed."""
    config = load(config_file)
    logs.log_errors_only()

    async def collected() -> Exporter:
        exporter = Exporter(config, machine_clock.CLOCK)
        await exporter.collect_once()
        await exporter.close()
        return exporter

    exporter = uvloop.run(collected())
    if format_ is MetricsFormat.TABLE:
        print(overview(exporter.snapshots))
    else:
        page = exporter.page.render(TEXT if format_ is MetricsFormat.PROMETHEUS else OPENMETRICS)
        print(page.decode(), end="")
    _print_failures(exporter.snapshots)
    return not all(state.succeeded for state in exporter.snapshots.states.values())


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
        [source, database, *_counted(values.get("active")), _row_count(values.get("size"))]
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


def _print_failures(snapshots: Snapshots) -> None:
    """What failed and why, one line for the collectors of a source that failed alike."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for key, state in snapshots.states.items():
        # Without a reason it was only spared another attempt on a database that is out of reach.
        if state.failure is not None and state.reason is not None:
            alike.setdefault((key.source, key.database, state.failure), []).append(key.collector)
    for (source, database, failure), collectors in alike.items():
        line = f"{source} ({database}): collector {', '.join(collectors)}: {failure}"
        print(f"session-exporter: {printable(line)}", file=sys.stderr)


def _counted(values: ActiveValues | None) -> list[str]:
    if values is None:
        return [UNKNOWN] * 5
    now, oldest = values.now, values.oldest_start
    contradictions = [f"{kind} {count}" for kind, count in values.inconsistent.items() if count]
    return [
        str(values.total.active),
        str(values.total.orphaned),
        str(values.total.overlong),
        age(None if now is None or oldest is None else now - oldest),
        ", ".join(contradictions) or "0",
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
