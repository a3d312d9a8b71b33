"""Last seen, orphaned and ended, defined once: counts, lists, indexes and recovery use this SQL.

Applications write ends that stand for none: the start, 0, the year 1. The functions about ends take
SQL that gives start and end as timestamptz, or NULL for values that always stand for none.
"""

from exporter.queries import fill
from exporter.sessions.moments import Instant, Moment

#: Every 0 that was written as a timestamp is before this time, in any zone.
_ABOVE_ZERO = "'1970-01-02 00:00:00+00'::timestamptz"

#: Last seen is held between these before a threshold is added.
_EARLIEST = "'0001-01-01 00:00:00+00'::timestamptz"
_LATEST = "'9999-12-31 00:00:00+00'::timestamptz"


def last_seen(started_at: Moment, last_seen_at: Moment | None) -> str:
    """The newest sign of life; greatest() ignores NULL."""
    if last_seen_at is None:
        return started_at.sql
    return f"greatest({last_seen_at.sql}, {started_at.sql})"


def is_orphaned(
    started_at: Moment, last_seen_at: Moment | None, seconds: float, time: Instant
) -> str:
    """Whether an active row was last seen strictly longer ago; not true for a row without any time.

    Without `last_seen_at` the stored start is compared, so that its index can be used.
    """
    bound = time.ago(seconds)
    if last_seen_at is None:
        return f"{started_at.before(bound)} AND {started_at.above_none}"
    return f"{last_seen(started_at, last_seen_at)} < {bound}"


def orphaned_at(last_seen: str, threshold: str) -> str:
    """When its silence makes an active row orphaned, by the interval of the row; NULL: never.

    The arguments are columns, because both are used more than once. PostgreSQL adds the interval:
    months and days by the calendar, in the transaction's TimeZone.
    """
    held = (
        f"CASE WHEN {last_seen} > {_LATEST} THEN {_LATEST} WHEN {last_seen} < {_EARLIEST} "
        f"THEN {_EARLIEST} ELSE {last_seen} END"
    )
    return fill("collection/orphaned/orphaned_at", after=threshold, held=held)


def orphaned_at_of_row(last_seen: str, threshold: str) -> str:
    """orphaned_at() of expressions, each of which is evaluated once."""
    at = orphaned_at("l.session_exporter_seen", "l.session_exporter_after")
    return fill(
        "collection/orphaned/orphaned_at_of_row",
        orphaned_at=at,
        last_seen=last_seen,
        threshold=threshold,
    )


def has_ended(start: str, end: str, time: Instant) -> str:
    """Whether an active row has an end that has passed. Only a value after the start is an end."""
    return f"({end} <= {time.now} AND ({end} <= {start}) IS NOT TRUE)"


def end_of_closed(start: str, end: str) -> str:
    """The end of a closed row, which may equal the start."""
    return f"CASE WHEN ({end} < {start}) IS NOT TRUE THEN {end} END"


def is_end_of_closed(start: str, end: str) -> str:
    """Whether a closed row whose start is known has an end."""
    return f"{end} >= {start}"


def is_seen_after_end(
    started_at: Moment, last_seen_at: Moment, ended_at: Moment, active: str, tolerance: float
) -> str:
    """Whether a closed row has a sign of life later than its end by more than a tolerance.

    Nearly every row fails the first comparison, of the stored values if both have the same kind,
    because no conversion is needed. Local times have the order of their moments, except times that
    a clock change skips. A tolerance that is added to the latest of all times is out of range,
    while the difference of two times is a float8.
    """
    both = (last_seen_at, ended_at)
    is_one_kind = len({(each.unit, each.is_naive) for each in both}) == 1
    seen, end = (each.raw if is_one_kind else each.dated for each in both)
    return (
        f"({seen}) OPERATOR(pg_catalog.>) ({end}) AND ({active}) IS NOT TRUE"
        f" AND {is_end_of_closed(started_at.sql, ended_at.sql)}"
        f" AND pg_catalog.tstzrange_subdiff({last_seen_at.sql}, {ended_at.sql})"
        f" OPERATOR(pg_catalog.>) {tolerance:.6f}::float8"
    )


def is_impossible(start: str, end: str) -> str:
    """Whether the end of an active row contradicts its start, and is more than a kind of 0."""
    return f"({end} < {start} AND {end} >= {_ABOVE_ZERO})"
