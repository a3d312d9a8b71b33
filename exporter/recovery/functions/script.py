"""The commands that create the functions of one source, for a DBA to read and run."""

from exporter.cli.output.report import printable
from exporter.postgres import Reader
from exporter.queries import fill, identifier, literal
from exporter.recovery.functions.definitions import (
    SCHEMA,
    Function,
    recover_function,
    stuck_function,
    tend_function,
    undo_function,
)
from exporter.recovery.rule.rule import Rule
from exporter.sessions import grants


async def script(reader: Reader, rule: Rule, *, named_after: str) -> str:
    """Everything from BEGIN to COMMIT; `named_after` is what recover_stuck_… is called after."""
    (result,) = await reader.read(fill("recovery/functions/search_path"))
    path, open_schemas = result.rows[0]
    rights = await grants.recovery_grants(reader, rule.table.source, role=grants.DEFINER_ROLE)
    recover, undo = recover_function(rule), undo_function(rule)
    stuck = stuck_function(rule, named_after=named_after)
    schemas = dict.fromkeys([SCHEMA, stuck.schema])
    return fill(
        "recovery/functions/script",
        source=printable(rule.table.source.name),
        warnings="\n".join(map(_warning, open_schemas)),
        definer_name=literal(grants.DEFINER_ROLE),
        definer=grants.DEFINER_ROLE,
        rights="\n".join(rights),
        schemas=", ".join(map(identifier, schemas)),
        role=grants.RECOVERY_ROLE,
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
        "recovery/functions/commands",
        created=function.created(path),
        signature=function.signature,
        comment=literal(function.comment),
        role=grants.RECOVERY_ROLE,
        definer=grants.DEFINER_ROLE,
    )
