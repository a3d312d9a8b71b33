"""`session-exporter check --live`: whether the config fits the databases."""

import dataclasses

import uvloop

from exporter import logs
from exporter.check.findings import Finding, Status
from exporter.check.live import check_config
from exporter.cli.options import ListFormat
from exporter.config import Config
from exporter.daemon import machine_clock
from exporter.text import as_json, printable

_MARKS = {Status.OK: "✓", Status.WARNING: "!", Status.FAILED: "✗"}


def check_live(config: Config, format_: ListFormat) -> bool:
    """Print what is found of each source; returns whether a check failed."""
    logs.log_errors_only()

    async def found() -> list[Finding]:
        findings: list[Finding] = []
        last_place = ""
        async for finding in check_config(config, machine_clock.CLOCK):
            findings.append(finding)
            if format_ is ListFormat.JSON:
                continue
            place = f"database {finding.database}"
            if finding.source is not None:
                place = f"source {finding.source} in {place}"
            if place != last_place:
                print(place)
                last_place = place
            print(_text(finding), flush=True)
        return findings

    findings = uvloop.run(found())
    if format_ is ListFormat.JSON:
        print(as_json([dataclasses.asdict(each) for each in findings]))
    return any(finding.status is Status.FAILED for finding in findings)


def _text(found: Finding) -> str:
    """One line with a tick, a warning or a cross; commands below it, ready to be copied."""
    line = printable(f"  {_MARKS[found.status]} {found.check}: {found.message}")
    commands = (f"      {each}" for command in found.commands for each in command.split("\n"))
    return "\n".join([line, *map(printable, commands)])
