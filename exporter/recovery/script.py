"""The commands that create the functions of one source, for a DBA to read and run."""

from exporter import roles
from exporter.queries import fill, identifier, literal
from exporter.recovery.functions import (
    SCHEMA,
    Function,
    recover_function,
    stuck_function,
    tend_function,
    undo_function,
)
from exporter.recovery.rule import Rule
from exporter.relation import Reads
from exporter.report import printable


async def script(reader: Reads, rule: Rule, *, named_after: str) -> str:
    """Everything from BEGIN to COMMIT; `named_after` is what recover_stuck_… is called after."""
    (result,) = await reader.read(fill("recovery_surroundings"))
    path, open_schemas = result.rows[0]
    rights = await roles.recovery_grants(reader, rule.table.source, role=roles.DEFINER_ROLE)
    recover, undo = recover_function(rule), undo_function(rule)
    stuck = stuck_function(rule, named_after=named_after)
    schemas = dict.fromkeys([SCHEMA, stuck.schema])
    return fill(
        "recovery_script",
        source=printable(rule.table.source.name),
        warnings="\n".join(map(_warning, open_schemas)),
        definer_name=literal(roles.DEFINER_ROLE),
        definer=roles.DEFINER_ROLE,
        rights="\n".join(rights),
        schemas=", ".join(map(identifier, schemas)),
        role=roles.RECOVERY_ROLE,
        recover=_commands(recover, path),
        undo=_commands(undo, path),
        tend=_commands(tend_function(rule), path),
        stuck=_commands(stuck, path),
        recover_name=recover.sql,
        undo_name=undo.sql,
    )


def _warning(schema: str) -> str:
    name = printable(identifier(schema))
    return (
        f"-- WARNING: everybody may create things in {name}, and names are looked up there.\n"
        f"-- Before anything else: REVOKE CREATE ON SCHEMA {name} FROM PUBLIC;\n"
    )


def _commands(function: Function, path: list[str]) -> str:
    return fill(
        "recovery_function_commands",
        created=function.created(path),
        signature=function.signature,
        comment=literal(function.comment),
        role=roles.RECOVERY_ROLE,
        definer=roles.DEFINER_ROLE,
    )
