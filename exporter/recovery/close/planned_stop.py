"""Closing the active sessions on a planned stop: of one server, or of the whole application."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.errors import BadData, SchemaMismatch, UsageError
from exporter.postgres import Reader, Writer
from exporter.queries import fill, literal
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.close.batches import CloseRun, Outcome
from exporter.recovery.close.candidates import Candidate, Preview, find_candidates, read_previews
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import (
    Scope,
    is_in_scope,
    of_server,
    seen_recently,
    server_column,
    started_before,
)

#: A row that the application holds just now is free a moment later: so often it is tried again.
MORE_ATTEMPTS = 5
SECONDS_BETWEEN_ATTEMPTS = 0.2


@dataclass(frozen=True, slots=True)
class Stop:
    """What a planned stop is about: one server, or all that started before an instant."""

    server: str | None
    before: str = ""
    even_live: bool = False

    @property
    def needs_silence(self) -> bool:
        """Whether a sign of life anywhere in the table forbids it."""
        return self.server is None and not self.even_live


@dataclass(frozen=True, slots=True)
class StopPlan:
    """What a planned stop would do. `active` and `lively` are of the whole table."""

    rule: Rule
    stop: Stop
    scope: Scope
    active: int
    exempt: int
    endless: int
    """In scope, but `end_at` gives no end for these orphans."""
    ready: int
    lively: int
    """Active sessions with a sign of life a moment ago."""
    previews: tuple[Preview, ...]
    unshown: str | None = None
    """Why there is no preview: one row's bad value keeps no server from stopping."""

    @property
    def in_scope(self) -> int:
        """The active sessions that it is about."""
        return self.exempt + self.endless + self.ready

    @property
    def is_refused(self) -> bool:
        """Whether the application seems to be there still."""
        return self.stop.needs_silence and self.lively > 0


async def clock(reader: Reader) -> str:
    """The database's time, as SQL text."""
    (result,) = await reader.read(fill("recovery/plan/clock"))
    return str(result.rows[0][0])


async def make_stop_plan(reader: Reader, rule: Rule, stop: Stop, *, limit: int) -> StopPlan:
    """Count, and look at up to `limit` sessions.

    Raises SourceError, and UsageError for a server that the column's type cannot hold.
    """
    await require_audit(reader)
    if stop.server is None:
        scope = started_before(rule, stop.before, even_live=stop.even_live)
    else:
        scope = of_server(rule, stop.server)
        await _prove_server(reader, rule, stop.server)
    counts = fill(
        "recovery/plan/stop_counts",
        id=rule.id,
        in_scope=is_in_scope(rule, server=stop.server, before=stop.before),
        exempt=rule.exempt,
        end=scope.end,
        lively=seen_recently(rule),
        table=rule.table.table,
        rows=rule.table.rows,
    )
    (counted,) = await reader.read(counts)
    previews, unshown = await _previews(reader, rule, scope, limit=limit)
    by_fate = {fate: count for fate, count, _ in counted.rows}
    return StopPlan(
        rule=rule,
        stop=stop,
        scope=scope,
        active=sum(by_fate.values()),
        exempt=by_fate.get("exempt", 0),
        endless=by_fate.get("endless", 0),
        ready=by_fate.get("ready", 0),
        lively=sum(lively for _, _, lively in counted.rows),
        previews=previews,
        unshown=unshown,
    )


async def _previews(
    reader: Reader, rule: Rule, scope: Scope, *, limit: int
) -> tuple[tuple[Preview, ...], str | None]:
    """The first sessions, or why they cannot be shown."""
    try:
        return await read_previews(reader, rule, scope, limit=limit), None
    except BadData as error:
        return (), str(error)


async def close_sessions(
    reader: Reader,
    writer: Writer,
    plan: StopPlan,
    *,
    batch: int,
    pause: float,
    progress: Callable[[Outcome], None],
) -> tuple[Outcome, int]:
    """Close what was planned. Returns the outcome, and how many of them are active still.

    What somebody holds is tried again for about a second. What began to fit after the sessions
    were found stays as it is. Raises SourceError; what was committed stays.
    """
    closing = CloseRun(writer, plan.rule, trigger="close", scope=plan.scope)
    found = await _candidates(reader, plan)
    outcome = await closing.run(found, batch=batch, pause=pause, progress=progress)
    left = await _left(reader, plan, found, outcome)
    for _ in range(MORE_ATTEMPTS):
        if not left:
            break
        await asyncio.sleep(SECONDS_BETWEEN_ATTEMPTS)
        outcome.passed_over -= len(left)
        await closing.run(
            left, batch=batch, pause=pause, progress=lambda _: None, continuing=outcome
        )
        left = await _left(reader, plan, found, outcome)
    outcome.passed_over -= len(left)
    return outcome, len(left)


async def _candidates(reader: Reader, plan: StopPlan) -> list[Candidate]:
    pages = find_candidates(reader, plan.rule, scope=plan.scope)
    return [each async for page in pages for each in page]


async def _left(
    reader: Reader, plan: StopPlan, found: Sequence[Candidate], outcome: Outcome
) -> list[Candidate]:
    """Those of the sessions that are to be closed still, and can be."""
    if not outcome.passed_over:
        return []
    wanted = {each.session for each in found} - outcome.refused.keys()
    wanted -= {each.session for each in outcome.recovered}  # one may have been reopened
    again = await _candidates(reader, plan)
    return [each for each in again if each.session in wanted]


async def _prove_server(reader: Reader, rule: Rule, server: str) -> None:
    """Have PostgreSQL compare the column with the id, on no row."""
    comparison = f"({server_column(rule)} = {literal(server)})"
    try:
        await reader.read(fill("catalog/describe", expressions=comparison, table=rule.table.table))
    except BadData as error:
        word = rule.table.source.recovery.server or ""
        column = rule.relation.column(word)
        raise UsageError(
            f"--server: the column {column.name} is of type {column.type}, and what was given is "
            f"none ({error})"
        ) from None
    except SchemaMismatch as error:
        raise SchemaMismatch(f"recovery.server: {error}") from None
