"""What the role that looked may not read: a source over it would fail."""

from collections.abc import Iterable

from exporter.discover.facts import ColumnFacts, ServerFacts, TableFacts
from exporter.discover.proposal import SourceProposal
from exporter.discover.sql_text import table_sql
from exporter.text import number_of, some_of


def ask_about_access(
    proposal: SourceProposal, table: TableFacts, used: Iterable[ColumnFacts]
) -> None:
    """Turn a source into a question where its columns cannot be read, or not all of its rows."""
    unread = sorted({each.name for each in used if not each.is_readable})
    if not table.is_usable:
        proposal.doubt("table", f"the role has no USAGE on the schema {table.schema}")
    elif unread:
        names = some_of(unread)
        proposal.doubt("table", f"the role may not read {names}: look as one that may")
    if table.has_row_security:
        proposal.doubt(
            "table",
            "row-level security may hide rows from the role: does its policy show every row? Then "
            "set row_security: trust in the database",
        )
    if table.kind == "f":
        proposal.doubt("table", "it is a foreign table: its rows are better read where they are")


def unseen(server: ServerFacts, tables: Iterable[TableFacts]) -> list[str]:
    """What the role could not see of the tables that may hold sessions, as sentences."""
    tables = sorted(tables, key=lambda each: (each.schema, each.name))
    found = []
    shown = {each.oid: table_sql(each.schema, each.name) for each in tables}
    hidden = [each for each in tables if not (each.is_usable and _is_any_readable(each))]
    if hidden:
        names = some_of(shown[each.oid] for each in hidden)
        if len(hidden) == len(tables):
            count = number_of(len(tables), "table", "tables")
            found.append(
                f"the role {server.role} may read none of the {count} that may hold sessions: "
                f"{names}; grant it USAGE and SELECT, or connect as another role"
            )
        else:
            found.append(f"{server.role} may not read {names}; only names and types were seen")
    if secured := [each for each in tables if each.has_row_security]:
        names = some_of(shown[each.oid] for each in secured)
        found.append(f"row-level security may hide rows of {names}")
    return found


def _is_any_readable(table: TableFacts) -> bool:
    return any(each.is_readable for each in table.columns.values())
