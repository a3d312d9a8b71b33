"""`session-exporter orphans`: the rows behind the number, or the keys that they block."""

from typing import Annotated, Any

import typer

from exporter import sessions
from exporter.cli import options
from exporter.cli.each_source import find_limited, find_sources, for_each_source
from exporter.cli.output.blocked_keys import blocked_json, blocked_table
from exporter.cli.output.sessions import id_cell, threshold_text
from exporter.config import Source
from exporter.postgres import Reader
from exporter.sessions.orphan_list import OrphanList, list_blocked_keys, list_orphans
from exporter.text import UNKNOWN, age, as_json, finite, instant, shorten, table


def orphans(  # noqa: PLR0917 - typer passes them by name
    source: options.OneSource = None,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Instead of the source's orphaned_after, like 1h."),
    ] = None,
    blocked: Annotated[
        bool,
        typer.Option(
            "--blocked",
            help="List who cannot start a session because of them, by the source's limit_per.",
        ),
    ] = False,
    format_: options.Format = options.ListFormat.TABLE,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows per source.")] = 100,
) -> bool:
    """List the orphaned sessions: the rows behind the number."""
    config = options.load(config_file)
    seconds = options.duration("--older-than", older_than)
    is_json = format_ is options.ListFormat.JSON

    async def listed(reader: Reader, each: Source, database: str) -> Any:  # noqa: ANN401 - text or JSON
        bound = await sessions.bind(reader, each)
        after = seconds or each.fixed_threshold
        if blocked:
            keys = await list_blocked_keys(reader, bound, limit=limit, older_than=seconds)
            return (blocked_json if is_json else blocked_table)(each, database, keys, after)
        found = await list_orphans(reader, bound, limit=limit, older_than=seconds)
        return (orphan_json if is_json else orphan_table)(each, database, found, after)

    sources = find_limited(config, source) if blocked else find_sources(config, source)
    results, failed = for_each_source(config, sources, listed)
    if is_json:
        print(as_json(results))
    elif results:
        print("\n\n".join(results))
    return failed


def orphan_table(source: Source, database: str, found: OrphanList, older_than: float | None) -> str:
    """The orphans of one source, for people; `older_than` is None for the thresholds of rows."""
    count, fixed = found.orphaned_count, source.fixed_threshold
    silent = threshold_text(older_than)
    title = f"{source.name} ({database}): orphaned_count {count}, not seen for more than {silent}"
    if count and older_than is not None and (fixed is None or older_than < fixed):
        after = threshold_text(fixed)
        title += f"; orphaned_after is {after}: not all are orphaned"
    if not found.orphans:
        return title
    headers = ["id", "last seen", "silent for", "age", *(each.name for each in source.show)]
    rows = [
        [id_cell(o.id), instant(o.last_seen), age(o.silence), age(o.age)]
        + [UNKNOWN if value is None else shorten(value) for value in o.show.values()]
        for o in found.orphans
    ]
    if fixed is None:
        headers.insert(3, "orphaned after")
        for row, orphan in zip(rows, found.orphans, strict=True):
            row.insert(3, age(orphan.threshold))
    lines = [title, table(headers, rows)]
    if count > len(found.orphans):
        lines.append(f"… and {count - len(found.orphans)} more; --limit {count} shows all")
    return "\n".join(lines)


def orphan_json(
    source: Source, database: str, found: OrphanList, older_than: float | None
) -> object:
    """The same for programs. Times are Unix timestamps, ages seconds; null is unknown.

    Without `older_than` each orphan is one by its own threshold.
    """
    return {
        "source": source.name,
        "database": database,
        "older_than_seconds": older_than,
        "orphaned_count": found.orphaned_count,
        "orphans": [
            {
                "id": orphan.id,
                "last_seen": finite(orphan.last_seen),
                "silence_seconds": finite(orphan.silence),
                "age_seconds": finite(orphan.age),
                "orphaned_after_seconds": source.fixed_threshold or finite(orphan.threshold),
                "show": dict(orphan.show),
            }
            for orphan in found.orphans
        ],
    }
