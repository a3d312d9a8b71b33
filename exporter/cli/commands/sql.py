"""`session-exporter sql …`: SQL for a DBA to read and run."""

from typing import Annotated

import typer

from exporter import sessions
from exporter.cli.app import DEFAULT_CONFIG, ConfigFile, sql
from exporter.cli.each_source import for_each_source, has_rule, load, looking, require_set
from exporter.cli.output import report
from exporter.config import Source
from exporter.errors import PermissionDenied
from exporter.postgres import Reader
from exporter.queries import fill
from exporter.recovery.functions.script import script
from exporter.recovery.rule.rule import bind_rule, prove
from exporter.sessions import grants
from exporter.sessions.indexes.proposals import propose


@sql.command("index")
def sql_index(
    source: Annotated[str, typer.Argument(metavar="SOURCE")],
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print the commands that create the indexes which a source wants."""

    async def proposed(reader: Reader, each: Source, database: str) -> str:
        table = await sessions.bind(reader, each)
        return report.proposals(each, database, await propose(reader, table))

    results, failed = for_each_source(load(config_file), source, proposed)
    if results:
        print("\n\n".join(results))
    if failed:
        raise typer.Exit(1)


@sql.command("role")
def sql_role(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the commands that create roles with just the rights for collection and recovery."""
    config = load(config_file)

    async def granted(reader: Reader, each: Source, database: str) -> tuple[str, str, list[str]]:
        return database, await grants.database_name(reader), await grants.grants(reader, each)

    async def recovering(reader: Reader, each: Source, database: str) -> tuple[str, str, list[str]]:
        rights = await grants.recovery_grants(reader, each, role=grants.RECOVERY_ROLE)
        return database, await grants.database_name(reader), rights

    results, failed = for_each_source(config, None, granted)
    if results:
        print(report.role(grants.ROLE, results))
    if any(map(has_rule, config.sources.values())):
        results, failed_too = for_each_source(config, None, recovering, only=has_rule)
        failed = failed or failed_too
        if results:
            may = "close the sessions that recovery closes (after: session-exporter sql audit)"
            print(f"\n{report.role(grants.RECOVERY_ROLE, results, may=may)}")
    if failed:
        raise typer.Exit(1)


@sql.command("function")
def sql_function(
    source: Annotated[str, typer.Argument(metavar="SOURCE")],
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print functions that recover a source for a role with no right but to call them."""
    config = load(config_file)
    require_set(config, source)

    async def printed(reader: Reader, each: Source, _database: str) -> str:
        rule = await bind_rule(reader, each)
        try:
            await prove(reader, rule)
        except PermissionDenied:  # it is the functions that will write
            await prove(reader, rule, writes=False)
        others = [other for other in config.sources.values() if other.table == each.table]
        # Two sources on one table want two functions: then the name says whose it is.
        named_after = rule.relation.name if len(others) == 1 else each.name
        return await script(reader, rule, named_after=named_after)

    results, failed = for_each_source(config, source, printed, settings=looking)
    if results:
        print("\n\n".join(dict.fromkeys(results)))
    if failed:
        raise typer.Exit(1)


@sql.command("audit")
def sql_audit() -> None:
    """Print the commands that create the table in which recovery writes down what it does."""
    print(fill("recovery/audit/installation"))
