"""`session-exporter once`: one collection, printed."""

import sys
from enum import StrEnum
from typing import Annotated

import typer
import uvloop

from exporter import logs
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, load
from exporter.cli.output.overview import failure_lines, overview
from exporter.daemon import process
from exporter.daemon.app import Exporter
from exporter.metrics.exposition import OPENMETRICS, TEXT


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
        exporter = Exporter(config, process.CLOCK)
        await exporter.collect_once()
        await exporter.close()
        return exporter

    exporter = uvloop.run(collected())
    if format_ is MetricsFormat.TABLE:
        print(overview(exporter.snapshots))
    else:
        page = exporter.page.render(TEXT if format_ is MetricsFormat.PROMETHEUS else OPENMETRICS)
        print(page.decode(), end="")
    for line in failure_lines(exporter.snapshots):
        print(f"session-exporter: {line}", file=sys.stderr)
    return not all(state.succeeded for state in exporter.snapshots.states.values())
