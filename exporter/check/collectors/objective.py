"""Whether enough sessions start for the objective of a source to be meaningful."""

from collections.abc import AsyncIterator

from exporter.check.collectors.needed_sessions import DAYS, needs_of, sessions_needed
from exporter.check.findings import Finding, FindingWriter
from exporter.collection.daily import calendar_days
from exporter.config.source import settled_days_ago
from exporter.postgres import Reader
from exporter.sessions import SessionTable


async def check_objective(
    reader: Reader, table: SessionTable, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """One finding for a source with an objective. Raises SourceError.

    The days end with the last day whose sessions can no longer become orphaned, as in the rules.
    """
    source = table.source
    if source.objective is None:
        return
    settled = settled_days_ago(source.orphaned_after)
    listed = await reader.rows(calendar_days.days_query(table, days=DAYS + settled))
    days = calendar_days.days_from(listed)[:DAYS]
    started = calendar_days.started_within(table, days)
    needed = sessions_needed(source.objective)
    count = await reader.value(
        table.statement("collection/daily/started", started=started, most=str(needed))
    )
    if count < needed:
        text = f"{needs_of(source.objective)}; you have {count}"
        yield findings.warning("objective", text)
    else:
        yield findings.ok("objective", f"{needs_of(source.objective)}, and has them")
