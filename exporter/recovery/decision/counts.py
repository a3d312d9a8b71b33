"""The active sessions by category: live, quiet, backlog, ready to be closed, and so on."""

from dataclasses import dataclass

from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.recovery.rule.failing_expression import name_failing_key
from exporter.recovery.rule.rule import Rule
from exporter.sessions import interval


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """How many active sessions are in each category."""

    live: int = 0
    """Seen within quiet_after()."""
    quiet: int = 0
    """Not seen since then, and not orphaned."""
    unknown: int = 0
    """Without any time, or with one in the future: whether they live is unknown."""
    alive: int = 0
    """Orphaned by age, and proved alive by `evidence`."""
    nameless: int = 0
    """Without an id, so that the audit could not name them."""
    exempt: int = 0
    endless: int = 0
    """`end_at` gives no end for them."""
    backlog: int = 0
    ready: int = 0

    @property
    def active(self) -> int:
        """All of them."""
        return self.live + self.quiet + self.unknown + self.orphaned

    @property
    def orphaned(self) -> int:
        """Those that the metrics count as orphaned."""
        kept = self.alive + self.nameless + self.exempt + self.endless
        return kept + self.backlog + self.ready


async def count_sessions(reader: Reader, rule: Rule) -> SessionCounts:
    """Count the active sessions by category. Raises SourceError that names the failing key."""
    statement = rule.statement(
        "recovery/plan/counts",
        tolerance=interval(rule.table.source.future_tolerance),
        quiet=interval(quiet_after(rule)),
    )
    try:
        rows = await reader.rows(statement)
    except BadData as error:
        raise await name_failing_key(reader, rule, error) from None
    return SessionCounts(**dict(rows))


def quiet_after(rule: Rule) -> float:
    """For how long a session counts as a sign of life of the application, in seconds.

    Heartbeats come one after the other: when the application stops, its first sessions are orphaned
    before its last heartbeat is as old. By then the application has to count as silent. A start
    comes once.
    """
    after = rule.table.source.orphaned_after
    return after if rule.table.last_seen_at is None else after / 2
