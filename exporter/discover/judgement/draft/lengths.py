"""The closed rows of a sample, and the threshold that their lengths propose."""

from exporter.config import format_duration
from exporter.discover.judgement.active.conditions import ActiveCondition
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.judgement.threshold import (
    SessionLength,
    ThresholdProposal,
    propose_threshold,
    round_up,
)
from exporter.discover.proposal import Line, SourceProposal
from exporter.text import age

#: Zones differ by less than this, in seconds: an end that is later is no end of a session.
_FARTHEST = 27 * 3600.0


def closed_sessions(
    surveyed: SurveyedTable, condition: ActiveCondition | None
) -> list[SessionLength]:
    """The rows that are not active and have a start and an end after it.

    Where no column says when one ended, it is its last sign of life.
    """
    found = []
    ends = surveyed.end or surveyed.seen
    for row in surveyed.rows():
        start, end = surveyed.time(surveyed.start, row), surveyed.time(ends, row)
        is_closed = condition is None or not condition.holds(surveyed, row)
        if start is None or end is None or end < start or not is_closed:
            continue
        if end <= surveyed.sample.now + _FARTHEST:
            found.append(SessionLength(start, end, surveyed.time(surveyed.seen, row)))
    return found


def add_threshold(
    proposal: SourceProposal, surveyed: SurveyedTable, condition: ActiveCondition | None
) -> None:
    """Add orphaned_after, and what it makes orphaned now."""
    found = propose_threshold(closed_sessions(surveyed, condition))
    because = _lengths(found)
    rows = surveyed.rows()
    active = [row for row in rows if condition is None or condition.holds(surveyed, row)]
    if active:
        silent = _orphaned(surveyed, active, found.seconds)
        part = "" if surveyed.sample.is_whole else " of the sample"
        because += f"; of {len(active)} active{part}, {silent} would be orphaned now"
        if 2 * len(active) > surveyed.sample.count and 2 * silent > len(active) and condition:
            # As in a table of memberships, few of which have ended, and these early.
            most = f"{len(active)} of {surveyed.sample.count} rows are active"
            why = f"{most}, and {silent} of these for longer than {format_duration(found.seconds)}"
            proposal.doubt("table", f"are these sessions? {why}")
    shown = format_duration(found.seconds)
    proposal.lines.append(Line("orphaned_after", shown, because))
    if found.question is not None:
        proposal.ask("orphaned_after", f"is {shown} right? {found.question}")
    if surveyed.seen is not None and found.count:
        overlong = format_duration(round_up(max(3 * found.p999, 2 * found.seconds)))
        why = "for sessions whose heartbeat never stops"
        proposal.lines.append(Line("overlong_after", overlong, why, is_suggestion=True))


def _lengths(found: ThresholdProposal) -> str:
    if not found.count:
        return "a first guess"
    left = f", {found.left_out} left out" if found.left_out else ""
    return (
        f"3 x p99 of {found.count} closed rows{left}: p50 {age(found.p50)}, p99 {age(found.p99)}, "
        f"p99.9 {age(found.p999)}"
    )


def _orphaned(surveyed: SurveyedTable, active: list[int], seconds: float) -> int:
    """How many of the active rows were last seen longer ago."""
    count = 0
    for row in active:
        times = (surveyed.time(surveyed.start, row), surveyed.time(surveyed.seen, row))
        last = max((each for each in times if each is not None), default=None)
        count += last is not None and surveyed.sample.now - last > seconds
    return count
