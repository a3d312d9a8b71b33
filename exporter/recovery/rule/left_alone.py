"""The sessions that automatic recovery leaves alone: undone, or closed too often."""

from exporter.queries import fill
from exporter.recovery.rule.rule import Rule

#: A session that was closed this often within 72 hours is left alone.
MOST_CLOSURES = 3

CLOSED_TOO_OFTEN = f"closed {MOST_CLOSURES} times within 72 hours"


def left_alone_statement(rule: Rule, *, is_audited: bool = True) -> str:
    """Their ids, as texts, and when each was last seen, or NULL. Without an audit, none."""
    name = "left_alone" if is_audited else "none_left_alone"
    return rule.statement(f"recovery/observation/{name}", most_closures=str(MOST_CLOSURES))


def is_closable(left_alone: str, *, session: str, seen: str) -> str:
    """Whether an orphaned session is not among them; they are a table or a subquery."""
    return fill("recovery/observation/closable", left_alone=left_alone, session=session, seen=seen)


def is_undone(rule: Rule) -> str:
    """Whether a person has undone a session that has shown no life since; never NULL."""
    undone = fill("recovery/rule/undone", left_alone=left_alone_statement(rule))
    id_, seen = rule.id.key(), rule.table.last_seen
    return f"NOT {is_closable(f'({undone})', session=id_, seen=seen)}"
