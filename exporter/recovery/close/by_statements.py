"""Closing sessions by statements of our own, in one transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import AuditUnusable, Locked, RowRefused
from exporter.postgres import Transaction, Writer
from exporter.postgres.error_causes import NOT_AUDITED, NOT_WRITTEN, STILL_ACTIVE
from exporter.queries import array, literal
from exporter.recovery.audit.control import is_paused
from exporter.recovery.close.batches import Batch, ClosedSession, Trigger, WriteBlocked
from exporter.recovery.close.candidates import Candidate
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection
from exporter.recovery.rule.statements import close_statement


@dataclass(frozen=True)
class StatementCloser:
    """Closes what the selection selects: lock, recheck with a newer snapshot, write, audit.

    With the trigger `auto` no more than the hour's budget, which all exporters share through the
    audit table, and nothing once the source is paused: each transaction checks.
    """

    writer: Writer
    rule: Rule
    trigger: Trigger
    selection: Selection
    most = 10_000

    async def close(self, chunk: Sequence[Candidate], run: uuid.UUID) -> Batch:
        async with self.writer.transaction() as transaction:
            admitted, paused = await self._admit(transaction, chunk)
            closed = await self._close(transaction, admitted, run) if admitted else []
        return Batch(
            closed,
            skipped=len(admitted) - len(closed),
            over_budget=len(chunk) - len(admitted) - paused,
            paused=paused,
        )

    async def _admit(
        self, transaction: Transaction, chunk: Sequence[Candidate]
    ) -> tuple[Sequence[Candidate], int]:
        """Those that may be closed, and how many may not because of a pause."""
        if self.trigger != "auto":
            return chunk, 0
        if await is_paused(transaction, self.rule.table.source.name):
            return (), len(chunk)
        # Two statements: the count has to see what the one that we waited for has committed.
        await transaction.run(self.rule.statement("recovery/close/queue"))
        ((budget,),) = await transaction.rows(self.rule.statement("recovery/close/budget"))
        return chunk[: max(budget, 0)], 0

    async def _close(
        self, transaction: Transaction, chunk: Sequence[Candidate], run: uuid.UUID
    ) -> list[ClosedSession]:
        locked = await self._lock(transaction, chunk)
        try:
            closed = await self._write(transaction, locked, run) if locked else []
        except Locked as error:
            raise WriteBlocked from error
        if closed and self.rule.table.source.recovery.notify:
            notify = self.rule.statement("recovery/close/notify", run=literal(str(run)))
            await transaction.run(notify)
        return closed

    async def _lock(self, transaction: Transaction, chunk: Sequence[Candidate]) -> list[Candidate]:
        ids = array(candidate.session for candidate in chunk)
        rows = await transaction.rows(self.rule.statement("recovery/close/lock", ids=ids))
        if not self.selection.is_version_fixed:
            return list(map(Candidate._make, rows))
        locked = {session for session, _ in rows}
        return [candidate for candidate in chunk if candidate.session in locked]

    async def _write(
        self, transaction: Transaction, locked: Sequence[Candidate], run: uuid.UUID
    ) -> list[ClosedSession]:
        statement = close_statement(
            self.rule,
            self.selection,
            ids=array(candidate.session for candidate in locked),
            versions=array(candidate.version for candidate in locked),
            run=literal(str(run)),
            trigger=literal(self.trigger),
        )
        rows = await transaction.rows(statement)
        found, written = rows[0][:2]
        closed = [row[2:] for row in rows if row[2] is not None]
        # What does not hold takes all of the transaction back.
        if len(closed) < found:
            raise RowRefused(NOT_WRITTEN)
        if any(is_active for _, _, is_active in closed):
            raise RowRefused(STILL_ACTIVE)
        if written < len(closed):
            raise AuditUnusable(NOT_AUDITED)
        return [ClosedSession(session, report) for session, report, _ in closed]
