"""The active sessions by category, and the signs of life of the application."""

from exporter.postgres import Reader
from exporter.recovery.decision.observation import SessionCounts
from exporter.recovery.plan.windows import is_unknown, quiet_after
from exporter.recovery.rule.checks import read_naming_key
from exporter.recovery.rule.rule import Rule
from exporter.sessions import interval

#: A heartbeat later than this after the start proves that heartbeats are written, in seconds.
BEAT_AFTER_START = 10.0


def counts_statement(rule: Rule, *, only: str = "true", orphaned: str = "") -> str:
    """Count the active sessions by category, or only some of them, by a condition.

    `orphaned` replaces the condition of the rule.
    """
    table = rule.table
    return rule.statement(
        "recovery/plan/counts",
        rows=table.rows if only == "true" else f"{table.rows} AND {only}",
        **({"orphaned": orphaned} if orphaned else {}),
        is_unknown=is_unknown(rule),
        quiet=quiet_after(rule),
        beating=shows_beat(rule),
        longest="NULL::float8"
        if table.own_seconds is None
        else f"pg_catalog.max({table.own_seconds})",
    )


def shows_beat(rule: Rule) -> str:
    """Whether an active session has a sign of life that proves that the application runs.

    Heartbeats count; a start proves only that sessions can be started. A time in the future proves
    nothing.
    """
    table = rule.table
    quiet, tolerance = quiet_after(rule), interval(table.source.future_tolerance)
    recent = f"BETWEEN pg_catalog.now() - {quiet} AND pg_catalog.now() + {tolerance}"
    if table.last_seen_at is None:
        return f"coalesce({table.last_seen} {recent}, false)"
    seen, start = table.last_seen_at.sql, table.started_at.sql
    # A recent time can be subtracted from; a start may be so extreme that adding would overflow.
    is_beat = f"coalesce({start} < {seen} - {interval(BEAT_AFTER_START)}, true)"
    return f"CASE WHEN {seen} {recent} THEN {is_beat} ELSE false END"


def shows_beat_of_owner(rule: Rule) -> str:
    """Whether an active session shows that its owner runs.

    Without `last_seen_at` no session can fall silent: an owner with only old sessions may just have
    started none for a while.
    """
    return "true" if rule.table.last_seen_at is None else shows_beat(rule)


async def count_sessions(reader: Reader, rule: Rule, *, only: str = "true") -> SessionCounts:
    """Count the active sessions by the categories of recovery by hand, or only some of them.

    Raises SourceError that names the failing key.
    """
    return await _count(
        reader, rule, counts_statement(rule, only=only, orphaned=rule.orphaned_by_hand)
    )


async def count_stale(reader: Reader, rule: Rule) -> int:
    """The number of sessions that are not closed only because a list holds them as stale.

    Raises as count_sessions().
    """
    if rule.table.source.list is None:
        return 0
    is_stale = f"coalesce(({rule.cause}) = 'stale_in_list', false)"
    return (await _count(reader, rule, counts_statement(rule, only=is_stale))).ready


async def _count(reader: Reader, rule: Rule, statement: str) -> SessionCounts:
    rows = await read_naming_key(reader, rule, statement)
    return SessionCounts(**{category: count for category, count, *_ in rows})
