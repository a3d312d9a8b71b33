"""Closing the active sessions on a planned stop: of one owner, or of the whole application."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from exporter.config import Source, format_duration
from exporter.errors import BadData, SourceError, UsageError
from exporter.postgres import Reader, Writer
from exporter.queries import fill
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.close.batches import CloseRun
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.candidates import (
    Candidate,
    Outcome,
    count_undone,
    find_candidates,
    read_previews,
)
from exporter.recovery.close.chosen import NEVER_CLOSED, Chosen, explain_unselected
from exporter.recovery.close.closer import EvidenceSettings, no_evidence
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule
from exporter.recovery.rule.limits import Limits, check_ids
from exporter.recovery.rule.owner import is_of_owner, owner_column
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import (
    RECENT,
    PlannedStop,
    Selection,
    heeds_list,
    is_concerned,
    seen_recently,
    stopping_sessions,
)
from exporter.sessions import TRANSACTION_TIME

#: How often a locked row is retried: the application usually releases it a moment later.
MORE_ATTEMPTS = 5
SECONDS_BETWEEN_ATTEMPTS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPlan(Chosen):
    """The plan of a stop. `active` and `seen_recently` count the whole table."""

    stop: PlannedStop
    active: int
    exempt: int
    listed: int
    """Sessions of the owner that are left open because the list still holds them."""
    listed_ids: tuple[str, ...]
    """The first of these."""
    endless: int
    """Concerned orphans for which `end_at` gives no end."""
    ready: int
    seen_recently: int
    """Active sessions that were seen recently."""

    @property
    def concerned(self) -> int:
        return self.exempt + self.listed + self.endless + self.ready

    @property
    def is_refused(self) -> bool:
        """Whether the application seems to be still running."""
        return self.stop.needs_silence and self.seen_recently > 0


async def clock(reader: Reader) -> str:
    """The database's time, as SQL text."""
    return str(await reader.value(fill("recovery/plan/clock")))


async def make_stop_plan(
    reader: Reader, source: Source, stop: PlannedStop, *, show: int, limits: Limits
) -> StopPlan:
    """Check everything, count, and preview up to `show` sessions.

    The transactions of the reader have the contents of the list. Raises SourceError, and UsageError
    for an owner or an id that the column's type cannot hold.
    """
    rule = await bind_rule(reader, source)
    await check_ids(reader, rule, limits.ids)
    await check_rule(reader, rule)
    await require_audit(reader)
    selection, is_listed = stopping_sessions(rule, stop), "false"
    if heeds_list(source, stop):
        is_listed = rule.table.is_live_in_list(TRANSACTION_TIME)
    if stop.owner is not None:
        await _check_owner(reader, rule, stop.owner)

    async def count_rows(only: str) -> tuple[Counter[str], int]:
        statement = rule.statement(
            "recovery/plan/stop_counts",
            rows=f"{rule.table.rows} AND {only}",
            in_scope=is_concerned(rule, stop),
            listed=is_listed,
            end=selection.end,
            seen_recently=seen_recently(rule),
        )
        counted = await reader.rows(statement)
        counts = Counter({state: count for state, count, _ in counted})
        return counts, sum(recent for _, _, recent in counted)

    async def count_categories(only: str) -> Mapping[str, int]:
        return (await count_rows(only))[0]

    counts, recent = await count_rows("true")
    selected = counts["ready"]
    if limits.options:
        selected = (await count_categories(limits.condition(rule)))["ready"]
    selection, count = limits.apply(selection, selected)
    other = "started after this command" if stop.owner is None else "not of this owner"
    why = {"other": other, "listed": kept_by_list(source)} | NEVER_CLOSED
    # Sessions that show life now are counted: they will not once the application has stopped.
    counting = replace(stop, even_live=True) if stop.owner is None else stop
    counted, _ = limits.apply(stopping_sessions(rule, counting), selected)
    unselected = await explain_unselected(reader, counted, limits, count_categories, why)
    previews, hidden = await read_previews(reader, counted, show=min(show, count))
    return StopPlan(
        stop=stop,
        selection=selection,
        active=counts.total(),
        exempt=counts["exempt"],
        listed=counts["listed"],
        listed_ids=await _find_listed(reader, rule, stop, show) if counts["listed"] else (),
        endless=counts["endless"],
        ready=counts["ready"],
        limits=limits,
        selected=selected,
        count=count,
        unselected=unselected,
        seen_recently=recent,
        previews=previews,
        hidden=hidden,
        undone_count=await count_undone(reader, counted),
    )


def kept_by_list(source: Source) -> str:
    """Why sessions of an owner that the list of its source still holds are left open."""
    return f"still in list {source.list}; --even-live closes them too"


async def _find_listed(reader: Reader, rule: Rule, stop: PlannedStop, show: int) -> tuple[str, ...]:
    held = rule.table.is_live_in_list(TRANSACTION_TIME)
    statement = rule.statement(
        "recovery/plan/kept_by_list",
        short_key=rule.id.key(200),
        listed=f"{is_concerned(rule, stop)} AND NOT {rule.exempt} AND {held}",
        limit=str(show),
    )
    return tuple(session for (session,) in await reader.rows(statement))


def require_stopped(plan: StopPlan) -> None:
    """Raise SourceError if recently seen sessions forbid the stop."""
    if plan.is_refused:
        source = plan.selection.rule.table.source
        listed = f" or are in list {source.list}" if source.list is not None else ""
        raise SourceError(
            f"nothing was closed: {plan.seen_recently} of {plan.active} active sessions showed "
            f"life within the last {format_duration(RECENT)}{listed}, so the application seems to "
            "be running; stop it first, or add --even-live"
        )


async def close_sessions(
    reader: Reader,
    writer: Writer,
    plan: StopPlan,
    progress: Callable[[Outcome], None],
    outcome: Outcome,
    *,
    reason: str | None = None,
    adapts: bool,
    evidence: EvidenceSettings = no_evidence,
) -> int:
    """Close the planned sessions; return how many of them are still active.

    `outcome` has what was committed, also after an error. The reader already has the first result
    of `evidence`.

    A locked session is retried for about a second. A session that qualifies only after the search
    is not changed. Raises SourceError; what was committed stays.
    """
    recovery = plan.selection.rule.table.source.recovery
    closer = StatementCloser(writer, "close", plan.selection, reason=reason, evidence=evidence)
    found = await _find_all(reader, plan.selection)
    run = CloseRun(closer, recovery.batch, recovery.pause, progress, outcome, adapts)
    await run.close(found)
    attempts = 0
    while left := await _left(reader, plan, found, outcome, evidence):
        if attempts == MORE_ATTEMPTS:
            break
        attempts += 1
        await asyncio.sleep(SECONDS_BETWEEN_ATTEMPTS)
        outcome.skipped -= len(left)
        await CloseRun(closer, recovery.batch, recovery.pause, outcome=outcome).close(left)
    outcome.skipped -= len(left)
    return len(left)


async def _find_all(reader: Reader, selection: Selection) -> list[Candidate]:
    return [each async for page in find_candidates(reader, selection) for each in page]


async def _left(
    reader: Reader,
    plan: StopPlan,
    found: Sequence[Candidate],
    outcome: Outcome,
    evidence: EvidenceSettings,
) -> list[Candidate]:
    """The sessions that are still to be closed, and can be."""
    if not outcome.skipped:
        return []
    wanted = {each.session for each in found} - outcome.refused.keys()
    wanted -= {each.session for each in outcome.recovered}  # one may have been reopened
    reader.preamble = await evidence([each for each in found if each.session in wanted])
    # Without the limit: a session with a heartbeat since is no longer among the longest silent.
    every = replace(plan.selection, most=None)
    return [each for each in await _find_all(reader, every) if each.session in wanted]


async def _check_owner(reader: Reader, rule: Rule, owner: str) -> None:
    """Have PostgreSQL compare the id with `owner.of`, on no row."""
    comparison = f"({is_of_owner(rule, owner)})"
    try:
        await reader.read(rule.statement("catalog/describe", expressions=comparison))
    except BadData as error:
        column = owner_column(rule)
        raise UsageError(
            f"--owner: the id is not a value of the type of owner.of ({error})"
            if column is None
            else f"--owner: the column {column.name} is of type {column.type}, and the id is not "
            f"a value of it ({error})"
        ) from None
