"""Closing sessions: lock, check again with a newer snapshot, write, and write down, in batches.

A single guarded UPDATE is not enough: where evidence is in another table, PostgreSQL does not look
at it again after it has waited for a row lock (documentation, "Transaction Isolation", on READ
COMMITTED).
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from exporter.database import Transaction, Writer
from exporter.errors import BadData, Locked, NoAnswer, RowRefused, TimedOut
from exporter.queries import fill, literal
from exporter.recovery.notifying import notify, tell_at
from exporter.recovery.rule import Rule, assignments
from exporter.recovery.scope import Scope, orphans

Trigger = Literal["auto", "manual", "close"]

#: So many sessions in a row that could not be closed in time, each by itself: it is the database
#: that is slow and not a session, and whoever waits for these rows is not to wait on and on.
SLOW_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session that may be recovered, in the version in which it was found."""

    session: str
    version: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """A session that was closed, and what the config wants reported of it."""

    session: str
    returning: dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """What became of the candidates of one run. `refused` says why, by session."""

    run: uuid.UUID
    recovered: list[Recovered] = field(default_factory=list)
    passed_over: int = 0
    """Somebody else worked on them, or they are not what they were: they are looked at again."""
    refused: dict[str, str] = field(default_factory=dict)


class Closing:
    """One run on one source: of recovery, or of what the scope says."""

    def __init__(
        self,
        writer: Writer,
        rule: Rule,
        *,
        trigger: Trigger,
        with_backlog: bool = False,
        scope: Scope | None = None,
    ) -> None:
        self._writer = writer
        self._rule = rule
        self._trigger = trigger
        self._scope = scope or orphans(rule, with_backlog=with_backlog)
        self._slow_in_a_row = 0

    async def run(
        self,
        candidates: Sequence[Candidate],
        *,
        batch: int,
        pause: float,
        progress: Callable[[Outcome], None],
        continuing: Outcome | None = None,
    ) -> Outcome:
        """Close what still is in scope; `progress` is called after each transaction.

        A session that a constraint or a trigger protects, of which a new value cannot be computed,
        or that takes longer than a statement may, is set aside, and the others go on. `continuing`
        is the outcome of the same run so far, which is added to.
        Raises CollectionError when nothing more can be done; what was committed stays, and is in
        `continuing`.
        """
        outcome = continuing or Outcome(uuid.uuid4())
        for number, chunk in enumerate(_chunks(candidates, batch)):
            if number:
                await asyncio.sleep(pause)
            try:
                await self._close(chunk, outcome)
            except NoAnswer:
                raise  # the connection is gone
            except (RowRefused, BadData, TimedOut):
                for candidate in chunk:
                    await self._close_one(candidate, outcome)
            except Locked:
                outcome.passed_over += len(chunk)
            progress(outcome)
        return outcome

    async def _close_one(self, candidate: Candidate, outcome: Outcome) -> None:
        try:
            await self._close([candidate], outcome)
        except NoAnswer:
            raise
        except TimedOut as error:
            outcome.refused[candidate.session] = str(error)
            self._slow_in_a_row += 1
            if self._slow_in_a_row >= SLOW_IN_A_ROW:
                many = f"{SLOW_IN_A_ROW} sessions in a row took too long, each by itself"
                raise TimedOut(f"{many}: {error}") from None
        except (RowRefused, BadData) as error:
            outcome.refused[candidate.session] = str(error)
        except Locked:
            outcome.passed_over += 1

    async def _close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        async with self._writer.transaction() as transaction:
            locked = await self._lock(transaction, chunk)
            closed = await self._write(transaction, locked, outcome.run) if locked else []
            if closed:
                await notify(transaction, self._rule.table.source, outcome.run)
        outcome.recovered += closed
        self._slow_in_a_row = 0
        outcome.passed_over += len(chunk) - len(closed)

    async def _lock(self, transaction: Transaction, chunk: Sequence[Candidate]) -> list[Candidate]:
        rule = self._rule
        result = await transaction.run(
            fill(
                "recovery_lock",
                id=rule.id,
                id_type=rule.id_type,
                ids=_array(candidate.session for candidate in chunk),
                table=rule.table.table,
                rows=rule.table.rows,
            )
        )
        if not self._scope.is_version_fixed:
            return [Candidate(session, version) for session, version in result.rows]
        locked = {session for session, _ in result.rows}
        return [candidate for candidate in chunk if candidate.session in locked]

    async def _write(
        self, transaction: Transaction, locked: Sequence[Candidate], run: uuid.UUID
    ) -> list[Recovered]:
        rule = self._rule
        versions = (f"({literal(each.session)}, {literal(each.version)})" for each in locked)
        result = await transaction.run(
            fill(
                "recovery_close",
                id=rule.id,
                id_type=rule.id_type,
                ids=_array(candidate.session for candidate in locked),
                versions=", ".join(versions),
                table=rule.table.table,
                recoverable=self._scope.condition,
                young=self._scope.young,
                end=self._scope.end,
                before=rule.columns_written,
                after=rule.columns_written,
                evidence=rule.evidence,
                returning=rule.reported,
                assignments=assignments(rule),
                run=literal(str(run)),
                source=literal(rule.table.source.name),
                relation=literal(rule.relation.sql),
                trigger=literal(self._trigger),
                rule=literal(json.dumps(self._scope.described)),
                tell_at=tell_at(rule.table.source),
            )
        )
        return [Recovered(session, returning) for session, returning in result.rows]


def _array(sessions: Iterable[str]) -> str:
    """An array literal: one text, however many there are."""
    quoted = ",".join('"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"' for s in sessions)
    return literal("{" + quoted + "}")


def _chunks(candidates: Sequence[Candidate], size: int) -> Iterator[tuple[Candidate, ...]]:
    rest = iter(candidates)
    while chunk := tuple(islice(rest, size)):
        yield chunk
