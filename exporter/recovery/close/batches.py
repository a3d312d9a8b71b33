"""Closing sessions in batches: sessions that cannot be closed are set aside and counted."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from exporter.errors import BadData, IdleTooLong, Locked, NoAnswer, RowRefused, TimedOut
from exporter.postgres import Reader, Writer
from exporter.recovery.close.by_function import FunctionCloser
from exporter.recovery.close.by_message import MessageCloser
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.candidates import Candidate, Outcome
from exporter.recovery.close.closer import (
    Closer,
    EvidenceSettings,
    Permission,
    WriteBlocked,
    no_evidence,
)
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.selection import Selection
from exporter.recovery.status import Trigger

#: If this many sessions in a row could not be closed in time, each alone, the database is slow and
#: not a session; then the run ends, so that others do not wait longer for these rows.
SLOW_IN_A_ROW = 5

#: How long a run by hand may keep rows locked, in seconds: short enough for applications.
LOCKED_FOR = 0.05


def fitting_batch(count: int, seconds: float, most: int) -> int:
    """How many sessions take LOCKED_FOR, if `count` took so many seconds.

    At most twice as many as before, because a single fast batch may be an exception.
    """
    fitting = int(count * LOCKED_FOR / max(seconds, 1e-6))
    return max(1, min(fitting, 2 * count, most))


def by_turns(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """The first row of each id, then the second row of each shared id, and so on.

    A transaction closes one row of an id, so that an undo can tell them apart.
    """
    turns, rows = list[list[Candidate]](), Counter[str]()
    for candidate in candidates:
        turn = rows[candidate.session]
        rows[candidate.session] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(candidate)
    return turns


def make_closer(
    writer: Writer,
    reader: Reader,
    selection: Selection,
    function: InstalledFunction | None,
    *,
    permission: Permission | None = None,
    reason: str | None = None,
    evidence: EvidenceSettings = no_evidence,
) -> Closer:
    """The closer of orphaned sessions; `function` is the result of find_recover_function().

    `permission` is for automatic recovery; None closes by hand. A function has no evidence.
    """
    trigger: Trigger = "manual" if permission is None else "auto"
    if function is not None:
        return FunctionCloser(writer, trigger, selection, reader, function, permission, reason)
    statements = StatementCloser(writer, trigger, selection, permission, reason, evidence)
    return MessageCloser(statements) if permission is None else statements


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

        A session is set aside if a constraint or a trigger protects it, a new value cannot be
        computed, or it takes longer than a statement may; the others are closed.
        Raises SourceError if nothing more can be done.
        """
        for each in by_turns(candidates):
            rest = iter(each)
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
        """Close these together, or if that fails each alone."""
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
