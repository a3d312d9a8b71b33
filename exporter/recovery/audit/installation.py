"""The schema of the audit: its numbered steps, and the version in a database."""

from exporter.errors import AuditUnusable, AuditVersionMismatch, PermissionDenied
from exporter.postgres import Reader, Transaction
from exporter.queries import fill

AUDIT = "session_exporter.recovery"

#: The tables of the schema; a role that reads the audit needs all of them.
TABLES = ("recovery", "run", "pause", "stop", "observation")

#: The steps that create the schema, in this order: step N updates version N - 1 to N. Each is
#: queries/recovery/audit/steps/NAME.sql, and runs as one statement. A released step is never
#: changed.
STEPS = ("1_recovery", "2_text", "3_control", "4_orphans", "5_run", "6_pauses")

#: The version that this program reads and writes.
VERSION = len(STEPS)

NO_AUDIT = (
    f"there is no table {AUDIT}, in which a recovery is audited; "
    "`session-exporter sql audit` prints the commands that create it"
)


def audit_script(found: int = 0) -> str:
    """The commands that update version `found` to that of this program; safe to run twice."""
    version = fill("recovery/audit/steps/version")
    steps = (
        fill(
            "recovery/audit/steps/step",
            version=version,
            number=str(number),
            commands=fill(f"recovery/audit/steps/{name}"),
        )
        for number, name in enumerate(STEPS, start=1)
        if number > found
    )
    return "\n\n".join(steps)


async def find_version(reader: Reader) -> int:
    """The version of the schema; 0 without a schema or a number. Raises SourceError."""
    return int(await reader.value(fill("recovery/audit/steps/version")))


def check_version(found: int) -> None:
    """Raise AuditVersionMismatch if the version differs from that of this program."""
    if found < VERSION:
        raise AuditVersionMismatch(
            f"the schema session_exporter is of version {found}, and this session-exporter needs "
            f"version {VERSION}; `session-exporter sql audit` prints the commands that update it"
        )
    if found > VERSION:
        raise AuditVersionMismatch(
            f"the schema session_exporter is of version {found}, which is newer than version "
            f"{VERSION}, the last that this session-exporter knows; install a newer one"
        )


async def has_audit(reader: Reader | Transaction) -> bool:
    """Whether the audit exists, for a role that may use its schema.

    Raises AuditVersionMismatch for one of another version, or another SourceError.
    """
    statement = fill("recovery/audit/is_visible", version=fill("recovery/audit/steps/version"))
    ((is_there, version),) = await reader.rows(statement)
    if is_there:
        check_version(version)
    return bool(is_there)


async def can_read_audit(reader: Reader) -> bool:
    """Whether the audit exists and this role may read it.

    Raises AuditVersionMismatch for another version, PermissionDenied if the role may read only
    some of its tables, and other SourceErrors.
    """
    statement = fill("recovery/audit/is_readable", version=fill("recovery/audit/steps/version"))
    ((readable, version),) = await reader.rows(statement)
    if "recovery" not in readable:
        return False
    check_version(version)
    if missing := [table for table in TABLES if table not in readable]:
        raise PermissionDenied(
            f"the role may read {AUDIT}, but of the same schema not {', '.join(missing)}; "
            "`session-exporter sql role` prints the rights"
        )
    return True


async def require_audit(reader: Reader) -> None:
    """Raise AuditUnusable if the audit is missing, or has another version."""
    if not await has_audit(reader):
        raise AuditUnusable(NO_AUDIT)
