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
from typing import Any, Literal, NamedTuple

from exporter.errors import BadData, Locked, NoAnswer, RowRefused, SchemaMismatch, TimedOut
from exporter.postgres import Transaction, Writer
from exporter.postgres.error_causes import NOT_AUDITED, NOT_WRITTEN, STILL_ACTIVE
from exporter.queries import literal
from exporter.recovery.close.candidates import Candidate
from exporter.recovery.rule import statements
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Scope, orphans

Trigger = Literal["auto", "manual", "close"]

#: So many sessions in a row that could not be closed in time, each by itself: it is the database
#: that is slow and not a session, and whoever waits for these rows is not to wait on and on.
SLOW_IN_A_ROW = 5


class HeldUpError(Exception):
    """Writing waited for a lock; with several sessions nobody knows for which of them."""


class Recovered(NamedTuple):
    """A session that was closed, and what the config wants reported of it."""

    session: str
    report: str
    """JSON, as it came: a run may close very many, and few are looked at."""

    @property
    def returning(self) -> dict[str, Any]:
        """The report, by name."""
        return dict(json.loads(self.report))


@dataclass(frozen=True, slots=True)
class Admission:
    """Which sessions of a batch may be closed, and why how many others may not."""

    chunk: Sequence[Candidate]
    over_budget: int = 0
    paused: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of the candidates of one run. `refused` says why, by session."""

    run: uuid.UUID
    closed: int = 0
    recovered: list[Recovered] = field(default_factory=list)
    """Those that were closed, until whoever is told of the progress takes them out."""
    passed_over: int = 0
    """Somebody else worked on them, or they are not what they were: they are looked at again."""
    refused: dict[str, str] = field(default_factory=dict)
    over_budget: int = 0
    paused: int = 0
    can_undo: bool = True
    """Whether it was written down what was there before."""

    def add(self, admitted: Admission, closed: Sequence[Recovered]) -> None:
        """Count what became of one batch."""
        self.closed += len(closed)
        self.recovered += closed
        self.passed_over += len(admitted.chunk) - len(closed)
        self.over_budget += admitted.over_budget
        self.paused += admitted.paused


class CloseRun:
    """One run on one source: of recovery, or of what the scope says."""

    MOST = 10_000
    """The most sessions of one transaction, whatever is asked for."""

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
        Raises SourceError when nothing more can be done; what was committed stays, and is in
        `continuing`.
        """
        outcome = continuing or Outcome(uuid.uuid4())
        for number, chunk in enumerate(_chunks(candidates, min(batch, self.MOST))):
            if number:
                await asyncio.sleep(pause)
            try:
                await self._close(chunk, outcome)
            except NoAnswer:
                raise  # the connection is gone
            except (RowRefused, BadData, TimedOut, HeldUpError):
                for candidate in chunk:
                    await self._close_one(candidate, outcome)
            except Locked:
                outcome.passed_over += len(chunk)
            else:
                self._slow_in_a_row = 0
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
        except (Locked, HeldUpError):
            outcome.passed_over += 1
        else:
            self._slow_in_a_row = 0

    async def _close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        async with self._writer.transaction() as transaction:
            admitted = await self._admit(transaction, chunk)
            locked = await self._lock(transaction, admitted.chunk) if admitted.chunk else []
            try:
                closed = await self._write(transaction, locked, outcome.run) if locked else []
            except Locked as error:
                raise HeldUpError from error
            if closed:
                await self._notify(transaction, outcome.run)
        outcome.add(admitted, closed)

    async def _admit(self, _transaction: Transaction, chunk: Sequence[Candidate]) -> Admission:
        """How many of these may be closed at all."""
        return Admission(chunk)

    async def _lock(self, transaction: Transaction, chunk: Sequence[Candidate]) -> list[Candidate]:
        ids = array(candidate.session for candidate in chunk)
        result = await transaction.run(statements.lock(self._rule, ids=ids))
        if not self._scope.is_version_fixed:
            return list(map(Candidate._make, result.rows))
        locked = {session for session, _ in result.rows}
        return [candidate for candidate in chunk if candidate.session in locked]

    async def _write(
        self, transaction: Transaction, locked: Sequence[Candidate], run: uuid.UUID
    ) -> list[Recovered]:
        result = await transaction.run(
            statements.close(
                self._rule,
                self._scope,
                ids=array(candidate.session for candidate in locked),
                versions=array(candidate.version for candidate in locked),
                run=literal(str(run)),
                trigger=literal(self._trigger),
            )
        )
        found, written = result.rows[0][:2]
        closed = [row[2:] for row in result.rows if row[2] is not None]
        _check(found, len(closed), written, is_active=any(row[-1] for row in closed))
        return [Recovered(session, report) for session, report, _ in closed]

    async def _notify(self, transaction: Transaction, run: uuid.UUID) -> None:
        source = self._rule.table.source
        if channel := source.recovery.notify:
            await transaction.run(statements.notify(source, channel, run=literal(str(run))))


def _check(found: int, closed: int, written: int, *, is_active: bool) -> None:
    """What does not hold takes all of the transaction back."""
    if closed < found:
        raise RowRefused(NOT_WRITTEN)
    if is_active:
        raise RowRefused(STILL_ACTIVE)
    if written < closed:
        raise SchemaMismatch(NOT_AUDITED)


def array(texts: Iterable[str]) -> str:
    """An array literal: one text, however many there are."""
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return literal("{" + ",".join([f'"{text}"' for text in escaped]) + "}")


def _chunks(candidates: Sequence[Candidate], size: int) -> Iterator[tuple[Candidate, ...]]:
    rest = iter(candidates)
    while chunk := tuple(islice(rest, size)):
        yield chunk
