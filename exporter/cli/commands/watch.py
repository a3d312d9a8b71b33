"""The commands that watch: run, check, once, orphans; the demo, and the schema."""

import functools
import re
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from exporter import logs, sessions
from exporter.check import source
from exporter.check.findings import Finding, Status
from exporter.cli.app import DEFAULT_CONFIG, ConfigFile, ListFormat, OneSource, app
from exporter.cli.each_source import duration, for_each_source, load, wait_for
from exporter.cli.output import report
from exporter.config import Config, Source, json_schema
from exporter.daemon import process
from exporter.daemon.app import Exporter
from exporter.errors import UsageError
from exporter.logs import LogFormat
from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.postgres import Database, Reader
from exporter.sessions.orphans import list_orphans

DEFAULT_PORT = 10046


class MetricsFormat(StrEnum):
    """What `once` can print."""

    PROMETHEUS = "prometheus"
    OPENMETRICS = "openmetrics"
    TABLE = "table"


@app.command()
def run(
    config_file: ConfigFile = DEFAULT_CONFIG,
    listen_address: Annotated[
        str, typer.Option("--web.listen-address", metavar="[HOST]:PORT", help="Where to listen.")
    ] = f":{DEFAULT_PORT}",
    log_format: Annotated[
        LogFormat, typer.Option("--log.format", help="How log lines are written.")
    ] = LogFormat.LOGFMT,
) -> None:
    """Collect on a schedule and serve /metrics until SIGTERM."""
    config = load(config_file)
    sock = process.listen(*parse_address(listen_address))
    logs.start(format_=log_format)

    wait_for(process.run(config, sock))


@app.command()
def check(
    config_file: ConfigFile = DEFAULT_CONFIG,
    live: Annotated[
        bool, typer.Option("--live", help="Prove each source against its database, read-only.")
    ] = False,
    format_: Annotated[ListFormat, typer.Option("--format", help="Of --live.")] = ListFormat.TABLE,
) -> None:
    """Validate the config file; with --live prove it against the databases."""
    config = load(config_file)
    if live:
        _check_live(config, format_)
        return
    series = sum(each.series() * len(each.databases) for each in config.sources.values())
    counted = f"sources: {len(config.sources)}, databases: {len(config.databases)}"
    print(f"{config_file} is valid ({counted}, at most {series} time series about sessions)")


@app.command()
def once(
    config_file: ConfigFile = DEFAULT_CONFIG,
    format_: Annotated[MetricsFormat, typer.Option("--format")] = MetricsFormat.TABLE,
) -> None:
    """Collect everything once and print it; exit 1 if a source failed."""
    config = load(config_file)
    logs.log_errors_only()

    async def collected() -> Exporter:
        exporter = Exporter(config, process.CLOCK)
        await exporter.collect_once()
        await exporter.close()
        return exporter

    exporter = wait_for(collected())
    if format_ is MetricsFormat.TABLE:
        print(report.overview(exporter.snapshots))
    else:
        page = exporter.page.render(TEXT if format_ is MetricsFormat.PROMETHEUS else OPENMETRICS)
        print(page.decode(), end="")
    for line in report.failures(exporter.snapshots):
        print(f"session-exporter: {line}", file=sys.stderr)
    if not all(state.succeeded for state in exporter.snapshots.states.values()):
        raise typer.Exit(1)


@app.command()
def orphans(
    source: OneSource = None,
    config_file: ConfigFile = DEFAULT_CONFIG,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Instead of the source's orphaned_after, like 1h."),
    ] = None,
    format_: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
    limit: Annotated[int, typer.Option(min=1, help="Rows per source.")] = 100,
) -> None:
    """List the orphaned sessions: the rows behind the number."""
    config = load(config_file)
    seconds = duration("--older-than", older_than)

    async def listed(reader: Reader, each: Source, database: str) -> Any:  # noqa: ANN401 - text or JSON
        table = await sessions.bind(reader, each)
        found = await list_orphans(reader, table, limit=limit, older_than=seconds)
        write = report.orphan_json if format_ is ListFormat.JSON else report.orphan_table
        return write(each, database, found, seconds or each.orphaned_after)

    results, failed = for_each_source(config, source, listed)
    if format_ is ListFormat.JSON:
        print(report.as_json(results))
    elif results:
        print("\n\n".join(results))
    if failed:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON schema of the config file, for editors."""
    print(report.as_json(json_schema()))


@app.command()
def demo(
    listen_address: Annotated[
        str, typer.Option("--web.listen-address", metavar="[HOST]:PORT", help="Where to listen.")
    ] = f"127.0.0.1:{DEFAULT_PORT}",
) -> None:
    """Run an embedded PostgreSQL with simulated traffic, and the exporter on it."""
    from exporter.demo.run import run_demo  # noqa: PLC0415 - only the demo needs its extra

    say = functools.partial(print, flush=True)  # a pipe would get it at the very end
    run_demo(process.listen(*parse_address(listen_address)), sys.argv[0], say)


def parse_address(text: str) -> tuple[str, int]:
    """Split [HOST]:PORT, with an IPv6 host in brackets."""
    match = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^\[\]:]*)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise UsageError(
            f"--web.listen-address: expected [HOST]:PORT such as :{DEFAULT_PORT} or "
            f"127.0.0.1:{DEFAULT_PORT}, got '{text}'"
        )
    return match[1] or match[2] or "", int(match[3])


def _check_live(config: Config, format_: ListFormat) -> None:
    logs.log_errors_only()

    async def found() -> list[Finding]:
        findings: list[Finding] = []
        for name, settings in config.databases.items():
            database = Database(settings)
            sources = [each for each in config.sources.values() if name in each.databases]
            async for finding in source.check_all(database, sources, process.CLOCK):
                if format_ is ListFormat.TABLE:
                    place = report.finding_place(finding)
                    if not findings or report.finding_place(findings[-1]) != place:
                        print(place)
                    print(report.finding(finding), flush=True)
                findings.append(finding)
            await database.close()
        return findings

    findings = wait_for(found())
    if format_ is ListFormat.JSON:
        print(report.as_json(report.findings_json(findings)))
    if any(finding.status is Status.FAILED for finding in findings):
        raise typer.Exit(1)
