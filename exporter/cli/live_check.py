"""`session-exporter check --live`: whether the config fits the databases."""

import dataclasses
import os
import shutil
import sys
from collections.abc import AsyncIterator

import uvloop

from exporter import logs
from exporter.check.findings import Finding, Status
from exporter.check.live import check_config
from exporter.cli.options import ListFormat
from exporter.cli.output.findings import Style, Summary, all_findings
from exporter.config import Config
from exporter.daemon import machine_clock
from exporter.text import as_json

#: A terminal that says it is narrower than this is not believed.
NARROWEST = 40


def check_live(config: Config, format_: ListFormat, *, with_all: bool) -> bool:
    """Print what is found of each source; returns whether a check failed."""
    logs.log_errors_only()

    async def found() -> bool:
        findings: list[Finding] = []
        style = _style()
        summary = Summary(style, with_database=len(config.databases) > 1)
        async for group in _groups(check_config(config, machine_clock.CLOCK)):
            findings += group
            if format_ is ListFormat.TABLE:
                lines = all_findings(group, style) if with_all else summary.add(group)
                for line in lines:
                    print(line, flush=True)
        if format_ is ListFormat.JSON:
            print(as_json([dataclasses.asdict(each) for each in findings]))
        elif not with_all:
            print("\n".join(summary.end()))
        return any(finding.status is Status.FAILED for finding in findings)

    return uvloop.run(found())


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


def _style() -> Style:
    """What stdout can show; https://no-color.org says that NO_COLOR counts unless it is empty."""
    try:
        "✓✗".encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        has_ticks = False
    else:
        has_ticks = True
    if not sys.stdout.isatty():
        return Style(has_ticks=has_ticks)
    is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    width = max(shutil.get_terminal_size().columns, NARROWEST)
    return Style(width=width, has_colours=not is_plain, has_ticks=has_ticks)
