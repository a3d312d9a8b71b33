"""Recovery that halts before each step of its transactions, until the test lets it go on.

The steps are `lock`, `write` and `commit`, of closing and of undoing. Recovery itself is not
changed: a transaction is handed out in a wrapping that looks at each statement before it is run.
"""

import asyncio
import queue
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from typing import Any, Generic, Self, TypeVar

from exporter import sessions
from exporter.config import Source
from exporter.postgres import Database, Reader, Result, Transaction, Writer
from exporter.recovery.close.candidates import Candidate, Outcome
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.rule import Rule
from exporter.recovery.undo import UndoOutcome, plan_undo, undo
from tests.support.collection.declarations import settings_of
from tests.support.processes.background import Background
from tests.support.recovery.chats import Chats
from tests.support.recovery.close_runs import all_candidates, close_found
from tests.support.recovery.statements.names import step_of

T = TypeVar("T")

SECONDS = 20.0


class Halts:
    """Where the recovery is, for the test's thread, and when it may go on."""

    def __init__(self) -> None:
        self._reached: queue.Queue[tuple[str, asyncio.Event]] = queue.Queue()
        self._halted: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_free = False

    async def at(self, step: str) -> None:
        """Halt here; in the recovery."""
        if self._is_free:
            return
        self._loop, go_on = asyncio.get_running_loop(), asyncio.Event()
        self._reached.put((step, go_on))
        await go_on.wait()

    def until(self, step: str) -> None:
        """Let it go on to where this step would be the next; in the test."""
        reached = None
        while reached != step:
            self._resume()
            reached, self._halted = self._reached.get(timeout=SECONDS)

    def release(self) -> None:
        """Let it go on, and do not wait for it."""
        self._is_free = True
        self._resume()

    def free(self, work: Future[Any]) -> None:
        """Let it go on to its end."""
        self._is_free = True
        while not work.done():
            self._resume()
            try:
                _, self._halted = self._reached.get(timeout=0.01)
            except queue.Empty:
                continue

    def _resume(self) -> None:
        if self._halted is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._halted.set)
            self._halted = None


class HaltingWriter(Writer):
    """A writer whose transactions halt before each step."""

    def __init__(self, dsn: str, halts: Halts, *, timezone: str) -> None:
        super().__init__(settings_of(dsn), timezone=timezone)
        self._halts = halts

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """As it is, but for the halts."""
        async with super().transaction() as transaction:
            yield _Halting(transaction, self._halts)
            await self._halts.at("commit")


class _Halting(Transaction):
    def __init__(self, transaction: Transaction, halts: Halts) -> None:
        self._transaction = transaction
        self._halts = halts

    async def run(self, statement: str) -> Result:
        if step := step_of(statement):
            await self._halts.at(step)
        return await self._transaction.run(statement)


class Halting(Generic[T]):
    """Work in the background, from entering to leaving the `with` block."""

    def __init__(self, background: Background, halts: Halts, work: Coroutine[Any, Any, T]) -> None:
        self._background = background
        self._halts = halts
        self._work = work

    def __enter__(self) -> Self:
        self._future = self._background.begin(self._work)
        return self

    def __exit__(self, *_: object) -> None:
        self._halts.free(self._future)

    def until(self, step: str) -> None:
        """Let it go on to where this step would be the next."""
        self._halts.until(step)

    def release(self) -> None:
        """Let it go on, and do not wait for it."""
        self._halts.release()

    def finish(self) -> T:
        """Let it go on to its end, and return what came of it."""
        self._halts.free(self._future)
        return self._future.result()


class Recoveries:
    """Makes recoveries of one source."""

    def __init__(self, chats: Chats, background: Background, *, dsn: str | None = None) -> None:
        self.chats = chats
        self._background = background
        self._dsn = dsn or chats.database.dsn
        self._source = chats.source
        self._zone = sessions.time_zone(chats.source)

    def on(self, source: Source) -> "Recoveries":
        """Recoveries of another source in the same database."""
        others = copy(self)
        others._source = source
        return others

    def recovery(
        self, *ids: int, is_asked: bool = False, with_backlog: bool = False
    ) -> Halting[Outcome]:
        """Detect, and close what was found; or with `is_asked` these, orphaned or not."""
        halts = Halts()

        async def work() -> Outcome:
            async with self._bound(halts) as (reader, rule, writer):
                if is_asked:
                    candidates = await self._as_they_are(reader, rule, ids)
                else:
                    candidates = await all_candidates(reader, rule, with_backlog=with_backlog)
                    candidates = [
                        each for each in candidates if not ids or int(each.session) in ids
                    ]
                return await close_found(writer, rule, candidates, with_backlog=with_backlog)

        return Halting(self._background, halts, work())

    def undoing(self, run: uuid.UUID, numbers: Sequence[int] | None = None) -> Halting[int]:
        """Undo what the plan says, or these rows of the audit; how many were taken back."""

        async def work(halts: Halts) -> int:
            outcome = await self._undone(halts, run, numbers)
            assert outcome.refused == {}
            return outcome.undone

        halts = Halts()
        return Halting(self._background, halts, work(halts))

    def undoing_what_can_be(self, run: uuid.UUID) -> Halting[UndoOutcome]:
        """Undo what the plan says; how many were taken back, and why some were not."""
        halts = Halts()
        return Halting(self._background, halts, self._undone(halts, run, None))

    async def _undone(
        self, halts: Halts, run: uuid.UUID, numbers: Sequence[int] | None
    ) -> UndoOutcome:
        async with self._bound(halts) as (reader, _, writer):
            plan = await plan_undo(reader, self._source, run)
            if numbers is not None:
                plan = replace(plan, restored=dict.fromkeys(numbers, ""))
            return await undo(writer, plan, batch=50, pause=0)

    @asynccontextmanager
    async def _bound(self, halts: Halts) -> AsyncIterator[tuple[Reader, Rule, Writer]]:
        database = Database(settings_of(self._dsn))
        writer = HaltingWriter(self._dsn, halts, timezone=self._zone)
        try:
            reader = database.reader(timezone=self._zone)
            yield reader, await bind_rule(reader, self._source), writer
        finally:
            await writer.close()
            await database.close()

    @staticmethod
    async def _as_they_are(reader: Reader, rule: Rule, ids: Sequence[int]) -> list[Candidate]:
        wanted = ", ".join(map(str, ids))
        query = f"SELECT id::text, xmin::text FROM {rule.table.table} WHERE id IN ({wanted})"
        (result,) = await reader.read(query)
        return [Candidate(session, version) for session, version in result.rows]
