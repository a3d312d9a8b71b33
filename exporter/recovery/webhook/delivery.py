"""Tells the webhook of every recovery, at least once: what the audit table has and it has not."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter import logs
from exporter.backoff import Backoff
from exporter.config import Source, Webhook
from exporter.errors import NotTaken
from exporter.postgres import Writer
from exporter.recovery.webhook.outbox import Claim, claim, put_off, told

if TYPE_CHECKING:
    from exporter.recovery.webhook.http import Receiver

#: How many requests may be under way at once, from one exporter for one source in one database.
CONCURRENCY = 8
#: Shortest and longest wait in seconds before a recovery is told again.
RETRY = (5.0, 900.0)
#: How much longer than a request may take its row is ours, in seconds: time to write it down.
LEASE_MARGIN = 30.0


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """What one run has come to. `reason` is why the last of those that failed did."""

    delivered: int = 0
    failed: int = 0
    reason: str | None = None


class WebhookSender:
    """Tells one source's webhook of its recoveries in one database.

    Several may do so at the same time, in any number of exporters. The connection is its own, so
    that a receiver that hangs holds up no recovery; while a request is under way there is neither
    a transaction nor a lock.
    """

    def __init__(
        self, writer: Writer, source: Source, *, database: str, wall: Callable[[], float]
    ) -> None:
        """`writer` becomes this object's own; `wall` gives Unix time."""
        webhook = source.recovery.webhook
        if webhook is None:
            raise ValueError(f"{source.name} has no webhook")
        self._writer = writer
        self._source = source.name
        self._database = database
        self._wall = wall
        self._lease = webhook.timeout + LEASE_MARGIN
        self._receiver = _receiver(webhook)

    async def run_once(self) -> DeliveryCounts:
        """Tell what is due, until nothing is or the receiver takes nothing.

        Raises SourceError when the database cannot be asked, or not told what was delivered:
        that is delivered again then.
        """
        total = DeliveryCounts()
        while claims := await self._claim():
            counts = await self._tell(claims)
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
        """Hang up both ways."""
        await self._receiver.close()
        await self._writer.close()

    async def _claim(self) -> list[Claim]:
        return await claim(
            self._writer,
            self._source,
            database=self._database,
            limit=CONCURRENCY,
            lease=self._lease,
        )

    async def _tell(self, claims: Iterable[Claim]) -> DeliveryCounts:
        """Send all at once, and write each down as soon as it is answered."""
        delivered, failed, reason = 0, 0, None
        sending = [asyncio.create_task(self._send(each)) for each in claims]
        try:
            for answered in asyncio.as_completed(sending):
                claimed, refused = await answered
                if refused is None:
                    delivered += 1
                    await told(self._writer, claimed)
                else:
                    failed, reason = failed + 1, refused
                    await put_off(self._writer, claimed, _wait(claimed.attempts))
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
        return DeliveryCounts(delivered, failed, reason)

    async def _send(self, claimed: Claim) -> tuple[Claim, str | None]:
        try:
            await self._receiver.post(
                claimed.body.encode(), key=claimed.key, timestamp=int(self._wall())
            )
        except NotTaken as error:
            return claimed, str(error)
        return claimed, None


def _receiver(webhook: Webhook) -> "Receiver":
    from exporter.recovery.webhook.http import Receiver  # noqa: PLC0415 - httpx is 4 MB, for this alone

    return Receiver(webhook, concurrency=CONCURRENCY)


def _wait(attempts: int) -> float:
    """How long to wait after so many attempts, in seconds."""
    backoff = Backoff(failures=attempts - 1)
    backoff.failed(0.0, RETRY)
    return backoff.until
