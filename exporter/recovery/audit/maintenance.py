"""Maintenance of the audit: contradictions are recorded, and old rows deleted.

One task that fails keeps neither the other tasks nor the counting from being done.
"""

from exporter import errors
from exporter.backoff import Backoff
from exporter.config import Source
from exporter.postgres import Writer
from exporter.queries import fill, literal
from exporter.recovery.functions.definitions import MAINTENANCE, maintenance_function
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.rule import Rule

#: How often old rows of the audit are deleted, in seconds: up to a thousand at a time.
PRUNE_EVERY = 600.0

#: Shortest and longest time, in seconds, after which a task that failed is tried again.
RETRY_AFTER = (60.0, 3600.0)

#: Errors of a statement, after which the connection is fine.
STATEMENT_FAILURES = (
    *(errors.BadData, errors.Locked, errors.PermissionDenied, errors.RowRefused),
    *(errors.SchemaMismatch, errors.TimedOut),
)


class AuditMaintenance:
    """The tasks for one source; deleting old rows is due every PRUNE_EVERY, the others always."""

    def __init__(self, writer: Writer, source: Source) -> None:
        self._writer = writer
        has_evidence = source.recovery.evidence is not None
        tasks = (task for task in MAINTENANCE if task != "alive" or has_evidence)
        self._waiting = {task: Backoff() for task in tasks}

    async def run(
        self, rule: Rule, function: InstalledFunction | None, *, at: float
    ) -> list[tuple[errors.SourceError, bool]]:
        """Run the tasks that are due at a monotonic time.

        Returns why some failed, and whether they had not before. Raises SourceError where the
        database cannot be reached.
        """
        failures: list[tuple[errors.SourceError, bool]] = []
        for task, backoff in self._waiting.items():
            if backoff.waits(at):
                continue
            try:
                await self._run_task(task, rule, function)
            except errors.NoAnswer:
                raise
            except STATEMENT_FAILURES as error:
                failures.append((error, not backoff.failures))
                backoff.failed(at, RETRY_AFTER)
            else:
                backoff.succeeded()
                if task == "old":
                    backoff.until = at + PRUNE_EVERY
        return failures

    async def _run_task(self, task: str, rule: Rule, function: InstalledFunction | None) -> None:
        if function is None:
            statement = rule.statement(MAINTENANCE[task])
        else:
            called = maintenance_function(rule).sql
            statement = fill("recovery/audit/call_maintenance", function=called, task=literal(task))
        await self._writer.rows(statement)
