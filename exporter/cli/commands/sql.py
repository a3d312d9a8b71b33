"""`session-exporter sql …`: SQL for a DBA to read and run."""

import typer

from exporter import sessions
from exporter.cli.config_file import load
from exporter.cli.each_source import for_each_source, has_rule, require_rule
from exporter.cli.options import DEFAULT_CONFIG, ASource, ConfigFile
from exporter.cli.output.sql import proposals_sql, role_sql
from exporter.config import Source
from exporter.postgres import Reader
from exporter.queries import fill
from exporter.recovery.functions.script import script_for
from exporter.recovery.rule.connections import reading_settings
from exporter.sessions import grants
from exporter.sessions.indexes.proposals import propose

sql = typer.Typer(no_args_is_help=True, help="Print SQL for a DBA to read and run.")


@sql.command()
def index(source: ASource, config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the commands that create the indexes which a source needs."""

    async def proposed(reader: Reader, each: Source, database: str) -> str:
        table = await sessions.bind(reader, each)
        return proposals_sql(each, database, await propose(reader, table))

    results, failed = for_each_source(load(config_file), source, proposed)
    if results:
        print("\n\n".join(results))
    if failed:
        raise typer.Exit(1)


@sql.command()
def role(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the commands that create roles with just the rights for collection and recovery."""
    config = load(config_file)

    async def granted(reader: Reader, each: Source, database: str) -> tuple[str, str, list[str]]:
        return database, await grants.database_name(reader), await grants.grants(reader, each)

    async def recovering(reader: Reader, each: Source, database: str) -> tuple[str, str, list[str]]:
        rights = await grants.recovery_grants(reader, each, role=grants.RECOVERY_ROLE)
        return database, await grants.database_name(reader), rights

    results, failed = for_each_source(config, None, granted)
    if results:
        print(role_sql(grants.ROLE, results))
    if any(map(has_rule, config.sources.values())):
        results, failed_too = for_each_source(config, None, recovering, only=has_rule)
        failed = failed or failed_too
        if results:
            may = "close the sessions that recovery closes (after: session-exporter sql audit)"
            print(f"\n{role_sql(grants.RECOVERY_ROLE, results, may=may)}")
    if failed:
        raise typer.Exit(1)


@sql.command()
def function(source: ASource, config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print functions that recover a source for a role with no right but to call them."""
    config = load(config_file)
    require_rule(config, source, lacks="no `set`")

    async def write(reader: Reader, each: Source, _database: str) -> str:
        return await script_for(reader, each, config.sources.values())

    results, failed = for_each_source(config, source, write, settings=reading_settings)
    if results:
        print("\n\n".join(dict.fromkeys(results)))
    if failed:
        raise typer.Exit(1)


@sql.command()
def audit() -> None:
    """Print the commands that create the tables of the audit of recovery."""
    print(fill("recovery/audit/installation"))
