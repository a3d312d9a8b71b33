"""Closing sessions in one message: the statements of recovery and the COMMIT, sent at once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import ConnectFailed, IdleTooLong, NoAnswer, SourceError
from exporter.queries import array, fill, literal, text_or_null
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.candidates import Candidate, Outcome
from exporter.recovery.rule.selection import versions_by_id

#: The setting, local to a transaction, that passes the locked rows to the second statement.
LOCKED = "session_exporter.locked"


@dataclass(frozen=True)
class MessageCloser:
    """Closes by hand in one message, and counts; no lock waits for this process.

    If that fails, `statements` closes the sessions and finds out why. The outcome is the same,
    except that it does not name the sessions that were closed.
    """

    statements: StatementCloser

    @property
    def most(self) -> int:
        return self.statements.most

    async def close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        if len(chunk) > 1:
            try:
                closed = await self._send(chunk, outcome.run)
            except (ConnectFailed, IdleTooLong, NoAnswer):
                raise  # the connection is lost
            except SourceError:
                pass  # nothing was closed
            else:
                outcome.count(closed, len(chunk))
                return
        await self.statements.close(chunk, outcome)

    async def _send(self, chunk: Sequence[Candidate], run: uuid.UUID) -> int:
        """Close all of them or none, and return how many still qualified."""
        known = await self.statements.evidence(chunk)
        sent = self.message(chunk, run)
        async with self.statements.writer.transaction() as transaction:
            _, closed, *_ = (await transaction.commit(*known, *sent))[len(known) :]
        return int(closed.rows[0][0])

    def message(self, chunk: Sequence[Candidate], run: uuid.UUID) -> list[str]:
        """Lock, then close and audit, then notify; the result of the second is the number."""
        closer, selection = self.statements, self.statements.selection
        rule, sessions = selection.rule, [candidate.session for candidate in chunk]
        ids = array(sessions)  # quoted once: there may be thousands
        is_one_of = rule.id.is_in(ids) if rule.id.is_single else rule.id.is_one_of(sessions)
        lock = rule.statement(
            "recovery/close/message/lock",
            lock=rule.statement("recovery/close/lock", is_one_of=is_one_of),
            setting=literal(LOCKED),
            versions=versions_by_id(ids, array(candidate.version for candidate in chunk)),
        )
        close = selection.close_statement(
            is_one_of=is_one_of,
            versions=f"pg_catalog.current_setting({literal(LOCKED)})::jsonb",
            result=fill("recovery/close/message/closed_count"),
            run=literal(str(run)),
            trigger=literal(closer.trigger),
            reason=text_or_null(closer.reason),
            **closer.heed_stops(),
        )
        sent = [lock, close]
        if rule.table.source.recovery.notify:
            notify = rule.statement("recovery/close/notify", run=literal(str(run)))
            sent.append(fill("recovery/close/message/notify", notify=notify))
        return sent
