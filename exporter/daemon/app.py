"""Everything that is made from one config: databases, jobs, stores and the /metrics page."""

import asyncio

from exporter import sessions
from exporter.clock import Clock
from exporter.collection.binding import Binding
from exporter.collection.collection import Collection
from exporter.collection.collectors import COLLECTORS
from exporter.collection.job import Job, Key
from exporter.collection.snapshots import Snapshots, State
from exporter.config import Config, DatabaseSettings, Source
from exporter.daemon.http_connections import HttpConnections
from exporter.daemon.metrics_page import Page
from exporter.postgres import Database
from exporter.recovery.automatic import AutomaticRecovery
from exporter.recovery.plan.return_counter import ReturnCounter, counts_returns
from exporter.recovery.rule.connections import RecoveryConnections
from exporter.recovery.status import RecoveryStatus, RecoveryStatuses
from exporter.sessions import SessionTable


class Exporter:
    """One config at work; the schedule runs its jobs."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.databases = {name: Database(each) for name, each in config.databases.items()}
        pairs = [
            (self.databases[database], source)
            for source in config.sources.values()
            for database in source.databases
        ]
        bindings = [(database, Binding(source, sessions.bind)) for database, source in pairs]
        collected = [
            (database, binding, collector, every)
            for collector in COLLECTORS
            for database, binding in bindings
            if (every := collector.every(binding.source)) is not None
        ]
        self.snapshots = Snapshots(
            (Key(database.name, binding.source.name, collector.name), State(interval=every))
            for database, binding, collector, every in collected
        )
        self.collections = [
            Collection(database, binding, collector, snapshots=self.snapshots, clock=clock)
            for database, binding, collector, _ in collected
        ]
        recovered = [pair for pair in pairs if pair[1].recovery.is_declared]
        self._recovery_connections = RecoveryConnections(self.databases)
        followed = [pair for pair in bindings if counts_returns(pair[1].source)]
        self._statuses = statuses = RecoveryStatuses(
            (database.name, source.name) for database, source in pairs if source.id is not None
        )
        self.jobs: list[Job] = [
            *self.collections,
            *(
                AutomaticRecovery(
                    database.settings,
                    source,
                    statuses=statuses,
                    clock=clock,
                    connections=self._recovery_connections,
                )
                for database, source in recovered
            ),
            *(
                ReturnCounter(*self._followed_by(database, binding), statuses=statuses, clock=clock)
                for database, binding in followed
            ),
            *(
                # Also where `set` is gone by now: what was closed before is still delivered.
                _webhook_job(self._recovery_connections, database.settings, source, clock)
                for database, source in pairs
                if source.recovery.webhook is not None
            ),
        ]
        self.http = HttpConnections()
        self.page = Page(
            config=config,
            http=self.http,
            databases=self.databases,
            snapshots=self.snapshots,
            recoveries=statuses,
            recovery_connections=self._recovery_connections,
            clock=clock,
        )

    def recoveries(self) -> dict[tuple[str, str], RecoveryStatus]:
        """The state of each recovery that is not disabled, by database and source."""
        return {
            pair: status
            for pair, status in self._statuses.by_pair.items()
            if self.config.sources[pair[1]].recovery.mode != "disabled"
        }

    def _followed_by(
        self, database: Database, binding: Binding[SessionTable]
    ) -> tuple[Database, Binding[SessionTable]]:
        """As collection reads; with recovery, its own role may be the only one for evidence."""
        source = binding.source
        if not source.recovery.is_declared:
            return database, binding
        reading = self._recovery_connections.reading(database.settings, source)
        return reading, Binding(source, sessions.bind)

    async def collect_once(self) -> None:
        """Run every collection once, each database as parallel as its connections allow."""
        await asyncio.gather(*(collection.run() for collection in self.collections))

    async def close(self) -> None:
        for database in self.databases.values():
            await database.close()
        await self._recovery_connections.close()
        for job in self.jobs:
            await job.close()


def _webhook_job(
    connections: RecoveryConnections, settings: DatabaseSettings, source: Source, clock: Clock
) -> Job:
    # Importing httpx takes 4 MB, which an exporter without webhooks does not need.
    from exporter.recovery.webhook.delivery import WebhookSender  # noqa: PLC0415

    writer = connections.writer(settings, source)
    return WebhookSender(writer, source, database=settings.name, wall=clock.wall)
