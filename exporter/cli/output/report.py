"""Plain text for a terminal: tables, ages, and values that cannot harm the terminal."""

import dataclasses
import datetime as dt
import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from exporter.check.findings import Finding, Status
from exporter.collection.active import ActiveValues
from exporter.collection.daily import DailyValues
from exporter.collection.size import SizeValues
from exporter.collection.snapshots import Snapshots
from exporter.config import Source, format_duration
from exporter.queries import identifier
from exporter.sessions.indexes.proposals import Proposal
from exporter.sessions.orphans import OrphanList

UNKNOWN = "-"

#: Of a shown column, in characters; --format json has more of it.
WIDEST_CELL = 60


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be, two spaces apart."""
    lines = [tuple(headers), *(tuple(map(printable, row)) for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    r"""Show control and format characters as \x1b: a column may hold a terminal escape."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def printable_lines(text: str) -> str:
    """The same, keeping line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    marks = sum(unicodedata.combining(c) != 0 for c in text)
    return len(text) + wide - marks


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def age(seconds: float | None) -> str:
    """An age to read at a glance: its two biggest units."""
    if seconds is None:
        return UNKNOWN
    if not math.isfinite(seconds):
        return "for ever" if seconds > 0 else "in the future"
    if seconds < 0:
        return "in the future"
    days, rest = divmod(round(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    units = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    first = next((n for n, (count, _) in enumerate(units) if count), 3)
    return " ".join(f"{count:.0f}{unit}" for count, unit in units[first : first + 2])


def instant(timestamp: float) -> str:
    """A Unix timestamp in UTC to the second."""
    try:
        return dt.datetime.fromtimestamp(timestamp, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(timestamp)


def orphan_table(source: Source, database: str, found: OrphanList, older_than: float) -> str:
    """The orphans of one source, for people."""
    count, silent = found.orphaned_count, format_duration(older_than)
    title = f"{source.name} ({database}): orphaned_count {count}, not seen for more than {silent}"
    if not found.orphans:
        return title
    shown = [each.name for each in source.show]
    rows = [
        [o.id or UNKNOWN, instant(o.last_seen), age(o.silence), age(o.age)]
        + [UNKNOWN if value is None else shortened(value) for value in o.show.values()]
        for o in found.orphans
    ]
    lines = [title, table(["id", "last seen", "silent for", "age", *shown], rows)]
    if count > len(found.orphans):
        lines.append(f"… and {count - len(found.orphans)} more; --limit {count} shows all")
    return "\n".join(lines)


def shortened(text: str) -> str:
    """As much of a text as a cell of a table should have."""
    return text if len(text) <= WIDEST_CELL else f"{text[: WIDEST_CELL - 1]}…"


def orphan_json(source: Source, database: str, found: OrphanList, older_than: float) -> object:
    """The same for programs. Times are Unix timestamps, ages seconds; null is unknown."""
    return {
        "source": source.name,
        "database": database,
        "older_than_seconds": older_than,
        "orphaned_count": found.orphaned_count,
        "orphans": [
            {
                "id": orphan.id,
                "last_seen": _finite(orphan.last_seen),
                "silence_seconds": _finite(orphan.silence),
                "age_seconds": _finite(orphan.age),
                "show": dict(orphan.show),
            }
            for orphan in found.orphans
        ],
    }


def as_json(value: object) -> str:
    """Indented JSON; every value is one that JSON knows."""
    return json.dumps(value, indent=2, allow_nan=False)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def overview(snapshots: Snapshots) -> str:
    """What one collection of everything found: counts by source, then the days of each."""
    pairs, values = _collected(snapshots)
    parts = [counts(snapshots)]
    for database, source in pairs:
        daily: DailyValues | None = values.get((database, source, "daily"))
        if daily is not None:
            parts.append(f"{source} ({database}) by day of the start\n{_days(daily)}")
    return "\n\n".join(parts)


def counts(snapshots: Snapshots) -> str:
    """What the last collections counted, one line per source."""
    pairs, values = _collected(snapshots)
    rows = [
        [
            source,
            database,
            *_counted(values.get((database, source, "active"))),
            _rows(values.get((database, source, "size"))),
        ]
        for database, source in pairs
    ]
    headers = ["source", "database", "active", "orphaned_count", "overlong", "oldest"]
    return table([*headers, "inconsistent", "rows"], rows)


def _collected(
    snapshots: Snapshots,
) -> tuple[list[tuple[str, str]], dict[tuple[str, str, str], Any]]:
    """The pairs of database and source, and the values of every collector that succeeded."""
    pairs = dict.fromkeys((key.database, key.source) for key in snapshots.states)
    values: dict[tuple[str, str, str], Any] = {
        key: state.snapshot.values
        for key, state in snapshots.states.items()
        if state.snapshot is not None and state.succeeded
    }
    return list(pairs), values


def failures(snapshots: Snapshots) -> list[str]:
    """What failed and why, one line for the collectors of a source that failed alike."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for key, state in snapshots.states.items():
        # Without a reason it was only spared another attempt on a database that is out of reach.
        if state.failure is not None and state.reason is not None:
            alike.setdefault((key.source, key.database, state.failure), []).append(key.collector)
    return [
        printable(f"{source} ({database}): collector {', '.join(collectors)}: {failure}")
        for (source, database, failure), collectors in alike.items()
    ]


def _counted(values: ActiveValues | None) -> list[str]:
    if values is None:
        return [UNKNOWN] * 5
    now, oldest = values.now, values.oldest_start
    contradictions = [f"{kind} {count}" for kind, count in values.inconsistent.items() if count]
    return [
        str(values.total.active),
        str(values.total.orphaned),
        str(values.total.overlong),
        age(None if now is None or oldest is None else now - oldest),
        ", ".join(contradictions) or "0",
    ]


def _rows(values: SizeValues | None) -> str:
    return UNKNOWN if values is None or values.rows is None else f"~{values.rows:.0f}"


def _days(values: DailyValues) -> str:
    rows = [
        [
            day.date,
            str(day.total.started),
            UNKNOWN if day.total.average_duration is None else f"{day.total.average_duration:.1f}",
            str(day.total.still_active),
        ]
        for day in values.days
    ]
    return table(["date", "started", "average duration in s", "still active"], rows)


_MARKS = {Status.OK: "✓", Status.WARNING: "!", Status.FAILED: "✗"}


def finding_place(found: Finding) -> str:
    """What a finding is about."""
    about = f"database {found.database}"
    return about if found.source is None else f"source {found.source} in {about}"


def finding(found: Finding) -> str:
    """One line with a tick, a warning or a cross; commands below it, ready to be copied."""
    line = printable(f"  {_MARKS[found.status]} {found.check}: {found.message}")
    commands = (f"      {each}" for command in found.commands for each in command.split("\n"))
    return "\n".join([line, *map(printable, commands)])


def findings_json(found: Iterable[Finding]) -> object:
    """The same for programs."""
    return [dataclasses.asdict(each) for each in found]


def proposals(source: Source, database: str, proposed: Sequence[Proposal]) -> str:
    """The indexes that a source wants, as SQL with comments."""
    lines = []
    for each in proposed:
        state = "is served by an index already" if each.is_served else "has no index that serves it"
        lines.append(f"-- {source.name} ({database}): collector {each.collector} {state}.")
        if each.remark:
            lines.append(f"-- {each.remark[0].upper()}{each.remark[1:]}.")
        prefix = "-- " if each.is_served else ""
        lines += [
            "\n".join(prefix + line for line in command.split("\n")) for command in each.commands
        ]
    return "\n".join(lines)


def role(
    name: str,
    granted: Iterable[tuple[str, str, list[str]]],
    *,
    may: str = "read what session-exporter needs",
) -> str:
    """A role and its rights by database (config name, real name, grants), as SQL with comments."""
    lines = [
        f"-- A role that may {may}, and nothing else.",
        f"CREATE ROLE {name} LOGIN;",
        f"-- Give it a password in psql: \\password {name}",
    ]
    statements: dict[str, dict[str, None]] = {}
    for database, real_name, grants in granted:
        connect = f"GRANT CONNECT ON DATABASE {identifier(real_name)} TO {name};"
        statements.setdefault(database, {}).update(dict.fromkeys([connect, *grants]))
    for database, wanted in statements.items():
        lines += [f"\n-- In database {database}:", *wanted]
    return "\n".join(lines)
