"""Whether `orphaned_after` can be right: of each row, and beside the silence of what lives."""

from collections.abc import AsyncIterator

from exporter.check.findings import Finding, FindingWriter
from exporter.config import format_duration
from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.recovery.rule.rule import Rule
from exporter.sessions import SessionTable
from exporter.text import age

#: Of fewer sessions, 5 % are not one.
FEWEST = 20

#: Thresholds of rows that are shorter or longer than these, in seconds, are in another unit.
SHORTEST, LONGEST = 10.0, 3650 * 86400.0


async def check_row_thresholds(
    reader: Reader, table: SessionTable, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """Say what the thresholds of the rows are, and how many cannot be used. Raises SourceError."""
    own = table.own_seconds
    if own is None:
        return
    statement = table.statement("plausibility/thresholds", seconds=own, last_seen=table.last_seen)
    try:
        ((count, unusable, shortest, middle, longest),) = await reader.rows(statement)
    except BadData:
        return  # the evaluation of every expression reports it
    if unusable:
        yield findings.warning(
            "unusable thresholds",
            f"of {unusable} of {count} active sessions, orphaned_after gives NULL, zero, a "
            "negative or infinite interval, or one of more than 1,000 years; they are never "
            "orphaned, and count as inconsistent, kind unbounded",
        )
    if middle is None:
        return
    found = f"from {age(shortest)} to {age(longest)}, with a median of {age(middle)}"
    if SHORTEST <= middle <= LONGEST:
        yield findings.ok("thresholds", found)
    else:
        unit = "too large" if middle > LONGEST else "too small"
        yield findings.warning(
            "thresholds", f"{found}; does sql in orphaned_after count in a unit that is {unit}?"
        )


async def check_threshold(
    reader: Reader, rule: Rule, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """Compare the threshold with how long sessions are silent now. Raises SourceError.

    Where only the start is known, the silence is an age, of which half the threshold is no limit.
    Where each row has a threshold of its own, there is none to compare with.
    """
    if rule.table.threshold is not None:
        return
    ((count, silence),) = await reader.rows(rule.statement("check/silence"))
    if count < FEWEST:
        return
    found = (
        f"5 % of the {count} live sessions were silent for {format_duration(round(silence))} or "
        f"more; orphaned_after is {format_duration(rule.table.source.recovery_threshold)}"
    )
    if rule.table.last_seen_at is not None and silence > rule.table.source.settle_time:
        advice = "a session that lives should show it at least twice within orphaned_after"
        yield findings.warning("recovery threshold", f"{found}, and {advice}; set a longer one")
    else:
        yield findings.ok("recovery threshold", found)
