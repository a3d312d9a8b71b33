"""What the role that looked may not read: a source over it would fail."""

from collections.abc import Iterable

from exporter.discover.facts import Column, Table
from exporter.discover.proposal import SourceProposal


def ask_about_access(proposal: SourceProposal, table: Table, used: Iterable[Column]) -> None:
    """Turn a source into a question where its columns cannot be read, or not all of its rows."""
    unread = sorted({each.name for each in used if not each.is_readable})
    if not table.is_usable:
        proposal.doubt(
            "table", f"the role may not use the schema {table.schema}: `sql role` prints the rights"
        )
    elif unread:
        names = ", ".join(unread)
        proposal.doubt(
            "table", f"the role may not read the columns {names}: `sql role` prints the rights"
        )
    if table.has_row_security:
        proposal.doubt(
            "table",
            "row-level security may hide rows from the role: does its policy show every row? Then "
            "set row_security: trust in the database",
        )
    if table.kind == "f":
        proposal.doubt("table", "it is a foreign table: its rows are better read where they are")
