"""`session-exporter inconsistent`: the rows behind `sessions_inconsistent`."""

import difflib
from typing import Annotated, Any

import typer

from exporter import sessions
from exporter.cli import options
from exporter.cli.each_source import find_sources, for_each_source
from exporter.cli.output.sessions import id_cell, more_lines
from exporter.cli.output.terminal.table import table
from exporter.collection.rows.inconsistent import (
    CLOSED_KINDS,
    InconsistentRows,
    kinds_of,
    list_inconsistent,
)
from exporter.config import Source
from exporter.errors import UsageError
from exporter.postgres import Reader
from exporter.text import UNKNOWN, as_json, instant, iso, number_of, some_of


def inconsistent(
    source: options.OneSource = None,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="List only rows of this kind.")
    ] = None,
    format_: options.Format = options.ListFormat.TABLE,
    limit: options.ListLimit = 100,
) -> bool:
    """List rows that contradict themselves.

    These are the rows behind sessions_inconsistent.
    """
    config = options.load(config_file)
    chosen = with_kind(find_sources(config, source), kind)
    is_json = format_ is options.ListFormat.JSON

    async def listed(reader: Reader, each: Source, database: str) -> Any:  # noqa: ANN401 - text or JSON
        bound = await sessions.bind(reader, each)
        if each.daily is not None and kind in {None, *CLOSED_KINDS}:
            reader.timeout = max(reader.timeout, each.daily.timeout)  # as their count is read
        found = await list_inconsistent(reader, bound, kind=kind, limit=limit)
        return (inconsistent_json if is_json else inconsistent_table)(each, database, found)

    results, failed = for_each_source(config, chosen, listed, shows_progress=True)
    if is_json:
        print(as_json(results))
    elif results:
        print("\n\n".join(results))
    return failed


def with_kind(sources: list[Source], kind: str | None) -> list[Source]:
    """The sources of which this kind is counted; raises UsageError where that is none."""
    found = [each for each in sources if kind is None or kind in kinds_of(each)]
    if not found and kind is not None:
        known = list(dict.fromkeys(name for each in sources for name in kinds_of(each)))
        near = difflib.get_close_matches(kind, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {some_of(known)}"
        raise UsageError(f"--kind: no such kind is counted of these sources: {kind}; {hint}")
    return found


def inconsistent_table(source: Source, database: str, found: InconsistentRows) -> str:
    """The rows of one source, for people."""
    count = number_of(found.count, "inconsistent row", "inconsistent rows")
    title = f"{source.name} ({database}): {count}"
    if not found.rows:
        return title
    rows = [
        [", ".join(row.kinds), id_cell(row.id)]
        + [_instant(at) for at in (row.started, row.last_seen, row.ended)]
        + [UNKNOWN if value is None else value for value in row.show.values()]
        for row in found.rows
    ]
    headers = ["kind", "id", "started", "last seen", "ended", *(each.name for each in source.show)]
    more = more_lines(found.count, len(found.rows), "--limit")
    return "\n".join([title, table(headers, rows), *more])


def _instant(at: float | None) -> str:
    return UNKNOWN if at is None else instant(at)


def inconsistent_json(source: Source, database: str, found: InconsistentRows) -> object:
    """The same for programs. docs/commands.md describes it."""
    return {
        "source": source.name,
        "database": database,
        "count": found.count,
        "rows": [
            {
                "kinds": list(row.kinds),
                "id": row.id,
                "started_at": iso(row.started),
                "last_seen_at": iso(row.last_seen),
                "ended_at": iso(row.ended),
                "show": dict(row.show),
            }
            for row in found.rows
        ],
    }
