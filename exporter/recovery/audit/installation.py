"""The tables of the audit: whether they are in a database."""

from exporter.errors import AuditUnusable
from exporter.postgres import Reader, Transaction
from exporter.queries import fill, literal

AUDIT = "session_exporter.recovery"

NO_AUDIT = (
    f"there is no table {AUDIT}, in which a recovery is audited; "
    "`session-exporter sql audit` prints the commands that create it"
)


async def has_table(reader: Reader | Transaction, name: str = AUDIT) -> bool:
    """Whether a table is there, for a role that may use its schema. Raises SourceError."""
    ((is_there,),) = await reader.rows(fill("recovery/audit/is_visible", table=literal(name)))
    return bool(is_there)


async def require_audit(reader: Reader) -> None:
    """Raise AuditUnusable where the audit table is not there."""
    if not await has_table(reader):
        raise AuditUnusable(NO_AUDIT)
