"""Whether `orphaned_after` can be right: of each row, and beside the silence of what lives."""

from collections.abc import AsyncIterator

from exporter.check.findings import Finding, FindingWriter
from exporter.config import format_duration
from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.recovery.rule.rule import Rule
from exporter.sessions import TRANSACTION_TIME, SessionTable
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
    yield _spread(findings, shortest, middle, longest)
    recovery = table.source.recovery
    if recovery.mode != "disabled":
        wait = f"a session settles for half of the longest threshold, {age(longest / 2)}"
        if 1.5 * longest > recovery.max_age:
            yield findings.warning(
                "settling",
                f"{wait}; with max_age {format_duration(recovery.max_age)} some are backlog before "
                f"that; set one longer than {age(1.5 * longest)}",
            )
        else:
            yield findings.ok("settling", wait)


def _spread(findings: FindingWriter, shortest: float, middle: float, longest: float) -> Finding:
    """What the thresholds of the rows are, and whether they can be in the right unit."""
    found = f"from {age(shortest)} to {age(longest)}, with a median of {age(middle)}"
    if SHORTEST <= middle <= LONGEST:
        return findings.ok("thresholds", found)
    unit = "too large" if middle > LONGEST else "too small"
    return findings.warning(
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
    # What a list holds lives, however long its row has been silent.
    is_left_out = rule.table.orphaned(TRANSACTION_TIME)
    if rule.table.source.list is not None:
        is_left_out = f"{is_left_out} OR {rule.table.is_live_in_list(TRANSACTION_TIME)}"
    statement = rule.statement("check/silence", orphaned=is_left_out)
    ((count, silence),) = await reader.rows(statement)
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
