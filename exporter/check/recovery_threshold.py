"""Whether `orphaned_after` leaves room above the silence of sessions that live."""

from collections.abc import AsyncIterator

from exporter.check.findings import Finding, FindingWriter
from exporter.config import format_duration
from exporter.postgres import Reader
from exporter.recovery.rule.rule import Rule

#: Of fewer sessions, 5 % are not one.
FEWEST = 20


async def check_threshold(
    reader: Reader, rule: Rule, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """Compare the threshold with how long sessions are silent now. Raises SourceError.

    Where only the start is known, the silence is an age, of which half the threshold is no limit.
    """
    ((count, silence),) = await reader.rows(rule.statement("check/silence"))
    if count < FEWEST:
        return
    found = (
        f"5 % of the {count} live sessions were silent for {format_duration(round(silence))} or "
        f"more; orphaned_after is {format_duration(rule.table.source.orphaned_after)}"
    )
    if rule.table.last_seen_at is not None and silence > rule.table.source.settle_time:
        advice = "a session that lives should show it at least twice within orphaned_after"
        yield findings.warning("recovery threshold", f"{found}, and {advice}; set a longer one")
    else:
        yield findings.ok("recovery threshold", found)
