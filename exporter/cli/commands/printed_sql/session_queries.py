"""`session-exporter sql orphans` and `sql inconsistent`: the SQL of these commands, for psql."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from exporter import sessions
from exporter.cli import options
from exporter.cli.commands.inconsistent import with_kind
from exporter.cli.commands.printed_sql.role_script import connect
from exporter.cli.each_source import find_sources, for_each_source
from exporter.cli.output.sessions import threshold_text
from exporter.collection.rows.inconsistent import CLOSED_KINDS, inconsistent_queries
from exporter.config import Config, DatabaseSettings, Source
from exporter.postgres import Reader
from exporter.postgres.text_settings import text_settings
from exporter.queries import fill, literal
from exporter.sessions import grants
from exporter.sessions.orphan_list import orphan_count_query, orphans_query
from exporter.text import printable

Kind = Annotated[str | None, typer.Option(metavar="KIND", help="List only rows of this kind.")]
MostRows = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="List at most N rows.")]


def orphans(
    source: options.ASource,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="List sessions last seen longer ago, such as 1h."),
    ] = None,
    limit: MostRows = 100,
) -> bool:
    """Print the queries of the command orphans, for psql."""
    config = options.load(config_file)
    seconds = options.duration("--older-than", older_than)

    async def write(reader: Reader, each: Source, database: str) -> list[str]:
        table = await sessions.bind(reader, each)
        silent = threshold_text(seconds or each.fixed_threshold)
        return [
            *_begin(config.databases[database], each, reader.timeout),
            f"-- How many active sessions were not seen for more than {silent}.",
            f"{orphan_count_query(table, older_than=seconds)};",
            "-- The longest silent of them.",
            f"{orphans_query(table, limit=limit, older_than=seconds, for_people=True)};",
            "COMMIT;",
        ]

    return print_scripts(config, find_sources(config, source), write)


def inconsistent(
    source: options.ASource,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    kind: Kind = None,
    limit: MostRows = 100,
) -> bool:
    """Print the queries of the command inconsistent, for psql."""
    config = options.load(config_file)

    async def write(reader: Reader, each: Source, database: str) -> list[str]:
        table = await sessions.bind(reader, each)
        queries = await inconsistent_queries(reader, table, kind=kind, limit=limit, for_people=True)
        timeout, closed = reader.timeout, list(filter(_are_closed, queries))
        if each.daily is not None and closed:
            timeout = max(timeout, each.daily.timeout)
        lines = _begin(config.databases[database], each, timeout)
        for kinds, query in queries.items():
            since = " on the days up to today" if kinds in closed else ""
            lines += [f"-- Rows of kind {', '.join(kinds)}{since}.", f"{query};"]
        return [*lines, "COMMIT;"]

    return print_scripts(config, with_kind(find_sources(config, source), kind), write)


def _are_closed(kinds: tuple[str, ...]) -> bool:
    """Whether these are kinds of closed sessions."""
    return not set(CLOSED_KINDS).isdisjoint(kinds)


def print_scripts(
    config: Config,
    sources: list[Source],
    write: Callable[[Reader, Source, str], Awaitable[list[str]]],
    *,
    settings: Callable[[DatabaseSettings, Source], DatabaseSettings] = lambda same, _: same,
) -> bool:
    """Print a script for each database of the sources; whether one failed."""

    async def titled(reader: Reader, each: Source, database: str) -> str:
        name = await grants.database_name(reader)
        change = [connect(name)] if len(each.databases) > 1 else []
        lines = [f"-- {printable(each.name)} ({printable(database)}), for psql.", *change]
        script = "\n".join([*lines, *await write(reader, each, database)])
        return script if script.isascii() else f"\\encoding UTF8\n{script}"

    results, failed = for_each_source(config, sources, titled, settings=settings)
    if results:
        print("\n\n".join(results))
    return failed


def _begin(settings: DatabaseSettings, source: Source, timeout: float) -> list[str]:
    begin = fill(
        "printed/begin",
        statement_timeout=literal(f"{timeout * 1000:.0f}"),
        lock_timeout=literal(f"{settings.lock_timeout * 1000:.0f}"),
        row_security=literal(row_security_of(settings)),
        timezone=literal(sessions.time_zone(source)),
        path=fill("catalog/path"),
        texts=text_settings(),
    )
    return [begin]


def row_security_of(settings: DatabaseSettings) -> str:
    """The value of the setting row_security."""
    return "off" if settings.row_security == "refuse" else "on"
