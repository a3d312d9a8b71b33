"""Undoing a run of recovery: each session only while it is exactly as it was left."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from exporter.errors import BadData, FunctionMismatch, Locked, RowRefused, SchemaMismatch
from exporter.postgres import Reader, Writer
from exporter.queries import fill, literal
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.statements import undo_statement


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What undoing a run would do now, by session."""

    numbers: tuple[int, ...]
    """The audit rows of sessions that are unchanged since."""
    changed: int
    gone: int
    undone: int
    columns: tuple[str, ...]
    """What the run has written, which need not be what the config writes today."""


@dataclass(slots=True)
class UndoOutcome:
    """What became of the sessions of a plan."""

    undone: int = 0
    skipped: int = 0
    """Locked by another transaction, or written to since the plan."""
    refused: dict[int, str] = field(default_factory=dict)
    """Why some could not be undone, by audit row."""


async def plan_undo(reader: Reader, rule: Rule, run: uuid.UUID) -> UndoPlan:
    """Compare every session of a run with how it was left.

    Raises SchemaMismatch where the table no longer has a column that the run has written.
    """
    result, named = await reader.read(
        rule.statement("recovery/undo/plan", run=literal(str(run))),
        fill("recovery/undo/columns", run=literal(str(run))),
    )
    states = Counter(state for _, state in result.rows)
    numbers = tuple(number for number, state in result.rows if state == "same")
    columns = tuple(name for (name,) in named.rows)
    if numbers and (lost := [n for n in columns if n not in rule.relation.columns]):
        raise SchemaMismatch(
            f"{rule.relation.sql} no longer has the column {', '.join(lost)}, which this run has "
            "written, so nothing of it can be undone; session_exporter.recovery has the old values"
        )
    return UndoPlan(numbers, states["changed"], states["gone"], states["undone"], columns)


@dataclass(frozen=True, slots=True)
class UndoRun:
    """Undoes one plan, by statements, or by the function of find_undo_function()."""

    writer: Writer
    rule: Rule
    plan: UndoPlan
    function: InstalledFunction | None

    async def run(self, *, batch: int, pause: float) -> UndoOutcome:
        """Write back what was there before, `batch` sessions at a time.

        Raises SourceError, and FunctionMismatch where the function cannot undo all of it.
        """
        self._require_columns()
        outcome, rest = UndoOutcome(), iter(self.plan.numbers)
        while chunk := tuple(islice(rest, batch)):
            try:
                outcome.undone += await self._undo(chunk)
            except (RowRefused, BadData):
                for number in chunk:
                    try:
                        outcome.undone += await self._undo([number])
                    except (RowRefused, BadData) as error:
                        outcome.refused[number] = str(error)
            await asyncio.sleep(pause)
        outcome.skipped = len(self.plan.numbers) - outcome.undone - len(outcome.refused)
        return outcome

    def _require_columns(self) -> None:
        later = [name for name in self.plan.columns if name not in self.rule.changes]
        if self.function is not None and later and self.plan.numbers:
            raise FunctionMismatch(
                f"this run has also written {', '.join(later)}, which `set` no longer writes and "
                f"{self.function.sql} cannot restore; undo it as a role that may write to "
                f"{self.rule.relation.sql}, without `call`"
            )

    async def _undo(self, chunk: Sequence[int]) -> int:
        numbers = _listed(chunk)
        try:
            async with self.writer.transaction() as transaction:
                if self.function is not None:
                    call = fill("recovery/undo/call", function=self.function.sql, numbers=numbers)
                    return len(await transaction.rows(call))
                lock = self.rule.statement("recovery/undo/lock", numbers=numbers)
                locked = _listed([number for (number,) in await transaction.rows(lock)])
                if not locked:
                    return 0
                undo = undo_statement(self.rule, self.plan.columns, numbers=locked)
                return len(await transaction.rows(undo))
        except Locked:
            return 0


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
