"""`session-exporter orphans`: the rows behind the number."""

from typing import Annotated, Any

import typer

from exporter import sessions
from exporter.cli.config_file import load
from exporter.cli.each_source import for_each_source
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, ListFormat, OneSource, duration
from exporter.cli.output.orphans import orphan_json, orphan_table
from exporter.config import Source
from exporter.postgres import Reader
from exporter.sessions.orphan_list import list_orphans
from exporter.text import as_json


def orphans(
    source: OneSource = None,
    config_file: ConfigFile = DEFAULT_CONFIG,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Instead of the source's orphaned_after, like 1h."),
    ] = None,
    format_: Annotated[
        ListFormat, typer.Option("--format", help="Output format.")
    ] = ListFormat.TABLE,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows per source.")] = 100,
) -> None:
    """List the orphaned sessions: the rows behind the number."""
    config = load(config_file)
    seconds = duration("--older-than", older_than)

    async def listed(reader: Reader, each: Source, database: str) -> Any:  # noqa: ANN401 - text or JSON
        table = await sessions.bind(reader, each)
        found = await list_orphans(reader, table, limit=limit, older_than=seconds)
        write = orphan_json if format_ is ListFormat.JSON else orphan_table
        return write(each, database, found, seconds or each.orphaned_after)

    results, failed = for_each_source(config, source, listed)
    if format_ is ListFormat.JSON:
        print(as_json(results))
    elif results:
        print("\n\n".join(results))
    if failed:
        raise typer.Exit(1)
