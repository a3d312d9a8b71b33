"""When a session is orphaned (definition), and by which cause (causes)."""

from exporter.sessions.orphaned.definition import (
    end_of_closed,
    has_ended,
    is_end_of_closed,
    is_impossible,
    is_orphaned,
    is_seen_after_end,
    last_seen,
    orphaned_at,
    orphaned_at_of_row,
)

__all__ = [
    "end_of_closed",
    "has_ended",
    "is_end_of_closed",
    "is_impossible",
    "is_orphaned",
    "is_seen_after_end",
    "last_seen",
    "orphaned_at",
    "orphaned_at_of_row",
]
