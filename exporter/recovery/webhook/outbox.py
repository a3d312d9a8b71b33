"""The audit rows that are not delivered to the webhook yet."""

from dataclasses import dataclass

from exporter.postgres import Writer
from exporter.queries import fill, literal


@dataclass(frozen=True, slots=True)
class Claim:
    """One audit row that this exporter alone may deliver, until the lease ends."""

    number: int
    attempts: int
    """How often it was tried, this time included."""
    key: str
    """Identifies the recovery among all databases and exporters."""
    body: str
    """JSON."""


async def claim(
    writer: Writer, source: str, *, database: str, limit: int, lease: float
) -> list[Claim]:
    """Claim up to `limit` rows for `lease` seconds; no lock is held. Raises SourceError."""
    statement = fill(
        "recovery/webhook/claim",
        source=literal(source),
        database=literal(database),
        limit=str(limit),
        lease=literal(lease),
    )
    return [Claim(*row) for row in await writer.rows(statement)]


async def mark_delivered(writer: Writer, claimed: Claim) -> None:
    """Record that the webhook has accepted it. Raises SourceError."""
    await writer.rows(fill("recovery/webhook/delivered", number=str(claimed.number)))


async def schedule_retry(writer: Writer, claimed: Claim, wait: float) -> None:
    """Make it due again in `wait` seconds. Raises SourceError."""
    statement = fill(
        "recovery/webhook/retry",
        number=str(claimed.number),
        attempts=str(claimed.attempts),
        wait=literal(wait),
    )
    await writer.rows(statement)
