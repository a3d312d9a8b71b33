"""Recovery by hand: what the commands recover, undo and close do. Nothing here prints.

Each begins with a plan, which reads only.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from exporter.config import Source, format_duration
from exporter.errors import PermissionDenied, SourceError
from exporter.postgres import Reader, Writer
from exporter.recovery.audit.control import Pause, find_pause
from exporter.recovery.audit.runs import Run, find_run
from exporter.recovery.close.batches import CloseRun, Outcome
from exporter.recovery.close.by_function import make_closer
from exporter.recovery.close.candidates import find_candidates
from exporter.recovery.close.planned_stop import StopPlan, clock, make_stop_plan
from exporter.recovery.functions import installed
from exporter.recovery.functions.definitions import MOST
from exporter.recovery.plan import Plan, make_plan
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import RECENT, PlannedStop
from exporter.recovery.undo import UndoOutcome, UndoPlan, UndoRun, plan_undo


@dataclass(frozen=True, slots=True)
class PreparedUndo:
    """One run, and what undoing it would do."""

    run: Run
    rule: Rule
    plan: UndoPlan
    function: installed.InstalledFunction | None
    is_closed_again: bool
    """Whether automatic recovery is on, and not known to be paused."""


async def prepare_recovery(
    reader: Reader, source: Source, *, with_backlog: bool, limit: int
) -> Plan:
    """Check everything, and plan with up to `limit` previews. Raises SourceError."""
    rule = await bind_rule(reader, source)
    function = await installed.find_recover_function(reader, rule)
    await check_rule(reader, rule, writes=function is None)
    plan = await make_plan(reader, rule, with_backlog=with_backlog, limit=limit)
    pause, pause_error = await _find_pause(reader, source)
    return replace(plan, function=function, pause=pause, pause_error=pause_error)


def require_no_brake(plan: Plan) -> None:
    """Raise SourceError where a brake is on."""
    if plan.brakes:
        raise SourceError(
            "nothing was closed, because a brake is on; check the plan, and if it is right, add "
            "--despite-brake"
        )


async def recover(
    reader: Reader,
    writer: Writer,
    plan: Plan,
    progress: Callable[[Outcome], None],
    outcome: Outcome,
) -> None:
    """Close the orphaned sessions.

    What was committed is in `outcome`, also where an error ends it. Raises SourceError.
    """
    rule, with_backlog = plan.rule, plan.with_backlog
    recovery = rule.table.source.recovery

    def report(outcome: Outcome) -> None:
        progress(outcome)
        outcome.recovered.clear()  # there may be very many

    closer = make_closer(
        writer, reader, rule, plan.function, trigger="manual", with_backlog=with_backlog
    )
    run = CloseRun(closer, recovery.batch, recovery.pause, report, outcome)
    async for page in find_candidates(reader, rule, with_backlog=with_backlog):
        await run.close(page)


async def prepare_undo(reader: Reader, source: Source, run: uuid.UUID) -> PreparedUndo | None:
    """Plan to undo a run; None where the audit has no such run of this source.

    Raises SourceError.
    """
    found = await find_run(reader, run)
    if found is None or found.source != source.name:
        return None
    rule = await bind_rule(reader, source)
    function = await installed.find_undo_function(reader, rule)
    plan = await plan_undo(reader, rule, run)
    is_closed_again = False
    if plan.numbers and source.recovery.mode == "auto":
        pause, _ = await _find_pause(reader, source)
        is_closed_again = pause is None
    return PreparedUndo(found, rule, plan, function, is_closed_again)


async def undo(writer: Writer, prepared: PreparedUndo) -> UndoOutcome:
    """Undo what the plan says. Raises SourceError; what was committed stays."""
    recovery = prepared.rule.table.source.recovery
    run = UndoRun(writer, prepared.rule, prepared.plan, prepared.function)
    return await run.run(batch=min(recovery.batch, MOST), pause=recovery.pause)


async def prepare_stop(
    reader: Reader, source: Source, *, server: str | None, even_live: bool, limit: int
) -> StopPlan:
    """Plan a planned stop: of the server, or of all that started before now.

    Raises SourceError, and UsageError for a server that the column's type cannot hold.
    """
    # The clock first: what starts from now on is not concerned.
    stop = PlannedStop(server, await clock(reader), even_live)
    rule = await bind_rule(reader, source)
    await check_rule(reader, rule)
    return await make_stop_plan(reader, rule, stop, limit=limit)


def require_stopped(plan: StopPlan) -> None:
    """Raise SourceError where sessions were seen recently, and that forbids the stop."""
    if plan.is_refused:
        raise SourceError(
            f"nothing was closed: {plan.seen_recently} of {plan.active} active sessions showed "
            f"life within the last {format_duration(RECENT)}, so the application seems to be "
            "running; stop it first, or add --even-live"
        )


async def _find_pause(reader: Reader, source: Source) -> tuple[Pause | None, str]:
    """The pause of automatic recovery, or why it is not known."""
    try:
        return await find_pause(reader, source.name), ""
    except PermissionDenied as error:
        return None, str(error)
