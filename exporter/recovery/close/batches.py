"""Closing sessions in batches, in whatever way: what cannot be closed is set aside, and counted.

A single guarded UPDATE is not enough to close one: where evidence is in another table, PostgreSQL
does not read it again after it has waited for a row lock (documentation, "Transaction Isolation",
on READ COMMITTED). So each closer locks first, and rechecks with a newer snapshot.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple, Protocol

from exporter.errors import BadData, IdleTooLong, Locked, NoAnswer, RowRefused, TimedOut
from exporter.recovery.close.candidates import Candidate

Trigger = Literal["auto", "manual", "close"]

#: So many sessions in a row that could not be closed in time, each alone, mean that the database is
#: slow and not a session; others that wait for these rows are not to wait any longer.
SLOW_IN_A_ROW = 5


class WriteBlocked(Exception):
    """Writing waited for a lock; with several sessions it is not known for which of them."""


class ClosedSession(NamedTuple):
    """A session that was closed, and what the config wants reported of it."""

    session: str
    report: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did with the candidates it was given."""

    closed: Sequence[ClosedSession] = ()
    skipped: int = 0
    over_budget: int = 0
    paused: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of the candidates of one run."""

    run: uuid.UUID = field(default_factory=uuid.uuid4)
    closed: int = 0
    recovered: list[ClosedSession] = field(default_factory=list)
    """Those that were closed, until `progress` takes them out."""
    skipped: int = 0
    """Locked by another transaction, or not what they were: they are rechecked in a later run."""
    refused: dict[str, str] = field(default_factory=dict)
    """Set aside, and why, by session."""
    over_budget: int = 0
    paused: int = 0

    def add(self, batch: Batch) -> None:
        self.closed += len(batch.closed)
        self.recovered += batch.closed
        self.skipped += batch.skipped
        self.over_budget += batch.over_budget
        self.paused += batch.paused


class Closer(Protocol):
    """What closes sessions in one transaction: by statements, or by a function in the database."""

    @property
    def most(self) -> int:
        """The most sessions of one transaction, whatever is asked for."""

    async def close(self, chunk: Sequence[Candidate], run: uuid.UUID) -> Batch:
        """Lock, recheck, close, and write the audit, all or nothing.

        Raises SourceError, and WriteBlocked.
        """


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
            await self._close(chunk)
            self.progress(self.outcome)
        return self.outcome

    async def retry(self, skipped: Sequence[Candidate]) -> None:
        """Close those that were skipped, at once: `progress` has been called with them."""
        self.outcome.skipped -= len(skipped)
        self._wait, self.progress = 0.0, lambda _: None
        await self.close(skipped)

    async def _close(self, chunk: Sequence[Candidate]) -> None:
        try:
            self.outcome.add(await self.closer.close(chunk, self.outcome.run))
        except (IdleTooLong, NoAnswer):
            raise  # the connection is lost
        except (RowRefused, BadData, TimedOut, WriteBlocked):
            for candidate in chunk:
                await self._close_one(candidate)
        except Locked:
            self.outcome.skipped += len(chunk)
        else:
            self._slow_in_a_row = 0

    async def _close_one(self, candidate: Candidate) -> None:
        try:
            self.outcome.add(await self.closer.close([candidate], self.outcome.run))
        except (IdleTooLong, NoAnswer):
            raise
        except TimedOut as error:
            self.outcome.refused[candidate.session] = str(error)
            self._slow_in_a_row += 1
            if self._slow_in_a_row >= SLOW_IN_A_ROW:
                many = f"{SLOW_IN_A_ROW} sessions in a row took too long, each alone"
                raise TimedOut(f"{many}: {error}") from None
        except (RowRefused, BadData) as error:
            self.outcome.refused[candidate.session] = str(error)
        except (Locked, WriteBlocked):
            self.outcome.skipped += 1
        else:
            self._slow_in_a_row = 0
