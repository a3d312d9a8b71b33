"""Recovery by hand: what the commands recover, undo and close do. Nothing here prints."""

import uuid
from collections.abc import Callable

from exporter.config import Source
from exporter.errors import SourceError
from exporter.postgres import Reader, Writer
from exporter.recovery import undo as undoing
from exporter.recovery.audit.runs import Run, find_run
from exporter.recovery.close.batches import CloseRun
from exporter.recovery.close.by_function import make_closer
from exporter.recovery.close.candidates import Outcome, find_candidates
from exporter.recovery.close.planned_stop import StopPlan, clock, make_stop_plan
from exporter.recovery.plan import Plan
from exporter.recovery.rule.limits import NO_LIMITS, Limits
from exporter.recovery.rule.selection import PlannedStop


def require_no_brake(plan: Plan) -> None:
    """Raise SourceError where a brake is on."""
    if not plan.brakes:
        return
    limited = ""
    if plan.limits != NO_LIMITS:
        limited = " for the whole source, whatever part of it is to be closed"
    named = " to close the sessions that --id names" if plan.limits.ids else ""
    raise SourceError(
        f"nothing was closed, because a brake is on{limited}; check the plan, and if it is right, "
        f"add --despite-brake{named}"
    )


def require_past_ends(plan: Plan) -> None:
    """Raise SourceError where sessions would get an end in the future."""
    if plan.future_ends:
        raise SourceError(f"nothing was closed: {plan.future_ends}")


async def recover(
    reader: Reader,
    writer: Writer,
    plan: Plan,
    progress: Callable[[Outcome], None],
    outcome: Outcome,
    *,
    reason: str | None,
) -> None:
    """Close the orphaned sessions; `outcome` has what was committed, also after a SourceError."""
    recovery = plan.selection.rule.table.source.recovery

    def report(outcome: Outcome) -> None:
        progress(outcome)
        outcome.recovered.clear()  # there may be very many

    closer = make_closer(
        writer, reader, plan.selection, plan.function, trigger="manual", reason=reason
    )
    run = CloseRun(closer, recovery.batch, recovery.pause, report, outcome)
    async for page in find_candidates(reader, plan.selection):
        await run.close(page)


async def plan_stop(
    reader: Reader,
    source: Source,
    *,
    server: str | None,
    even_live: bool,
    show: int,
    limits: Limits,
) -> StopPlan:
    """Plan a planned stop of a server, or of all that has started until now.

    Raises SourceError, and UsageError for a server or an id that the column's type cannot hold.
    """
    # The clock first: what starts from now on is not concerned.
    stop = PlannedStop(server, await clock(reader), even_live)
    return await make_stop_plan(reader, source, stop, show=show, limits=limits)


async def plan_undo(
    reader: Reader, source: Source, run: uuid.UUID, limits: Limits
) -> tuple[Run, undoing.UndoPlan] | None:
    """Find a run of the source and plan undoing it; None where it has none. Raises SourceError."""
    found = await find_run(reader, run)
    if found is None or found.source != source.name:
        return None
    return found, await undoing.plan_undo(reader, source, run, limits=limits)
