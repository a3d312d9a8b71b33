"""Whether it is known which sessions recovery has closed."""

from collections.abc import AsyncIterator

from exporter.check.findings import Finding, FindingWriter
from exporter.check.rights.missing_rights import missing_rights, role_of
from exporter.collection.daily import recovered_rows
from exporter.postgres import Reader
from exporter.queries import identifier
from exporter.sessions import SessionTable
from exporter.sessions.grants import ROLE, audit_access, audit_rights, grants_of
from exporter.sessions.grants.audit_access import AuditAccess


async def check_recovered(
    reader: Reader, table: SessionTable, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """One finding where the daily statistics cannot read the audit. Raises SourceError."""
    name, unknown = (
        "daily audit",
        "how many were ended, recovered or lost on each day is not served",
    )
    (result,) = await reader.read(audit_access.access_query())
    access = audit_access.access_of(result)
    if access is AuditAccess.READABLE and not table.id:
        is_any = recovered_rows.is_any_recovered(table, since="'-infinity'")
        if await reader.value(f"SELECT {is_any}"):
            yield findings.warning(
                name, f"another source recovers sessions of this table, and without id {unknown}"
            )
    if access is not AuditAccess.UNREADABLE:
        return
    role = await role_of(reader)
    missing = await missing_rights(reader, audit_rights(table.source, role=ROLE), role=role)
    text = f"{role} cannot read which sessions recovery has closed, and so {unknown}"
    if missing:
        commands = grants_of(missing, identifier(role))
        yield findings.warning(name, f"{text}; ask a DBA to run:", *commands)
    else:
        update = "`session-exporter sql audit` prints the commands that update it"
        yield findings.warning(name, f"{text}: the audit has another version; {update}")
