"""Maintenance of the audit: contradictions are recorded, and old rows deleted.

One task that fails keeps neither the other tasks nor the counting from being done.
"""

from typing import NamedTuple

from exporter import errors
from exporter.backoff import Backoff
from exporter.config import Source
from exporter.postgres import Writer
from exporter.queries import fill, literal
from exporter.recovery.functions.definitions import maintenance_function
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.statements import MAINTENANCE

#: How often old rows of the audit are deleted, in seconds: up to a thousand at a time.
PRUNE_EVERY = 600.0

#: Shortest and longest time, in seconds, after which a task that failed is tried again.
RETRY_AFTER = (60.0, 3600.0)

#: Errors of a statement, after which the connection is fine.
STATEMENT_FAILURES = (
    *(errors.BadData, errors.Locked, errors.PermissionDenied, errors.RowRefused),
    *(errors.SchemaMismatch, errors.TimedOut),
)


class Failure(NamedTuple):
    """Why a task failed, and whether it had not failed the last time."""

    cause: errors.SourceError
    is_new: bool


class AuditMaintenance:
    """The tasks for one source; deleting old rows is due every PRUNE_EVERY, the others always."""

    def __init__(self, writer: Writer, source: Source) -> None:
        self._writer = writer
        has_evidence = source.recovery.evidence is not None
        self._tasks = [task for task in MAINTENANCE if task != "alive" or has_evidence]
        self._pruned_until = float("-inf")
        self._failing: dict[str, Backoff] = {}

    async def run(
        self, rule: Rule, function: InstalledFunction | None, *, at: float
    ) -> list[Failure]:
        """Run the tasks that are due at a monotonic time, and return the failures.

        Raises SourceError where the database cannot be reached.
        """
        failures: list[Failure] = []
        for task in self._tasks:
            if task == "old" and at < self._pruned_until:
                continue
            if task in self._failing and self._failing[task].waits(at):
                continue
            try:
                await self._run_task(task, rule, function)
            except errors.NoAnswer:
                raise
            except STATEMENT_FAILURES as error:
                failures.append(Failure(error, is_new=task not in self._failing))
                self._failing.setdefault(task, Backoff()).failed(at, RETRY_AFTER)
            else:
                self._failing.pop(task, None)
                if task == "old":
                    self._pruned_until = at + PRUNE_EVERY
        return failures

    async def _run_task(self, task: str, rule: Rule, function: InstalledFunction | None) -> None:
        statement = rule.statement(MAINTENANCE[task])
        if function is not None:
            maintenance = maintenance_function(rule).sql
            statement = fill(
                "recovery/audit/call_maintenance", function=maintenance, task=literal(task)
            )
        await self._writer.rows(statement)
