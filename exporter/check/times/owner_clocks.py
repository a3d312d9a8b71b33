"""Whether the reports of owners in a table are plausible, by the clock of the database."""

from collections.abc import AsyncIterator

from exporter.check.findings import Finding, FindingWriter
from exporter.config import format_duration
from exporter.config.evidence import OwnerSource
from exporter.errors import SourceError
from exporter.postgres import Reader
from exporter.queries import fill
from exporter.sessions import CLOCK_QUERY, STATEMENT_TIME, relation
from exporter.text import age

#: A report that is further in the future, in seconds, was written by another clock.
TOLERANCE = 5.0

ADVICE = "write now() of the database, as the clock of a server may be off"


async def check_owner_clocks(
    reader: Reader, settings: OwnerSource, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """One finding about the newest report, if a table has the times of reports.

    An owner whose clock is late by more than `within` counts as dead, one whose clock is ahead as
    alive for that much longer after its death.
    """
    if settings.table is None or settings.table.seen_at is None:
        return
    name, within = f"owners {settings.name} clock", settings.table.within
    try:
        table = await relation.find(reader, settings.table.table)
        seen_at = table.expression(settings.table.seen_at)
        silence = await reader.value(
            fill(
                "evidence/newest_report",
                clock=CLOCK_QUERY,
                now=STATEMENT_TIME.now,
                table=table.sql,
                seen_at=seen_at,
            )
        )
    except SourceError:
        return  # what was answered says it
    if silence is None:
        return
    if silence < -TOLERANCE:
        found = f"the newest seen_at is {age(-silence)} in the future: {ADVICE}"
    elif silence > within / 2:
        found = (
            f"the newest seen_at is {age(silence)} old, and within is {format_duration(within)}: "
            f"either no owner has reported since, or reports are rare, or clocks are late; {ADVICE}"
        )
    else:
        yield findings.ok(name, f"the newest seen_at is {age(max(silence, 0.0))} old")
        return
    yield findings.warning(name, found)
