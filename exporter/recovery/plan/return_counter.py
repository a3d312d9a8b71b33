"""Counts returns while recovery is off: how often recovery would be wrong."""

from exporter import logs, sessions
from exporter.clock import Clock
from exporter.collection.binding import Binding
from exporter.collection.job import Job, Key, stretch_interval
from exporter.config import Source
from exporter.errors import SchemaMismatch, SourceError
from exporter.postgres import Database, Reader
from exporter.recovery.audit.installation import can_read_audit
from exporter.recovery.plan.returned import find_gone
from exporter.recovery.rule.binding import follow_table
from exporter.recovery.rule.checks import read_naming_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.status import RecoveryStatuses
from exporter.sessions import STATEMENT_TIME, SessionTable, evidence_settings
from exporter.sessions.verdict import NO_VERDICTS, Verdicts

#: The name of these jobs in their keys.
RETURNS = "returns"

#: The interval in seconds; sessions return after minutes, so a shorter one is of no use.
EVERY = 60.0

#: The most orphaned sessions that are tracked; the newest ones.
MOST = 1000


def counts_returns(source: Source) -> bool:
    """Whether a ReturnCounter counts; in the other modes recovery counts by its observations."""
    return source.id is not None and source.recovery.mode == "disabled"


class ReturnCounter(Job):
    """Counts the sessions of one source that were orphaned at one run and are not at the next.

    They live, or the application has ended them. The next run reads by id only the sessions that
    are no longer orphaned. `id` must be a column with a unique index: otherwise the whole table
    would be read. While evidence is unknown nothing is compared: then listed sessions look
    orphaned, and ghosts do not.
    """

    FAILED = "returns_not_counted"
    SUCCEEDED = "returns_counted"
    BUG = "return_counter_bug"
    SHARES_MESSAGES = True

    def __init__(
        self,
        database: Database,
        binding: Binding[SessionTable],
        *,
        statuses: RecoveryStatuses,
        clock: Clock,
        evidence: Verdicts = NO_VERDICTS,
    ) -> None:
        """`binding` is that of the source in this database; it may be shared with collectors."""
        source = binding.source
        self._every = max(source.every, EVERY)
        super().__init__(Key(database.name, source.name, RETURNS), interval=self._every)
        self._database = database
        self._binding = binding
        self._source = source
        self._statuses = statuses
        self._clock = clock
        self._evidence = evidence
        self._bound: tuple[bool, Rule] | None = None
        self._has_fitted = False
        self._known: frozenset[str] = frozenset()
        self._last_run = 0.0

    @property
    def past(self) -> tuple[frozenset[str], float]:
        """The sessions that were orphaned at the last run, and when that was in the database."""
        return self._known, self._last_run

    def continue_from(self, known: frozenset[str], last_run: float) -> None:
        """Continue from the last run of another counter of this source."""
        self._known, self._last_run = known, last_run

    def report_to(self, statuses: RecoveryStatuses, *, evidence: Verdicts) -> None:
        """Continue with other stores."""
        self._statuses, self._evidence = statuses, evidence

    async def _run(self) -> None:
        reader = self._database.reader(
            f"{self._source.name} returns",
            user=self._source.name,
            timezone=sessions.time_zone(self._source),
        )
        try:
            await self._count(reader, *await self._bind(reader))
        finally:
            self.interval = stretch_interval(self._every, reader.seconds)

    async def _bind(self, reader: Reader) -> tuple[bool, Rule]:
        """Whether the audit can be read, and the rule of the present binding of the table."""
        table = await self._binding.get(reader, self._clock.monotonic())
        if self._bound is None or self._bound[1].table is not table:
            self._bound, self._has_fitted = None, False
            self._bound = await can_read_audit(reader), await follow_table(reader, table)
        return self._bound

    async def _count(self, reader: Reader, is_audited: bool, rule: Rule) -> None:
        verdict = self._evidence.verdict()
        if verdict.blind:
            self._count_returned(0)
            return
        reader.preamble = await evidence_settings(verdict, rule.table.encoding)
        statement = rule.table.keep("returns", lambda _: _orphaned_ids(rule))
        ((now, orphans),) = await read_naming_key(reader, rule, statement)
        self._has_fitted = True
        known = frozenset(orphans)
        gone = await find_gone(
            reader,
            rule,
            self._known - known,
            self._last_run,
            is_audited=is_audited,
            alive_owners=verdict.alive_owners,
        )
        self._known, self._last_run = known | gone.undecided, now
        self._count_returned(len(gone.returned))

    def _count_returned(self, more: int) -> None:
        before = self._statuses.by_pair[self.key[:2]].returned or 0
        self._statuses.change(self.key[:2], returned=before + more)

    def _failed(self, error: SourceError) -> None:
        if isinstance(error, SchemaMismatch) and self._has_fitted:
            self._binding.forget()  # the table has changed; otherwise the rule does not fit
        self._bound, self._has_fitted = None, False

    def _log_failure(self, error: SourceError) -> None:
        """Log a failure, not as a warning, because the collectors warn of the same causes."""
        if self._logged.get(self.FAILED) != error.reason:
            self._logged[self.FAILED] = error.reason
            logs.info(self.FAILED, **self._names, reason=error.reason, error=str(error))


def _orphaned_ids(rule: Rule) -> str:
    return rule.table.statement(
        "recovery/decision/orphaned_ids",
        key=rule.id.key(),
        has_id=rule.id.is_complete,
        orphaned=rule.table.orphaned(STATEMENT_TIME),
        now=STATEMENT_TIME.now,
        alive=rule.alive,
        last_seen=rule.table.last_seen,
        most=str(MOST),
    )
