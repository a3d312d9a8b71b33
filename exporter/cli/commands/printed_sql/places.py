"""Places: which real databases a config means, and which of them can be reached."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.cli.each_source import for_each_source
from exporter.config import Config, Source
from exporter.errors import PermissionDenied, SourceError
from exporter.postgres import Reader, target_of
from exporter.queries import fill
from exporter.sessions import grants
from exporter.text import printable


@dataclass(frozen=True, slots=True)
class Place:
    """One real database, which may have several names in the config."""

    label: str
    """Its name in the config."""
    real_name: str
    """Its name in PostgreSQL; "" if it cannot be reached and is not in the dsn."""
    problem: str = ""
    """Why it cannot be reached; "" if it can."""


def find_places(config: Config) -> dict[str, Place]:
    """The real database of each name that sources use; for an unreachable one, by its dsn."""
    found = dict[str, tuple[str, tuple[str, ...], str]]()

    async def find(reader: Reader, _: Source, database: str) -> None:
        if database not in found:
            try:
                found[database] = *await _read(reader, database), ""
            except SourceError as error:
                target = target_of(config.databases[database].dsn)
                identity = target[:3] if target.database else (database,)
                found[database] = target.database, identity, f"{error}{_other_role(target.user)}"

    for_each_source(config, config.sources.values(), find)
    labels = dict[tuple[str, ...], str]()
    for database, (_, identity, _) in found.items():
        before = f"{labels[identity]}, " if identity in labels else ""
        labels[identity] = before + database
    return {
        database: Place(labels[identity], real_name, problem)
        for database, (real_name, identity, problem) in found.items()
    }


async def _read(reader: Reader, database: str) -> tuple[str, tuple[str, ...]]:
    try:
        ((name, identity),) = await reader.rows(fill("roles/database"))
    except PermissionDenied:  # by a DBA who keeps what tells servers apart for himself
        return await grants.database_name(reader), (database,)
    return name, (identity,)


def _other_role(user: str) -> str:
    """The warning if the printed role is not the role that will connect."""
    if user in {"", grants.ROLE}:
        return ""
    return f"; its dsn connects as {user}, and what is printed is for role {grants.ROLE}"


def warn_of(places: Iterable[tuple[str, Place]], consequence: str) -> bool:
    """Report unreachable databases on stderr, with the consequence; return whether any exist."""
    unreached = [(name, place) for name, place in places if place.problem]
    for name, place in unreached:
        sentence = f"session-exporter: database {name}: {place.problem}; {consequence}"
        print(printable(sentence), file=sys.stderr)
    return bool(unreached)
