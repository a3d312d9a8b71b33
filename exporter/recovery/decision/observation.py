"""What one run of automatic recovery observes in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from exporter.errors import BackingOff, SourceError
from exporter.postgres import Reader
from exporter.queries import fill
from exporter.recovery.rule.checks import name_failing_key, read_naming_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions
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
        return self.live + self.quiet + self.unknown + self.orphaned

    @property
    def orphaned(self) -> int:
        return sum((self.alive, self.nameless, self.exempt, self.endless, self.backlog, self.ready))


class CandidateState(NamedTuple):
    """Any change of a candidate's row, and any sign of life, makes another one."""

    version: str
    last_seen: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run has observed. `server` is another value after a restart or a failover."""

    at: float
    counts: SessionCounts
    candidates: Mapping[str, CandidateState]
    """By session, longest silent first."""
    server: str
    blind: str = ""
    """Why the evidence cannot be read; then nothing is counted."""


async def observe(reader: Reader, rule: Rule, *, at: float) -> Observation:
    """Observe the sessions at monotonic time `at`. Raises SourceError."""
    server = str(await reader.value(fill("recovery/plan/server")))
    if error := await find_evidence_error(reader, rule):
        return Observation(at, SessionCounts(), {}, server, blind=str(error))
    counts = await count_sessions(reader, rule)
    orphans = orphaned_sessions(rule, with_backlog=False)
    rows = await read_naming_key(reader, rule, orphans.statement("recovery/plan/observation"))
    candidates = {session: CandidateState(*state) for session, *state in rows}
    return Observation(at, counts, candidates, server)


async def find_evidence_error(reader: Reader, rule: Rule) -> SourceError | None:
    """Why the evidence cannot be read, or None. Raises BackingOff."""
    try:
        await reader.read(rule.statement("recovery/plan/evidence"))
    except BackingOff:
        raise
    except SourceError as error:
        return await name_failing_key(reader, rule, error)
    return None


async def count_sessions(reader: Reader, rule: Rule, *, only: str = "true") -> SessionCounts:
    """Count the active sessions by category, or only some of them, by a condition.

    Raises SourceError that names the failing key.
    """
    statement = rule.statement(
        "recovery/plan/counts",
        rows=rule.table.rows if only == "true" else f"{rule.table.rows} AND {only}",
        tolerance=interval(rule.table.source.future_tolerance),
        quiet=interval(quiet_after(rule)),
    )
    return SessionCounts(**dict(await read_naming_key(reader, rule, statement)))


def quiet_after(rule: Rule) -> float:
    """For how long a session counts as a sign of life of the application, in seconds.

    Heartbeats come one after the other: when the application stops, its first sessions are orphaned
    before its last heartbeat is as old. By then the application has to count as silent. A start
    comes once.
    """
    after = rule.table.source.orphaned_after
    return after if rule.table.last_seen_at is None else after / 2
