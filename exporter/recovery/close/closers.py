"""The two ways to close sessions in one transaction: statements, or the function of the config."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import AuditUnusable, Locked, RowRefused
from exporter.postgres import Reader, Transaction, Writer
from exporter.postgres.error_causes import NOT_AUDITED, NOT_WRITTEN, STILL_ACTIVE
from exporter.queries import array, fill, literal
from exporter.recovery.audit.control import is_paused
from exporter.recovery.close.batches import Batch, ClosedSession, Closer, Trigger, WriteBlocked
from exporter.recovery.close.candidates import Candidate
from exporter.recovery.functions.definitions import MOST
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection, orphaned_sessions
from exporter.recovery.rule.statements import close_statement


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
