"""Recovery by hand: the work of the commands recover, undo, close and resume. It prints nothing."""

import re
import uuid
from collections.abc import Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, replace

from exporter.config import Source, format_duration
from exporter.errors import SourceError
from exporter.postgres import Reader, Writer
from exporter.recovery import undo as undoing
from exporter.recovery.audit import control
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.audit.runs import find_run
from exporter.recovery.close.batches import CloseRun, make_closer
from exporter.recovery.close.candidates import (
    Outcome,
    Preview,
    find_candidates,
    read_ahead,
    read_previews,
)
from exporter.recovery.close.closer import EvidenceSettings, no_evidence
from exporter.recovery.close.planned_stop import StopPlan, clock, make_stop_plan
from exporter.recovery.decision.brakes import STOPS, find_brakes, stop_in_force
from exporter.recovery.decision.budget import left_today
from exporter.recovery.decision.decision import find_stop, pause_time
from exporter.recovery.decision.observation import Observation, Stop
from exporter.recovery.plan.observer import Observer
from exporter.recovery.plan.plan import Plan, require_evidence
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.limits import NO_LIMITS, Limits
from exporter.recovery.rule.selection import PlannedStop, Selection, held_sessions
from exporter.recovery.status import Pause, Run
from exporter.text import instant, number_of

#: A person who resumes has seen the held sessions within this time before, in seconds.
SEEN_WITHIN = 3600.0


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
    adapts: bool,
    evidence: EvidenceSettings = no_evidence,
) -> None:
    """Close the orphaned sessions; `outcome` has what was committed, also after a SourceError.

    `adapts` is whether the batch size adapts to the time for which rows may stay locked. The reader
    already has the first result of `evidence`.
    """
    recovery = plan.selection.rule.table.source.recovery

    def report(outcome: Outcome) -> None:
        progress(outcome)
        outcome.recovered.clear()  # there may be very many

    closer = make_closer(
        writer, reader, plan.selection, plan.function, reason=reason, evidence=evidence
    )
    run = CloseRun(closer, recovery.batch, recovery.pause, report, outcome, adapts)
    async with aclosing(read_ahead(find_candidates(reader, plan.selection))) as pages:
        async for page in pages:
            await run.close(page)


async def plan_stop(
    reader: Reader,
    source: Source,
    *,
    owner: str | None,
    even_live: bool,
    show: int,
    limits: Limits,
) -> StopPlan:
    """Plan a planned stop of one owner, or of all that has started until now.

    Raises SourceError, and UsageError for an owner or an id that the column's type cannot hold.
    """
    # The clock first: sessions that start later are not concerned.
    stop = PlannedStop(owner, await clock(reader), even_live)
    return await make_stop_plan(reader, source, stop, show=show, limits=limits)


async def plan_undo(
    reader: Reader, source: Source, run: uuid.UUID, limits: Limits
) -> tuple[Run, undoing.UndoPlan] | None:
    """Find a run of the source and plan undoing it; None if it is not found. Raises SourceError."""
    found = await find_run(reader, run)
    if found is None or found.source != source.name:
        return None
    return found, await undoing.plan_undo(reader, source, run, limits=limits)


@dataclass(frozen=True, slots=True)
class Held:
    """The orphaned sessions that wait for a person: held by a stop, or by the budget of a day."""

    stop: Stop
    """A stop; if a budget holds them, one that is not written."""
    is_written: bool
    count: int
    wave: int
    """The most of them that became orphaned within half of `orphaned_after` of each other."""
    selection: Selection
    previews: tuple[Preview, ...]
    hidden: str
    """Why there are no previews."""
    also: tuple[str, ...]
    """A sentence for each other brake that would stop them now, which a resume waives as well."""
    is_unseen: bool
    """Whether a person who decides now may have seen another stop, or only the pause."""

    @property
    def name(self) -> str:
        """The name of the stop for `--only`; an unwritten stop has no time of its own."""
        return began(self.stop.at) if self.is_written else f"{self.stop.brake}-{self.count}"

    def is_named(self, name: str) -> bool:
        """Whether a person who gives the name has seen all of these sessions.

        An unwritten stop may hold more since.
        """
        if self.is_written:
            return name == self.name
        brake, _, count = name.rpartition("-")
        is_whole = re.fullmatch("[0-9]{1,18}", count) is not None and int(count) >= self.count
        return brake == self.stop.brake and is_whole


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """The stop and pause that a person may resume, and why nothing would be closed even then."""

    held: Held | None
    paused: Pause | None
    obstacles: tuple[str, ...]
    """A sentence for each: the mode, the brakes that are on now and end automatically, and another
    rule of the exporters."""

    @property
    def is_needed(self) -> bool:
        """Whether there is a stop or a pause to resume."""
        return self.held is not None or self.paused is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stop and the pause for `--only`, by the time when each began."""
        held = () if self.held is None else (self.held.name,)
        return held if self.paused is None else (*held, began(self.paused.at))

    def only(self, names: Collection[str]) -> "ResumePlan":
        """The part that a person has named; "pause" is any pause."""
        held, paused = self.held, self.paused
        if held is not None and not any(map(held.is_named, names)):
            held = None
        if paused is not None and not {began(paused.at), "pause"}.intersection(names):
            paused = None
        return replace(self, held=held, paused=paused)

    def without(self, chosen: "ResumePlan") -> "ResumePlan":
        """The part that is not chosen."""
        held = self.held if chosen.held is None else None
        paused = self.paused if chosen.paused is None else None
        return replace(self, held=held, paused=paused, obstacles=())


def began(at: float) -> str:
    """When a stop or a pause began, as one word."""
    return instant(at).replace(" ", "T")


async def plan_resume(reader: Reader, source: Source, *, show: int) -> ResumePlan:
    """The sessions that wait for a person, up to `show` previews, and other obstacles.

    A brake that would stop automatic recovery holds them even if no exporter has found it yet.
    Raises SourceError, also if the evidence cannot be read, and if a person has nothing to decide
    because a brake is on that ends automatically.
    """
    rule = await bind_rule(reader, source)
    await require_audit(reader)
    observer = Observer(source)
    observation = await observer.observe(reader, rule, at=0.0)
    require_evidence(observation, source)
    obstacles = _find_obstacles(observation, source)
    if source.recovery.mode == "auto" and (at := await control.find_other_rule(reader, rule)):
        obstacles += (_other_rule_text(at),)
    paused = await control.find_pause(reader, source.name)
    stop, count = stop_in_force(observation), observation.control.held
    is_written = stop is not None
    if stop is None:
        stop, count = _find_unwritten_stop(observation, source), observation.closable
        if stop is None:
            return ResumePlan(None, paused, obstacles)
    selection = held_sessions(rule, stop.at)
    previews, hidden = await read_previews(reader, selection, show=show)
    wave = observer.held_wave(stop)
    brakes = find_brakes(observation, source.recovery).items()
    also = tuple(why for brake, why in brakes if brake in STOPS and brake != stop.brake)
    is_unseen = observation.now - stop.at < SEEN_WITHIN and (
        (paused is not None and paused.at < stop.at)
        or await control.had_other_stop(reader, source.name, stop, within=SEEN_WITHIN)
    )
    held = Held(stop, is_written, count, wave, selection, previews, hidden, also, is_unseen)
    return ResumePlan(held, paused, obstacles)


def _find_obstacles(observation: Observation, source: Source) -> tuple[str, ...]:
    """Why automatic recovery closes nothing now, even after a resume."""
    recovery = source.recovery
    if recovery.mode != "auto":
        return (f"mode {recovery.mode}: nothing is closed automatically; set recovery.mode: auto",)
    brakes = find_brakes(observation, recovery)
    wait = format_duration(pause_time(recovery, observation.half))
    return tuple(
        f"{why} Sessions have to show life first, and then for {wait} more"
        if brake == "silent"
        else why
        for brake, why in brakes.items()
        if brake not in STOPS
    )


def _other_rule_text(at: float) -> str:
    return (
        f"the exporters had another rule than this config at {instant(at)} (orphaned_after, "
        "max_age or an expression): restart them with this config, or resume with theirs"
    )


def _find_unwritten_stop(observation: Observation, source: Source) -> Stop | None:
    """The stop that automatic recovery would find now, or the budget as a stop."""
    count, recovery = observation.closable, source.recovery
    if recovery.mode != "auto" or not count:
        return None
    brakes = find_brakes(observation, recovery)
    if stop := find_stop(observation, brakes):
        return stop
    left = left_today(observation)
    if left is None or count <= left:
        return None
    if brakes:
        waiting = number_of(count, "session waits", "sessions wait")
        raise SourceError(
            f"{waiting} for the budget, and nothing was resumed, because this ends "
            f"without a person: {'; '.join(brakes.values())}"
        )
    orphaned = number_of(count, "session is orphaned", "sessions are orphaned")
    why = f"{orphaned}, and the budget of 24 hours allows {left} more"
    return Stop(observation.now, "budget", why)


async def resume(
    reader: Reader, writer: Writer, source: Source, plan: ResumePlan, *, reason: str | None
) -> tuple[Held | None, Pause | None]:
    """End the planned pause and stop; return what was ended.

    Raises SourceError, such as PermissionDenied for a role that is not an operator.
    """
    held, ended = plan.held, None
    if held is not None and await control.resumed_until(reader, source.name) >= held.stop.at:
        held = None  # another person was faster
    if held is not None or plan.paused is not None:
        await control.require_operator(writer)
    if plan.paused is not None:
        ended = await control.resume(writer, source.name, plan.paused, reason=reason)
    if held is not None:
        async with writer.transaction() as transaction:
            if not held.is_written:
                await control.write_stop(transaction, source.name, held.stop)
            await control.resume_stop(
                transaction,
                held.selection.rule,
                held.stop,
                held=held.count,
                wave=held.wave,
                reason=reason,
            )
    return held, ended
