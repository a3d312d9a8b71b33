"""What one run of automatic recovery observes in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from exporter.errors import BackingOff, BadData, SourceError
from exporter.postgres import Reader
from exporter.queries import fill
from exporter.recovery.decision.counts import SessionCounts, count_sessions
from exporter.recovery.rule.failing_expression import blame
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphans, selected


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
    statement = fill(
        "recovery/plan/observation",
        id=rule.id,
        last_seen=rule.table.last_seen,
        table=rule.table.table,
        order=rule.table.last_seen_order,
        **selected(rule, orphans(rule, with_backlog=False)),
    )
    counts = await count_sessions(reader, rule)
    try:
        rows = await reader.rows(statement)
    except BadData as error:
        raise await blame(reader, rule, error) from None
    candidates = {session: CandidateState(*state) for session, *state in rows}
    return Observation(at, counts, candidates, server)


async def find_evidence_error(reader: Reader, rule: Rule) -> SourceError | None:
    """Why the evidence cannot be read, or None. Raises BackingOff."""
    statement = fill(
        "recovery/plan/evidence", alive=rule.alive, table=rule.table.table, rows=rule.table.rows
    )
    try:
        await reader.read(statement)
    except BackingOff:
        raise
    except SourceError as error:
        return await blame(reader, rule, error)
    return None
