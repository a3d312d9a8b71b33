"""Closing sessions by the function of `recovery.call`, where the config names one."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import Locked
from exporter.postgres import Reader, Writer
from exporter.queries import array, fill, literal
from exporter.recovery.audit.control import is_paused
from exporter.recovery.close.batches import Batch, ClosedSession, Closer, Trigger, WriteBlocked
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.candidates import Candidate
from exporter.recovery.functions.definitions import MOST
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions


def make_closer(
    writer: Writer,
    reader: Reader,
    rule: Rule,
    function: InstalledFunction | None,
    *,
    trigger: Trigger,
    with_backlog: bool,
) -> Closer:
    """What closes orphaned sessions; `function` is that of find_recover_function()."""
    if function is None:
        selection = orphaned_sessions(rule, with_backlog=with_backlog)
        return StatementCloser(writer, rule, trigger, selection)
    return FunctionCloser(writer, reader, rule, function, trigger, with_backlog)


@dataclass(frozen=True)
class FunctionCloser:
    """Hands the sessions to the function that `sql function` printed: it keeps every rule."""

    writer: Writer
    reader: Reader
    rule: Rule
    function: InstalledFunction
    trigger: Trigger
    with_backlog: bool
    most = MOST

    async def close(self, chunk: Sequence[Candidate], run: uuid.UUID) -> Batch:
        admitted = chunk
        if self.trigger == "auto":
            # The function decides itself; this is to count what it leaves, and why.
            if await is_paused(self.reader, self.rule.table.source.name):
                return Batch(paused=len(chunk))
            budget = await self.reader.value(self.rule.statement("recovery/close/budget"))
            admitted = chunk[: max(budget, 0)]
        closed = await self._call(admitted, run) if admitted else []
        over_budget = len(chunk) - len(admitted)
        return Batch(closed, skipped=len(admitted) - len(closed), over_budget=over_budget)

    async def _call(self, chunk: Sequence[Candidate], run: uuid.UUID) -> list[ClosedSession]:
        statement = fill(
            "recovery/close/call",
            function=self.function.sql,
            ids=array(candidate.session for candidate in chunk),
            versions=array(candidate.version for candidate in chunk),
            run=literal(str(run)),
            trigger=literal(self.trigger),
            with_backlog="true" if self.with_backlog else "false",
        )
        try:
            return [ClosedSession(*row) for row in await self.writer.rows(statement)]
        except Locked as error:
            raise WriteBlocked from error
