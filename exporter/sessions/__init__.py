"""SessionTable: the one definition of active, last seen and orphaned, as SQL on a real table."""

from exporter.sessions.table import (
    Moment,
    SessionTable,
    bind,
    declared,
    interval,
    name_failing_expression,
    time_zone,
    types_of,
)

__all__ = [
    "Moment",
    "SessionTable",
    "bind",
    "declared",
    "interval",
    "name_failing_expression",
    "time_zone",
    "types_of",
]
