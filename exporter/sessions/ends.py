"""The end of a row, defined once: counts, daily statistics and recovery all ask this SQL.

Applications write an end that stands for none: the start, 0, the year 1. The arguments are SQL that
gives the start and the end as timestamptz, NULL where they stand for none by themselves.
"""

from exporter.sessions.moments import Instant

#: Every 0 that was written as a timestamp lies before it, in whatever zone.
_ABOVE_ZERO = "'1970-01-02 00:00:00+00'::timestamptz"


def has_ended(start: str, end: str, time: Instant) -> str:
    """Whether an active row has an end that has passed. Only one after its start is an end."""
    return f"({end} <= {time.now} AND ({end} <= {start}) IS NOT TRUE)"


def end_of_closed(start: str, end: str) -> str:
    """The end of a closed row, which may have lasted no time."""
    return f"CASE WHEN ({end} < {start}) IS NOT TRUE THEN {end} END"


def is_impossible(start: str, end: str) -> str:
    """Whether the end of an active row contradicts its start, and is more than a kind of 0."""
    return f"({end} < {start} AND {end} >= {_ABOVE_ZERO})"
