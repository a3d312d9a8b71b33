"""Closing sessions by the function of `recovery.call`."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import Locked
from exporter.postgres import Reader, Writer
from exporter.queries import array, fill, literal, text_or_null
from exporter.recovery.close.candidates import Candidate, ClosedSession, Outcome
from exporter.recovery.close.closer import Permission, WriteBlocked, admit, require_server
from exporter.recovery.functions.definitions import MOST_PER_CALL
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.selection import Selection
from exporter.recovery.status import Trigger


@dataclass(frozen=True)
class FunctionCloser:
    """Passes the sessions to the function that `sql function` printed, which applies all rules."""

    writer: Writer
    trigger: Trigger
    selection: Selection
    reader: Reader
    function: InstalledFunction
    permission: Permission | None = None
    """Only with the trigger `auto`."""
    reason: str | None = None
    most = MOST_PER_CALL

    async def close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        # The function decides; this only counts the sessions that it does not close, and why.
        admitted, is_paused = await admit(self.reader, self.selection.rule, self.permission, chunk)
        closed = await self._call(admitted, outcome.run) if admitted else []
        outcome.add(closed, len(chunk), len(admitted), is_paused=is_paused)

    async def _call(self, chunk: Sequence[Candidate], run: uuid.UUID) -> list[ClosedSession]:
        statement = fill(
            "recovery/close/call",
            function=self.function.sql,
            ids=array(candidate.session for candidate in chunk),
            versions=array(candidate.version for candidate in chunk),
            run=literal(str(run)),
            trigger=literal(self.trigger),
            with_backlog="true" if self.selection.with_backlog else "false",
            reason=text_or_null(self.reason),
        )
        try:
            async with self.writer.transaction() as transaction:
                await require_server(transaction, self.permission)
                return [ClosedSession(*row) for row in await transaction.rows(statement)]
        except Locked as error:
            raise WriteBlocked from error
