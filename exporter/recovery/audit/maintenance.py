"""Maintenance of the audit: contradictions are recorded, and old rows deleted.

A task that fails does not prevent the other tasks or the counting. No task takes more than its
share of the time, however large the audit is: contradictions are searched in pages.
"""

import asyncio
import datetime as dt
from dataclasses import dataclass, field

from exporter import errors
from exporter.backoff import Backoff
from exporter.collection.job import stretch_interval
from exporter.config import Source
from exporter.postgres import Row, Writer
from exporter.queries import fill, literal
from exporter.recovery.functions.definitions import (
    MAINTENANCE,
    PAGED,
    maintenance_function,
    maintenance_statement,
)
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.rule import Rule

#: How often old rows of the audit are deleted, in seconds: up to a thousand at a time.
PRUNE_EVERY = 600.0

#: Shortest and longest time, in seconds, after which a failed task is retried.
RETRY_AFTER = (60.0, 3600.0)

#: Errors of a statement, after which the connection is still usable.
STATEMENT_FAILURES = (
    *(errors.BadData, errors.Locked, errors.PermissionDenied, errors.RowRefused),
    *(errors.SchemaMismatch, errors.TimedOut),
)


@dataclass(slots=True)
class _Task:
    every: float
    """The shortest time between two runs, in seconds."""
    backoff: Backoff = field(default_factory=Backoff)
    before: dt.datetime | None = None
    """Where the next older page ends; None: begin with the newest page again."""


class AuditMaintenance:
    """The tasks for one source; deleting old rows is due every PRUNE_EVERY, the others always.

    A task is due again after twenty times its last duration at the earliest.
    """

    def __init__(self, writer: Writer, source: Source) -> None:
        self._writer = writer
        has_evidence = source.recovery.evidence is not None
        self._tasks = {
            task: _Task(every=PRUNE_EVERY if task == "old" else 0.0)
            for task in MAINTENANCE
            if task != "alive" or has_evidence
        }

    async def run(
        self, rule: Rule, function: InstalledFunction | None, *, at: float
    ) -> list[tuple[errors.SourceError, bool]]:
        """Run the tasks that are due at a monotonic time.

        Returns why some failed, and whether these failures are new. Raises SourceError if the
        database cannot be reached.
        """
        failures: list[tuple[errors.SourceError, bool]] = []
        for name, task in self._tasks.items():
            backoff = task.backoff
            if backoff.waits(at):
                continue
            try:
                seconds = await self._run_task(name, task, rule, function)
            except errors.NoAnswer:
                raise
            except STATEMENT_FAILURES as error:
                failures.append((error, not backoff.failures))
                backoff.failed(at, RETRY_AFTER)
            else:
                backoff.succeeded()
                backoff.until = at + stretch_interval(task.every, seconds)
        return failures

    async def _run_task(
        self, name: str, task: _Task, rule: Rule, function: InstalledFunction | None
    ) -> float:
        """Run it once; return how long it kept the database busy, in seconds.

        Each run takes the newest page, and one of the older pages in turn.
        """
        rows, seconds = await self._page(name, None, rule, function)
        if name not in PAGED:
            return seconds
        if task.before is not None:
            older, more = await self._page(name, task.before, rule, function)
            task.before, seconds = older[0][0], seconds + more
        else:
            task.before = rows[0][0]
        return seconds

    async def _page(
        self, name: str, before: dt.datetime | None, rule: Rule, function: InstalledFunction | None
    ) -> tuple[list[Row], float]:
        ends = f"{literal(before.isoformat() if before else 'infinity')}::timestamptz"
        if function is None:
            statement = maintenance_statement(rule, name, ends)
        else:
            called = maintenance_function(rule).sql
            statement = fill(
                "recovery/maintenance/call_maintenance",
                function=called,
                task=literal(name),
                before=ends,
            )
        async with self._writer.transaction() as transaction:
            began = asyncio.get_running_loop().time()
            rows = await transaction.rows(statement)
            return rows, asyncio.get_running_loop().time() - began
