"""Everything that `check --live` checks of a database and of the sources in it."""

from collections.abc import AsyncIterator, Iterable

from exporter.check.database import check_database
from exporter.check.findings import Finding, Status
from exporter.check.recovery import check_recovery
from exporter.check.source import check_source
from exporter.clock import Clock
from exporter.config import Config, Source
from exporter.postgres import Database


async def check_config(config: Config, clock: Clock) -> AsyncIterator[Finding]:
    """Check every database of the config, and the sources in each."""
    for name, settings in config.databases.items():
        database = Database(settings)
        sources = [each for each in config.sources.values() if name in each.databases]
        async for finding in check_all(database, sources, clock):
            yield finding
        await database.close()


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
