"""How many orphaned sessions return where recovery is not on: how often it would be wrong."""

from exporter import logs, sessions
from exporter.clock import Clock
from exporter.collection.binding import Binding
from exporter.collection.job import Job, Key, stretch_interval
from exporter.config import Source
from exporter.errors import SourceError
from exporter.postgres import Database, Reader
from exporter.recovery.audit.installation import can_read_audit
from exporter.recovery.plan.returned import find_returned
from exporter.recovery.rule.binding import bind_without_changes
from exporter.recovery.rule.checks import read_naming_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.status import RecoveryStatuses

#: Sessions return after minutes: more often is of no use, in seconds.
EVERY = 60.0

#: The most orphaned sessions that are followed; the newest ones.
MOST = 1000


def counts_returns(source: Source) -> bool:
    """Whether a ReturnCounter counts; in the other modes recovery does, from what it observes."""
    return source.id is not None and source.recovery.mode == "disabled"


class ReturnCounter(Job):
    """Counts the sessions of one source that were orphaned at one run and are not at the next.

    They live, or the application has ended them. Of what one run finds, the next one reads by id
    only what is not orphaned any more. It needs a column with a unique index as `id`: without one,
    the whole table would be read.
    """

    FAILED = "returns_not_counted"
    SUCCEEDED = "returns_counted"
    BUG = "return_counter_bug"
    SHARES_MESSAGES = True

    def __init__(
        self, database: Database, source: Source, *, statuses: RecoveryStatuses, clock: Clock
    ) -> None:
        self._every = max(source.every, EVERY)
        super().__init__(Key(database.name, source.name, "returns"), interval=self._every)
        self._database = database
        self._source = source
        self._statuses = statuses
        self._clock = clock
        self._binding = Binding(source, _bind)
        self._returned = 0
        self._known: frozenset[str] = frozenset()
        self._last_run = 0.0

    async def _run(self) -> None:
        reader = self._database.reader(
            f"{self._source.name} returns", timezone=sessions.time_zone(self._source)
        )
        try:
            bound = await self._binding.get(reader, self._clock.monotonic())
            await self._count(reader, *bound)
        finally:
            self.interval = stretch_interval(self._every, reader.seconds)

    async def _count(self, reader: Reader, is_audited: bool, rule: Rule) -> None:
        statement = rule.table.statement(
            "recovery/decision/orphaned_ids",
            id=rule.id,
            alive=rule.alive,
            orphaned=rule.table.orphaned(sessions.STATEMENT_TIME),
            now=sessions.STATEMENT_TIME.now,
            last_seen=rule.table.last_seen,
            most=str(MOST),
        )
        ((now, orphans),) = await read_naming_key(reader, rule, statement)
        known = frozenset(orphans)
        gone = self._known - known
        returned = await find_returned(reader, rule, gone, self._last_run, is_audited=is_audited)
        self._returned += len(returned)
        self._known, self._last_run = known, now
        self._statuses.change(self.key[:2], returned=self._returned)

    def _failed(self, _error: SourceError) -> None:
        self._binding.forget()

    def _log_failure(self, error: SourceError) -> None:
        """Not as a warning: the collectors warn of what fails them too."""
        if self._logged.get(self.FAILED) != error.reason:
            self._logged[self.FAILED] = error.reason
            logs.info(self.FAILED, **self._names, reason=error.reason, error=str(error))


async def _bind(reader: Reader, source: Source) -> tuple[bool, Rule]:
    """Whether the audit can be read, and the rule of a source."""
    return await can_read_audit(reader), await bind_without_changes(reader, source)
