"""Taking a run of recovery back: each session only while it is exactly as it was left."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from exporter.errors import BadData, Locked, RowRefused, SchemaMismatch
from exporter.postgres import Reader, Writer
from exporter.queries import fill, literal
from exporter.recovery.rule import statements
from exporter.recovery.rule.rule import Rule


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


async def plan_undo(reader: Reader, rule: Rule, run: uuid.UUID) -> UndoPlan:
    """Compare every session of a run with how it was left.

    Raises SchemaMismatch where the table no longer has a column that the run has written.
    """
    statement = fill(
        "recovery/undo/plan",
        table=rule.table.table,
        id=rule.id,
        id_type=rule.id_type,
        run=literal(str(run)),
    )
    written = fill("recovery/undo/columns", run=literal(str(run)))
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
    writer: Writer,
    rule: Rule,
    plan: UndoPlan,
    *,
    batch: int,
    pause: float,
    function: str | None = None,
) -> tuple[int, dict[int, str]]:
    """Write back what was there before. Returns how many, and why some could not, by audit row.

    What somebody else works on, or has changed meanwhile, is in neither. `function` is the
    qualified name of the one in the database that does it, where this role may not.
    """
    later = [name for name in plan.columns if name not in rule.changes]
    if function is not None and later and plan.numbers:
        raise SchemaMismatch(
            f"this run has also written {', '.join(later)}, which `set` does not write any more, "
            f"nor does {function} know of; undo it as a role that may write to "
            f"{rule.relation.sql}, without `call`"
        )
    undone, refused = 0, {}
    rest = iter(plan.numbers)
    while chunk := tuple(islice(rest, batch)):
        try:
            undone += await _undo(writer, rule, plan.columns, chunk, function)
        except (RowRefused, BadData):
            for number in chunk:
                try:
                    undone += await _undo(writer, rule, plan.columns, [number], function)
                except (RowRefused, BadData) as error:
                    refused[number] = str(error)
        await asyncio.sleep(pause)
    return undone, refused


async def _undo(
    writer: Writer,
    rule: Rule,
    columns: Sequence[str],
    numbers: Sequence[int],
    function: str | None,
) -> int:
    try:
        async with writer.transaction() as transaction:
            if function is not None:
                call = fill("recovery/undo/call", function=function, numbers=_listed(numbers))
                return len((await transaction.run(call)).rows)
            locked = await transaction.run(statements.undo_lock(rule, numbers=_listed(numbers)))
            if not locked.rows:
                return 0
            ours = _listed([number for (number,) in locked.rows])
            written = await transaction.run(statements.undo(rule, columns, numbers=ours))
            return len(written.rows)
    except Locked:
        return 0


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
