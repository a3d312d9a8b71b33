"""Outbox: the audit rows of a source that are not yet delivered to the webhook."""

from dataclasses import dataclass

from exporter.postgres import Writer
from exporter.queries import fill, literal


@dataclass(frozen=True, slots=True)
class Claim:
    """One audit row that only this exporter may deliver, until the claim ends."""

    number: int
    attempts: int
    """The number of attempts, including this one."""
    key: str
    """Identifies the recovery among all databases and exporters."""
    body: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """Any number of exporters share one; each method raises SourceError."""

    writer: Writer
    source: str
    database: str
    lease: float
    """How long a claim lasts, in seconds."""

    async def claim(self, limit: int) -> list[Claim]:
        """Claim up to `limit` rows that are due; no lock is held."""
        statement = fill(
            "recovery/webhook/claim",
            source=literal(self.source),
            database=literal(self.database),
            limit=str(limit),
            lease=literal(self.lease),
        )
        return [Claim(*row) for row in await self.writer.rows(statement)]

    async def mark_delivered(self, claimed: Claim) -> None:
        """Record that the webhook has accepted it."""
        await self.writer.rows(fill("recovery/webhook/delivered", number=str(claimed.number)))

    async def schedule_retry(self, claimed: Claim, wait: float) -> None:
        """Make it due again in `wait` seconds."""
        statement = fill(
            "recovery/webhook/retry",
            number=str(claimed.number),
            attempts=str(claimed.attempts),
            wait=literal(wait),
        )
        await self.writer.rows(statement)
