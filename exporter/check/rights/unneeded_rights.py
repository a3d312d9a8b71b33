"""The rights on tables that a role has, and that no source of the config needs any more."""

from collections.abc import Iterable

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions.grants import Right


async def unneeded_rights(reader: Reader, needed: Iterable[Right], *, role: str) -> list[Right]:
    """The rights to read and to update tables that were granted to a role, beyond those needed.

    Rights on the audit are not included. Raises SourceError.
    """
    wanted: dict[tuple[str, str | None, str], set[str] | None] = {}
    for right in needed:
        key = right.schema, right.table, right.privilege
        columns = wanted.setdefault(key, set())
        # A right on all of a table includes that on its columns.
        wanted[key] = None if columns is None or not right.columns else columns | {*right.columns}
    found = list[Right]()
    for schema, table, privilege, columns in await reader.rows(
        fill("check/held_rights", role=literal(role))
    ):
        kept = wanted.get((schema, table, privilege), set())
        more = tuple(each for each in columns if kept is not None and each not in kept)
        is_more = bool(more) if columns else kept is not None
        right = Right(privilege, schema, table, more)
        if is_more and not right.is_of_audit:
            found.append(right)
    return found


async def passed_on(reader: Reader, *, role: str) -> set[tuple[str, str, str]]:
    """What a role has granted to others: schema, table and privilege. Raises SourceError."""
    rows = await reader.rows(fill("roles/passed_on", role=literal(role)))
    return {(schema, table, privilege) for schema, table, privilege in rows}


def revoke_unless_passed_on(
    rights: Iterable[Right], passed: set[tuple[str, str, str]], *, role: str
) -> list[str]:
    """The commands that revoke rights from a role; a comment if others would lose theirs too."""
    return [
        as_remark(each.revoke(role))
        if (each.schema, each.table, each.privilege) in passed
        else each.revoke(role)
        for each in rights
    ]


def as_remark(command: str) -> str:
    """A command that PostgreSQL refuses, because the role has passed the right on, as a comment."""
    return (
        "-- The role has granted this to others, which CASCADE would take from them too. Decide:\n"
        f"-- {' '.join(command.splitlines())}"
    )
