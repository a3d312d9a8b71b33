"""Closed rows that recovery has closed, by its audit, if that can be read."""

from exporter.queries import fill, literal
from exporter.sessions import SessionTable


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
