"""Closing sessions by the statements of recovery: lock, recheck, write and audit."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import AuditUnusable, Locked, RowRefused
from exporter.postgres import Transaction, Writer
from exporter.postgres.error_causes import ENDS_AHEAD, NOT_AUDITED, NOT_WRITTEN, STILL_ACTIVE
from exporter.queries import array, fill, literal, text_or_null
from exporter.recovery.close.candidates import Candidate, ClosedSession, Outcome
from exporter.recovery.close.closer import (
    EvidenceSettings,
    Permission,
    WriteBlocked,
    admit,
    no_evidence,
)
from exporter.recovery.rule.selection import Selection, versions_by_id
from exporter.recovery.status import Trigger


@dataclass(frozen=True)
class StatementCloser:
    """Closes the selected sessions: lock, recheck with a newer snapshot, write, audit."""

    writer: Writer
    trigger: Trigger
    selection: Selection
    permission: Permission | None = None
    """Only with the trigger `auto`."""
    reason: str | None = None
    """The reason that a person has given, for the audit."""
    evidence: EvidenceSettings = no_evidence
    most = 10_000

    async def close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        known = await self.evidence(chunk)
        async with self.writer.transaction() as transaction:
            for statement in known:
                await transaction.rows(statement)
            admitted, is_paused = await admit(
                transaction, self.selection.rule, self.permission, chunk
            )
            closed = []
            if admitted and (self.permission is None or self.permission.is_evidence_fresh()):
                closed = await self._close(transaction, admitted, outcome.run)
        outcome.add(closed, len(chunk), len(admitted), is_paused=is_paused)

    async def _close(
        self, transaction: Transaction, chunk: Sequence[Candidate], run: uuid.UUID
    ) -> list[ClosedSession]:
        rule, sessions = self.selection.rule, [candidate.session for candidate in chunk]
        lock = rule.statement("recovery/close/lock", is_one_of=rule.id.is_one_of(sessions))
        rows = await transaction.rows(lock)
        locked = [Candidate(*row) for row in rows]
        if self.selection.is_version_fixed:
            found = {each.session for each in locked}
            locked = [candidate for candidate in chunk if candidate.session in found]
        try:
            closed = await self._write(transaction, locked, run) if locked else []
        except Locked as error:
            raise WriteBlocked from error
        if closed and rule.table.source.recovery.notify:
            await transaction.run(rule.statement("recovery/close/notify", run=literal(str(run))))
        return closed

    async def _write(
        self, transaction: Transaction, locked: Sequence[Candidate], run: uuid.UUID
    ) -> list[ClosedSession]:
        sessions = [candidate.session for candidate in locked]
        statement = self.selection.close_statement(
            is_one_of=self.selection.rule.id.is_one_of(sessions),
            versions=versions_by_id(
                array(sessions), array(candidate.version for candidate in locked)
            ),
            result=fill("recovery/close/closed_rows"),
            run=literal(str(run)),
            trigger=literal(self.trigger),
            reason=text_or_null(self.reason),
            **self.heed_stops(),
        )
        rows = await transaction.rows(statement)
        found, written = rows[0][:2]
        closed = [row[2:] for row in rows if row[2] is not None]
        # A failed check rolls back the whole transaction.
        if len(closed) < found:
            raise RowRefused(NOT_WRITTEN)
        if any(is_ahead for *_, is_ahead, _ in closed):
            raise RowRefused(ENDS_AHEAD)
        if any(is_active for _, _, is_active, *_ in closed):
            raise RowRefused(STILL_ACTIVE)
        if written < len(closed):
            raise AuditUnusable(NOT_AUDITED)
        return [ClosedSession(session, report) for session, report, *_ in closed]

    def heed_stops(self) -> dict[str, str]:
        """Automatic recovery closes no session that a stop holds; a person has seen the plan."""
        if self.permission is not None:
            return {"skips_held": "true"}
        return {"skips_held": "false", "held": "false"}
