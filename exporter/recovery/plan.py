"""What a recovery by hand would do now, and what speaks against it. Nothing is written."""

from dataclasses import dataclass

from exporter.config import Source
from exporter.postgres import Reader
from exporter.recovery.audit.control import Pause, find_pause_or_error
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.close.candidates import Preview, read_previews
from exporter.recovery.decision.brakes import find_brakes
from exporter.recovery.decision.observation import (
    SessionCounts,
    count_sessions,
    find_evidence_error,
)
from exporter.recovery.functions.installed import InstalledFunction, find_recover_function
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule, read_naming_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection, orphaned_sessions


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, with the sessions that were silent for longest first."""

    selection: Selection
    counts: SessionCounts
    previews: tuple[Preview, ...]
    future_ends: str = ""
    """What is wrong where sessions would get an end in the future."""
    hidden: str = ""
    """Why there are no previews."""
    function: InstalledFunction | None = None
    """What closes the sessions, where that is not done by statements."""
    pause: Pause | None = None
    """That of automatic recovery; it does not hold by hand."""
    pause_error: str = ""
    """Why it is not known whether there is one."""

    @property
    def backlog(self) -> int:
        """How many sessions of the backlog would be closed too."""
        return self.counts.backlog if self.selection.with_backlog else 0

    @property
    def count(self) -> int:
        return self.counts.ready + self.backlog

    @property
    def brakes(self) -> list[str]:
        """A sentence for each brake; all candidates are new to a run by hand, without grace."""
        counts, settings = self.counts, self.selection.rule.table.source.recovery
        return [*find_brakes(counts, settings, new=counts.ready, backlog=self.backlog).values()]


async def make_plan(reader: Reader, source: Source, *, with_backlog: bool, limit: int) -> Plan:
    """Check everything, count, and preview up to `limit` sessions. Raises SourceError."""
    rule = await bind_rule(reader, source)
    function = await find_recover_function(reader, rule)
    await check_rule(reader, rule, writes=function is None)
    await require_audit(reader)
    counts = await count_by_hand(reader, rule)
    selection = orphaned_sessions(rule, with_backlog=with_backlog)
    ends = await future_ends(reader, selection)
    previews, hidden = await read_previews(reader, selection, limit=limit)
    pause, pause_error = await find_pause_or_error(reader, source.name)
    return Plan(selection, counts, previews, ends, hidden, function, pause, pause_error)


async def count_by_hand(reader: Reader, rule: Rule) -> SessionCounts:
    """Count the active sessions by category.

    Raises SourceError, in the words of the brake `blind` where the evidence cannot be read.
    """
    if error := await find_evidence_error(reader, rule):
        settings = rule.table.source.recovery
        brakes = find_brakes(SessionCounts(), settings, new=0, blind=str(error))
        raise type(error)(brakes["blind"])
    return await count_sessions(reader, rule)


async def future_ends(reader: Reader, selection: Selection) -> str:
    """What is wrong where sessions that would be closed now would get an end in the future."""
    statement = selection.statement("recovery/plan/future_ends")
    ((count,),) = await read_naming_key(reader, selection.rule, statement)
    if not count:
        return ""
    return (
        f"{count} of them would get an end in the future, and a duration longer than the session; "
        "write end_at as least(now(), …)"
    )
