"""`session-exporter check --live`: whether the config fits the databases."""

import typer

from exporter import logs
from exporter.check.findings import Finding, Status
from exporter.check.live import check_config
from exporter.cli.each_source import wait_for
from exporter.cli.options import ListFormat
from exporter.cli.output.findings import finding_place, finding_text, findings_json
from exporter.config import Config
from exporter.daemon import process
from exporter.text import as_json


def check_live(config: Config, format_: ListFormat) -> None:
    """Print what is found of each source; exit 1 if a check failed."""
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
