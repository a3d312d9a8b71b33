"""The owner that holds a session, by `owner` of the source. The row is `s`."""

from exporter.queries import literal
from exporter.recovery.rule.rule import Rule
from exporter.sessions.conditions import stored_column
from exporter.sessions.relation import Column

#: Types without an equality or without text input: their values are compared as text.
_AS_TEXT = {"json", "xml", "row"}


def owner_of(rule: Rule) -> str:
    """The owner of a session as text; NULL where it is not known."""
    return rule.table.owner or "NULL::text"


def is_of_owner(rule: Rule, owner: str) -> str:
    """Whether a session belongs to an owner, whose id has the type of `owner.of`; never NULL."""
    if rule.table.types["owner"] in _AS_TEXT:
        return f"coalesce({owner_of(rule)} OPERATOR(pg_catalog.=) {literal(owner)}, false)"
    column = owner_column(rule)
    equals = "OPERATOR(pg_catalog.=)" if column is None else column.operator("=")
    return f"coalesce(({_named(rule)}) {equals} {literal(owner)}, false)"


def owner_column(rule: Rule) -> Column | None:
    """The column whose value names the owner; None for another expression."""
    return rule.relation.columns.get(stored_column(_named(rule)) or "")


def _named(rule: Rule) -> str:
    return rule.table.expressions["owner"]
