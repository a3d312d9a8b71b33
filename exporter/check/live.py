"""Everything that `check --live` checks of a database and of the sources in it."""

from collections.abc import AsyncIterator, Iterable

from exporter.check.database import check_database
from exporter.check.findings import Finding, Status
from exporter.check.recovery import check_recovery
from exporter.check.source import check_source
from exporter.clock import Clock
from exporter.config import Source
from exporter.postgres import Database


async def check_all(
    database: Database, sources: Iterable[Source], clock: Clock
) -> AsyncIterator[Finding]:
    """Check a database and, if it can be reached, the sources in it."""
    is_reachable = True
    async for finding in check_database(database, clock):
        is_reachable &= finding.status is not Status.FAILED
        yield finding
    for source in sources if is_reachable else ():
        async for finding in check_source(database, source):
            yield finding
        if source.recovery.is_declared:
            async for finding in check_recovery(database.settings, source):
                yield finding
