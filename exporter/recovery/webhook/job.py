"""The job that delivers the recoveries of one source to its webhook."""

from exporter import sessions
from exporter.clock import Clock
from exporter.collection.job import Job, Key
from exporter.config import DatabaseSettings, Source
from exporter.postgres import Writer
from exporter.recovery.webhook.delivery import WebhookSender

#: How long after a recovery its delivery begins at the latest, in seconds.
EVERY = 5.0


class WebhookJob(Job):
    """One source in one database; also what was closed by hand, or by other exporters."""

    FAILED = "webhook_failed"
    SUCCEEDED = "webhook_succeeded"
    BUG = "webhook_bug"

    def __init__(self, settings: DatabaseSettings, source: Source, *, clock: Clock) -> None:
        super().__init__(Key(settings.name, source.name, "webhook"), interval=EVERY)
        writer = Writer(settings, timezone=sessions.time_zone(source))
        self._sender = WebhookSender(writer, source, database=settings.name, wall=clock.wall)

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()

    async def _run(self) -> None:
        await self._sender.run_once()
