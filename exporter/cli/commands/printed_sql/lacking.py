"""The missing rights of roles: the output of `sql role --missing`."""

from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from exporter.check.rights.missing_rights import missing_rights
from exporter.cli.commands.printed_sql.places import Place
from exporter.cli.commands.printed_sql.role_script import (
    Granted,
    grant_connect,
    missing_sql,
)
from exporter.cli.each_source import for_each_source
from exporter.config import Config, Source
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions import grants
from exporter.sessions.expressions.used_objects import grant_to
from exporter.sessions.grants import OPERATOR_ROLE, RECOVERY_ROLE, ROLE, Right, grants_of
from exporter.sessions.grants.evidence import evidence_path_use, evidence_rights
from exporter.sessions.grants.path import PathUse, find_path, path_use

_NO_AUDIT = "-- Without rights on the missing audit: session-exporter sql audit"

_LOGINS = {ROLE: "LOGIN", RECOVERY_ROLE: "LOGIN", OPERATOR_ROLE: "NOLOGIN"}


def print_missing(config: Config, places: Mapping[str, Place]) -> bool:
    """Print the missing rights in the reachable databases; return whether a source failed."""
    reached = {name for name, place in places.items() if not place.problem}
    sources = [
        each.model_copy(update={"databases": tuple(found)})
        for each in config.sources.values()
        if (found := [name for name in each.databases if name in reached])
    ]
    is_one_of_several = len({each.label for each in places.values()}) > 1
    failed, printed = False, list[str]()
    for role, login in _LOGINS.items():
        needing = [each for each in sources if role == ROLE or each.recovery.is_declared]
        read = partial(_lacking, config, places, role)
        results, has_failed = for_each_source(config, needing, read)
        failed = failed or has_failed
        is_there = all(exists for _, exists in results)
        granted = [each for each, _ in results if each[2]]
        if role == ROLE and not failed:
            with_path, failed = _paths(config, needing, places)
            granted += with_path
        if granted or not is_there:
            several = is_one_of_several
            printed.append(
                missing_sql(role, login, granted, is_there=is_there, is_one_of_several=several)
            )
    if sources and not failed and not printed:
        printed.append("-- Nothing is missing: the roles have all rights that they need.")
    if printed:
        print("\n\n".join(printed))
    return failed


def _paths(
    config: Config, sources: list[Source], places: Mapping[str, Place]
) -> tuple[list[Granted], bool]:
    """The search paths that the role for collection does not have; whether a source failed."""
    uses = defaultdict[str, list[PathUse]](list)

    async def use(reader: Reader, source: Source, database: str) -> None:
        label = places[database].label
        uses[label].append(await path_use(reader, source))
        uses[label].append(await evidence_path_use(reader, config, source))

    async def set_path(reader: Reader, _source: Source, database: str) -> Granted:
        place = places[database]
        path = await find_path(reader, place.real_name, uses[place.label])
        ((is_there, _, _),) = await reader.rows(fill("roles/state", role=literal(ROLE)))
        lacking = await missing_rights(reader, path.rights, role=ROLE) if is_there else path.rights
        commands = [*grants_of(lacking, ROLE), *([] if path.is_set else [path.command])]
        return place.label, place.real_name, commands

    _, failed = for_each_source(config, sources, use)
    if failed:
        return [], True
    found, failed = for_each_source(config, sources, set_path)
    return [granted for granted in found if granted[2]], failed


async def _lacking(  # noqa: PLR0917 - the first three are the same for all
    config: Config,
    places: Mapping[str, Place],
    role: str,
    reader: Reader,
    source: Source,
    database: str,
) -> tuple[Granted, bool]:
    """The commands that a role lacks for a source, and whether it is there at all."""
    place = places[database]
    ((is_there, may_connect, sees_all),) = await reader.rows(
        fill("roles/state", role=literal(role))
    )
    needed = await _needed(config, reader, source, role)
    has_audit = await reader.value(fill("recovery/audit/exists"))
    remarks = [] if has_audit or not any(each.is_of_audit for each in needed) else [_NO_AUDIT]
    needed = [each for each in needed if has_audit or not each.is_of_audit]
    if is_there:
        needed = await missing_rights(reader, needed, role=role)
    commands = grants_of(needed, role)
    if role == OPERATOR_ROLE:
        statement = fill("roles/is_member", member=literal(role), role=literal(RECOVERY_ROLE))
        is_member = await reader.value(statement)
        commands += [] if is_member else [f"GRANT {RECOVERY_ROLE} TO {role};"]
    elif not sees_all and await grants.needs_membership(reader, source, role=role):
        commands.append(grant_to(role))
    if not may_connect and role != OPERATOR_ROLE:
        commands.insert(0, grant_connect(place.real_name, role))
    return (place.label, place.real_name, [*remarks, *commands]), is_there


async def _needed(config: Config, reader: Reader, source: Source, role: str) -> list[Right]:
    if role == ROLE:
        asked = await evidence_rights(reader, config, source)
        return [*await grants.collection_rights(reader, source), *asked]
    if role == RECOVERY_ROLE:
        return await grants.recovery_rights(reader, source, role=role)
    return list(grants.OPERATOR_RIGHTS)
