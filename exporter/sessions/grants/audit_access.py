"""What the role of collection can read of the audit of recovery."""

from collections.abc import Sequence
from enum import Enum

from exporter.postgres import Result
from exporter.queries import array, fill
from exporter.sessions.grants import RECOVERED_COLUMNS


class AuditAccess(Enum):
    """What a role can know of the sessions that recovery has closed."""

    ABSENT = "there is no audit: nothing was recovered"
    READABLE = "the audit says what was recovered"
    UNREADABLE = "the role may not read the audit, or that is of another version"


def access_query(columns: Sequence[str] = RECOVERED_COLUMNS) -> str:
    """The statement whose result access_of() reads: whether these columns can be read."""
    return fill("roles/audit_access", columns=array(columns), count=str(len(columns)))


def access_of(result: Result) -> AuditAccess:
    """What the result of access_query() says."""
    if not result.rows:
        return AuditAccess.ABSENT
    ((is_readable,),) = result.rows
    return AuditAccess.READABLE if is_readable else AuditAccess.UNREADABLE
