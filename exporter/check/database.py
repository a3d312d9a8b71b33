"""Whether a database can be reached, as which role, and what its server is."""

from collections.abc import AsyncIterator

from exporter.check.findings import Finding, FindingWriter
from exporter.clock import Clock
from exporter.errors import SourceError
from exporter.postgres import Database
from exporter.queries import fill

#: A larger difference of clocks, in seconds, is a warning: Prometheus compares its own time with
#: timestamps of the database.
CLOCK_TOLERANCE = 2.0


async def check_database(database: Database, clock: Clock) -> AsyncIterator[Finding]:
    """Check the connection, whether the server is a standby, and its clock."""
    findings = FindingWriter(database.name)
    before = clock.wall()
    try:
        (row,) = await database.reader().rows(fill("check/server"))
    except SourceError as error:
        yield findings.failed("connection", str(error))
        return
    after = clock.wall()
    user, name, version, is_standby, now = row
    yield findings.ok("connection", f"connected to {name} on PostgreSQL {version} as {user}")
    yield _replica(database, findings, is_standby=is_standby)
    yield _clock(findings, now - (before + after) / 2, CLOCK_TOLERANCE + (after - before) / 2)


def _replica(database: Database, findings: FindingWriter, *, is_standby: bool) -> Finding:
    if not is_standby:
        return findings.ok("replica", "it is a primary")
    lag = database.replica_lag
    behind = "its lag is unknown" if lag is None else f"{lag:.1f} s behind its primary"
    return findings.ok("replica", f"it is a standby, {behind}: it can be collected from")


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
