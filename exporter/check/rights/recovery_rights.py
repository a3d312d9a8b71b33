"""Whether the roles of recovery have their rights, and PostgreSQL accepts the new values."""

from collections.abc import AsyncIterator, Iterable

from exporter.check.findings import Finding, FindingWriter
from exporter.check.rights.missing_rights import missing_rights, role_of
from exporter.errors import PermissionDenied
from exporter.postgres import Reader
from exporter.queries import array, fill, identifier, literal
from exporter.recovery.functions.installed import find_recover_function, find_undo_function
from exporter.recovery.rule.checks import check_rule, policies
from exporter.recovery.rule.rule import Rule
from exporter.sessions import grants
from exporter.sessions.grants import Right, grants_of
from exporter.text import some_of

#: The risk of unneeded rights, by table of the audit.
EXCESS = {
    "recovery": "undo may trust what it forges",
    "pause": "the exporter itself could end a pause, which is a right of persons "
    f"({grants.OPERATOR_ROLE})",
    "stop": "the exporter itself could end a stop, which is a right of persons "
    f"({grants.OPERATOR_ROLE})",
}


async def check_statements(
    reader: Reader, rule: Rule, role: str, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """Whether this role may write the columns, and PostgreSQL accepts the new values.

    Raises PermissionDenied if row-level security hides every row from UPDATE.
    """
    source = rule.table.source
    needed = await grants.recovery_rights(reader, source, role=grants.RECOVERY_ROLE)
    missing = await missing_rights(reader, needed, role=role)
    if missing:
        advice = "" if source.recovery.dsn else "give recovery a separate role (dsn), or "
        yield findings.missing(
            "recovery rights",
            f"{role} lacks the rights to close sessions; {advice}ask a DBA to run:",
            *grants_of(missing, identifier(role)),
        )
    else:
        yield findings.ok("recovery rights", f"{role} may close sessions")
    names = await policies(reader, rule.relation)
    try:
        await check_rule(reader, rule)
    except PermissionDenied:
        if not missing:
            raise
        return
    yield findings.ok("recovery rule", f"closing writes {some_of(rule.changes)}: every type fits")
    if names:
        yield findings.warning(
            "recovery policies",
            f"row-level security ({names}) decides which sessions {role} may close; the others "
            "are skipped, as if another transaction had locked them",
        )


async def check_function(
    reader: Reader, closer: Reader, rule: Rule, role: str, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """Whether the function that closes sessions is the printed one, and who may call it.

    `closer` reads as the role that calls it. Raises FunctionMismatch.
    """
    await check_rule(reader, rule, writes=False)
    function = await find_recover_function(closer, rule)
    assert function is not None  # noqa: S101 - recovery.call is set
    await find_undo_function(closer, rule)
    yield findings.ok("recovery function", f"{function.sql} is what `sql function` prints now")
    if function.is_public:
        revoke = f"REVOKE EXECUTE ON FUNCTION {function.signature} FROM PUBLIC;"
        yield findings.warning(
            "recovery callers", "every role may call it; ask a DBA to run:", revoke
        )
    if function.owner_can_log_in:
        owner = identifier(function.owner)
        yield findings.warning(
            "recovery owner",
            f"{owner}, with whose rights it runs, can log in; ask a DBA to run:",
            f"ALTER ROLE {owner} NOLOGIN;",
        )
    ((table, _, writes), *_) = await closer.rows(
        fill("check/rights", oid=str(rule.relation.oid), names="(NULL, NULL)")
    )
    if writes:
        yield findings.warning(
            "recovery table rights",
            f"{role} could also {', '.join(writes)} on {table} without {function.sql}, as after a "
            "change from recovery by statements; ask a DBA to run:",
            f"REVOKE {', '.join(writes)} ON {table} FROM {identifier(role)};",
        )
    commands, caller = list[str](), identifier(role)
    roles = {
        grants.RECOVERY_ROLE: role,
        grants.ROLE: await role_of(reader),
        grants.DEFINER_ROLE: function.owner,
    }
    for declared, actual in roles.items():
        needed = await grants.closing_rights(reader, rule.table.source, role=declared)
        missing = await missing_rights(reader, needed, role=actual)
        commands += grants_of(missing, identifier(actual))
    if not function.is_callable_by_role:
        execute = Right("EXECUTE", function.schema, function=function.signature)
        first, last = execute.grant(caller), Right("USAGE", function.schema).grant(caller)
        commands = list(dict.fromkeys([first, *commands, last]))
    if commands:
        yield findings.missing(
            "recovery rights",
            f"rights are missing to close sessions by {function.sql}; ask a DBA to run:",
            *commands,
        )
    else:
        yield findings.ok("recovery rights", f"{role} may call {function.sql}")


async def check_excess(
    reader: Reader, roles: Iterable[str], findings: FindingWriter
) -> AsyncIterator[Finding]:
    """The roles, among these, that may write more to the audit than any role needs.

    A row could be forged, or a stop ended by the exporter itself.
    """
    needed = ", ".join(
        f"({literal(table)}::text, {literal(privilege)}::text, {array(columns)}::text[])"
        for (table, privilege), columns in grants.AUDIT_WRITES.items()
    )
    tables = ", ".join(map(literal, EXCESS))
    for role in roles:
        statement = fill("check/excess_rights", tables=tables, needed=needed, role=literal(role))
        found = await reader.rows(statement)
        for table, why in EXCESS.items():
            listed = ", ".join(
                f"{privilege} ({some_of(columns)})" if columns else privilege
                for each, privilege, columns in found
                if each == table
            )
            if listed:
                yield findings.warning(
                    "recovery audit rights",
                    f"{role} may write more to session_exporter.{table} than it needs: {listed}; "
                    f"{why}; ask a DBA to run the next line, and then what `session-exporter sql "
                    "role` prints",
                    f"REVOKE ALL ON session_exporter.{table} FROM {identifier(role)};",
                )
