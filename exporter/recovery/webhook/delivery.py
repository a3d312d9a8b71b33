"""Delivers every recovery to the webhook at least once: the audit rows that are not delivered."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from exporter import logs
from exporter.backoff import Backoff
from exporter.config import Source, Webhook
from exporter.errors import NotDelivered
from exporter.postgres import Writer
from exporter.recovery.webhook.outbox import Claim, claim, mark_delivered, schedule_retry

#: How many requests of one exporter for one source in one database may run at once.
CONCURRENCY = 8
#: Shortest and longest wait in seconds before a failed delivery is tried again.
RETRY = (5.0, 900.0)
#: How much longer than a request a claim lasts, in seconds: time to record the answer.
LEASE_MARGIN = 30.0


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """The deliveries of one run. `reason` is why the last failed one did."""

    delivered: int = 0
    failed: int = 0
    reason: str | None = None


class Client(Protocol):
    """Sends one request at a time, as many at once as CONCURRENCY."""

    async def post(self, body: bytes, *, key: str, timestamp: int) -> None:
        """Send one request. Raises NotDelivered."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class WebhookSender:
    """Delivers the recoveries of one source in one database.

    Several may do so at the same time, in any number of exporters. The connection is its own, so
    that a slow receiver delays no recovery; while a request runs there is neither a transaction nor
    a lock.
    """

    def __init__(
        self, writer: Writer, source: Source, *, database: str, wall: Callable[[], float]
    ) -> None:
        """`writer` is closed with this object; `wall` gives Unix time."""
        webhook = source.recovery.webhook
        if webhook is None:
            raise ValueError(f"{source.name} has no webhook")
        self._writer = writer
        self._source = source.name
        self._database = database
        self._wall = wall
        self._lease = webhook.timeout + LEASE_MARGIN
        self._client = _make_client(webhook)

    async def run_once(self) -> DeliveryCounts:
        """Deliver what is due, until nothing is or the receiver accepts nothing.

        Raises SourceError when the database does not answer. What was delivered and could not be
        recorded is delivered again.
        """
        total = DeliveryCounts()
        while claims := await self._claim():
            counts = await self._deliver(claims)
            total = DeliveryCounts(
                total.delivered + counts.delivered,
                total.failed + counts.failed,
                counts.reason or total.reason,
            )
            if not counts.delivered or len(claims) < CONCURRENCY:
                break
        if total.failed:
            logs.warning(
                "webhook_failed",
                database=self._database,
                source=self._source,
                delivered=total.delivered,
                failed=total.failed,
                reason=total.reason,
            )
        return total

    async def close(self) -> None:
        """Close the connections to the webhook and to the database."""
        await self._client.close()
        await self._writer.close()

    async def _claim(self) -> list[Claim]:
        return await claim(
            self._writer,
            self._source,
            database=self._database,
            limit=CONCURRENCY,
            lease=self._lease,
        )

    async def _deliver(self, claims: Iterable[Claim]) -> DeliveryCounts:
        """Send all at once, and record each as soon as it is answered."""
        delivered, failed, reason = 0, 0, None
        sending = [asyncio.create_task(self._send(each)) for each in claims]
        try:
            for answered in asyncio.as_completed(sending):
                claimed, failure = await answered
                if failure is None:
                    delivered += 1
                    await mark_delivered(self._writer, claimed)
                else:
                    failed, reason = failed + 1, failure
                    await schedule_retry(self._writer, claimed, _wait(claimed.attempts))
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
        return DeliveryCounts(delivered, failed, reason)

    async def _send(self, claimed: Claim) -> tuple[Claim, str | None]:
        """The claim, and why it was not delivered."""
        try:
            await self._client.post(
                claimed.body.encode(), key=claimed.key, timestamp=int(self._wall())
            )
        except NotDelivered as error:
            return claimed, str(error)
        return claimed, None


def _make_client(webhook: Webhook) -> Client:
    # Importing httpx takes 4 MB, which an exporter without webhooks does not need.
    from exporter.recovery.webhook.http import WebhookClient  # noqa: PLC0415

    return WebhookClient(webhook, concurrency=CONCURRENCY)


def _wait(attempts: int) -> float:
    """How long to wait after so many attempts, in seconds."""
    backoff = Backoff(failures=attempts - 1)
    backoff.failed(0.0, RETRY)
    return backoff.until
