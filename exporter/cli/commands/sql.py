"""`session-exporter sql …`: SQL for a DBA to read and run."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from exporter import sessions
from exporter.check.unneeded_rights import unneeded_rights
from exporter.cli.each_source import find_recovered, find_sources, for_each_source, require_rule
from exporter.cli.options import DEFAULT_CONFIG, ASource, ConfigFile, load
from exporter.config import Source
from exporter.errors import ExporterError
from exporter.postgres import Reader
from exporter.queries import fill, identifier
from exporter.recovery.audit.installation import VERSION, audit_script, find_version
from exporter.recovery.functions.script import script_for
from exporter.recovery.rule.connections import reading_settings
from exporter.sessions import grants
from exporter.sessions.grants import Right
from exporter.sessions.indexes.proposals import Proposal, propose
from exporter.text import printable

_REVOKING = """\
-- What follows takes from these roles all rights on the tables of the audit that it does not grant,
-- and from the first the rights to read and update other tables that no source needs for recovery.
-- So have all sources of a database in one config. Where there are several configs, replace the
-- names of the roles in what is printed for each of them."""
_NOT_REVOKING = """\
-- Not all sources could be read, so that what follows takes no right on tables of applications."""

#: The name of a database in the config, its real name, and commands that change rights in it.
Granted = tuple[str, str, list[str]]

sql = typer.Typer(no_args_is_help=True, help="Print SQL for a DBA to read and run.")


@sql.command()
def index(source: ASource, config_file: ConfigFile = DEFAULT_CONFIG) -> bool:
    """Print the commands that create the indexes which a source needs."""
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
def role(config_file: ConfigFile = DEFAULT_CONFIG) -> bool:
    """Print the commands that create roles with just the rights for collection and recovery."""
    config = load(config_file)

    needed: dict[str, list[Right]] = defaultdict(list)

    async def granted(reader: Reader, each: Source, database: str) -> Granted:
        return database, await grants.database_name(reader), await grants.grants(reader, each)

    async def to_recover(reader: Reader, each: Source, database: str) -> Granted:
        name = await grants.database_name(reader)
        # Two databases of the config may be one.
        needed[name] += await grants.recovery_rights(reader, each, role=grants.RECOVERY_ROLE)
        rights = await grants.recovery_grants(reader, each, role=grants.RECOVERY_ROLE)
        return database, name, rights

    async def to_revoke(reader: Reader, _: Source, database: str) -> Granted:
        name = await grants.database_name(reader)
        found = await unneeded_rights(reader, needed[name], role=grants.RECOVERY_ROLE)
        return database, name, [each.revoke(grants.RECOVERY_ROLE) for each in found]

    sources = config.sources.values()
    results, failed = for_each_source(config, sources, granted)
    if results:
        print(role_sql(grants.ROLE, results))
    recovered = [each for each in sources if each.recovery.is_declared]
    results, failed_too = for_each_source(config, recovered, to_recover)
    revoked = list[Granted]()
    if not failed_too:  # or what a source needs that was not read would be revoked
        revoked, failed_too = for_each_source(config, sources, to_revoke)
        revoked = [each for each in revoked if each[2]]
    if revoked or results:
        about = f"{_REVOKING}\n{_NOT_REVOKING}" if failed_too else _REVOKING
        may = "close the sessions that recovery closes (after: session-exporter sql audit)"
        changed = [*revoked, *results]
        print(f"\n{about}\n\n{role_sql(grants.RECOVERY_ROLE, changed, may=may)}")
    if results:
        print(f"\n{operator_sql(results)}")
    return failed or failed_too


def role_sql(
    name: str,
    granted: Iterable[Granted],
    *,
    may: str = "read what session-exporter needs",
) -> str:
    """A role and its rights by database (config name, real name, grants), as SQL with comments."""
    lines = [
        f"-- A role that may {may}, and nothing else.",
        fill("catalog/create_role", role=name, login="LOGIN"),
        f"-- Give it a password in psql: \\password {name}",
    ]
    return "\n".join([*lines, *_by_database(name, granted)])


def operator_sql(recovered: Iterable[Granted]) -> str:
    """The role of persons in the databases with recovery, as SQL with comments."""
    name = grants.OPERATOR_ROLE
    lines = [
        "-- A role of persons, its members: besides what the role for recovery may do, they end",
        "-- stops and pauses (session-exporter resume). The exporter itself must not be a member.",
        fill("catalog/create_role", role=name, login="NOLOGIN"),
        f"GRANT {grants.RECOVERY_ROLE} TO {name};",
        f"-- For each person, who needs a login of their own: GRANT {name} TO alice;",
    ]
    granted = ((database, real, grants.operator_grants()) for database, real, _ in recovered)
    return "\n".join([*lines, *_by_database(name, granted)])


def _by_database(name: str, granted: Iterable[Granted]) -> list[str]:
    """The rights in each database, in one transaction: no exporter lacks any while it is run."""
    lines = list[str]()
    statements: dict[tuple[str, str], dict[str, None]] = {}
    for database, real_name, rights in granted:
        quoted = identifier(real_name)
        is_granted = not rights or not all(each.startswith("REVOKE ") for each in rights)
        connect = [f"GRANT CONNECT ON DATABASE {quoted} TO {name};"] if is_granted else []
        statements.setdefault((database, quoted), {}).update(dict.fromkeys([*connect, *rights]))
    for (database, quoted), wanted in statements.items():
        change = [_connect(quoted)] if len(statements) > 1 else []
        lines += [f"\n-- In database {database}:", *change, "BEGIN;", *wanted, "COMMIT;"]
    return lines


def _connect(quoted: str) -> str:
    r"""A script for one database goes through any client; more take psql, and its \connect."""
    return f"\\connect {quoted}"


@sql.command()
def function(source: ASource, config_file: ConfigFile = DEFAULT_CONFIG) -> bool:
    """Print functions that recover a source for a role with no right but to call them."""
    config = load(config_file)

    chosen = require_rule(config, source)

    async def write(reader: Reader, each: Source, database: str) -> str:
        script = await script_for(reader, each, config.sources.values())
        if len(chosen.databases) == 1:
            return script
        change = _connect(identifier(await grants.database_name(reader)))
        return f"-- In database {printable(database)}:\n{change}\n{script}"

    results, failed = for_each_source(config, [chosen], write, settings=reading_settings)
    if results:
        print("\n\n".join(dict.fromkeys(results)))
    return failed


@sql.command()
def audit(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the commands that create the tables of the audit of recovery, or update them.

    They are safe to run in each database of the config, and twice: what is there is left as it is.
    Without a valid config file, or without a connection, they are all printed.
    """
    try:
        found = _audit_versions(config_file) if config_file.exists() else {}
    except ExporterError:  # a DBA need not have what the config needs, such as its variables
        print(audit_script(0))
        raise
    for database, version in found.items():
        print(f"-- Database {printable(database)}: {_audit_state(version)}.")
    if commands := audit_script(min((version or 0 for version in found.values()), default=0)):
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
