"""`session-exporter once`: one collection, printed."""

import sys
from enum import StrEnum
from typing import Annotated

import typer
import uvloop

from exporter import logs
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, load
from exporter.cli.output.overview import overview, overview_json
from exporter.cli.output.sessions import known_to_daemon, known_to_daemon_text
from exporter.cli.output.terminal.progress import Progress, polled
from exporter.collection.snapshots import Snapshots
from exporter.config import Config
from exporter.daemon import machine_clock
from exporter.daemon.app import Exporter
from exporter.evidence.evidence import Evidence
from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.text import as_json, printable


class MetricsFormat(StrEnum):
    """The formats of `once`."""

    PROMETHEUS = "prometheus"
    OPENMETRICS = "openmetrics"
    TABLE = "table"
    JSON = "json"


def once(
    config_file: ConfigFile = DEFAULT_CONFIG,
    format_: Annotated[
        MetricsFormat, typer.Option("--format", help="Output format.")
    ] = MetricsFormat.TABLE,
) -> bool:
    """Collect everything once and print it.

    The exit code is 1 if a source failed.
    """
    config = load(config_file)
    logs.log_errors_only()

    async def collected() -> Exporter:
        exporter = Exporter(config, machine_clock.CLOCK)
        states = exporter.snapshots.states
        progress = Progress(len(states), "collections")
        async with polled(progress, lambda: sum(each.has_run for each in states.values())):
            await exporter.collect_once()
        await exporter.close()
        return exporter

    exporter = uvloop.run(collected())
    limits = {name: each.alert_above for name, each in config.all_sources.items()}
    if format_ is MetricsFormat.JSON:
        unknown = {name: known_to_daemon(each) for name, each in config.all_sources.items()}
        print(as_json(overview_json(exporter.snapshots, limits, unknown)))
    elif format_ is MetricsFormat.TABLE:
        print(overview(exporter.snapshots, limits))
        for name, each in config.all_sources.items():
            if others := known_to_daemon_text(each):
                print(f"{name}: {others}")
    else:
        page = exporter.page.render(TEXT if format_ is MetricsFormat.PROMETHEUS else OPENMETRICS)
        print(page.decode(), end="")
    _print_failures(exporter.snapshots)
    _print_unknown(exporter.evidence, config)
    return not all(state.succeeded for state in exporter.snapshots.states.values())


def _print_unknown(evidence: Evidence, config: Config) -> None:
    """The owners and lists that could not be read, except lists of sources without a table."""
    for key, _ in evidence.asked():
        # Which owners are dead is not known after one answer.
        why = evidence.why_down(key) if key in evidence.lists else evidence.failures.get(key)
        if why and any(name in config.sources for _, name in evidence.users(key)):
            text = f"session-exporter: {key.name}: {why}; age decides as without it"
            print(printable(text), file=sys.stderr)


def _print_failures(snapshots: Snapshots) -> None:
    """The failures, one line for the collectors of a source with the same failure."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for key, state in snapshots.states.items():
        # Without a reason it was only spared another attempt on a database that is out of reach.
        if state.failure is not None and state.reason is not None:
            alike.setdefault((key.source, key.database, state.failure), []).append(key.collector)
    for (source, database, failure), collectors in alike.items():
        line = f"{source} ({database}): collector {', '.join(collectors)}: {failure}"
        print(f"session-exporter: {printable(line)}", file=sys.stderr)
