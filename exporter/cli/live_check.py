"""`session-exporter check --live`: whether the config fits the databases."""

import dataclasses
from collections.abc import AsyncIterator

import uvloop

from exporter import logs
from exporter.check.findings import Finding, Status
from exporter.check.live import check_config
from exporter.cli.options import ListFormat
from exporter.cli.output.findings import Style, Summary, all_findings
from exporter.cli.output.terminal.progress import Progress, polled
from exporter.cli.output.terminal.screen import stdout_screen
from exporter.config import Config
from exporter.daemon import machine_clock
from exporter.text import as_json


def check_live(config: Config, format_: ListFormat, *, with_all: bool) -> bool:
    """Print the findings of each source; returns whether a check failed."""
    logs.log_errors_only()

    async def found() -> bool:
        findings: list[Finding] = []
        style = Style(**dataclasses.asdict(stdout_screen()))
        summary = Summary(style, with_database=len(config.databases) > 1)
        progress, done = Progress(_group_count(config), "databases and sources"), 0
        groups = _groups(check_config(config, machine_clock.CLOCK))
        async with polled(progress, lambda: done):
            async for group in groups:
                done += 1
                findings += group
                if format_ is ListFormat.TABLE:
                    lines = all_findings(group, style) if with_all else summary.add(group)
                    progress.clear()
                    for line in lines:
                        print(line, flush=True)
        if format_ is ListFormat.JSON:
            print(as_json([dataclasses.asdict(each) for each in findings]))
        elif not with_all:
            print("\n".join(summary.end()))
        return any(finding.status is Status.FAILED for finding in findings)

    return uvloop.run(found())


def _group_count(config: Config) -> int:
    """How many databases, and sources in each, are checked."""
    return len(config.databases) + sum(len(each.databases) for each in config.all_sources.values())


async def _groups(findings: AsyncIterator[Finding]) -> AsyncIterator[list[Finding]]:
    """The findings about a database, or about a source in it, which come one after the other."""
    group: list[Finding] = []
    async for each in findings:
        if group and (each.database, each.source) != (group[0].database, group[0].source):
            yield group
            group = []
        group.append(each)
    if group:
        yield group
