"""The audit rows that the webhook was not told of yet."""

from dataclasses import dataclass

from exporter.postgres import Writer
from exporter.queries import fill, literal


@dataclass(frozen=True, slots=True)
class Claim:
    """One audit row that is ours to tell for a while."""

    number: int
    attempts: int
    """How often it was tried, this time included."""
    key: str
    """Names the recovery among all databases and exporters."""
    body: str
    """JSON."""


async def claim(
    writer: Writer, source: str, *, database: str, limit: int, lease: float
) -> list[Claim]:
    """Take up to `limit` rows for `lease` seconds; no lock is left. Raises SourceError."""
    statement = fill(
        "recovery/webhook/claim",
        source=literal(source),
        database=literal(database),
        limit=str(limit),
        lease=literal(lease),
    )
    async with writer.transaction() as transaction:
        result = await transaction.run(statement)
    return [Claim(*row) for row in result.rows]


async def told(writer: Writer, claimed: Claim) -> None:
    """Note that the webhook knows. Raises SourceError."""
    async with writer.transaction() as transaction:
        await transaction.run(fill("recovery/webhook/delivered", number=str(claimed.number)))


async def put_off(writer: Writer, claimed: Claim, wait: float) -> None:
    """Have it tried again in `wait` seconds. Raises SourceError."""
    statement = fill(
        "recovery/webhook/retry",
        number=str(claimed.number),
        attempts=str(claimed.attempts),
        wait=literal(wait),
    )
    async with writer.transaction() as transaction:
        await transaction.run(statement)
