"""Makes the jobs of sources; where the config before had the same one, that goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from exporter import sessions
from exporter.clock import Clock
from exporter.collection.binding import Binding
from exporter.collection.collection import Collection, ignore_values, no_evidence
from exporter.collection.collectors import Collector
from exporter.collection.job import Job, Key
from exporter.collection.rows.row_limit import RowLimit
from exporter.collection.snapshots import Snapshots
from exporter.config import ListedSource, Source
from exporter.daemon.jobs.evidence import EvidenceJob, SourceVerdicts, take_values
from exporter.daemon.jobs.kept import Kept
from exporter.daemon.jobs.listed_collection import ListedCollection, key_of
from exporter.evidence.evidence import Evidence
from exporter.postgres import Database
from exporter.recovery.automatic import RECOVERY, AutomaticRecovery
from exporter.recovery.plan.return_counter import RETURNS, ReturnCounter
from exporter.recovery.rule.connections import RecoveryConnections
from exporter.recovery.status import RecoveryStatuses
from exporter.sessions import SessionTable
from exporter.sessions.verdict import NO_VERDICTS, Verdicts


@dataclass(frozen=True, slots=True)
class JobMaker:
    """Makes the jobs of one config, with the stores that they report to."""

    kept: Kept
    clock: Clock
    snapshots: Snapshots
    evidence: Evidence
    evidence_jobs: Sequence[EvidenceJob]
    statuses: RecoveryStatuses
    recovery_connections: RecoveryConnections
    row_limit: RowLimit
    kept_runs: int
    """How many of the newest runs of recovery are kept of a source."""
    joining: list[Callable[[], None]]
    """What has each job that goes on report to these stores; called when these are in use."""

    def listed_collection(self, source: ListedSource, name: str) -> ListedCollection:
        """What counts the list of a source without a table, under the name of a database."""
        job = self.kept.jobs.get(key_of(source, name))
        if isinstance(job, ListedCollection):
            report = partial(job.report_to, self.snapshots, evidence=self.evidence)
            self.joining.append(report)
            return job
        return ListedCollection(
            source,
            name,
            evidence=self.evidence,
            snapshots=self.snapshots,
            clock=self.clock,
            row_limit=self.row_limit,
        )

    def collection(
        self, database: Database, binding: Binding[SessionTable], collector: Collector
    ) -> Collection:
        """One collector of one source in one database."""
        pair = database.name, binding.source.name
        evidence, on_values = no_evidence, ignore_values
        if binding.source.has_evidence:
            evidence = partial(self.evidence.verdict, *pair)
            on_values = partial(take_values, self.evidence, *pair)
        job = self.kept.jobs.get(Key(*pair, collector.name))
        if isinstance(job, Collection):
            report = partial(job.report_to, self.snapshots, evidence=evidence, on_values=on_values)
            self.joining.append(report)
            return job
        return Collection(
            database,
            binding,
            collector,
            snapshots=self.snapshots,
            clock=self.clock,
            evidence=evidence,
            on_values=on_values,
        )

    def recovery(self, database: Database, source: Source) -> AutomaticRecovery:
        """Automatic recovery of a source.

        It goes on with what the one before remembers, where both find the same orphans.
        """
        evidence = self._verdicts(database, source)
        key = Key(database.name, source.name, RECOVERY)
        self.recovery_connections.use(database.settings, source)
        job, ended = self.kept.jobs.get(key), self.kept.ended.get(key)
        if isinstance(job, AutomaticRecovery):
            self.joining.append(partial(job.report_to, self.statuses, evidence=evidence))
            return job
        job = AutomaticRecovery(
            database.settings,
            source,
            statuses=self.statuses,
            clock=self.clock,
            connections=self.recovery_connections,
            kept_runs=self.kept_runs,
            evidence=evidence,
        )
        if isinstance(ended, AutomaticRecovery):
            job.continue_from(ended.past, same_orphans=key[:2] in self.kept.same_orphans)
        return job

    def return_counter(self, database: Database, binding: Binding[SessionTable]) -> ReturnCounter:
        """What counts the orphans that return, of a source without automatic recovery."""
        evidence = self._verdicts(database, binding.source)
        key = Key(database.name, binding.source.name, RETURNS)
        reading = self._followed_by(database, binding)
        job, ended = self.kept.jobs.get(key), self.kept.ended.get(key)
        if isinstance(job, ReturnCounter):
            self.joining.append(partial(job.report_to, self.statuses, evidence=evidence))
            return job
        job = ReturnCounter(*reading, statuses=self.statuses, clock=self.clock, evidence=evidence)
        if isinstance(ended, ReturnCounter) and key[:2] in self.kept.same_orphans:
            job.continue_from(*ended.past)
        return job

    def webhook_sender(self, database: Database, source: Source) -> Job:
        """What notifies the webhook of a source."""
        # Importing httpx takes 4 MB, which an exporter without webhooks does not need.
        from exporter.recovery.webhook.delivery import WebhookSender  # noqa: PLC0415

        writer = self.recovery_connections.writer(database.settings, source)
        job = self.kept.jobs.get(Key(database.name, source.name, "webhook"))
        if job is not None:
            return job
        return WebhookSender(writer, source, database=database.name, wall=self.clock.wall)

    def _verdicts(self, database: Database, source: Source) -> Verdicts:
        if not source.has_evidence:
            return NO_VERDICTS
        return SourceVerdicts(self.evidence, (database.name, source.name), self.evidence_jobs)

    def _followed_by(
        self, database: Database, binding: Binding[SessionTable]
    ) -> tuple[Database, Binding[SessionTable]]:
        """As collection reads; with recovery, its own role may be the only one for evidence."""
        source = binding.source
        if not source.recovery.is_declared:
            return database, binding
        reading = self.recovery_connections.reading(database.settings, source)
        return reading, Binding(source, sessions.bind)
