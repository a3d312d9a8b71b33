"""Whether the tables of the audit are there."""

from exporter.errors import AuditUnusable
from exporter.postgres import Reader
from exporter.queries import fill

NO_AUDIT = (
    "there is no table session_exporter.recovery, in which a recovery is audited; "
    "`session-exporter sql audit` prints the commands that create it"
)


async def has_audit(reader: Reader) -> bool:
    """Whether the audit table is there. Raises SourceError."""
    return bool(await reader.value(fill("recovery/audit/is_visible")))


async def require_audit(reader: Reader) -> None:
    """Raise AuditUnusable where the audit table is not there."""
    if not await has_audit(reader):
        raise AuditUnusable(NO_AUDIT)
