"""Closed rows that recovery has closed, by its audit, if that can be read."""

from enum import Enum

from exporter.postgres import Result
from exporter.queries import array, fill, literal
from exporter.sessions import SessionTable
from exporter.sessions.grants import RECOVERED_COLUMNS


class AuditAccess(Enum):
    """The access of a role to the audit of recovery."""

    ABSENT = "there is no audit: nothing was recovered"
    READABLE = "the audit says what was recovered"
    UNREADABLE = "the role may not read the audit, or that is of another version"


def access_query() -> str:
    """The statement whose result access_of() reads."""
    columns, count = array(RECOVERED_COLUMNS), str(len(RECOVERED_COLUMNS))
    return fill("collection/daily/audit", columns=columns, count=count)


def access_of(result: Result) -> AuditAccess:
    """The access by the result of access_query()."""
    if not result.rows:
        return AuditAccess.ABSENT
    ((is_readable,),) = result.rows
    return AuditAccess.READABLE if is_readable else AuditAccess.UNREADABLE


def id_array(table: SessionTable) -> str:
    """The id of a row as the audit has it: an array of texts, of the same collation."""
    texts = [f'({each})::text COLLATE pg_catalog."default"' for each in table.id]
    return f"ARRAY[{', '.join(texts)}]"


def is_recovered(table: SessionTable, *, since: str = "'-infinity'", further: str = "") -> str:
    """Whether recovery has closed a row with the column `session_exporter_id`; never NULL.

    `since` is SQL of a time, and `further` a condition on the row `a` of the audit.
    """
    return fill(
        "collection/daily/recovered",
        relation=literal(table.table),
        since=since,
        further=f"\n        AND {further}" if further else "",
    )


def is_any_recovered(table: SessionTable, *, since: str) -> str:
    """Whether recovery has closed any row of the table since a time; never NULL."""
    return fill("collection/daily/any_recovered", relation=literal(table.table), since=since)
