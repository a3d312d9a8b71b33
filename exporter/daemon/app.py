"""The objects of one config: databases, jobs, stores and the /metrics page."""

import asyncio
from collections.abc import Callable
from functools import partial

from exporter import sessions
from exporter.clock import Clock
from exporter.collection.binding import Binding
from exporter.collection.collectors import collectors
from exporter.collection.job import Job, Key
from exporter.collection.rows.row_limit import RowLimit
from exporter.collection.snapshots import Snapshots
from exporter.config import Config
from exporter.daemon.http.access import Details
from exporter.daemon.http.connections import HttpConnections
from exporter.daemon.jobs.evidence import evidence_jobs
from exporter.daemon.jobs.kept import NOTHING_KEPT, Kept
from exporter.daemon.jobs.listed_collection import key_of
from exporter.daemon.jobs.maker import JobMaker
from exporter.daemon.pages.metrics_page import Page
from exporter.daemon.pages.reload_status import ReloadStatus
from exporter.evidence.evidence import Evidence
from exporter.postgres import Database
from exporter.recovery.plan.return_counter import counts_returns
from exporter.recovery.rule.connections import RecoveryConnections
from exporter.recovery.status import RecoveryStatus, RecoveryStatuses

#: The number of newest runs of recovery that the status page shows for a source.
RUNS_KEPT = 10


class Exporter:
    """One config at work; the schedule runs its jobs."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        details: Details = Details.NOBODY,
        *,
        kept: Kept = NOTHING_KEPT,
    ) -> None:
        self.config = config
        self.details = details
        self.clock = clock
        self.started_at = clock.wall()
        self.next_run: Callable[[Key], float | None] = lambda _key: None
        """When the schedule next runs the job of a key, as Unix time; None: unknown."""
        self.command_prefix = ""
        """What stands before each command that is shown, such as `kubectl exec deploy/x --`."""
        self._joining: list[Callable[[], None]] = []
        """Has each job that goes on report to this exporter."""
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
            ((key, kept.state(key, every)) for key, every in intervals.items()),
            counters=kept.counters,
            was_ready=kept.was_ready,
        )
        self.evidence = Evidence(config, clock, kept.evidence)
        self.evidence_jobs = list(
            evidence_jobs(self.evidence, self.databases, clock, kept=kept.jobs)
        )
        self.recovery_connections = RecoveryConnections(self.databases, kept.connections)
        self.statuses = RecoveryStatuses(
            ((database.name, source.name) for database, source in pairs if source.id is not None),
            kept.statuses,
        )
        make = JobMaker(
            kept=kept,
            clock=clock,
            snapshots=self.snapshots,
            evidence=self.evidence,
            evidence_jobs=self.evidence_jobs,
            statuses=self.statuses,
            recovery_connections=self.recovery_connections,
            row_limit=self.row_limit,
            kept_runs=RUNS_KEPT if details.are_kept else 0,
            joining=self._joining,
        )
        self.counting = [make.listed_collection(each, name) for each, name in listed]
        for job in self.evidence_jobs:
            if job.key in kept.jobs:
                self._joining.append(partial(job.report_to, self.evidence, self.counting))
            else:
                job.serve(self.counting)
        self.collections = [
            make.collection(database, binding, collector)
            for database, binding, collector, _ in collected
        ]
        recoveries = [
            make.recovery(database, source)
            for database, source in pairs
            if source.recovery.is_declared
        ]
        return_counters = [
            make.return_counter(database, binding)
            for database, binding in bindings
            if counts_returns(binding.source)
        ]
        # Also where `set` is gone by now: what was closed before is still delivered.
        webhook_senders = [
            make.webhook_sender(database, source)
            for database, source in pairs
            if source.recovery.webhook is not None
        ]
        self.jobs: list[Job] = [
            *self.evidence_jobs,
            *self.collections,
            *recoveries,
            *return_counters,
            *webhook_senders,
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

    def remade(self, config: Config, kept: Kept) -> "Exporter":
        """Another one of the same process, for another config; take_over() has it go on.

        Of many sources, to be made in a thread: it changes nothing that this one uses.
        """
        after = Exporter(config, self.clock, self.details, kept=kept)
        after.started_at, after.next_run = self.started_at, self.next_run
        after.command_prefix = self.command_prefix
        return after

    def take_over(self) -> None:
        """Have the jobs that go on report to this exporter, also in runs that are going on."""
        self.row_limit.sources = self._pair_count
        for report in self._joining:
            report()
        self._joining.clear()

    def recoveries(self) -> dict[tuple[str, str], RecoveryStatus]:
        """The state of each recovery that is not disabled, by database and source."""
        return {
            pair: status
            for pair, status in self.statuses.by_pair.items()
            if self.config.sources[pair[1]].recovery.mode != "disabled"
        }

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
