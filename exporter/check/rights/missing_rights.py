"""The rights that roles lack, and the commands by which a DBA grants them."""

from collections.abc import Sequence
from dataclasses import replace

from exporter.config import DatabaseSettings, Source
from exporter.errors import PermissionDenied, SourceError
from exporter.postgres import Database, Reader
from exporter.postgres.error_causes import RIGHTS
from exporter.queries import fill, identifier, literal, text_or_null
from exporter.recovery.rule.connections import reading_settings, writing_settings
from exporter.sessions import grants
from exporter.sessions.grants import Right, grants_of


async def missing_rights(reader: Reader, rights: Sequence[Right], *, role: str) -> list[Right]:
    """The rights that a role does not have, or has only in part."""
    if not rights:
        return []
    needed = ",\n    ".join(
        f"({number}, {literal(right.privilege)}, {literal(right.schema)}, "
        f"{text_or_null(right.table)}::text, "
        f"ARRAY[{', '.join(map(literal, right.columns))}]::text[], "
        f"{text_or_null(right.function or None)}::text)"
        for number, right in enumerate(rights)
    )
    found = await reader.rows(fill("check/missing_rights", needed=needed, role=literal(role)))
    return [replace(rights[number], columns=tuple(columns)) for number, columns in found]


def ask_for(error: PermissionDenied, commands: Sequence[str]) -> str:
    """The error, followed by the commands that grant the missing rights, if known."""
    return f"{denied(error)}; ask a DBA to run:" if commands else str(error)


def denied(error: PermissionDenied) -> str:
    """The error, if the commands that grant the right are printed with it."""
    return str(error).removesuffix(f"; {RIGHTS}")


async def role_of(reader: Reader) -> str:
    """The role of its connection. Raises SourceError."""
    return str(await reader.value(fill("check/server")))


async def missing_to_collect(reader: Reader, source: Source) -> list[str]:
    """The commands that grant the missing rights of this connection's role to collect a source.

    None if these are unknown.
    """
    try:
        role = await role_of(reader)
        needed = await grants.collection_rights(reader, source)
        return grants_of(await missing_rights(reader, needed, role=role), identifier(role))
    except SourceError:
        return []


async def missing_to_recover(
    settings: DatabaseSettings, source: Source
) -> list[tuple[str, str, list[Right]]]:
    """The missing rights of each role that recovers a source, and the role to grant them to.

    `settings` are those of collection. If a function closes sessions, another role finds them.
    Empty if unknown.
    """
    roles = {grants.RECOVERY_ROLE: writing_settings(settings, source)}
    if source.recovery.call is not None:
        roles[grants.ROLE] = reading_settings(settings, source)
    found = []
    for declared, connection in roles.items():
        database = Database(connection.model_copy(update={"max_connections": 1}))
        reader = database.reader()
        try:
            whose = fill("check/grantee", declared=literal(declared))
            ((role, grantee),) = await reader.rows(whose)
            if declared == grants.ROLE:
                needed = await grants.collection_rights(reader, source)
            else:
                needed = await grants.recovery_rights(reader, source, role=declared)
            found.append((role, grantee, await missing_rights(reader, needed, role=role)))
        except SourceError:
            continue
        finally:
            await database.close()
    return [each for each in found if each[2]]
