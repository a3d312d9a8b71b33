"""Closing sessions by the function that `sql function` printed: it keeps every rule of recovery."""

import uuid
from collections.abc import Sequence

from exporter.errors import Locked
from exporter.postgres import Reader, Writer
from exporter.queries import array, fill, literal
from exporter.recovery.audit.control import is_paused
from exporter.recovery.close.batches import Batch, ClosedSession, Trigger, WriteBlocked
from exporter.recovery.close.candidates import Candidate
from exporter.recovery.functions.definitions import MOST
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.rule import Rule


class FunctionCloser:
    """Hands the sessions to the function."""

    most = MOST

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        rule: Rule,
        function: InstalledFunction,
        *,
        trigger: Trigger,
        with_backlog: bool,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._rule = rule
        self._function = function
        self._trigger = trigger
        self._with_backlog = with_backlog

    async def close(self, chunk: Sequence[Candidate], run: uuid.UUID) -> Batch:
        """Close these, where they are still orphaned. Raises SourceError, and WriteBlocked."""
        admitted = chunk
        if self._trigger == "auto":
            # The function decides itself; this is to count what it leaves, and why.
            if await is_paused(self._reader, self._rule.table.source.name):
                return Batch(paused=len(chunk))
            budget = await self._reader.value(self._rule.statement("recovery/close/budget"))
            admitted = chunk[: max(budget, 0)]
        closed = await self._call(admitted, run) if admitted else []
        return Batch(
            closed,
            skipped=len(admitted) - len(closed),
            over_budget=len(chunk) - len(admitted),
        )

    async def _call(self, chunk: Sequence[Candidate], run: uuid.UUID) -> list[ClosedSession]:
        statement = fill(
            "recovery/close/call",
            function=self._function.sql,
            ids=array(candidate.session for candidate in chunk),
            versions=array(candidate.version for candidate in chunk),
            run=literal(str(run)),
            trigger=literal(self._trigger),
            with_backlog="true" if self._with_backlog else "false",
        )
        try:
            async with self._writer.transaction() as transaction:
                result = await transaction.run(statement)
        except Locked as error:
            raise WriteBlocked from error
        return [ClosedSession(session, report) for session, report in result.rows]
