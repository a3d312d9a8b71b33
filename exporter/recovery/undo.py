"""Undoing a run of recovery: each session only while it has the values that recovery wrote."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from exporter.config import Source
from exporter.errors import BadData, FunctionMismatch, Locked, RowRefused, SchemaMismatch
from exporter.postgres import Reader, Writer
from exporter.queries import fill, text_or_null
from exporter.recovery.audit.run_sessions import find_columns, find_named, find_states
from exporter.recovery.close.batches import fitting_batch
from exporter.recovery.functions.definitions import MOST_PER_CALL
from exporter.recovery.functions.installed import InstalledFunction, find_undo_function
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.limits import NO_LIMITS, Limits, check_ids
from exporter.recovery.rule.rule import Rule
from exporter.text import some_of

#: Why a session is not restored, by its state in plan.sql, or by the limits.
NOT_RESTORED = {
    "undone": "undone before",
    "changed": "what was written was changed since",
    "gone": "gone",
    "other_id": "audited by another id than the config has now",
    "untrusted": "audited by a role that may not write these values itself",
    "not_chosen": "not chosen by --id",
    "over_limit": "over --limit",
}


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """The plan of undoing a run, by session."""

    rule: Rule
    function: InstalledFunction | None
    """The function that undoes it, if statements do not."""
    restored: Mapping[int, str]
    """The audit row and the id of each session to restore: at most --limit, in order."""
    left_alone: Mapping[str, int]
    """The number of sessions that would not be restored, by the states of NOT_RESTORED."""
    unselected: Mapping[str, str]
    """Why sessions that --id names would not be restored, by id."""
    columns: tuple[str, ...]
    """The columns that the run has written, which may differ from those of the present config."""


@dataclass(slots=True)
class UndoOutcome:
    """The outcome for the sessions of a plan."""

    undone: int = 0
    skipped: int = 0
    """Locked by another transaction, or written to since the plan."""
    refused: dict[int, str] = field(default_factory=dict)
    """Why some could not be undone, by audit row."""

    @property
    def done(self) -> int:
        """How many need no more work in this run."""
        return self.undone + self.skipped + len(self.refused)


async def plan_undo(
    reader: Reader, source: Source, run: uuid.UUID, *, limits: Limits = NO_LIMITS
) -> UndoPlan:
    """Compare every session of a run with the values that the run wrote.

    Raises SourceError, such as SchemaMismatch if a column that the run has written is gone, and
    UsageError for an id that the column's type cannot hold.
    """
    rule = await bind_rule(reader, source)
    await check_ids(reader, rule, limits.ids)
    function = await find_undo_function(reader, rule)
    columns = await find_columns(reader, rule, run)
    present = [name for name in columns if name in rule.relation.columns]
    found = await find_states(reader, rule, present, run)
    states = Counter(state for _, _, state in found)
    named_sessions = await find_named(reader, rule, run, limits.ids)
    chosen = {session for sessions in named_sessions.values() for session in sessions}
    unchanged = [
        (number, session)
        for number, session, state in found
        if state == "same" and (not limits.ids or session in chosen)
    ]
    restored = dict(unchanged[: limits.most])
    why = {session: NOT_RESTORED[state] for _, session, state in found if state != "same"}
    why |= {session: NOT_RESTORED["over_limit"] for _, session in unchanged}
    why = {each: why[each] for each in why.keys() - restored.values()}
    states["not_chosen"] = states["same"] - len(unchanged)
    states["over_limit"] = len(unchanged) - len(restored)
    if restored and (lost := [name for name in columns if name not in present]):
        raise SchemaMismatch(
            f"{rule.relation.sql} no longer has the column {some_of(lost)}, which this run has "
            "written, so nothing of it can be undone; session_exporter.recovery has the old values"
        )
    return UndoPlan(
        rule=rule,
        function=function,
        restored=restored,
        left_alone={state: states[state] for state in NOT_RESTORED},
        unselected={
            id_: next((why[each] for each in sessions if each in why), "not of this run")
            for id_, sessions in named_sessions.items()
            if not sessions or all(each in why for each in sessions)
        },
        columns=columns,
    )


async def undo(
    writer: Writer,
    plan: UndoPlan,
    *,
    batch: int,
    pause: float = 0.0,
    adapts: bool = False,
    progress: Callable[[UndoOutcome], None] = lambda _: None,
    reason: str | None = None,
    outcome: UndoOutcome | None = None,
) -> UndoOutcome:
    """Restore the old values, `batch` sessions at a time; what was committed stays.

    `adapts` is whether the batch size adapts to the time for which rows may stay locked. `progress`
    is called after each batch, and `outcome` has what was committed, also after an error. Raises
    SourceError, such as FunctionMismatch if the function cannot undo all of it.
    """
    later = [name for name in plan.columns if name not in plan.rule.changes]
    if plan.function is not None and later and plan.restored:
        raise FunctionMismatch(
            f"this run has also written {some_of(later)}, which `set` no longer writes and "
            f"{plan.function.sql} cannot restore; undo it as a role that may write to "
            f"{plan.rule.relation.sql}, without `call`"
        )
    outcome, rest = outcome or UndoOutcome(), iter(plan.restored)
    while chunk := tuple(islice(rest, min(batch, MOST_PER_CALL))):
        before, began_at = outcome.done, time.perf_counter()
        try:
            outcome.undone += await _undo(writer, plan, chunk, reason)
        except (RowRefused, BadData):
            for number in chunk:
                try:
                    outcome.undone += await _undo(writer, plan, [number], reason)
                except (RowRefused, BadData) as error:
                    outcome.refused[number] = str(error)
        outcome.skipped += before + len(chunk) - outcome.done
        if adapts:
            batch = fitting_batch(len(chunk), time.perf_counter() - began_at, MOST_PER_CALL)
        progress(outcome)
        await asyncio.sleep(pause)
    return outcome


async def _undo(writer: Writer, plan: UndoPlan, chunk: Sequence[int], reason: str | None) -> int:
    numbers, given = ", ".join(map(str, chunk)), text_or_null(reason)
    try:
        async with writer.transaction() as transaction:
            if plan.function is not None:
                call = fill(
                    "recovery/undo/call", function=plan.function.sql, numbers=numbers, reason=given
                )
                return len(await transaction.rows(call))
            lock = plan.rule.statement("recovery/undo/lock", numbers=numbers)
            locked = ", ".join(str(number) for (number,) in await transaction.rows(lock))
            if not locked:
                return 0
            undo = plan.rule.undo_statement(plan.columns, numbers=locked, reason=given)
            return len(await transaction.rows(undo))
    except Locked:
        return 0
