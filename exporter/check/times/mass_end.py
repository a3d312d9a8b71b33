"""Sessions that ended at the same microsecond: a single statement has closed them."""

from collections.abc import AsyncIterator

from exporter.check.findings import Finding, FindingWriter
from exporter.collection.daily import recovered_rows
from exporter.config import DailySettings
from exporter.errors import BadData, SourceError
from exporter.postgres import Reader
from exporter.sessions import Moment, SessionTable, interval, orphaned
from exporter.sessions.grants import audit_access
from exporter.sessions.grants.audit_access import AuditAccess
from exporter.text import number_of

#: Fewer may belong to one user or one call, which an application ends together.
FEWEST = 10

#: The number of newest closed sessions to read, which takes the server 0.2 s.
MOST_READ = 100_000


async def check_mass_end(
    reader: Reader, table: SessionTable, daily: DailySettings, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """One finding, where ends are declared; sessions that recovery has closed do not count."""
    name, end = "mass end", table.ended_at
    if end is None:
        return
    try:
        is_audited, is_known = await _find_audit(reader, table)
        found = await reader.rows(_query(table, end, daily, is_audited=is_audited))
    except BadData:
        return  # the evaluation for daily reports it
    except SourceError as error:
        yield findings.warning(name, f"whether sessions ended together is unknown: {error}")
        return
    days = f"the last {daily.days} days" if daily.days > 1 else "today"
    if not found:
        yield findings.ok(
            name, f"no {FEWEST} closed sessions or more of {days} ended at the same microsecond"
        )
        return
    ((moment, count, moments, sessions),) = found
    others = ""
    if moments > 1:
        others = (
            f", and {sessions - count} at "
            f"{number_of(moments - 1, 'other such moment', 'other such moments')}"
        )
    own = "" if is_known else "session-exporter (compare `session-exporter runs`), "
    yield findings.warning(
        name,
        f"{count} closed sessions of {days} ended at exactly {moment}{others}: a single statement "
        f"closed them, run by {own}the application, a job or a person. They count as ended, "
        "although they may have been lost, or may live",
    )


async def _find_audit(reader: Reader, table: SessionTable) -> tuple[bool, bool]:
    """Whether its rows can be left out, and whether there are none that cannot."""
    try:
        (result,) = await reader.read(audit_access.access_query())
    except SourceError:
        return False, False
    access = audit_access.access_of(result)
    is_audited = bool(table.id) and access is AuditAccess.READABLE
    return is_audited, is_audited or access is AuditAccess.ABSENT


def _query(table: SessionTable, end: Moment, daily: DailySettings, *, is_audited: bool) -> str:
    since = f"(pg_catalog.now() - {interval(86400.0 * daily.days)})"
    return table.statement(
        "plausibility/mass_end",
        start=table.started_at.sql,
        end=orphaned.end_of_closed(table.started_at.sql, end.sql),
        id=recovered_rows.id_array(table) if is_audited else "NULL",
        started=table.started_at.from_(since),
        active=table.active,
        order=table.started_at.raw,
        limit=str(MOST_READ),
        fewest=str(FEWEST),
        recovered=recovered_rows.is_recovered(table) if is_audited else "false",
    )
