"""What `check --live` found."""

import dataclasses
from collections.abc import Iterable

from exporter.check.findings import Finding, Status
from exporter.text import printable

_MARKS = {Status.OK: "✓", Status.WARNING: "!", Status.FAILED: "✗"}


def finding_place(found: Finding) -> str:
    """What a finding is about."""
    about = f"database {found.database}"
    return about if found.source is None else f"source {found.source} in {about}"


def finding_text(found: Finding) -> str:
    """One line with a tick, a warning or a cross; commands below it, ready to be copied."""
    line = printable(f"  {_MARKS[found.status]} {found.check}: {found.message}")
    commands = (f"      {each}" for command in found.commands for each in command.split("\n"))
    return "\n".join([line, *map(printable, commands)])


def findings_json(found: Iterable[Finding]) -> object:
    """The same for programs."""
    return [dataclasses.asdict(each) for each in found]
