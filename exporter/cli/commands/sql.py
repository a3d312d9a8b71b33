"""`session-exporter sql …`: SQL for a DBA to read and run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from exporter import sessions
from exporter.cli.commands.printed_sql.close_query import close
from exporter.cli.commands.printed_sql.lacking import print_missing
from exporter.cli.commands.printed_sql.places import find_places, warn_of
from exporter.cli.commands.printed_sql.role_script import connect
from exporter.cli.commands.printed_sql.roles import RoleScripts
from exporter.cli.commands.printed_sql.session_queries import inconsistent, orphans
from exporter.cli.commands.printed_sql.session_variables import sessions_of
from exporter.cli.each_source import find_recovered, find_sources, for_each_source, require_rule
from exporter.cli.options import DEFAULT_CONFIG, ASource, ConfigFile, load
from exporter.config import Source
from exporter.errors import ExporterError
from exporter.postgres import Reader
from exporter.recovery.audit.installation import VERSION, audit_script, find_version
from exporter.recovery.functions.script import script_for
from exporter.recovery.rule.connections import reading_settings
from exporter.sessions import grants
from exporter.sessions.indexes.proposals import Proposal, propose
from exporter.text import printable

sql = typer.Typer(no_args_is_help=True, help="Print SQL for a DBA to read and run.")
sql.command()(orphans)
sql.command()(inconsistent)
sql.command()(close)
sql.command("sessions")(sessions_of)


@sql.command()
def index(source: ASource, config_file: ConfigFile = DEFAULT_CONFIG) -> bool:
    """Print the indexes that a source needs."""
    config = load(config_file)

    async def proposed(reader: Reader, each: Source, database: str) -> str:
        table = await sessions.bind(reader, each)
        return proposals_sql(each, database, await propose(reader, table))

    results, failed = for_each_source(config, find_sources(config, source), proposed)
    if results:
        print("\n\n".join(results))
    return failed


def proposals_sql(source: Source, database: str, proposed: Sequence[Proposal]) -> str:
    """The indexes that a source wants, as SQL with comments."""
    lines = []
    for each in proposed:
        state = "is served by an index already" if each.is_served else "has no index that serves it"
        lines.append(f"-- {source.name} ({database}): collector {each.collector} {state}.")
        if each.remark:
            lines += [f"-- {line}" for line in f"{each.remark}.".splitlines()]
        for command in each.commands:
            # A name may hold any line break, and psql ends a comment at each.
            commented = [f"-- {line}" for line in command.splitlines()]
            lines += commented if each.is_served else [command]
    return "\n".join(lines)


@sql.command()
def role(
    config_file: ConfigFile = DEFAULT_CONFIG,
    missing: Annotated[
        bool, typer.Option("--missing", help="Print only the rights that the roles lack.")
    ] = False,
) -> bool:
    """Print the roles with just the rights they need.

    One is for collection, one for recovery.
    Over a connection as any role the rights are exact, each by its column. Without one they come
    from the config alone, and may be broader.
    """
    config = load(config_file)
    places = find_places(config)
    if missing:
        compares = "--missing compares what the roles have, and needs a connection"
        return warn_of(places.items(), compares) | print_missing(config, places)
    warn_of(places.items(), "what is printed for it comes from the config alone")
    return RoleScripts(config, places).print()


@sql.command()
def function(source: ASource, config_file: ConfigFile = DEFAULT_CONFIG) -> bool:
    """Print functions that recover a source.

    A role needs only the right to call them.
    """
    config = load(config_file)

    chosen = require_rule(config, source)

    async def write(reader: Reader, each: Source, database: str) -> str:
        script = await script_for(reader, each, config.sources.values())
        if len(chosen.databases) == 1:
            return script
        change = connect(await grants.database_name(reader))
        return f"-- In database {printable(database)}:\n{change}\n{script}"

    results, failed = for_each_source(config, [chosen], write, settings=reading_settings)
    if results:
        print("\n\n".join(dict.fromkeys(results)))
    return failed


@sql.command()
def audit(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the tables of the audit of recovery, or their update.

    They are safe to run in each database of the config, and to run again.
    Without a valid config file, or without a connection, they are all printed.
    """
    try:
        found = _audit_versions(config_file) if config_file.exists() else {}
    except ExporterError:  # a DBA may lack the requirements of the config, such as its variables
        print(audit_script(0))
        raise
    for database, version in found.items():
        print(f"-- Database {printable(database)}: {_audit_state(version)}.")
    if commands := audit_script(min((version or 0 for version in found.values()), default=0)):
        if len(found) > 1:
            print("-- Run what follows in each of these databases.")
        print(commands)


def _audit_versions(config_file: Path) -> dict[str, int | None]:
    """The version of the schema in each database with recovery; None where it was not read."""
    config = load(config_file)
    recovered = find_recovered(config, None)
    one_each = {place: each for each in recovered for place in each.databases}
    versions = dict[str, int | None](dict.fromkeys(one_each))

    async def read(reader: Reader, _: Source, database: str) -> None:
        versions[database] = await find_version(reader)

    for_each_source(config, one_each.values(), read)
    return versions


def _audit_state(version: int | None) -> str:
    if version is None:
        return "the version of the schema session_exporter is unknown"
    if version == 0:
        return "the schema session_exporter has no version yet"
    if version == VERSION:
        return f"the schema session_exporter is current, of version {version}"
    advice = "; install a newer session-exporter" if version > VERSION else ""
    return (
        f"the schema session_exporter is of version {version}; this program's is {VERSION}{advice}"
    )
