"""Closing sessions by statements of our own: lock, recheck with a newer snapshot, write, audit."""

import uuid
from collections.abc import Sequence

from exporter.errors import AuditUnusable, Locked, RowRefused
from exporter.postgres import Transaction, Writer
from exporter.postgres.error_causes import NOT_AUDITED, NOT_WRITTEN, STILL_ACTIVE
from exporter.queries import array, literal
from exporter.recovery.audit.control import is_paused_in
from exporter.recovery.close.batches import Batch, ClosedSession, Trigger, WriteBlocked
from exporter.recovery.close.candidates import Candidate
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection
from exporter.recovery.rule.statements import close_statement


class StatementCloser:
    """Closes what the selection selects.

    With the trigger `auto` no more than the hour's budget, which all exporters share through the
    audit table, and nothing once the source is paused: each transaction checks.
    """

    most = 10_000

    def __init__(
        self, writer: Writer, rule: Rule, *, trigger: Trigger, selection: Selection
    ) -> None:
        self._writer = writer
        self._rule = rule
        self._trigger = trigger
        self._selection = selection

    async def close(self, chunk: Sequence[Candidate], run: uuid.UUID) -> Batch:
        """Close these, where they are still selected. Raises SourceError, and WriteBlocked."""
        async with self._writer.transaction() as transaction:
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
        if self._trigger != "auto":
            return chunk, 0
        if await is_paused_in(transaction, self._rule.table.source.name):
            return (), len(chunk)
        # Two statements: the count has to see what the one that we waited for has committed.
        await transaction.run(self._rule.statement("recovery/close/queue"))
        result = await transaction.run(self._rule.statement("recovery/close/budget"))
        return chunk[: max(result.rows[0][0], 0)], 0

    async def _close(
        self, transaction: Transaction, chunk: Sequence[Candidate], run: uuid.UUID
    ) -> list[ClosedSession]:
        locked = await self._lock(transaction, chunk)
        try:
            closed = await self._write(transaction, locked, run) if locked else []
        except Locked as error:
            raise WriteBlocked from error
        if closed and self._rule.table.source.recovery.notify:
            notify = self._rule.statement("recovery/close/notify", run=literal(str(run)))
            await transaction.run(notify)
        return closed

    async def _lock(self, transaction: Transaction, chunk: Sequence[Candidate]) -> list[Candidate]:
        ids = array(candidate.session for candidate in chunk)
        result = await transaction.run(self._rule.statement("recovery/close/lock", ids=ids))
        if not self._selection.is_version_fixed:
            return list(map(Candidate._make, result.rows))
        locked = {session for session, _ in result.rows}
        return [candidate for candidate in chunk if candidate.session in locked]

    async def _write(
        self, transaction: Transaction, locked: Sequence[Candidate], run: uuid.UUID
    ) -> list[ClosedSession]:
        statement = close_statement(
            self._rule,
            self._selection,
            ids=array(candidate.session for candidate in locked),
            versions=array(candidate.version for candidate in locked),
            run=literal(str(run)),
            trigger=literal(self._trigger),
        )
        result = await transaction.run(statement)
        found, written = result.rows[0][:2]
        closed = [row[2:] for row in result.rows if row[2] is not None]
        _check(found, len(closed), written, is_active=any(row[-1] for row in closed))
        return [ClosedSession(session, report) for session, report, _ in closed]


def _check(found: int, closed: int, written: int, *, is_active: bool) -> None:
    """What does not hold takes all of the transaction back."""
    if closed < found:
        raise RowRefused(NOT_WRITTEN)
    if is_active:
        raise RowRefused(STILL_ACTIVE)
    if written < closed:
        raise AuditUnusable(NOT_AUDITED)
