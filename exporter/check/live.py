"""All checks of `check --live`, of a database and of its sources."""

from collections.abc import AsyncIterator, Iterable

from exporter.check.connection.encryption import check_encryption
from exporter.check.connection.own_timeouts import check_own_timeouts
from exporter.check.connection.search_path import check_search_path
from exporter.check.evidence import NOTHING_ASKED, EvidenceCheck
from exporter.check.findings import Finding, FindingWriter, Status
from exporter.check.paging import check_paging
from exporter.check.recovery import check_recovery
from exporter.check.source import check_source
from exporter.clock import Clock
from exporter.config import Config, Source
from exporter.errors import SourceError
from exporter.postgres import Database
from exporter.queries import fill

#: A larger difference of clocks, in seconds, is a warning: Prometheus compares its own time with
#: timestamps of the database.
CLOCK_TOLERANCE = 2.0


async def check_config(config: Config, clock: Clock) -> AsyncIterator[Finding]:
    """Check every database of the config, and the sources in each."""
    evidence = EvidenceCheck(config, clock)
    for name, settings in config.databases.items():
        database = Database(settings)
        sources = [each for each in config.sources.values() if name in each.databases]
        async for finding in check_all(database, sources, clock, evidence):
            yield finding
        await database.close()
    for listed in config.listed.values():
        for place in listed.databases:
            asked = Database(config.databases[place]) if place in config.databases else None
            async for finding in evidence.check_listed(listed, place, asked):
                yield finding
            if asked is not None:
                await asked.close()


async def check_all(
    database: Database,
    sources: Iterable[Source],
    clock: Clock,
    evidence: EvidenceCheck | None = None,
) -> AsyncIterator[Finding]:
    """Check a database and, if it can be reached, the sources in it."""
    is_reachable = True
    async for finding in _check_database(database, clock):
        is_reachable &= finding.status is not Status.FAILED
        yield finding
    for source in sources if is_reachable else ():
        said = list[str]()
        async for finding in _check_all_of_source(database, source, evidence):
            # Each problem once, although later checks, and those of recovery, fail with it too.
            # The commands for a DBA may be for another role.
            if finding.status is Status.FAILED and not finding.commands:
                if any(each.endswith(finding.message) for each in said):
                    continue
                said.append(finding.message)
            yield finding


async def _check_all_of_source(
    database: Database, source: Source, evidence: EvidenceCheck | None
) -> AsyncIterator[Finding]:
    async for finding in check_source(database, source):
        yield finding
    known = NOTHING_ASKED
    if evidence is not None and source.has_evidence:
        async for finding in evidence.check(database, source):
            yield finding
        known = evidence.known(database.name, source)
    async for finding in check_paging(database, source, known.verdict):
        yield finding
    if source.recovery.is_declared:
        async for finding in check_recovery(database.settings, source, known):
            yield finding


async def _check_database(database: Database, clock: Clock) -> AsyncIterator[Finding]:
    """Whether it can be reached, as which role, whether it is a standby, and its clock."""
    findings = FindingWriter(database.name)
    before = clock.wall()
    try:
        (row,) = await database.reader().rows(fill("check/server"))
    except SourceError as error:
        yield findings.failed("connection", str(error))
        return
    after = clock.wall()
    user, name, version, is_standby, now, _ = row
    yield findings.ok("connection", f"connected to {name} on PostgreSQL {version} as {user}")
    kind = "it is a primary"
    if is_standby:
        lag = database.replica_lag
        behind = "its lag is unknown" if lag is None else f"{lag:.1f} s behind its primary"
        kind = f"it is a standby, {behind}: it can be collected from"
    yield findings.ok("replica", kind)
    yield _clock(findings, now - (before + after) / 2, CLOCK_TOLERANCE + (after - before) / 2)
    try:
        reader = database.reader()
        yield await check_search_path(reader, findings, "search path", purpose="collection")
    except SourceError as error:
        yield findings.failed("search path", str(error))
    try:
        yield await check_own_timeouts(reader, findings, database.settings)
    except SourceError as error:
        yield findings.failed("time limits", str(error))
    try:
        yield await check_encryption(database, findings, "encryption")
    except SourceError as error:
        yield findings.failed("encryption", str(error))


def _clock(findings: FindingWriter, difference: float, tolerance: float) -> Finding:
    """Compare with this machine's clock; both arguments are in seconds."""
    if abs(difference) <= tolerance:
        return findings.ok(
            "clock", f"the server's clock differs from this machine's by {abs(difference):.3f} s"
        )
    direction = "ahead of" if difference > 0 else "behind"
    return findings.warning(
        "clock",
        f"the server's clock is {abs(difference):.1f} s {direction} this machine's; counts are "
        "correct, but ages that Prometheus computes are off by that",
    )
