"""Last seen and orphaned, defined once: counts, lists, indexes and recovery all ask this SQL."""

from exporter.sessions.moments import Instant, Moment


def last_seen(started_at: Moment, last_seen_at: Moment | None) -> str:
    """The newest sign of life; greatest() ignores NULL."""
    if last_seen_at is None:
        return started_at.sql
    return f"greatest({last_seen_at.sql}, {started_at.sql})"


def is_orphaned(
    started_at: Moment, last_seen_at: Moment | None, seconds: float, time: Instant
) -> str:
    """Whether an active row was last seen strictly longer ago; not true for one without any time.

    Without `last_seen_at` the stored start is compared, so that its index serves.
    """
    bound = time.ago(seconds)
    if last_seen_at is None:
        return f"{started_at.before(bound)} AND {started_at.above_none}"
    return f"{last_seen(started_at, last_seen_at)} < {bound}"
