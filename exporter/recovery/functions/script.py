"""The commands that create the functions of one source, for a DBA to read and run."""

from collections.abc import Iterable

from exporter.config import Source
from exporter.errors import PermissionDenied
from exporter.postgres import Reader
from exporter.queries import fill, identifier, literal
from exporter.recovery.functions import definitions
from exporter.recovery.functions.creators import SchemaCreators, find_creators
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import NO_OWNERLESS, check_rule, without_owners
from exporter.recovery.rule.rule import Rule
from exporter.sessions import grants
from exporter.text import printable


async def script_for(reader: Reader, source: Source, all_sources: Iterable[Source]) -> str:
    """Check the rule of a source and write its script. Raises SourceError."""
    rule = await bind_rule(reader, without_owners(source))
    try:
        await check_rule(reader, rule)
    except PermissionDenied:  # the functions will write, not this role
        await check_rule(reader, rule, writes=False)
    # Two sources on one table need two functions: then each is named after its source.
    is_shared = sum(other.table == source.table for other in all_sources) > 1
    named_after = source.name if is_shared else rule.relation.name
    written = await script(reader, rule, named_after=named_after)
    return f"{NO_OWNERLESS}\n{written}" if source.has_evidence else written


async def script(reader: Reader, rule: Rule, *, named_after: str) -> str:
    """Everything from BEGIN to COMMIT; `named_after` completes the name recover_stuck_…."""
    path = await reader.value(fill("recovery/functions/search_path"))
    rights = await grants.recovery_grants(reader, rule.table.source, role=grants.DEFINER_ROLE)
    recover, undo = definitions.recover_function(rule), definitions.undo_function(rule)
    stuck = definitions.stuck_function(rule, named_after=named_after)
    schemas = dict.fromkeys([definitions.SCHEMA, stuck.schema])
    return fill(
        "recovery/functions/script",
        source=printable(rule.table.source.name),
        warnings="\n".join([_warning(each) for each in await find_creators(reader)]),
        definer_name=literal(grants.DEFINER_ROLE),
        definer=grants.DEFINER_ROLE,
        rights="\n".join(rights),
        schemas=", ".join(map(identifier, schemas)),
        role=grants.RECOVERY_ROLE,
        recover=recover.created(path),
        undo=undo.created(path),
        maintain=definitions.maintenance_function(rule).created(path),
        stuck=stuck.created(path),
        recover_name=recover.sql,
        undo_name=undo.sql,
    )


def _warning(found: SchemaCreators) -> str:
    return (
        f"-- WARNING: {printable(found.sentence)}, and names are looked up there.\n"
        f"-- Run this first: {printable(found.revoke)}\n"
    )
