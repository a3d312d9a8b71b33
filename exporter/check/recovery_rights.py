"""What `check --live` says of who closes the sessions of a source: we ourselves, or a function."""

from collections.abc import AsyncIterator, Callable

from exporter.check.findings import Finding, FindingWriter
from exporter.config import Source
from exporter.errors import PermissionDenied
from exporter.postgres import Reader
from exporter.queries import array, fill, identifier, literal
from exporter.recovery.functions.installed import find_recover_function, find_undo_function
from exporter.recovery.rule.checks import check_rule, policies
from exporter.recovery.rule.rule import Rule

Say = Callable[..., Finding]


def missing_severity(find: FindingWriter, source: Source) -> Say:
    """How it is said that something is missing in the database.

    Where nothing closes sessions by itself, another role may be meant to do it by hand.
    """
    return find.warning if source.recovery.mode == "disabled" else find.failed


async def by_statements(
    reader: Reader, rule: Rule, role: str, find: FindingWriter
) -> AsyncIterator[Finding]:
    """Whether this role could write what closing writes, and PostgreSQL would take it."""
    lacks = missing_severity(find, rule.table.source)
    missing = await _missing_rights(reader, rule)
    if missing:
        grants = [f"GRANT {right} TO {identifier(role)};" for right in missing]
        better = (
            "" if rule.table.source.recovery.dsn else "give recovery a role of its own (dsn), or "
        )
        message = f"{role} may not close sessions; {better}a DBA runs"
        yield lacks("recovery rights", message, *grants)
    else:
        yield find.ok("recovery rights", f"{role} may close sessions")
    try:
        await check_rule(reader, rule)
    except PermissionDenied:
        if not missing:
            raise
    else:
        yield find.ok("recovery rule", f"closing writes {', '.join(rule.changes)}: every type fits")
        if limiting := await policies(reader, rule.relation):
            yield find.warning(
                "recovery policies",
                f"row-level security ({limiting}) decides which sessions {role} may close; any "
                "other is passed over, as if somebody worked on it",
            )


async def by_function(
    reader: Reader, closer: Reader, rule: Rule, role: str, find: FindingWriter
) -> AsyncIterator[Finding]:
    """Whether the function is there that closes sessions, what it is, and whether it may be called.

    Asked by the role that closes: whether it may is its own right.
    """
    lacks = missing_severity(find, rule.table.source)
    await check_rule(reader, rule, writes=False)
    function = await find_recover_function(closer, rule)
    assert function is not None  # noqa: S101 - recovery.call is set
    await find_undo_function(closer, rule)
    yield find.ok("recovery function", f"{function.sql} is what `sql function` prints now")
    if function.is_public:
        revoke = f"REVOKE EXECUTE ON FUNCTION {function.signature} FROM PUBLIC;"
        yield find.warning("recovery callers", "everybody may call it; a DBA runs", revoke)
    if not function.is_callable_by_role:
        yield lacks(
            "recovery rights",
            f"{role} may not call {function.sql}; a DBA runs",
            f"GRANT USAGE ON SCHEMA {identifier(function.schema)} TO {identifier(role)};",
            f"GRANT EXECUTE ON FUNCTION {function.signature} TO {identifier(role)};",
        )
    elif missing := await _missing_to_look(reader):
        (looking,) = await reader.read(fill("check/server"))
        looks = looking.rows[0][0]
        grants = (f"GRANT {right} TO {identifier(looks)};" for right in missing)
        yield lacks(
            "recovery rights", f"{looks} may not see what was recovered; a DBA runs", *grants
        )
    else:
        yield find.ok("recovery rights", f"{role} may call {function.sql}")


async def _missing_to_look(reader: Reader) -> list[str]:
    """What has still to be granted to whoever looks for sessions that a function closes."""
    (result,) = await reader.read(
        _rights([("recovery", "SELECT"), ("pause", "SELECT")], noted=[], columns="'{}'")
    )
    return [right for (right,) in result.rows]


async def _missing_rights(reader: Reader, rule: Rule) -> list[str]:
    """What has still to be granted, for what this source's config asks for."""
    recovery = rule.table.source.recovery
    on_tables = [("recovery", "SELECT"), ("recovery", "INSERT"), ("pause", "SELECT")]
    noted = ["undone_at"]
    if recovery.mode == "auto":
        on_tables.append(("recovery", "DELETE"))  # of what is older than audit.keep
        noted.append("contradicted_at")
    if recovery.webhook is not None:
        noted += ["next_attempt_at", "attempts", "notified_at"]
    statement = _rights(
        on_tables,
        noted=noted,
        columns=array(rule.changes),
        oid=rule.relation.oid,
        table_name=rule.relation.sql,
    )
    (result,) = await reader.read(statement)
    return [right for (right,) in result.rows]


def _rights(
    on_tables: list[tuple[str, str]],
    *,
    noted: list[str],
    columns: str,
    oid: int = 0,
    table_name: str = "",
) -> str:
    return fill(
        "check/recovery_rights",
        table_name=literal(table_name),
        columns=columns,
        oid=str(oid),
        on_tables=", ".join(f"({literal(name)}, {literal(right)})" for name, right in on_tables),
        noted=", ".join(map(literal, noted)) or "NULL",
    )
