"""The objects of one config: databases, jobs, stores and the /metrics page."""

import asyncio
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial

from exporter import sessions
from exporter.clock import Clock
from exporter.collection.active import ActiveValues
from exporter.collection.binding import Binding
from exporter.collection.collection import Collection
from exporter.collection.collectors import Collector, collectors
from exporter.collection.daily import DailyValues
from exporter.collection.job import Job, Key
from exporter.collection.rows.row_limit import RowLimit
from exporter.collection.snapshots import Counters, Pair, Snapshot, Snapshots, State
from exporter.config import Config, ListedSource, Source
from exporter.daemon.evidence_jobs import SourceVerdicts, evidence_jobs, take_values
from exporter.daemon.http.access import Details
from exporter.daemon.http.connections import HttpConnections
from exporter.daemon.listed_collection import ListedCollection, key_of
from exporter.daemon.pages.metrics_page import Page
from exporter.daemon.pages.reload_status import ReloadStatus
from exporter.evidence.evidence import NOTHING_KNOWN, Evidence, EvidencePast
from exporter.postgres import Database
from exporter.recovery.automatic import RECOVERY, AutomaticRecovery
from exporter.recovery.plan.return_counter import RETURNS, ReturnCounter, counts_returns
from exporter.recovery.rule.connections import RecoveryConnections
from exporter.recovery.status import RecoveryStatus, RecoveryStatuses
from exporter.sessions import SessionTable
from exporter.sessions.verdict import NO_VERDICTS, Verdicts

#: The number of newest runs of recovery that the status page shows for a source.
RUNS_KEPT = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """The parts that an exporter takes over from its predecessor."""

    databases: Mapping[str, Database] = field(default_factory=dict)
    connections: RecoveryConnections | None = None
    jobs: Mapping[Key, Job] = field(default_factory=dict)
    """Jobs that continue, also in the current run."""
    ended: Mapping[Key, Job] = field(default_factory=dict)
    """Jobs that end, and whose successors continue with their memory."""
    same_orphans: Set[Pair] = frozenset()
    """The sources for which recovery would have found the same sessions under this config."""
    states: Mapping[Key, State] = field(default_factory=dict)
    counters: Mapping[Pair, Counters] = field(default_factory=dict)
    statuses: Mapping[Pair, RecoveryStatus] = field(default_factory=dict)
    evidence: EvidencePast = NOTHING_KNOWN
    was_ready: bool = False
    http: HttpConnections | None = None
    reloads: ReloadStatus | None = None
    row_limit: RowLimit | None = None


_NOTHING = Kept()


class Exporter:
    """One config at work; the schedule runs its jobs."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        details: Details = Details.NOBODY,
        *,
        kept: Kept = _NOTHING,
    ) -> None:
        self.config = config
        self.details = details
        self.clock = clock
        self.started_at = clock.wall()
        self.next_run: Callable[[Key], float | None] = lambda _key: None
        """When the schedule next runs the job of a key, as Unix time; None: unknown."""
        self.command_prefix = ""
        """The prefix of each shown command, such as `kubectl exec deploy/x --`."""
        self._kept = kept
        self.databases = {
            name: kept.databases.get(name) or Database(each)
            for name, each in config.databases.items()
        }
        pairs = [
            (self.databases[database], source)
            for source in config.sources.values()
            for database in source.databases
        ]
        listed = [(each, name) for each in config.listed.values() for name in each.databases]
        self._pair_count = len(pairs) + len(listed)
        self.row_limit = kept.row_limit or RowLimit(
            self._pair_count, may_be_seen=lambda: details.are_kept
        )
        bindings = [(database, Binding(source, sessions.bind)) for database, source in pairs]
        collected = [
            (database, binding, collector, every)
            for collector in collectors(self.row_limit)
            for database, binding in bindings
            if (every := collector.every(binding.source)) is not None
        ]
        intervals = {
            Key(database.name, binding.source.name, collector.name): every
            for database, binding, collector, every in collected
        }
        intervals |= {key_of(each, name): each.of.every for each, name in listed}
        self.snapshots = Snapshots(
            ((key, self._state(key, every)) for key, every in intervals.items()),
            counters=kept.counters,
            was_ready=kept.was_ready,
        )
        self.evidence = Evidence(config, clock, kept.evidence)
        self.evidence_jobs = list(
            evidence_jobs(self.evidence, self.databases, clock, kept=kept.jobs)
        )
        self.counting = [self._counting(each, name) for each, name in listed]
        for job in self.evidence_jobs:
            job.serve(self.counting)
        self.collections = [
            self._collection(database, binding, collector)
            for database, binding, collector, _ in collected
        ]
        self.recovery_connections = RecoveryConnections(self.databases, kept.connections)
        self.statuses = RecoveryStatuses(
            ((database.name, source.name) for database, source in pairs if source.id is not None),
            kept.statuses,
        )
        recovering = [
            self._automatic_recovery(database, source)
            for database, source in pairs
            if source.recovery.is_declared
        ]
        returns = [
            self._return_counter(database, binding)
            for database, binding in bindings
            if counts_returns(binding.source)
        ]
        # Even if `set` was removed since: earlier closures are still delivered.
        webhooks = [
            self._webhook_job(database, source)
            for database, source in pairs
            if source.recovery.webhook is not None
        ]
        self.jobs: list[Job] = [
            *self.evidence_jobs,
            *self.collections,
            *recovering,
            *returns,
            *webhooks,
        ]
        self.http = kept.http or HttpConnections()
        self.reloads = kept.reloads or ReloadStatus(clock.wall())
        self.page = Page(
            config=config,
            http=self.http,
            reloads=self.reloads,
            databases=self.databases,
            snapshots=self.snapshots,
            recoveries=self.statuses,
            evidence=self.evidence,
            recovery_connections=self.recovery_connections,
            clock=clock,
        )
        self._kept = _NOTHING

    def remade(self, config: Config, kept: Kept) -> "Exporter":
        """Another one of the same process, for another config."""
        after = Exporter(config, self.clock, self.details, kept=kept)
        after.started_at, after.next_run = self.started_at, self.next_run
        after.command_prefix = self.command_prefix
        after.row_limit.sources = after._pair_count
        return after

    def _state(self, key: Key, every: float) -> State:
        known = self._kept.states.get(key)
        if known is None:
            return State(interval=every)
        if key in self._kept.jobs:
            return known
        return replace(known, interval=every, snapshot=_without_rows(known.snapshot))

    def _counting(self, source: ListedSource, name: str) -> ListedCollection:
        job = self._kept.jobs.get(key_of(source, name))
        if isinstance(job, ListedCollection):
            job.report_to(self.snapshots, evidence=self.evidence)
            return job
        return ListedCollection(
            source,
            name,
            evidence=self.evidence,
            snapshots=self.snapshots,
            clock=self.clock,
            row_limit=self.row_limit,
        )

    def _collection(
        self, database: Database, binding: Binding[SessionTable], collector: Collector
    ) -> Collection:
        pair = database.name, binding.source.name
        evidence = partial(self.evidence.verdict, *pair)
        on_values = partial(take_values, self.evidence, *pair)
        job = self._kept.jobs.get(Key(*pair, collector.name))
        if isinstance(job, Collection):
            job.report_to(self.snapshots, evidence=evidence, on_values=on_values)
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

    def _automatic_recovery(self, database: Database, source: Source) -> AutomaticRecovery:
        evidence = self._verdicts(database, source)
        key = Key(database.name, source.name, RECOVERY)
        self.recovery_connections.use(database.settings, source)
        job, ended = self._kept.jobs.get(key), self._kept.ended.get(key)
        if isinstance(job, AutomaticRecovery):
            job.report_to(self.statuses, evidence=evidence)
            return job
        job = AutomaticRecovery(
            database.settings,
            source,
            statuses=self.statuses,
            clock=self.clock,
            connections=self.recovery_connections,
            kept_runs=RUNS_KEPT if self.details.are_kept else 0,
            evidence=evidence,
        )
        if isinstance(ended, AutomaticRecovery):
            job.continue_from(ended.past, same_orphans=key[:2] in self._kept.same_orphans)
        return job

    def _return_counter(self, database: Database, binding: Binding[SessionTable]) -> ReturnCounter:
        evidence = self._verdicts(database, binding.source)
        key = Key(database.name, binding.source.name, RETURNS)
        reading = self._followed_by(database, binding)
        job, ended = self._kept.jobs.get(key), self._kept.ended.get(key)
        if isinstance(job, ReturnCounter):
            job.report_to(self.statuses, evidence=evidence)
            return job
        job = ReturnCounter(*reading, statuses=self.statuses, clock=self.clock, evidence=evidence)
        if isinstance(ended, ReturnCounter) and key[:2] in self._kept.same_orphans:
            job.continue_from(*ended.past)
        return job

    def _webhook_job(self, database: Database, source: Source) -> Job:
        # Importing httpx takes 4 MB, which an exporter without webhooks does not need.
        from exporter.recovery.webhook.delivery import WebhookSender  # noqa: PLC0415

        writer = self.recovery_connections.writer(database.settings, source)
        job = self._kept.jobs.get(Key(database.name, source.name, "webhook"))
        if job is not None:
            return job
        return WebhookSender(writer, source, database=database.name, wall=self.clock.wall)

    def _verdicts(self, database: Database, source: Source) -> Verdicts:
        if not source.has_evidence:
            return NO_VERDICTS
        return SourceVerdicts(self.evidence, (database.name, source.name), self.evidence_jobs)

    def recoveries(self) -> dict[tuple[str, str], RecoveryStatus]:
        """The state of each recovery that is not disabled, by database and source."""
        return {
            pair: status
            for pair, status in self.statuses.by_pair.items()
            if self.config.sources[pair[1]].recovery.mode != "disabled"
        }

    def _followed_by(
        self, database: Database, binding: Binding[SessionTable]
    ) -> tuple[Database, Binding[SessionTable]]:
        """The settings of collection; or of recovery, if only its role may read evidence."""
        source = binding.source
        if not source.recovery.is_declared:
            return database, binding
        reading = self.recovery_connections.reading(database.settings, source)
        return reading, Binding(source, sessions.bind)

    async def collect_once(self) -> None:
        """Run every collection once, each database as parallel as its connections allow.

        Owners and lists are requested before; dead owners and ghosts are then still unknown.
        """
        await asyncio.gather(*(job.run() for job in self.evidence_jobs))
        await asyncio.gather(*(collection.run() for collection in self.collections))

    async def close(self) -> None:
        for database in self.databases.values():
            await database.close()
        await self.recovery_connections.close()
        for job in self.jobs:
            await job.close()


def _without_rows(snapshot: Snapshot | None) -> Snapshot | None:
    """Its counts without its listed rows, whose columns may have changed."""
    if snapshot is None:
        return None
    values = snapshot.values
    if isinstance(values, ActiveValues):
        return replace(snapshot, values=replace(values, orphans=None, inconsistent_rows=None))
    if isinstance(values, DailyValues):
        return replace(snapshot, values=replace(values, inconsistent_rows=None))
    return snapshot
