"""Taking a run of recovery back: each session only while it is exactly as it was left."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from exporter.database import Transaction, Writer
from exporter.errors import BadData, Locked, RowRefused, SchemaMismatch
from exporter.queries import fill, identifier, listed, literal
from exporter.recovery.rule import Rule
from exporter.relation import Reads


@dataclass(frozen=True, slots=True)
class Run:
    """One run as the audit table has it. `at` is Unix time; `undone` are those of its sessions."""

    run: uuid.UUID
    source: str
    relation: str
    trigger: str
    role: str
    at: float
    sessions: int
    undone: int


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What undoing a run would do now, by session."""

    numbers: tuple[int, ...]
    """The audit rows of sessions that are as they were left."""
    changed: int
    """Sessions that somebody has written to since."""
    gone: int
    undone: int
    columns: tuple[str, ...]
    """What the run has written, which need not be what the config writes today."""


async def list_runs(reader: Reads, *, source: str | None = None, limit: int = 50) -> list[Run]:
    """The latest runs, newest first."""
    condition = "true" if source is None else f"source = {literal(source)}"
    (result,) = await reader.read(fill("recovery_runs", condition=condition, limit=str(limit)))
    return [Run(*row) for row in result.rows]


async def find_run(reader: Reads, run: uuid.UUID) -> Run | None:
    """One run, or None where the audit table does not know it."""
    condition = f"run = {literal(str(run))}::uuid"
    (result,) = await reader.read(fill("recovery_runs", condition=condition, limit="1"))
    return Run(*result.rows[0]) if result.rows else None


async def plan_undo(reader: Reads, rule: Rule, run: uuid.UUID) -> UndoPlan:
    """Compare every session of a run with how it was left.

    Raises SchemaMismatch where the table no longer has a column that the run has written.
    """
    statement = fill(
        "recovery_undo_plan",
        table=rule.table.table,
        id=rule.id,
        id_type=rule.id_type,
        run=literal(str(run)),
    )
    written = fill("recovery_undo_columns", run=literal(str(run)))
    result, named = await reader.read(statement, written)
    fates: dict[str, list[int]] = {"same": [], "changed": [], "gone": [], "undone": []}
    for number, fate in result.rows:
        fates[fate].append(number)
    columns = tuple(name for (name,) in named.rows)
    if fates["same"] and (lost := [n for n in columns if n not in rule.relation.columns]):
        raise SchemaMismatch(
            f"{rule.relation.sql} has no column {', '.join(lost)} any more, which this run has "
            "written, so nothing of it is taken back; session_exporter.recovery has what was there"
        )
    return UndoPlan(
        numbers=tuple(fates["same"]),
        changed=len(fates["changed"]),
        gone=len(fates["gone"]),
        undone=len(fates["undone"]),
        columns=columns,
    )


async def undo(
    writer: Writer, rule: Rule, plan: UndoPlan, *, batch: int, pause: float
) -> tuple[int, dict[int, str]]:
    """Write back what was there before. Returns how many, and why some could not, by audit row.

    What somebody else works on, or has changed meanwhile, is in neither.
    """
    undone, refused = 0, {}
    rest = iter(plan.numbers)
    while chunk := tuple(islice(rest, batch)):
        try:
            undone += await _undo(writer, rule, plan.columns, chunk)
        except (RowRefused, BadData):
            for number in chunk:
                try:
                    undone += await _undo(writer, rule, plan.columns, [number])
                except (RowRefused, BadData) as error:
                    refused[number] = str(error)
        await asyncio.sleep(pause)
    return undone, refused


async def _undo(writer: Writer, rule: Rule, columns: Sequence[str], numbers: Sequence[int]) -> int:
    try:
        async with writer.transaction() as transaction:
            locked = await transaction.run(
                fill("recovery_undo_lock", numbers=_listed(numbers), **_place(rule))
            )
            ours = [number for (number,) in locked.rows]
            return await _write(transaction, rule, columns, ours) if ours else 0
    except Locked:
        return 0


async def _write(
    transaction: Transaction, rule: Rule, names: Sequence[str], numbers: Sequence[int]
) -> int:
    columns = {name: rule.relation.columns[name].type for name in names}
    written = await transaction.run(
        fill(
            "recovery_undo",
            columns=", ".join(map(identifier, columns)),
            values=listed([_before(name) for name in columns]),
            definitions=", ".join(f"{identifier(k)} {type_}" for k, type_ in columns.items()),
            numbers=_listed(numbers),
            **_place(rule),
        )
    )
    return len(written.rows)


def _before(name: str) -> str:
    """A column as it was; what closing did not change stays: jsonb tells NULL from null no more."""
    was_changed = f"a.before -> {literal(name)} IS DISTINCT FROM a.after -> {literal(name)}"
    column = identifier(name)
    return f"CASE WHEN {was_changed} THEN b.{column} ELSE s.{column} END"


def _place(rule: Rule) -> dict[str, str]:
    return {"table": rule.table.table, "id": rule.id, "id_type": rule.id_type}


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
