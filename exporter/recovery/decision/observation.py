"""What one run of automatic recovery observes in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from exporter.errors import BackingOff, BadData, SourceError
from exporter.postgres import Reader
from exporter.queries import fill
from exporter.recovery.decision.counts import SessionCounts, count_sessions
from exporter.recovery.rule.failing_expression import name_failing_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions, selected


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
    parts = selected(rule, orphaned_sessions(rule, with_backlog=False))
    counts = await count_sessions(reader, rule)
    try:
        rows = await reader.rows(rule.statement("recovery/plan/observation", **parts))
    except BadData as error:
        raise await name_failing_key(reader, rule, error) from None
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
