"""The server that holds a session, by `recovery.server`. The row is `s`."""

from exporter.recovery.rule.rule import Rule
from exporter.sessions.conditions import stored_column
from exporter.sessions.relation import Column


def owner_of(rule: Rule) -> str:
    """The server of a session, as text; NULL where it is not known."""
    return "NULL::text" if rule.server is None else f"({rule.server})::text"


def is_of_server(rule: Rule, server: str) -> str:
    """Whether a session is one of a server's: a literal that takes the type of the expression."""
    column = server_column(rule)
    equals = "OPERATOR(pg_catalog.=)" if column is None else column.operator("=")
    return f"({rule.server}) {equals} {server}"


def server_column(rule: Rule) -> Column | None:
    """The column whose value names the server; None for another expression."""
    return rule.relation.columns.get(stored_column(rule.server or "") or "")
