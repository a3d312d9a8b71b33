"""The windows that follow from `orphaned_after`, as SQL: for the source, or for the row `s`.

Windows of a row are in seconds, because adding days is not exact across a clock change.
"""

from exporter.recovery.rule.rule import Rule
from exporter.sessions import interval


def quiet_after(rule: Rule) -> str:
    """How long a session counts as a sign of life of the application, as an interval.

    Heartbeats are spread over time: when the application stops, its first sessions are orphaned
    before its last heartbeat is equally old. By then the application has to count as silent. There
    is only one start.
    """
    own, has_seen = rule.table.own_seconds, rule.table.last_seen_at is not None
    if own is not None:
        return f"pg_catalog.make_interval(secs => {own} / '{2 if has_seen else 1}'::float8)"
    source = rule.table.source
    return interval(source.settle_time if has_seen else source.recovery_threshold)


def is_unknown(rule: Rule) -> str:
    """Whether an active session has no time, a time in the future, or no usable threshold."""
    table = rule.table
    tolerance = interval(table.source.future_tolerance)
    unknown = f"coalesce({table.last_seen} > pg_catalog.now() + {tolerance}, true)"
    return unknown if table.orphaned_at is None else f"({unknown} OR {table.orphaned_at} IS NULL)"


def audited_after(rule: Rule) -> str:
    """The threshold by which a session of the audit `a` was orphaned, as an interval."""
    fixed = rule.table.source.fixed_threshold
    if fixed is not None:
        return interval(fixed)
    seconds = "(a.evidence ->> 'orphaned_after_seconds'::text)::float8"
    return f"pg_catalog.make_interval(secs => coalesce({seconds}, 0))"
