"""What a recovery by hand would do now, and what speaks against it. Nothing is written."""

from dataclasses import dataclass

from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.recovery.audit.control import Pause
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.close.candidates import Preview, read_previews
from exporter.recovery.decision.brakes import brake_sentences, situation_by_hand
from exporter.recovery.decision.observation import (
    SessionCounts,
    count_sessions,
    find_evidence_error,
)
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.checks import name_failing_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions, selected


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, with the sessions that were silent for longest first."""

    rule: Rule
    counts: SessionCounts
    with_backlog: bool
    previews: tuple[Preview, ...]
    future_ends: int = 0
    """How many sessions would get an end in the future."""
    hidden: str = ""
    """Why there are no previews."""
    function: InstalledFunction | None = None
    """What closes the sessions, where that is not done by statements."""
    pause: Pause | None = None
    """That of automatic recovery; it does not hold by hand."""
    pause_error: str = ""
    """Why it is not known whether there is one."""

    @property
    def count(self) -> int:
        return self.counts.ready + (self.counts.backlog if self.with_backlog else 0)

    @property
    def brakes(self) -> tuple[str, ...]:
        situation = situation_by_hand(self.counts, with_backlog=self.with_backlog)
        return brake_sentences(situation, self.rule.table.source.recovery)


async def make_plan(reader: Reader, rule: Rule, *, with_backlog: bool, limit: int) -> Plan:
    """Count the sessions, and preview up to `limit`. Raises SourceError."""
    await require_audit(reader)
    counts = await count_by_hand(reader, rule)
    try:
        future_ends = await count_future_ends(reader, rule, with_backlog=with_backlog)
    except BadData as error:
        raise await name_failing_key(reader, rule, error) from None
    previews, hidden = tuple[Preview, ...](), ""
    try:
        selection = orphaned_sessions(rule, with_backlog=with_backlog)
        previews = await read_previews(reader, rule, selection, limit=limit)
    except BadData as error:  # closing sets such a session aside, and goes on with the others
        hidden = str(await name_failing_key(reader, rule, error))
    return Plan(rule, counts, with_backlog, previews, future_ends, hidden)


async def count_by_hand(reader: Reader, rule: Rule) -> SessionCounts:
    """Count the active sessions by category.

    Raises SourceError, in the words of the brake `blind` where the evidence cannot be read.
    """
    if error := await find_evidence_error(reader, rule):
        situation = situation_by_hand(SessionCounts(), blind=str(error))
        raise type(error)(*brake_sentences(situation, rule.table.source.recovery))
    return await count_sessions(reader, rule)


async def count_future_ends(reader: Reader, rule: Rule, *, with_backlog: bool) -> int:
    """How many of the sessions that would be closed now would get an end in the future."""
    selection = orphaned_sessions(rule, with_backlog=with_backlog)
    statement = rule.statement("recovery/plan/future_ends", **selected(rule, selection))
    return int(await reader.value(statement))


def future_ends_text(count: int) -> str:
    """What is wrong with an end in the future, and what to do."""
    return (
        f"{count} of them would get an end in the future, and a duration longer than the session; "
        "write end_at as least(now(), …)"
    )
