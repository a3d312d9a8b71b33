"""Whether the page for orphaned sessions would fire for the present orphans.

So a first installation on a table with years of lost sessions does not page by surprise.
"""

from collections.abc import AsyncIterator

from exporter import sessions
from exporter.check.findings import Finding, FindingWriter
from exporter.config import Source
from exporter.errors import SourceError
from exporter.postgres import Database
from exporter.sessions.orphan_list import OrphanList, list_orphans
from exporter.sessions.verdict import Verdict
from exporter.text import age, instant

#: The document about the first day without a page.
DOCUMENT = "docs/first_day.md"


async def check_paging(
    database: Database, source: Source, verdict: Verdict
) -> AsyncIterator[Finding]:
    """Compare the orphaned sessions with `alert_above`; nothing where they cannot be read."""
    if source.alert_above is None:
        return
    findings = FindingWriter(database.name, source.name)
    reader = database.reader(timezone=sessions.time_zone(source))
    try:
        table = await sessions.bind(reader, source)
        found = await list_orphans(reader, table, limit=1, verdict=verdict)
    except SourceError:
        return  # the other checks report it
    yield paging_finding(findings, found, source.alert_above)


def paging_finding(findings: FindingWriter, found: OrphanList, alert_above: int) -> Finding:
    """Whether this number of orphans would page; the list has at least the oldest orphan."""
    counted = f"{found.orphaned_count} orphaned, alert_above is {alert_above}"
    if found.orphaned_count <= alert_above:
        return findings.ok("alert", f"{counted}: no page")
    oldest = found.orphans[0]
    return findings.warning(
        "alert",
        f"{counted}: this would page; the oldest was last seen "
        f"{instant(oldest.last_seen)}, {age(oldest.silence)} ago; see {DOCUMENT}",
    )
