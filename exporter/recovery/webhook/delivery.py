"""Delivers every recovery to the webhook at least once, by the audit rows not yet delivered."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from exporter import logs
from exporter.backoff import Backoff
from exporter.collection.job import Job, Key
from exporter.config import Source
from exporter.errors import NotDelivered
from exporter.postgres import Writer
from exporter.recovery.webhook.http import WebhookClient
from exporter.recovery.webhook.outbox import Claim, Outbox

#: The longest time between a recovery and its first delivery attempt, in seconds.
EVERY = 5.0
#: The most concurrent requests of one exporter for one source in one database.
CONCURRENCY = 8
#: Shortest and longest wait in seconds before a failed delivery is tried again.
RETRY = (5.0, 900.0)
#: How much longer than a request a claim lasts, in seconds: time to record the answer.
LEASE_MARGIN = 30.0


@dataclass(slots=True)
class DeliveryCounts:
    """The deliveries of one run. `reason` is that of the last failure."""

    delivered: int = 0
    failed: int = 0
    reason: str | None = None


class WebhookSender(Job):
    """Delivers the recoveries of one source in one database, also those by hand or other exporters.

    Any number of exporters may do so at the same time. A request holds no transaction, lock or
    connection, so that a slow receiver delays no recovery.
    """

    FAILED = "webhook_failed"
    SUCCEEDED = "webhook_succeeded"
    BUG = "webhook_bug"

    def __init__(
        self, writer: Writer, source: Source, *, database: str, wall: Callable[[], float]
    ) -> None:
        """`writer` is closed with this object; `wall` gives Unix time."""
        super().__init__(Key(database, source.name, "webhook"), interval=EVERY)
        webhook = source.recovery.webhook
        if webhook is None:
            raise ValueError(f"{source.name} has no webhook")
        self._writer = writer
        self._wall = wall
        lease = webhook.timeout + LEASE_MARGIN
        self._outbox = Outbox(writer, source.name, database=database, lease=lease)
        self._client = WebhookClient(webhook, concurrency=CONCURRENCY)

    async def _run(self) -> None:
        await self.run_once()

    async def run_once(self) -> DeliveryCounts:
        """Deliver due recoveries, until none is due or the receiver accepts nothing.

        Raises SourceError if the database does not answer. A delivery that could not be recorded is
        repeated.
        """
        counts, is_going_on = DeliveryCounts(), True
        while is_going_on and (claims := await self._outbox.claim(CONCURRENCY)):
            before = counts.delivered
            await self._deliver(claims, counts)
            is_going_on = counts.delivered > before and len(claims) == CONCURRENCY
        if counts.failed:
            logs.warning("webhook_failed", **self._names, **asdict(counts))
        return counts

    async def close(self) -> None:
        await self._client.close()
        await self._writer.close()

    async def _deliver(self, claims: Iterable[Claim], counts: DeliveryCounts) -> None:
        """Send all at once, and record each as soon as it is answered."""
        sending = [asyncio.create_task(self._send(each)) for each in claims]
        try:
            for answered in asyncio.as_completed(sending):
                claimed, failure = await answered
                if failure is None:
                    counts.delivered += 1
                    await self._outbox.mark_delivered(claimed)
                else:
                    counts.failed, counts.reason = counts.failed + 1, failure
                    await self._outbox.schedule_retry(claimed, _wait(claimed.attempts))
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def _send(self, claimed: Claim) -> tuple[Claim, str | None]:
        try:
            await self._client.post(
                claimed.body.encode(), key=claimed.key, timestamp=int(self._wall())
            )
        except NotDelivered as error:
            return claimed, str(error)
        return claimed, None


def _wait(attempts: int) -> float:
    """The wait after this number of attempts, in seconds."""
    backoff = Backoff(failures=attempts - 1)
    backoff.failed(0.0, RETRY)
    return backoff.until
