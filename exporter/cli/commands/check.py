"""`session-exporter check`: whether the config file is valid, and fits the databases."""

from typing import Annotated

import typer

from exporter import logs
from exporter.check.findings import Finding, Status
from exporter.check.live import check_config
from exporter.cli.each_source import load, wait_for
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, ListFormat
from exporter.cli.output.findings import finding_place, finding_text, findings_json
from exporter.config import Config
from exporter.daemon import process
from exporter.text import as_json


def check(
    config_file: ConfigFile = DEFAULT_CONFIG,
    live: Annotated[
        bool, typer.Option("--live", help="Check each source against its database, read-only.")
    ] = False,
    format_: Annotated[
        ListFormat, typer.Option("--format", help="Output format of --live.")
    ] = ListFormat.TABLE,
) -> None:
    """Validate the config file; with --live check it against the databases."""
    config = load(config_file)
    if live:
        _check_live(config, format_)
        return
    series = sum(each.series() * len(each.databases) for each in config.sources.values())
    counted = f"sources: {len(config.sources)}, databases: {len(config.databases)}"
    print(f"{config_file} is valid ({counted}, at most {series} time series about sessions)")


def _check_live(config: Config, format_: ListFormat) -> None:
    logs.log_errors_only()

    async def found() -> list[Finding]:
        findings: list[Finding] = []
        async for finding in check_config(config, process.CLOCK):
            if format_ is ListFormat.TABLE:
                place = finding_place(finding)
                if not findings or finding_place(findings[-1]) != place:
                    print(place)
                print(finding_text(finding), flush=True)
            findings.append(finding)
        return findings

    findings = wait_for(found())
    if format_ is ListFormat.JSON:
        print(as_json(findings_json(findings)))
    if any(finding.status is Status.FAILED for finding in findings):
        raise typer.Exit(1)
