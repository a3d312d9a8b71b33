"""`session-exporter once`: one collection, printed."""

import sys
from enum import StrEnum
from typing import Annotated

import typer
import uvloop

from exporter import logs
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, load
from exporter.cli.output.overview import overview
from exporter.collection.snapshots import Snapshots
from exporter.daemon import machine_clock
from exporter.daemon.app import Exporter
from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.text import printable


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
