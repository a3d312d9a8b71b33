"""The findings of `check --live` as lines: a summary that fits a screen, or every check.

In short, a source is a line, with a line for each remark below it. Only what is wrong is always
shown, and in full.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from exporter.check.findings import Finding, Status
from exporter.cli.output.terminal.screen import Screen
from exporter.text import number_of, printable, wrapped

#: Databases and sources of one state, well or with remarks, that are shown.
MOST_SHOWN = 18

#: Of one finding: an index of 1,000 partitions takes 4,000 commands.
MOST_COMMANDS = 20

_MARKS = {Status.OK: "✓", Status.WARNING: "!", Status.FAILED: "✗"}
_PLAIN_MARKS = {Status.OK: "ok", Status.WARNING: "!", Status.FAILED: "FAILED"}
_COLOURS = {Status.OK: 32, Status.WARNING: 33, Status.FAILED: 31}
_SEVERITIES = (Status.FAILED, Status.WARNING, Status.OK)

#: Ends a remark of which not all is shown.
_MORE = " ..."

#: The checks whose messages are the line of a database or source.
_TITLES = frozenset({"connection", "replica", "sessions"})


@dataclass(frozen=True, slots=True)
class Style(Screen):
    """The same of findings."""

    def mark(self, status: Status) -> str:
        mark = (_MARKS if self.has_ticks else _PLAIN_MARKS)[status]
        return f"\x1b[{_COLOURS[status]}m{mark}\x1b[0m" if self.has_colours else mark

    def line(self, indent: int, status: Status, text: str) -> Iterator[str]:
        """A mark and a text that is wrapped behind it."""
        column = indent + len((_MARKS if self.has_ticks else _PLAIN_MARKS)[status]) + 1
        width = None if self.width is None else self.width - column
        first, *more = wrapped(printable(text), width)
        yield f"{' ' * indent}{self.mark(status)} {first}"
        yield from (f"{' ' * column}{each}" for each in more)

    def plain(self, text: str) -> list[str]:
        return wrapped(text, self.width)


def all_findings(findings: Iterable[Finding], style: Style) -> Iterator[str]:
    """Every finding about a database or a source in it, below its name."""
    for number, finding in enumerate(findings):
        if number == 0:
            where = f"database {finding.database}"
            yield where if finding.source is None else f"source {finding.source} in {where}"
        yield from _finding(finding, style)


@dataclass(slots=True)
class Summary:
    """The short form: takes the findings of one database or source after the other."""

    style: Style
    with_database: bool
    """Whether the line of a source names its database: where there are several."""
    _sources: int = 0
    _groups: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    _findings: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))

    def add(self, findings: list[Finding]) -> Iterator[str]:
        """The lines of one database or source."""
        found = {finding.status for finding in findings}
        status = next(each for each in _SEVERITIES if each in found)
        for each in findings:
            self._findings[each.status] += 1
        self._sources += findings[0].source is not None
        self._groups[status] += 1
        if status is Status.FAILED or self._groups[status] <= MOST_SHOWN:
            yield from self.style.line(0, status, self._title(findings))
            for each in findings:
                if each.status is Status.FAILED:
                    yield from _finding(each, self.style)
                elif each.status is Status.WARNING:
                    yield _remark(each, self.style)

    def end(self) -> Iterator[str]:
        """The numbers of omitted and found items."""
        states = {Status.OK: "well", Status.WARNING: "well but for remarks"}
        for status, state in states.items():
            if (more := self._groups[status] - MOST_SHOWN) > 0:
                yield from self.style.plain(f"and {more} more {state}")
        problems, remarks = self._findings[Status.FAILED], self._findings[Status.WARNING]
        found = [number_of(problems, "problem", "problems")] if problems else ["nothing is wrong"]
        found += [number_of(remarks, "remark", "remarks")] if remarks else []
        checked = number_of(self._sources, "source", "sources")
        yield from self.style.plain(
            f"{checked} checked: {', '.join(found)}; --all shows every check in full"
        )

    def _title(self, findings: list[Finding]) -> str:
        database, source = findings[0].database, findings[0].source
        name = f"database {database}" if source is None else source
        if source is not None and self.with_database:
            name = f"{source} in {database}"
        of_title = [each for each in findings if each.check in _TITLES]
        said = "; ".join(each.message for each in of_title if each.status is Status.OK)
        return f"{name}: {said}" if said else name


def _remark(found: Finding, style: Style) -> str:
    """As much as fits in a line, without its commands."""
    text = f"{found.check}: {found.message}"
    if found.commands:
        text += f" (--all shows {number_of(len(found.commands), 'command', 'commands')})"
    first, *more = style.line(2, found.status, text)
    if more and style.width is not None:
        narrower = replace(style, width=style.width - len(_MORE))
        return next(narrower.line(2, found.status, text)) + _MORE
    return first


def _finding(found: Finding, style: Style) -> Iterator[str]:
    """A line, and below it SQL that is ready to be copied: it is never broken."""
    yield from style.line(2, found.status, f"{found.check}: {found.message}")
    for command in found.commands[:MOST_COMMANDS]:
        yield from (f"      {printable(each)}" for each in command.split("\n"))
    if (more := len(found.commands) - MOST_COMMANDS) > 0:
        how = "`check --live --format json` has all of them"
        if found.check.startswith("index for "):
            how = printable(f"`session-exporter sql index {found.source}` prints all of them")
        yield f"      -- and {number_of(more, 'more command', 'more commands')}: {how}"
