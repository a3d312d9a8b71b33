"""Runs the telling of one source's webhook, again and again, as the schedule says."""

from exporter import logs, sessions
from exporter.clock import Clock
from exporter.collection.snapshots import Key
from exporter.config import DatabaseSettings, Source
from exporter.errors import BackingOff, SourceError
from exporter.postgres import Writer
from exporter.recovery.webhook.delivery import WebhookSender

#: How long after a recovery somebody is told of it, at most, while all is well; in seconds.
EVERY = 5.0


class WebhookJob:
    """One source in one database; also of what is closed by hand, or by other exporters."""

    interval = EVERY

    def __init__(self, settings: DatabaseSettings, source: Source, *, clock: Clock) -> None:
        self.key = Key(settings.name, source.name, "webhook")
        writer = Writer(settings, timezone=sessions.time_zone(source))
        self._teller = WebhookSender(writer, source, database=settings.name, wall=clock.wall)
        self._reason: str | None = None

    async def run(self) -> None:
        """Tell what is due. Never raises but for cancellation."""
        reason, message = None, ""
        try:
            await self._teller.run_once()
        except BackingOff:
            return
        except SourceError as error:
            reason, message = error.reason, str(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the daemon
            logs.bug("webhook_bug", error, **self._names)
            reason = "bug"
        if reason is not None and reason != self._reason:
            logs.warning("telling_failed", **self._names, reason=reason, error=message)
        self._reason = reason

    @property
    def _names(self) -> dict[str, str]:
        return {"database": self.key.database, "source": self.key.source}

    def overlapped(self) -> None:
        """A run that was due while the one before was still going: nothing is lost by it."""

    async def close(self) -> None:
        """Hang up both ways."""
        await self._teller.close()
