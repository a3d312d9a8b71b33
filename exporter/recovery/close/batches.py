"""Closing sessions in batches, in whatever way: what cannot be closed is set aside, and counted.

A single guarded UPDATE is not enough to close one: where evidence is in another table, PostgreSQL
does not read it again after it has waited for a row lock (documentation, "Transaction Isolation",
on READ COMMITTED). So each closer locks first, and rechecks with a newer snapshot.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, Protocol

from exporter.errors import (
    BadData,
    IdleTooLong,
    Locked,
    NoAnswer,
    RowRefused,
    SourceError,
    TimedOut,
)
from exporter.postgres import Reader, Transaction
from exporter.queries import fill
from exporter.recovery.audit.control import find_pause
from exporter.recovery.close.candidates import Candidate, Outcome
from exporter.recovery.rule.rule import Rule

Trigger = Literal["auto", "manual", "close"]

#: So many sessions in a row that could not be closed in time, each alone, mean that the database is
#: slow and not a session; others that wait for these rows are not to wait any longer.
SLOW_IN_A_ROW = 5


#: For how long a run by hand may keep rows locked, in seconds: an application hardly notices it.
LOCKED_FOR = 0.05


def fitting_batch(count: int, seconds: float, most: int) -> int:
    """How many take LOCKED_FOR, after `count` took so many seconds.

    Twice as many at most: one batch that was fast may have been lucky.
    """
    fitting = int(count * LOCKED_FOR / max(seconds, 1e-6))
    return max(1, min(fitting, 2 * count, most))


class WriteBlocked(Exception):
    """Writing waited for a lock; with several sessions it is not known for which of them."""


class Closer(Protocol):
    """What closes sessions in one transaction: by statements, or by a function in the database."""

    @property
    def most(self) -> int:
        """The most sessions of one transaction, whatever is asked for."""

    async def close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        """All or nothing; `outcome` has what was committed. Raises SourceError and WriteBlocked."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What automatic recovery has decided, which each transaction checks again."""

    server: str
    """The server that was observed."""
    day_limit: int | None = None
    """The most sessions of a day; None where only `per_hour` limits them."""


async def admit(
    reader: Reader | Transaction,
    rule: Rule,
    permission: Permission | None,
    chunk: Sequence[Candidate],
) -> tuple[Sequence[Candidate], bool]:
    """Those that one transaction may close, and whether a pause forbids it.

    Automatically no more than the budget, which all exporters share through the audit table, and
    nothing once the source is paused: each transaction checks. By hand, without a permission, all.
    Raises SourceError where the server is not the one that was observed.
    """
    if permission is None:
        return chunk, False
    if await find_pause(reader, rule.table.source.name):
        return (), True
    if isinstance(reader, Transaction):
        # Two statements: the count has to see what the one that we waited for has committed.
        await reader.run(rule.statement("recovery/close/queue"))
        await require_server(reader, permission)
    ((budget,),) = await reader.rows(rule.budget_statement(permission.day_limit))
    return chunk[: max(budget, 0)], False


async def require_server(transaction: Transaction, permission: Permission | None) -> None:
    """Raise SourceError where this is not the server that was observed."""
    if permission is None:
        return
    statement = fill("recovery/close/server", server=fill("recovery/observation/server"))
    ((server,),) = await transaction.rows(statement)
    if server != permission.server:
        raise SourceError("the server changed after the sessions were observed; nothing was closed")


@dataclass(slots=True)
class CloseRun:
    """One run on one source: batch after batch, `pause` seconds between two transactions."""

    closer: Closer
    batch: int
    pause: float
    progress: Callable[[Outcome], None] = lambda _: None
    """Called after each transaction."""
    outcome: Outcome = field(default_factory=Outcome)
    """What was committed, also after an error."""
    adapts: bool = False
    """Whether `batch` is only where it begins: then as many as take LOCKED_FOR at a time."""
    _wait: float = 0.0
    _slow_in_a_row: int = 0

    async def close(self, candidates: Sequence[Candidate]) -> Outcome:
        """Close these; may be called once for each page of candidates.

        A session that a constraint or a trigger protects, of which a new value cannot be computed,
        or that takes longer than a statement may, is set aside, and the others go on.
        Raises SourceError when nothing more can be done.
        """
        rest = iter(candidates)
        while chunk := tuple(islice(rest, min(self.batch, self.closer.most))):
            await asyncio.sleep(self._wait)
            self._wait = self.pause
            began_at = time.perf_counter()
            await self._close(chunk)
            if self.adapts:
                seconds = time.perf_counter() - began_at
                self.batch = fitting_batch(len(chunk), seconds, self.closer.most)
            self.progress(self.outcome)
        return self.outcome

    async def _close(self, chunk: Sequence[Candidate]) -> None:
        """Close these together, or else each alone."""
        try:
            await self.closer.close(chunk, self.outcome)
        except (IdleTooLong, NoAnswer):
            raise  # the connection is lost
        except Locked:
            self.outcome.skipped += len(chunk)
        except (RowRefused, BadData, TimedOut, WriteBlocked) as error:
            if len(chunk) == 1:
                self._set_aside(chunk[0], error)
                return
            for candidate in chunk:
                await self._close([candidate])
        else:
            self._slow_in_a_row = 0

    def _set_aside(self, candidate: Candidate, error: Exception) -> None:
        if isinstance(error, WriteBlocked):
            self.outcome.skipped += 1
            return
        self.outcome.refused[candidate.session] = str(error)
        if isinstance(error, TimedOut):
            self._slow_in_a_row += 1
            if self._slow_in_a_row >= SLOW_IN_A_ROW:
                many = f"{SLOW_IN_A_ROW} sessions in a row took too long, each alone"
                raise TimedOut(f"{many}: {error}") from None
