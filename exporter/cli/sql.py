"""`session-exporter sql …`: SQL for a DBA to read and run."""

from typing import Annotated

import typer

from exporter import report, roles, sessions
from exporter.cli.app import DEFAULT_CONFIG, ConfigFile, sql
from exporter.cli.work import has_rule, load, on_each
from exporter.config import Source
from exporter.database import Reader
from exporter.index_commands import propose
from exporter.queries import fill


@sql.command("index")
def sql_index(
    source: Annotated[str, typer.Argument(metavar="SOURCE")],
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print the commands that create the indexes which a source wants."""

    async def proposed(reader: Reader, each: Source, database: str) -> str:
        table = await sessions.bind(reader, each)
        return report.proposals(each, database, await propose(reader, table))

    results, failed = on_each(load(config_file), source, proposed)
    if results:
        print("\n\n".join(results))
    if failed:
        raise typer.Exit(1)


@sql.command("role")
def sql_role(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the commands that create roles with just the rights for collection and recovery."""
    config = load(config_file)

    async def granted(reader: Reader, each: Source, database: str) -> tuple[str, str, list[str]]:
        return database, await roles.database_name(reader), await roles.grants(reader, each)

    async def recovering(reader: Reader, each: Source, database: str) -> tuple[str, str, list[str]]:
        rights = await roles.recovery_grants(reader, each)
        return database, await roles.database_name(reader), rights

    results, failed = on_each(config, None, granted)
    if results:
        print(report.role(roles.ROLE, results))
    if any(map(has_rule, config.sources.values())):
        results, failed_too = on_each(config, None, recovering, only=has_rule)
        failed = failed or failed_too
        if results:
            may = "close the sessions that recovery closes (after: session-exporter sql audit)"
            print(f"\n{report.role(roles.RECOVERY_ROLE, results, may=may)}")
    if failed:
        raise typer.Exit(1)


@sql.command("audit")
def sql_audit() -> None:
    """Print the commands that create the table in which recovery writes down what it does."""
    print(fill("recovery_audit"))
